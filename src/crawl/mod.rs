//! From addresses to bytes, with every limit that a crawler owes to its user and to the web.
//!
//! Knows nothing of documents: what the bytes mean is `extract`'s business.

mod address;
mod error;
mod fetch;
mod list;

pub use address::is_public;
pub use error::{FetchError, ListError};
pub use fetch::{FetchLimits, FetchOutcome, Fetched, Fetcher, Validators};
pub use list::read_url_list;
