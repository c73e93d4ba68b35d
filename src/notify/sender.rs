//! One signed POST, tried a few times.

use std::error::Error;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;
use reqwest::{Client, header};
use sha2::Sha256;
use thiserror::Error;
use url::{Host, Url};
use uuid::Uuid;

use super::Notice;
use crate::crawl::is_public;
use crate::runtime::clock;
use crate::runtime::retry::{self, Retry, RetryPolicy};
use crate::runtime::tls;

/// For one attempt.
const TIMEOUT: Duration = Duration::from_secs(15);

/// The run has ended and whoever started it waits: two minutes, then it is given up.
const RETRIES: RetryPolicy = RetryPolicy {
    retries: 4,
    first_wait: Duration::from_millis(500),
    longest_wait: Duration::from_secs(30),
    budget: Duration::from_mins(2),
};

/// Why a notification was not sent, or not taken.
#[derive(Debug, Error)]
pub enum NotifyError {
    /// It would cross the network for everybody to read.
    #[error(
        "{0} would be told over plain http and has a public address; use https, or an address of this machine or of a private network"
    )]
    Plain(String),
    /// No client could be set up.
    #[error("{url} cannot be told anything: {reason}; are certificate authorities installed?")]
    NoClient {
        /// The site.
        url: String,
        /// The cause.
        reason: String,
    },
    /// Nobody answers.
    #[error("{url} cannot be reached: {reason}; is --notify right, and does it run?")]
    Unreachable {
        /// The site.
        url: String,
        /// The cause.
        reason: String,
    },
    /// It answered with another status than a success. Redirects are not followed.
    #[error(
        "{url} did not take it and said {status}; are the path of --notify and the secret those that it expects?"
    )]
    Refused {
        /// The site.
        url: String,
        /// The status.
        status: u16,
        /// What it asked for.
        retry_after: Option<Duration>,
    },
}

impl NotifyError {
    fn retry(&self) -> Retry {
        match self {
            Self::Refused {
                status: 408 | 425 | 429 | 500..,
                retry_after,
                ..
            } => retry_after.map_or(Retry::Later, Retry::After),
            Self::Unreachable { .. } => Retry::Later,
            Self::Refused { .. } | Self::Plain(_) | Self::NoClient { .. } => Retry::Never,
        }
    }
}

/// Sends to one address.
pub struct Sender {
    client: Client,
    url: Url,
    key: Vec<u8>,
    policy: RetryPolicy,
}

impl Sender {
    /// Over plain http only this machine and private networks are told. The proxy of the environment
    /// is used for https alone, and only where `use_proxy` says so, as for pages.
    pub fn new(url: Url, key: Vec<u8>, use_proxy: bool) -> Result<Self, NotifyError> {
        tls::install_provider();
        let shown = shown(&url);
        let is_plain = url.scheme() == "http";
        if is_plain && literal(&url).is_some_and(is_public) {
            return Err(NotifyError::Plain(shown));
        }
        let mut client = Client::builder()
            .user_agent(concat!("wattwise/", env!("CARGO_PKG_VERSION")))
            .timeout(TIMEOUT)
            // A receiver has no say in who else is told.
            .redirect(Policy::none());
        if is_plain {
            client = client.dns_resolver(Arc::new(PrivateOnly));
        }
        if is_plain || !use_proxy {
            client = client.no_proxy();
        }
        let client = client.build().map_err(|error| NotifyError::NoClient {
            url: shown,
            reason: innermost(&error),
        })?;
        Ok(Self {
            client,
            url,
            key,
            policy: RETRIES,
        })
    }

    /// The receiver as it may be shown: paths and queries of such addresses are often their key.
    pub fn shown(&self) -> String {
        shown(&self.url)
    }

    /// Sends `notice` until it is taken or given up.
    pub async fn send(&self, notice: &Notice<'_>) -> Result<(), NotifyError> {
        let body = serde_json::to_vec(notice).expect("plain data becomes JSON");
        let id = format!("msg_{}", Uuid::now_v7().simple());
        let (body, id) = (&body, &id);
        retry::run(&self.policy, NotifyError::retry, || self.attempt(id, body)).await
    }

