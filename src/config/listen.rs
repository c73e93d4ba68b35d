//! Where to listen, as people write it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::str::FromStr;

use serde::Deserialize;

/// Where a server listens when nobody says: on this machine alone.
const DEFAULT: (IpAddr, u16) = (IpAddr::V4(Ipv4Addr::LOCALHOST), 8000);

/// An address, a port, or both: `127.0.0.1:8000`, `localhost:8000`, `[::1]:8000`, `:8000`, `8000`,
/// `0.0.0.0`. What is left out is the default's: a bare port never opens a server to the network.
///
/// ```
/// use wattwise::config::ServeConfig;
///
/// let config = ServeConfig {
///     bind: Some(":9000".parse().unwrap()),
///     ..ServeConfig::default()
/// };
/// assert_eq!(config.resolve().unwrap().bind.to_string(), "127.0.0.1:9000");
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Listen {
    host: Option<IpAddr>,
    port: Option<u16>,
}

impl Listen {
    /// The whole address; `host` and `port` are said beside it and win.
    pub(super) fn address(self, host: Option<IpAddr>, port: Option<u16>) -> SocketAddr {
        let host = host.or(self.host).unwrap_or(DEFAULT.0);
        SocketAddr::new(host, port.or(self.port).unwrap_or(DEFAULT.1))
    }
}

impl From<SocketAddr> for Listen {
    fn from(address: SocketAddr) -> Self {
        Self {
            host: Some(address.ip()),
            port: Some(address.port()),
        }
    }
}

impl FromStr for Listen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if let Ok(address) = text.parse::<SocketAddr>() {
            return Ok(address.into());
        }
        let (host, port) = match text.rsplit_once(':') {
            // More than one colon stands in addresses of IPv6 alone.
            Some((before, port)) if !before.contains(':') => (before, port),
            _ if text.bytes().all(|byte| byte.is_ascii_digit()) => ("", text),
            _ => (text, ""),
        };
        let wrong = || {
            format!(
                "{text:?} is no address to listen on; say 127.0.0.1:8000, localhost:8000 or :8000, or 0.0.0.0:8000 for every address of this machine"
            )
        };
        if host.is_empty() && port.is_empty() || text.ends_with(':') {
            return Err(wrong());
        }
        let part = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Ok(Self {
            host: part(host)
                .map(|text| self::host(&text))
                .transpose()
                .map_err(|_| wrong())?,
            port: part(port)
                .map(|text| text.parse())
                .transpose()
                .map_err(|_| wrong())?,
        })
    }
}

impl TryFrom<String> for Listen {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

/// An address without a port.
pub(super) fn host(text: &str) -> Result<IpAddr, String> {
    if text.eq_ignore_ascii_case("localhost") {
        return Ok(DEFAULT.0);
    }
    let bare = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'));
    bare.unwrap_or(text).parse().map_err(|_| {
        format!(
            "{text:?} is no address of this machine; say localhost, an IP address, or 0.0.0.0 for every address of it"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_understood_as_people_write_them() {
        for (text, address) in [
            ("192.0.2.1:1", "192.0.2.1:1"),
            ("localhost:9000", "127.0.0.1:9000"),
            ("LOCALHOST", "127.0.0.1:8000"),
            (":9000", "127.0.0.1:9000"),
            ("9000", "127.0.0.1:9000"),
            ("0.0.0.0", "0.0.0.0:8000"),
            ("::1", "[::1]:8000"),
            ("[::1]", "[::1]:8000"),
            ("[::]:80", "[::]:80"),
        ] {
            let listen: Listen = text.parse().unwrap();
            let expected: SocketAddr = address.parse().unwrap();
            assert_eq!(listen.address(None, None), expected, "{text}");
        }
        for text in [
            "",
            ":",
            "localhost:",
            "example.org:80",
            "70000",
            "a:b",
            "::1:",
        ] {
            let reason = text.parse::<Listen>().unwrap_err();
            assert!(reason.contains("localhost:8000"), "{text}: {reason}");
        }
    }

    #[test]
    fn the_parts_win_over_the_whole() {
        let listen: Listen = "127.0.0.1:1".parse().unwrap();
        let host = "192.0.2.1".parse().ok();
        assert_eq!(listen.address(host, None), "192.0.2.1:1".parse().unwrap());
        assert_eq!(
            listen.address(None, Some(2)),
            "127.0.0.1:2".parse().unwrap()
        );
    }
}
