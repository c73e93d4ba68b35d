//! What the generation before knows of a source.

use super::gather::Text;
use crate::crawl::Validators;
use crate::extract::EXTRACTION_VERSION;
use crate::model::{Document, DocumentId};
use crate::snapshot::Records;

/// What the generation before knows of a source.
pub(super) struct LastTime<'a> {
    pub(super) document: &'a Document,
    pub(super) text: &'a str,
    pub(super) extraction_version: u32,
    /// Whether it must be read again because nobody knows where it leads.
    pub(super) lacks_links: bool,
}

impl<'a> LastTime<'a> {
    pub(super) fn find(records: &'a Records, id: &DocumentId) -> Option<Self> {
        let (position, document) = (0_u32..)
            .zip(records.documents())
            .find(|(_, document)| document.id == *id)?;
        Some(Self {
            document,
            text: records.text(position),
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
            text: self.text.to_owned(),
        }
    }
}
