//! One document over HTTP.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{self, HeaderMap, HeaderName};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode};
use url::{Host, Url};

use super::address::is_public;
use super::error::FetchError;
use crate::runtime::tls;

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
    /// Whether hosts inside private networks may be fetched.
    pub allow_private: bool,
}

impl Default for FetchLimits {
    fn default() -> Self {
        Self {
            user_agent: concat!(
                "wattwise/",
                env!("CARGO_PKG_VERSION"),
                " (energy advice indexer)"
            )
            .to_owned(),
            connect_timeout: Duration::from_secs(10),
            read_timeout: Duration::from_secs(15),
            total_timeout: Duration::from_mins(1),
            max_bytes: 32 * 1024 * 1024,
            max_redirects: 5,
            allow_private: false,
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

/// Fetches documents. Cheap to clone.
#[derive(Clone)]
pub struct Fetcher {
    client: Client,
    limits: Arc<FetchLimits>,
}

impl Fetcher {
    /// Sets up the client. Redirects are followed by hand, so that each hop is checked; the
    /// resolver gives out only addresses that may be connected to, so that no name can resolve to
    /// one thing when checked and another when used.
    pub fn new(limits: FetchLimits) -> Result<Self, FetchError> {
        tls::install_provider();
        let client = Client::builder()
            .user_agent(&limits.user_agent)
            .connect_timeout(limits.connect_timeout)
            .read_timeout(limits.read_timeout)
            .redirect(Policy::none())
            .pool_max_idle_per_host(1)
            .dns_resolver(CheckedResolver {
                allow_private: limits.allow_private,
            })
            .build()
            .map_err(|error| FetchError::Connect(error.to_string()))?;
        Ok(Self {
            client,
            limits: Arc::new(limits),
        })
    }

    /// Fetches `url`, or learns that it has not changed since `known`.
    pub async fn fetch(&self, url: &Url, known: &Validators) -> Result<FetchOutcome, FetchError> {
        let limit = self.limits.total_timeout;
        tokio::time::timeout(limit, self.follow(url.clone(), known))
            .await
            .unwrap_or(Err(FetchError::TimedOut(limit.as_secs())))
    }

    async fn follow(&self, mut url: Url, known: &Validators) -> Result<FetchOutcome, FetchError> {
        for _ in 0..=self.limits.max_redirects {
            let response = self.request(&url, known).await?;
            let status = response.status();
            match status {
                StatusCode::NOT_MODIFIED => return Ok(FetchOutcome::NotModified),
                StatusCode::NOT_FOUND | StatusCode::GONE => {
                    return Err(FetchError::Gone(status.as_u16()));
                }
                _ if status.is_redirection() => url = redirect_target(&url, response.headers())?,
                _ if status.is_success() => return self.read(url, response).await,
                _ => return Err(FetchError::Status(status.as_u16())),
            }
        }
        Err(FetchError::TooManyRedirects(self.limits.max_redirects))
    }

    async fn request(&self, url: &Url, known: &Validators) -> Result<Response, FetchError> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(FetchError::Scheme);
        }
        self.check_literal(url)?;
        let mut request = self
            .client
            .get(url.clone())
            .header(header::ACCEPT, "text/html,application/xhtml+xml,application/pdf,text/markdown,text/plain;q=0.9,*/*;q=0.1");
        if let Some(etag) = &known.etag {
            request = request.header(header::IF_NONE_MATCH, etag);
        }
        if let Some(date) = &known.last_modified {
            request = request.header(header::IF_MODIFIED_SINCE, date);
        }
        request.send().await.map_err(|error| self.explain(&error))
    }

    /// A resolver is never asked about a host that is written as a number.
    fn check_literal(&self, url: &Url) -> Result<(), FetchError> {
        let address: IpAddr = match url.host() {
            Some(Host::Ipv4(address)) => address.into(),
            Some(Host::Ipv6(address)) => address.into(),
            Some(Host::Domain(_)) => return Ok(()),
            None => return Err(FetchError::Scheme),
        };
        if self.limits.allow_private || is_public(address) {
            Ok(())
        } else {
            Err(FetchError::Private {
                host: address.to_string(),
                address,
            })
        }
    }

    async fn read(&self, url: Url, mut response: Response) -> Result<FetchOutcome, FetchError> {
        let content_type = text(response.headers(), &header::CONTENT_TYPE);
        let validators = Validators {
            etag: text(response.headers(), &header::ETAG),
            last_modified: text(response.headers(), &header::LAST_MODIFIED),
        };
        let mut body = Vec::new();
        while let Some(piece) = response
            .chunk()
            .await
            .map_err(|error| self.explain(&error))?
        {
            if (body.len() + piece.len()) as u64 > self.limits.max_bytes {
                return Err(FetchError::TooLarge(self.limits.max_bytes));
            }
            body.extend_from_slice(&piece);
        }
        Ok(FetchOutcome::Body(Box::new(Fetched {
            url,
            body,
            content_type,
            validators,
        })))
    }

    /// The innermost cause is the one that tells a person something.
    fn explain(&self, error: &reqwest::Error) -> FetchError {
        let mut cause: &(dyn std::error::Error + 'static) = error;
        loop {
            if let Some(refused) = cause.downcast_ref::<ResolveError>() {
                return refused.as_fetch_error();
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

fn text(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

fn redirect_target(from: &Url, headers: &HeaderMap) -> Result<Url, FetchError> {
    let location = text(headers, &header::LOCATION).ok_or(FetchError::BadRedirect)?;
    from.join(&location).map_err(|_| FetchError::BadRedirect)
}

/// Resolves through the operating system and keeps only addresses that may be connected to.
struct CheckedResolver {
    allow_private: bool,
}

impl Resolve for CheckedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let allow_private = self.allow_private;
        Box::pin(async move {
            let host = name.as_str().to_owned();
            let looked_up = tokio::net::lookup_host((host.as_str(), 0)).await;
            let found: Vec<SocketAddr> = looked_up.map(Iterator::collect).unwrap_or_default();
            // One private address among public ones is as suspicious as a private one alone.
            if let Some(private) = found
                .iter()
                .find(|address| !allow_private && !is_public(address.ip()))
            {
                return Err(ResolveError::Private {
                    host,
                    address: private.ip(),
                }
                .into());
            }
            if found.is_empty() {
                return Err(ResolveError::Unresolvable(host).into());
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

#[derive(Debug, thiserror::Error)]
enum ResolveError {
    #[error("cannot resolve {0}")]
    Unresolvable(String),
    #[error("{host} is the private address {address}")]
    Private { host: String, address: IpAddr },
}

impl ResolveError {
    fn as_fetch_error(&self) -> FetchError {
        match self {
            Self::Unresolvable(host) => FetchError::Unresolvable(host.clone()),
            Self::Private { host, address } => FetchError::Private {
                host: host.clone(),
                address: *address,
            },
        }
    }
}
