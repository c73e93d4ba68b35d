//! One request over HTTP, within its limits.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use reqwest::header::{self, HeaderMap, HeaderName};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode};
use url::{Host, Url};

use super::error::FetchError;
use super::resolve::{CheckedResolver, PrivateHosts, ResolveError};
use super::secrets::{Credentials, without_credentials};
use crate::runtime::tls;

/// The longest address that a redirect may name, in bytes: as long as RFC 9110 asks everybody to
/// accept. Every link of the page is joined to it.
const LONGEST_LOCATION: usize = 8_000;

/// Bounds of one fetch.
#[derive(Debug, Clone)]
pub struct FetchLimits {
    /// Sent as `User-Agent`.
    pub user_agent: String,
    /// For the connection alone.
    pub connect_timeout: Duration,
    /// Between two reads of the body.
    pub read_timeout: Duration,
    /// For the whole fetch, redirects included.
    pub total_timeout: Duration,
    /// Of the body, after decompression.
    pub max_bytes: u64,
    /// Redirects followed.
    pub max_redirects: u32,
    /// Which hosts inside private networks may be fetched.
    pub private_hosts: PrivateHosts,
    /// What sites want to be told before they answer.
    pub credentials: Credentials,
    /// Whether the proxy that the environment names is used. It resolves names by itself, so that
    /// only addresses written as numbers can still be refused.
    pub use_proxy: bool,
}

impl Default for FetchLimits {
    fn default() -> Self {
        Self {
            user_agent: concat!(
                "wattwise/",
                env!("CARGO_PKG_VERSION"),
                " (document indexer)"
            )
            .to_owned(),
            connect_timeout: Duration::from_secs(10),
            read_timeout: Duration::from_secs(15),
            total_timeout: Duration::from_mins(1),
            max_bytes: 32 * 1024 * 1024,
            max_redirects: 5,
            private_hosts: PrivateHosts::Refused,
            credentials: Credentials::default(),
            use_proxy: false,
        }
    }
}

/// What an earlier fetch learned, to ask only for changes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Validators {
    /// `ETag`.
    pub etag: Option<String>,
    /// `Last-Modified`.
    pub last_modified: Option<String>,
}

/// A body and what the server said about it.
#[derive(Debug, Clone)]
pub struct Fetched {
    /// Where it was found, after redirects.
    pub url: Url,
    /// Decompressed.
    pub body: Vec<u8>,
    /// `Content-Type`, as sent.
    pub content_type: Option<String>,
    /// For the next run.
    pub validators: Validators,
}

/// A successful fetch.
#[derive(Debug, Clone)]
pub enum FetchOutcome {
    /// New or changed content.
    Body(Box<Fetched>),
    /// The server says that nothing changed since the validators were sent.
    NotModified,
}

/// The answer to one request.
#[derive(Debug)]
pub(super) enum Answer {
    Body(Box<Fetched>),
    NotModified,
    Redirect(Url),
}

/// What becomes of a body that is too long.
#[derive(Debug, Clone, Copy)]
pub(super) enum BodyLimit {
    Refuse(u64),
    Cut(u64),
}

/// Sends requests.
pub(super) struct Fetcher {
    /// For every host, or why there is none: a machine without certificate authorities has no use
    /// for one until an address is to be fetched.
    guarded: Result<Client, String>,
    /// For hosts that may be private. A resolver does not know for which port it is asked, so that
    /// each of the two has one of its own.
    trusting: Result<Client, String>,
    limits: FetchLimits,
    resolver: CheckedResolver,
}

impl Fetcher {
    /// Sets up the client. Redirects are left to the caller, so that each hop is checked; the
    /// resolver gives out only addresses that may be connected to, so that no name can resolve to
    /// one thing when checked and another when used.
    pub(super) fn new(limits: FetchLimits) -> Self {
        Self::with(limits, CheckedResolver::new())
    }

    pub(super) fn with(limits: FetchLimits, resolver: CheckedResolver) -> Self {
        tls::install_provider();
        let client = |resolver: CheckedResolver| {
            client(&limits, resolver).map_err(|error| innermost(&error).to_string())
        };
        // The only name looked up behind a proxy is the proxy's own.
        let guard = if limits.use_proxy {
            resolver.for_private()
        } else {
            resolver.clone()
        };
        Self {
            guarded: client(guard),
            trusting: client(resolver.for_private()),
            resolver,
            limits,
        }
    }

    pub(super) fn limits(&self) -> &FetchLimits {
        &self.limits
    }

    /// Asks for `url`, or whether it has changed since `known`.
    pub(super) async fn request(
        &self,
        url: &Url,
        known: &Validators,
        limit: BodyLimit,
    ) -> Result<Answer, FetchError> {
        let response = self.send(url, known).await?;
        let status = response.status();
        match status {
            StatusCode::NOT_MODIFIED => Ok(Answer::NotModified),
            StatusCode::NOT_FOUND | StatusCode::GONE => Err(FetchError::Gone(status.as_u16())),
            _ if status.is_redirection() => {
                redirect_target(url, response.headers()).map(Answer::Redirect)
            }
            _ if status.is_success() => self.read(url, response, limit).await,
            _ => Err(FetchError::Status {
                status: status.as_u16(),
                retry_after: text(response.headers(), &header::RETRY_AFTER)
                    .and_then(|value| parse_retry_after(&value, SystemTime::now())),
            }),
        }
    }