    async fn attempt(&self, id: &str, body: &[u8]) -> Result<(), NotifyError> {
        let timestamp = clock::now().to_string();
        let request = self
            .client
            .post(self.url.clone())
            .header(header::CONTENT_TYPE, "application/json")
            .header("webhook-id", id)
            .header("webhook-signature", sign(&self.key, id, &timestamp, body))
            .header("webhook-timestamp", timestamp)
            .body(body.to_vec());
        let response = request.send().await.map_err(|error| self.explain(&error))?;
        let status = response.status();
        if status.is_success() {
            return Ok(());
        }
        let retry_after = response.headers().get(header::RETRY_AFTER);
        let retry_after = retry_after.and_then(|value| value.to_str().ok()?.trim().parse().ok());
        Err(NotifyError::Refused {
            url: self.shown(),
            status: status.as_u16(),
            retry_after: retry_after.map(Duration::from_secs),
        })
    }

    fn explain(&self, error: &reqwest::Error) -> NotifyError {
        let url = self.shown();
        let mut cause: Option<&(dyn Error + 'static)> = Some(error);
        while let Some(this) = cause {
            if this.is::<PublicAddress>() {
                return NotifyError::Plain(url);
            }
            cause = this.source();
        }
        let reason = if error.is_timeout() {
            format!("it took longer than {} s", TIMEOUT.as_secs())
        } else {
            innermost(error)
        };
        NotifyError::Unreachable { url, reason }
    }
}

/// `v1,` and the base64 of the HMAC-SHA256 of id, timestamp and body with dots between them.
fn sign(key: &[u8], id: &str, timestamp: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any length will do");
    for part in [id.as_bytes(), b".", timestamp.as_bytes(), b".", body] {
        mac.update(part);
    }
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

fn shown(url: &Url) -> String {
    url.origin().ascii_serialization()
}

fn literal(url: &Url) -> Option<IpAddr> {
    match url.host()? {
        Host::Ipv4(address) => Some(address.into()),
        Host::Ipv6(address) => Some(address.into()),
        Host::Domain(_) => None,
    }
}

fn innermost(error: &(dyn Error + 'static)) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

/// Gives out the addresses that are connected to, if none of them is public.
struct PrivateOnly;

#[derive(Debug, Error)]
#[error("a public address")]
struct PublicAddress;

impl Resolve for PrivateOnly {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let found: Vec<SocketAddr> = found.collect();
            if found.iter().any(|address| is_public(address.ip())) {
                return Err(PublicAddress.into());
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sender(url: &str) -> Result<Sender, NotifyError> {
        Sender::new(url.parse().unwrap(), b"key".to_vec(), false)
    }

    #[test]
    fn a_signature_is_that_of_the_specification() {
        // The example of the specification's reference libraries.
        let key = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let body = br#"{"test": 2432232314}"#;
        let signature = sign(&key, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", body);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn plain_http_stays_in_private_networks() {
        for url in [
            "http://127.0.0.1:9/x",
            "http://[fd00::1]/x",
            "http://10.0.0.7/",
            "https://93.184.216.34/",
        ] {
            assert!(sender(url).is_ok(), "{url}");
        }
        for url in [
            "http://93.184.216.34/secret",
            "http://[2606:2800::1]/secret",
        ] {
            let error = sender(url).err().unwrap();
            assert!(matches!(error, NotifyError::Plain(_)), "{url}");
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }

    #[test]
    fn what_cannot_help_is_not_tried_again() {
        let refused = |status| {
            let error = NotifyError::Refused {
                url: String::new(),
                status,
                retry_after: None,
            };
            error.retry()
        };
        for status in [408, 429, 500, 503] {
            assert_eq!(refused(status), Retry::Later, "{status}");
        }
        for status in [301, 400, 401, 404, 410] {
            assert_eq!(refused(status), Retry::Never, "{status}");
        }
    }
}
