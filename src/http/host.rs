//! By what names this server may be called while it asks for no key.
//!
//! A page of any site can let its own name resolve to 127.0.0.1 and then read what a server there
//! answers, since to the browser it is still the page's site (DNS rebinding). What it cannot do is
//! to call the server by another name than its own. With keys nothing is lost, as a page knows none.

use std::net::IpAddr;

use axum::extract::Request;
use axum::http::uri::Authority;
use axum::http::{Version, header};

/// The names, besides those that always mean this machine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct KnownHosts {
    names: Vec<String>,
}

impl KnownHosts {
    /// Knows `names` too, in any case, without a port.
    pub(crate) fn with(names: impl IntoIterator<Item = String>) -> Self {
        let names = names.into_iter().map(|name| plain(&name)).collect();
        Self { names }
    }

    /// The name that a request calls this server by, if that is none of its own. A request that
    /// calls it by no name comes from no browser.
    pub(super) fn stranger(&self, request: &Request) -> Option<String> {
        let named = match request.uri().authority() {
            Some(authority) => authority.as_str(),
            None => match request.headers().get(header::HOST)?.to_str() {
                Ok(host) => host,
                Err(_) => return Some("?".to_owned()),
            },
        };
        (!self.knows(named)).then(|| named.chars().take(255).collect())
    }

    fn knows(&self, named: &str) -> bool {
        let Ok(authority) = named.parse::<Authority>() else {
            return false;
        };
        let host = plain(authority.host());
        let address = host.trim_start_matches('[').trim_end_matches(']');
        host == "localhost"
            || host.ends_with(".localhost")
            || address.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
            || self.names.contains(&host)
    }
}

/// Whether a request is without the one Host header that HTTP/1.1 wants of it (RFC 9112, 3.2). Where
/// there are two, a proxy in front may have gone by the other one.
pub(super) fn lacks_its_host(request: &Request) -> bool {
    request.version() == Version::HTTP_11
        && request.headers().get_all(header::HOST).iter().count() != 1
}

/// A host as it is compared: in lower case, without the dot that ends a full name.
fn plain(host: &str) -> String {
    host.trim_end_matches('.').to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    #[test]
    fn this_machine_is_known_by_all_its_names_and_no_other() {
        let hosts = KnownHosts::with(["Assistant.Home".to_owned()]);
        for own in [
            "localhost",
            "LOCALHOST:8000",
            "localhost.:8000",
            "a.localhost",
            "127.0.0.1",
            "127.8.9.1:80",
            "[::1]:8000",
            "assistant.home:8000",
        ] {
            assert!(hosts.knows(own), "{own}");
        }
        for other in [
            "example.org",
            "localhost.example.org",
            "127.0.0.1.example.org:8000",
            "notlocalhost",
            "10.0.0.1",
            "[::2]",
            "user@example.org",
            "home",
            "",
            "a b",
        ] {
            assert!(!hosts.knows(other), "{other}");
        }
    }

    #[test]
    fn the_name_is_taken_from_where_each_protocol_has_it() {
        let hosts = KnownHosts::default();
        let by_header = |host: &str| {
            let request = Request::builder().uri("/ask").header("host", host);
            hosts.stranger(&request.body(Body::empty()).unwrap())
        };
        assert_eq!(
            by_header("example.org:80").as_deref(),
            Some("example.org:80")
        );
        assert_eq!(by_header("127.0.0.1:8000"), None);
        let second = Request::builder().uri("http://example.org/ask");
        let second = second.header("host", "localhost").body(Body::empty());
        assert_eq!(
            hosts.stranger(&second.unwrap()).as_deref(),
            Some("example.org")
        );
        let nameless = Request::builder().uri("/ask").body(Body::empty());
        assert_eq!(hosts.stranger(&nameless.unwrap()), None);
    }
}