    async fn send(&self, url: &Url, known: &Validators) -> Result<Response, FetchError> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(FetchError::Scheme);
        }
        let may_be_private = self.may_be_private(url);
        if !may_be_private {
            self.check_literal(url)?;
        }
        let client = if may_be_private {
            &self.trusting
        } else {
            &self.guarded
        };
        let client = client
            .as_ref()
            .map_err(|reason| FetchError::NoClient(reason.clone()))?;
        let mut request = client
            .get(self.limits.credentials.add_to(url))
            .header(header::ACCEPT, "text/html,application/xhtml+xml,application/pdf,text/markdown,text/plain;q=0.9,*/*;q=0.1");
        if let Some(etag) = &known.etag {
            request = request.header(header::IF_NONE_MATCH, etag);
        }
        if let Some(date) = &known.last_modified {
            request = request.header(header::IF_MODIFIED_SINCE, date);
        }
        let sent = request.send().await;
        sent.map_err(|error| self.explain(url, &error))
    }

    fn may_be_private(&self, url: &Url) -> bool {
        let host = match url.host() {
            Some(Host::Ipv4(address)) => address.to_string(),
            Some(Host::Ipv6(address)) => address.to_string(),
            Some(Host::Domain(name)) => name.to_owned(),
            None => return false,
        };
        self.limits.private_hosts.allow(&host, port_of(url))
    }

    /// A resolver is never asked about a host that is written as a number.
    fn check_literal(&self, url: &Url) -> Result<(), FetchError> {
        let address: IpAddr = match url.host() {
            Some(Host::Ipv4(address)) => address.into(),
            Some(Host::Ipv6(address)) => address.into(),
            Some(Host::Domain(_)) => return Ok(()),
            None => return Err(FetchError::Scheme),
        };
        let refused = |error: ResolveError| error.as_fetch_error(port_of(url));
        self.resolver
            .check(&address.to_string(), address)
            .map_err(refused)
    }

    async fn read(
        &self,
        url: &Url,
        mut response: Response,
        limit: BodyLimit,
    ) -> Result<Answer, FetchError> {
        let content_type = text(response.headers(), &header::CONTENT_TYPE);
        let validators = Validators {
            etag: text(response.headers(), &header::ETAG),
            last_modified: text(response.headers(), &header::LAST_MODIFIED),
        };
        let (BodyLimit::Refuse(most) | BodyLimit::Cut(most)) = limit;
        let mut body = Vec::new();
        // Pieces arrive decompressed, so that a small bomb ends as early as a large file.
        while let Some(piece) = response
            .chunk()
            .await
            .map_err(|error| self.explain(url, &error))?
        {
            let room = usize::try_from(most).unwrap_or(usize::MAX) - body.len();
            if piece.len() > room {
                match limit {
                    BodyLimit::Refuse(most) => return Err(FetchError::TooLarge(most)),
                    BodyLimit::Cut(_) => body.extend_from_slice(&piece[..room]),
                }
                break;
            }
            body.extend_from_slice(&piece);
        }
        Ok(Answer::Body(Box::new(Fetched {
            url: url.clone(),
            body,
            content_type,
            validators,
        })))
    }

    /// The innermost cause is the one that tells a person something.
    fn explain(&self, url: &Url, error: &reqwest::Error) -> FetchError {
        let mut cause: &(dyn std::error::Error + 'static) = error;
        loop {
            if let Some(refused) = cause.downcast_ref::<ResolveError>() {
                return refused.as_fetch_error(port_of(url));
            }
            match cause.source() {
                Some(next) => cause = next,
                None => break,
            }
        }
        if error.is_timeout() {
            let limit = if error.is_connect() {
                self.limits.connect_timeout
            } else {
                self.limits.read_timeout
            };
            FetchError::TimedOut(limit.as_secs())
        } else if error.is_connect() {
            FetchError::Connect(cause.to_string())
        } else {
            FetchError::Broken(cause.to_string())
        }
    }
}

fn client(limits: &FetchLimits, resolver: CheckedResolver) -> reqwest::Result<Client> {
    let client = Client::builder()
        .user_agent(&limits.user_agent)
        .connect_timeout(limits.connect_timeout.min(limits.total_timeout))
        .read_timeout(limits.read_timeout.min(limits.total_timeout))
        .redirect(Policy::none())
        .pool_max_idle_per_host(1)
        .dns_resolver(Arc::new(resolver));
    if limits.use_proxy {
        client.build()
    } else {
        // A proxy from the environment would connect to private addresses on our behalf.
        client.no_proxy().build()
    }
}

/// The innermost cause is the one that tells a person something.
fn innermost<'a>(
    error: &'a (dyn std::error::Error + 'static),
) -> &'a (dyn std::error::Error + 'static) {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause
}

fn port_of(url: &Url) -> u16 {
    url.port_or_known_default().unwrap_or_default()
}

fn text(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

/// `Retry-After` as a number of seconds or as a date.
fn parse_retry_after(value: &str, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

fn redirect_target(from: &Url, headers: &HeaderMap) -> Result<Url, FetchError> {
    let location = text(headers, &header::LOCATION)
        .filter(|location| location.len() <= LONGEST_LOCATION)
        .ok_or(FetchError::BadRedirect)?;
    let target = from.join(&location).map_err(|_| FetchError::BadRedirect)?;
    // Users and passwords are the operator's to name, not a site's.
    Ok(without_credentials(target))
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = UNIX_EPOCH + Duration::from_secs(784_111_777);
        let parse = |value| parse_retry_after(value, now);
        assert_eq!(parse(" 120 "), Some(Duration::from_mins(2)));
        assert_eq!(
            parse("Sun, 06 Nov 1994 08:50:37 GMT"),
            Some(Duration::from_mins(1))
        );
        assert_eq!(
            parse("Sun, 06 Nov 1994 08:00:00 GMT"),
            Some(Duration::ZERO),
            "past"
        );
        assert_eq!(parse("soon"), None);
        assert_eq!(parse("-5"), None);
    }
}
