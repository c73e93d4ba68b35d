//! What the generation before knows of a source.

use super::Status;
use super::gathered::{SECONDS_PER_DAY, Text};
use crate::crawl::Validators;
use crate::extract::EXTRACTION_VERSION;
use crate::model::{Document, DocumentId};
use crate::runtime::clock;
use crate::snapshot::Records;
use crate::snapshot::write::Body;

/// What the generation before knows of a source.
pub(super) struct LastTime<'a> {
    pub(super) document: &'a Document,
    /// Its position.
    pub(super) position: u32,
    pub(super) extraction_version: u32,
    /// Whether it must be read again because nobody knows where it leads.
    pub(super) lacks_links: bool,
}

impl<'a> LastTime<'a> {
    pub(super) fn find(records: &'a Records, id: &DocumentId) -> Option<Self> {
        let position = records.position_of(id)?;
        Some(Self {
            document: &records.documents()[position as usize],
            position,
            extraction_version: records.manifest.extraction_version,
            lacks_links: false,
        })
    }

    /// Whether reading it again would tell nothing new.
    pub(super) fn is_current(&self) -> bool {
        self.extraction_version == EXTRACTION_VERSION && !self.lacks_links
    }

    /// Whether the same bytes, read again, would tell nothing new.
    pub(super) fn is_made_of(&self, content_digest: &str) -> bool {
        self.is_current() && self.document.content_digest == content_digest
    }

    pub(super) fn validators(&self) -> Validators {
        Validators {
            etag: self.document.etag.clone(),
            last_modified: self.document.last_modified.clone(),
        }
    }

    pub(super) fn to_text(&self) -> Text {
        Text {
            document: self.document.clone(),
            body: Body::Kept(self.position),
        }
    }
}

/// What becomes of a source that fails today: its content of last time stands in, unless it has
/// failed for too long.
pub(super) struct StandIn {
    pub(super) status: Status,
    pub(super) reason: String,
    /// Since when it fails, if there was anything of it.
    pub(super) stale_since: Option<i64>,
    pub(super) text: Option<Text>,
}

impl StandIn {
    /// `now` in seconds since the Unix epoch, `max_stale` in seconds; `None` is for ever.
    pub(super) fn of(
        last: Option<&LastTime<'_>>,
        reason: String,
        now: i64,
        max_stale: Option<i64>,
    ) -> Self {
        let Some(last) = last else {
            return Self {
                status: Status::Failed,
                reason,
                stale_since: None,
                text: None,
            };
        };
        let since = last.document.stale_since.unwrap_or(now);
        let date = clock::utc(since);
        let age = now.saturating_sub(since);
        if let Some(limit) = max_stale.filter(|limit| age >= *limit) {
            return Self {
                status: Status::Removed,
                reason: format!(
                    "failing since {date}, no longer kept after {} days: {reason}",
                    limit / SECONDS_PER_DAY
                ),
                stale_since: Some(since),
                text: None,
            };
        }
        let mut text = last.to_text();
        text.document.stale_since = Some(since);
        Self {
            status: Status::KeptStale,
            reason: format!("failing since {date}: {reason}"),
            stale_since: Some(since),
            text: Some(text),
        }
    }
}
