//! From names to addresses, of which only those that may be connected to are given out.
//!
//! The addresses that were checked are the ones that the connection is made to: there is no second
//! look-up in which a name could mean something else.

use std::collections::BTreeSet;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::address::{is_public, with_port};
use super::error::FetchError;

/// Which hosts inside private networks may be fetched.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum PrivateHosts {
    /// None of them.
    #[default]
    Refused,
    /// Those with these names or addresses, in lower case: `wiki.example`, `wiki.example:8080`,
    /// `::1` or `[::1]:8080`. One without a port may be asked on any.
    Named(BTreeSet<String>),
    /// Every one.
    Allowed,
}

impl PrivateHosts {
    /// Whether `host`, a name or an address, may be private when it is asked on `port`.
    pub(super) fn allow(&self, host: &str, port: u16) -> bool {
        match self {
            Self::Refused => false,
            Self::Named(hosts) => {
                let host = host.trim_end_matches('.');
                hosts.contains(host) || hosts.contains(&with_port(host, port))
            }
            Self::Allowed => true,
        }
    }
}

/// Asks for the addresses of a name.
pub(super) type Lookup =
    Arc<dyn Fn(String) -> Pin<Box<dyn Future<Output = Vec<IpAddr>> + Send>> + Send + Sync>;

/// Looks names up and refuses those that lead where nobody may go.
#[derive(Clone)]
pub(super) struct CheckedResolver {
    /// Whether it gives out all the same what does not.
    pub(super) gives_private: bool,
    pub(super) lookup: Lookup,
    /// Whether an address belongs to the public internet.
    pub(super) is_public: fn(IpAddr) -> bool,
}

impl CheckedResolver {
    /// Asks the operating system.
    pub(super) fn new() -> Self {
        Self {
            gives_private: false,
            lookup: Arc::new(|host| {
                Box::pin(async move {
                    let found = tokio::net::lookup_host((host, 0)).await;
                    let addresses = found.map(|found| found.map(|address| address.ip()).collect());
                    addresses.unwrap_or_default()
                })
            }),
            is_public,
        }
    }

    /// The same for hosts that may be private.
    pub(super) fn for_private(&self) -> Self {
        Self {
            gives_private: true,
            ..self.clone()
        }
    }

    /// Refuses an address that stands for `host` and may not be connected to.
    pub(super) fn check(&self, host: &str, address: IpAddr) -> Result<(), ResolveError> {
        if self.gives_private || (self.is_public)(address) {
            return Ok(());
        }
        Err(ResolveError::Private {
            host: host.to_owned(),
            address,
        })
    }
}

impl Resolve for CheckedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let resolver = self.clone();
        Box::pin(async move {
            let host = name.as_str().to_ascii_lowercase();
            let found = (resolver.lookup)(host.clone()).await;
            // One private address among public ones is as suspicious as a private one alone.
            for address in &found {
                resolver.check(&host, *address)?;
            }
            if found.is_empty() {
                return Err(ResolveError::Unresolvable(host).into());
            }
            let addresses = found.into_iter().map(|address| SocketAddr::new(address, 0));
            Ok(Box::new(addresses) as Addrs)
        })
    }
}

#[derive(Debug, thiserror::Error)]
pub(super) enum ResolveError {
    #[error("cannot resolve {0}")]
    Unresolvable(String),
    #[error("{host} is the private address {address}")]
    Private { host: String, address: IpAddr },
}

