//! Listening, and who has the port already.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

use anyhow::bail;
use tokio::net::TcpListener;

use crate::runtime::blocking;

/// Listens on `address`; what keeps it from that is told with the flag that mends it.
pub(super) async fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    let error = match TcpListener::bind(address).await {
        Ok(listener) => return Ok(listener),
        Err(error) => error,
    };
    let mend = if error.kind() == ErrorKind::AddrInUse {
        let port = address.port();
        let holder = blocking::run(move || holder(Path::new("/proc"), port)).await;
        let holder = holder.map_or_else(String::new, |holder| format!(" by {holder}"));
        let other = if port == u16::MAX { 8000 } else { port + 1 };
        format!("the port is in use{holder}; stop that, or name another with --port {other}")
    } else if error.kind() == ErrorKind::PermissionDenied {
        format!("{error}; ports below 1024 are reserved, name another with --port 8000")
    } else if error.kind() == ErrorKind::AddrNotAvailable {
        "this machine does not have that address; name one of its own with --host, or 0.0.0.0 for all".to_owned()
    } else {
        format!("{error}; name another address with --host or --port")
    };
    bail!("cannot listen on {address}: {mend}")
}

/// An address that means all addresses is reached over the loopback.
pub(super) fn reachable(bind: SocketAddr) -> SocketAddr {
    let ip = match bind.ip() {
        any if !any.is_unspecified() => any,
        IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    };
    SocketAddr::new(ip, bind.port())
}

/// `python3 (process 123)`: who listens on a TCP port, as Linux tells it (`proc_pid_net(5)`). `None`
/// elsewhere, and for processes of others.
fn holder(proc: &Path, port: u16) -> Option<String> {
    let sockets = sockets(proc, port);
    for entry in fs_err::read_dir(proc).ok()?.flatten() {
        let name = entry.file_name();
        let Some(process) = name.to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        let Ok(files) = fs_err::read_dir(entry.path().join("fd")) else {
            continue;
        };
        let holds = files.flatten().any(|file| {
            let target = fs_err::read_link(file.path()).unwrap_or_default();
            sockets
                .iter()
                .any(|socket| target.as_os_str() == socket.as_str())
        });
        if holds {
            let program = fs_err::read_to_string(entry.path().join("comm")).ok()?;
            return Some(format!("{} (process {process})", program.trim()));
        }
    }
    None
}

/// Names of the sockets that listen on a port, as they stand behind a process's files.
fn sockets(proc: &Path, port: u16) -> Vec<String> {
    const LISTENS: &str = "0A";
    let tables = ["net/tcp", "net/tcp6"].map(|table| fs_err::read_to_string(proc.join(table)));
    let lines = tables
        .iter()
        .flatten()
        .flat_map(|table| table.lines().skip(1));
    let found = lines.filter_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let (_, hex) = fields.get(1)?.rsplit_once(':')?;
        let is_it = u16::from_str_radix(hex, 16).ok()? == port && *fields.get(3)? == LISTENS;
        is_it.then(|| format!("socket:[{}]", fields.get(9).unwrap_or(&"")))
    });
    found.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_addresses_are_reached_over_the_loopback() {
        for (bind, asked) in [
            ("0.0.0.0:1", "127.0.0.1:1"),
            ("[::]:1", "[::1]:1"),
            ("192.0.2.1:1", "192.0.2.1:1"),
        ] {
            assert_eq!(reachable(bind.parse().unwrap()), asked.parse().unwrap());
        }
    }

    #[tokio::test]
    async fn a_port_in_use_is_told_with_who_has_it_and_the_flag() {
        let first = listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = first.local_addr().unwrap();
        let refusal = listen(address).await.unwrap_err().to_string();
        assert!(
            refusal.contains("--port") && refusal.contains(&address.to_string()),
            "{refusal}"
        );
        if cfg!(target_os = "linux") {
            assert!(
                refusal.contains(&format!("(process {})", std::process::id())),
                "{refusal}"
            );
        }
        let elsewhere = listen("192.0.2.1:0".parse().unwrap()).await.unwrap_err();
        assert!(elsewhere.to_string().contains("--host"), "{elsewhere}");
    }
}
