//! Why there are no bytes.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;

use super::address::with_port;
use crate::runtime::retry::Retry;

/// Why one address could not be fetched, in one readable line.
#[derive(Debug, Clone, Error)]
pub enum FetchError {
    /// The address is not one we fetch.
    #[error("not an http or https address; write it with https:// in front")]
    Scheme,
    /// The host resolves to an address inside someone's network.
    #[error(
        "refused: {host} is the private address {address}; allow it with --allow-private {} if that is meant",
        with_port(.host, *.port)
    )]
    Private {
        /// The host.
        host: String,
        /// On which it was to be asked.
        port: u16,
        /// What it resolved to.
        address: IpAddr,
    },
    /// The host has no address.
    #[error("cannot resolve {0}; check the address and the name server")]
    Unresolvable(String),
    /// This machine cannot make connections.
    #[error(
        "cannot fetch: {0}; if certificate authorities are missing, install them (Debian: ca-certificates)"
    )]
    NoClient(String),
    /// No connection.
    #[error("cannot connect: {0}; check the address, or say --use-proxy where a proxy is needed")]
    Connect(String),
    /// It took too long.
    #[error("timed out after {0} s; --fetch-timeout and --read-timeout give it more")]
    TimedOut(u64),
    /// The server answered with an error.
    #[error("the server answered {status}{}", asking(*.retry_after))]
    Status {
        /// The status.
        status: u16,
        /// How long to stay away, if the server said so.
        retry_after: Option<Duration>,
    },
    /// The document is not there any more.
    #[error("gone: the server answered {0}")]
    Gone(u16),
    /// The decoded body is larger than the cap.
    #[error("larger than {0} bytes; --max-size raises the limit")]
    TooLarge(u64),
    /// It redirects on and on.
    #[error("more than {0} redirects")]
    TooManyRedirects(u32),
    /// A redirect leads nowhere.
    #[error("a redirect without a usable address")]
    BadRedirect,
    /// The site does not want it fetched.
    #[error("robots.txt of {0} forbids it")]
    Forbidden(String),
    /// Without a robots.txt that can be read nobody knows what the site wants.
    #[error("robots.txt of {host} cannot be read, so nothing there may be fetched: {reason}")]
    NoRobots {
        /// The host.
        host: String,
        /// Why not.
        reason: String,
    },
    /// The site wants more time between requests than the run has.
    #[error(
        "robots.txt of {host} asks for {asked:.0?} between requests, more than --max-crawl-delay allows"
    )]
    CrawlDelay {
        /// The host.
        host: String,
        /// What it asks for.
        asked: Duration,
    },
    /// An earlier answer of the host asked to be left alone for longer than a run can wait.
    #[error("{host} asked to be left alone for another {seconds} s")]
    Resting {
        /// The host.
        host: String,
        /// How long.
        seconds: u64,
    },
    /// A link inside a site that redirects out of it.
    #[error("redirects off the site to {0}; name that address itself if it is meant")]
    OffSite(String),
    /// It was to be a sitemap.
    #[error("not a sitemap: neither XML with <urlset> or <sitemapindex> nor a list of addresses")]
    NotASitemap,
    /// The answer broke off or could not be decoded.
    #[error("the answer broke off: {0}")]
    Broken(String),
}

impl FetchError {
    /// Whether asking again may help.
    pub fn retry(&self) -> Retry {
        match self {
            Self::Status {
                status: 429 | 500 | 502 | 503 | 504,
                retry_after,
            } => retry_after.map_or(Retry::Later, Retry::After),
            Self::Connect(_) | Self::Unresolvable(_) | Self::TimedOut(_) | Self::Broken(_) => {
                Retry::Later
            }
            Self::Status { .. }
            | Self::Scheme
            | Self::NoClient(_)
            | Self::Private { .. }
            | Self::Gone(_)
            | Self::TooLarge(_)
            | Self::TooManyRedirects(_)
            | Self::BadRedirect
            | Self::Forbidden(_)
            | Self::NoRobots { .. }
            | Self::CrawlDelay { .. }
            | Self::Resting { .. }
            | Self::NotASitemap
            | Self::OffSite(_) => Retry::Never,
        }
    }

    /// Whether the site says that there is nothing for us, today and tomorrow. Its last good content
    /// goes with it: a site that forbids a page now has withdrawn its consent to what was kept.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Gone(_) | Self::Forbidden(_) | Self::OffSite(_))
    }
}

fn asking(retry_after: Option<Duration>) -> String {
    retry_after.map_or_else(String::new, |wait| {
        format!(" and asks to wait {} s", wait.as_secs())
    })
}

/// Why the list of addresses cannot be used.
#[derive(Debug, Error)]
pub enum ListError {
    /// The file cannot be read.
    #[error(
        "cannot read the URL list {path}: {source}; --urls names a file, or - for standard input"
    )]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// It is none of the forms of a list.
    #[error(
        "{path} is not a URL list: {reason}; expected one address a line, [\"https://…\"] or {{\"pages\": [\"https://…\"]}}"
    )]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_may_pass_is_tried_again() {
        let status = |status, seconds: Option<u64>| {
            let retry_after = seconds.map(Duration::from_secs);
            FetchError::Status {
                status,
                retry_after,
            }
            .retry()
        };
        assert_eq!(status(429, Some(7)), Retry::After(Duration::from_secs(7)));
        assert_eq!(status(503, None), Retry::Later);
        assert_eq!(status(403, Some(7)), Retry::Never);
        assert_eq!(status(501, None), Retry::Never);
        assert_eq!(FetchError::TimedOut(1).retry(), Retry::Later);
        assert_eq!(FetchError::TooLarge(1).retry(), Retry::Never);
    }

    #[test]
    fn reasons_read_well() {
        let status = FetchError::Status {
            status: 429,
            retry_after: Some(Duration::from_hours(1)),
        };
        assert_eq!(
            status.to_string(),
            "the server answered 429 and asks to wait 3600 s"
        );
        let delay = FetchError::CrawlDelay {
            host: "a.example".to_owned(),
            asked: Duration::from_mins(2),
        };
        assert_eq!(
            delay.to_string(),
            "robots.txt of a.example asks for 120s between requests, more than --max-crawl-delay allows"
        );
    }
}
