//! What came of each source of a run.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use url::Url;

use super::Status;
use super::cache::TextKey;
use crate::model::Document;
use crate::snapshot::write::Body;
use crate::snapshot::{Records, SnapshotError};

pub(super) const SECONDS_PER_DAY: i64 = 86_400;

/// A document with its text, or with the place where the generation before has it.
#[derive(Debug, Clone)]
pub(super) struct Text {
    pub(super) document: Document,
    pub(super) body: Body,
}

impl Text {
    /// The text itself, read from the generation before where it lies there.
    pub(super) fn read(&self, previous: Option<&Records>) -> Result<Cow<'_, str>, SnapshotError> {
        match (&self.body, previous) {
            (Body::New(text), _) => Ok(Cow::Borrowed(text)),
            (Body::Kept(position), Some(previous)) => {
                Ok(Cow::Owned(previous.read_text(*position)?))
            }
            (Body::Kept(_), None) => Ok(Cow::Borrowed("")),
        }
    }
}

/// What came of one source.
#[derive(Debug)]
pub(super) struct Gathered {
    pub(super) source: String,
    pub(super) status: Status,
    pub(super) text: Option<Text>,
    pub(super) reason: Option<String>,
    pub(super) warnings: Vec<String>,
    pub(super) bytes: usize,
    pub(super) seconds: f64,
    /// What the page says about itself and where it leads.
    pub(super) page: Option<PageLinks>,
    /// Whether the page failed today, so that nobody knows where it leads.
    pub(super) hides_links: bool,
    /// Since when the source fails.
    pub(super) stale_since: Option<i64>,
    /// Under which its text lies in the cache, if it does.
    pub(super) text_key: Option<TextKey>,
}

/// What one page said about itself and others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PageLinks {
    /// Digest of the page that said so.
    pub(super) content_digest: String,
    /// The address that it names as its own.
    pub(super) canonical: Option<Url>,
    /// The pages of its site that it leads to; `None` if nobody asked.
    pub(super) links: Option<Vec<Url>>,
    /// Where it is asked for, if its name does not say that.
    pub(super) address: Option<Url>,
}

impl PageLinks {
    pub(super) fn new(
        content_digest: &str,
        canonical: Option<Url>,
        links: Option<Vec<Url>>,
    ) -> Self {
        Self {
            content_digest: content_digest.to_owned(),
            canonical,
            links,
            address: None,
        }
    }
}
