//! Why there are no bytes.

use std::net::IpAddr;
use std::path::PathBuf;

use thiserror::Error;

/// Why one address could not be fetched, in one readable line.
#[derive(Debug, Error)]
pub enum FetchError {
    /// The address is not one we fetch.
    #[error("not an http or https address")]
    Scheme,
    /// The host resolves to an address inside someone's network.
    #[error(
        "refused: {host} is the private address {address}; allow it with --allow-private if that is meant"
    )]
    Private {
        /// The host.
        host: String,
        /// What it resolved to.
        address: IpAddr,
    },
    /// The host has no address.
    #[error("cannot resolve {0}")]
    Unresolvable(String),
    /// No connection.
    #[error("cannot connect: {0}")]
    Connect(String),
    /// It took too long.
    #[error("timed out after {0} s")]
    TimedOut(u64),
    /// The server answered with an error.
    #[error("the server answered {0}")]
    Status(u16),
    /// The document is not there any more.
    #[error("gone: the server answered {0}")]
    Gone(u16),
    /// The decoded body is larger than the cap.
    #[error("larger than {0} bytes")]
    TooLarge(u64),
    /// It redirects on and on.
    #[error("more than {0} redirects")]
    TooManyRedirects(u32),
    /// A redirect leads nowhere.
    #[error("a redirect without a usable address")]
    BadRedirect,
    /// The answer broke off or could not be decoded.
    #[error("the answer broke off: {0}")]
    Broken(String),
}

/// Why the list of addresses cannot be used.
#[derive(Debug, Error)]
pub enum ListError {
    /// The file cannot be read.
    #[error("cannot read the URL list {path}: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// It is not the JSON that it should be.
    #[error(
        "{path} is not a URL list: {reason}; expected {{\"energy_saving_resources\": [\"https://…\"]}}"
    )]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
}
