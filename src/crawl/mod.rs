//! From addresses to bytes, with every limit that a crawler owes to its user and to the web.
//!
//! Start reading at [`Crawler::visit`]. Knows nothing of documents: what the bytes mean is
//! `extract`'s business, and what is done with them `ingest`'s.

mod address;
mod crawler;
mod error;
mod fetch;
mod frontier;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzz;
mod list;
mod resolve;
mod robots;
mod scope;
mod secrets;
mod sitemap;
mod turns;

pub use address::is_public;
pub use crawler::{Crawler, Manners, Visit};
pub use error::{FetchError, ListError};
pub use fetch::{FetchLimits, FetchOutcome, Fetched, Validators};
pub use frontier::{Frontier, FrontierLimits};
pub use list::{Listed, read_url_list};
pub use resolve::PrivateHosts;
pub use scope::{is_same_site, normalize, same_site_links};
pub use secrets::{Credentials, MASKED_PARAMETERS, Masks};
pub use sitemap::{Discovered, discover};