impl ResolveError {
    pub(super) fn as_fetch_error(&self, port: u16) -> FetchError {
        match self {
            Self::Unresolvable(host) => FetchError::Unresolvable(host.clone()),
            Self::Private { host, address } => FetchError::Private {
                host: host.clone(),
                port,
                address: *address,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;
    use url::Url;

    use super::super::fetch::{Answer, BodyLimit, FetchLimits, Fetcher, Validators};
    use super::*;

    const PUBLIC: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
    /// Where nobody may go.
    const TRAP: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(127, 0, 0, 2));

    /// Two servers on one port of two addresses: the public one answers each request with `reply`
    /// and hangs up; both count their connections.
    async fn servers(reply: String) -> (u16, [Arc<AtomicUsize>; 2]) {
        let public = TcpListener::bind((PUBLIC, 0)).await.unwrap();
        let port = public.local_addr().unwrap().port();
        let trap = TcpListener::bind((TRAP, port)).await.unwrap();
        let counts = [Arc::default(), Arc::default()];
        for (listener, count) in [public, trap].into_iter().zip(counts.clone()) {
            let reply = reply.replace("PORT", &port.to_string());
            tokio::spawn(async move {
                loop {
                    let (mut stream, _) = listener.accept().await.unwrap();
                    AtomicUsize::fetch_add(&count, 1, Ordering::SeqCst);
                    let _ = stream.read(&mut [0; 4096]).await;
                    let _ = stream.write_all(reply.as_bytes()).await;
                }
            });
        }
        (port, counts)
    }

    /// A name server that says something else each time.
    fn fetcher(answers: &[IpAddr], private: PrivateHosts) -> (Fetcher, Arc<AtomicUsize>) {
        let asked = Arc::new(AtomicUsize::new(0));
        let (count, answers) = (Arc::clone(&asked), answers.to_vec());
        let limits = FetchLimits {
            private_hosts: private,
            ..FetchLimits::default()
        };
        let resolver = CheckedResolver {
            gives_private: false,
            lookup: Arc::new(move |_| {
                let number = count.fetch_add(1, Ordering::SeqCst);
                let answer = answers[number.min(answers.len() - 1)];
                Box::pin(async move { vec![answer] })
            }),
            is_public: |address| address == PUBLIC,
        };
        (Fetcher::with(limits, resolver), asked)
    }

    async fn get(fetcher: &Fetcher, url: &Url) -> Result<Answer, FetchError> {
        let limit = BodyLimit::Refuse(1000);
        fetcher.request(url, &Validators::default(), limit).await
    }

    #[tokio::test]
    async fn the_address_that_was_checked_is_the_one_connected_to() {
        let reply = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nhi";
        let (port, [public, trap]) = servers(reply.to_owned()).await;
        let (fetcher, asked) = fetcher(&[PUBLIC, TRAP], PrivateHosts::Refused);
        let url = Url::parse(&format!("http://rebound.test:{port}/")).unwrap();
        assert!(matches!(get(&fetcher, &url).await, Ok(Answer::Body(_))));
        assert_eq!(asked.load(Ordering::SeqCst), 1, "one look-up a connection");
        // The name now means another machine.
        let refused = get(&fetcher, &url).await;
        assert!(
            matches!(&refused, Err(FetchError::Private { host, address, .. }) if host == "rebound.test" && *address == TRAP),
            "{refused:?}"
        );
        assert_eq!(public.load(Ordering::SeqCst), 1);
        assert_eq!(trap.load(Ordering::SeqCst), 0);
    }

    #[tokio::test]
    async fn a_later_hop_is_checked_by_its_name_and_by_its_address() {
        for (target, host) in [("inner.test", "inner.test"), ("127.0.0.2", "127.0.0.2")] {
            let reply = format!(
                "HTTP/1.1 302 Found\r\nlocation: http://{target}:PORT/\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
            );
            let (port, [_, trap]) = servers(reply).await;
            let (fetcher, _) = fetcher(&[PUBLIC, TRAP], PrivateHosts::Refused);
            let url = Url::parse(&format!("http://outer.test:{port}/")).unwrap();
            let Ok(Answer::Redirect(next)) = get(&fetcher, &url).await else {
                panic!("no redirect");
            };
            let refused = get(&fetcher, &next).await;
            assert!(
                matches!(&refused, Err(FetchError::Private { host: named, .. }) if named == host),
                "{refused:?}"
            );
            assert_eq!(trap.load(Ordering::SeqCst), 0);
        }
    }

    #[tokio::test]
    async fn only_the_hosts_that_are_named_may_be_private() {
        let reply = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nhi";
        let (port, [_, trap]) = servers(reply.to_owned()).await;
        let named = [
            "intranet.test".to_owned(),
            "127.0.0.2".to_owned(),
            format!("wiki.test:{port}"),
            format!("elsewhere.test:{}", port ^ 1),
        ];
        let named = named.into();
        let (fetcher, _) = fetcher(&[TRAP], PrivateHosts::Named(named));
        for (host, allowed) in [
            ("intranet.test", true),
            ("127.0.0.2", true),
            ("other.test", false),
            ("127.0.0.3", false),
            ("wiki.test", true),
            ("elsewhere.test", false),
        ] {
            let url = Url::parse(&format!("http://{host}:{port}/")).unwrap();
            let answer = get(&fetcher, &url).await;
            assert_eq!(answer.is_ok(), allowed, "{host}: {answer:?}");
        }
        assert_eq!(trap.load(Ordering::SeqCst), 3);
    }

    #[test]
    fn a_port_is_part_of_what_is_allowed() {
        let hosts = PrivateHosts::Named(
            ["a.test", "b.test:81", "::1", "[fd00::1]:81"]
                .map(str::to_owned)
                .into(),
        );
        for (host, port, allowed) in [
            ("a.test", 80, true),
            ("a.test.", 9, true),
            ("b.test", 81, true),
            ("b.test", 80, false),
            ("::1", 9, true),
            ("fd00::1", 81, true),
            ("fd00::1", 80, false),
        ] {
            assert_eq!(hosts.allow(host, port), allowed, "{host} {port}");
        }
    }
}
