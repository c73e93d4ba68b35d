//! Where the pages of the last run led.
//!
//! A page that has not changed is not read again, but the pages it leads to are still to be
//! visited. This lies beside the generations, not in them: `serve` has no use for it, and a run
//! that finds it missing, damaged or out of date reads the pages anew and loses nothing else.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;

use serde::{Deserialize, Serialize};
use url::Url;

use super::gathered::{Gathered, PageLinks};
use crate::model::Document;
use crate::runtime::files;

pub(super) const FILE: &str = "links.json";

/// What one run leaves to the next.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Memory {
    /// Of the hashes in masked addresses, so that they are the same on every run. Whoever reads
    /// this file reads the addresses too.
    pub(super) salt: [u8; 32],
    /// By source.
    pages: BTreeMap<String, PageLinks>,
}

impl Memory {
    /// What the last run left; nothing if that cannot be read.
    pub(super) fn open(index: &Path) -> Self {
        let left = files::read(&index.join(FILE))
            .ok()
            .and_then(|json| serde_json::from_slice(&json).ok());
        left.unwrap_or_else(|| {
            let mut new = Self::default();
            // Without a source of randomness the hashes are only less secret.
            let _ = getrandom::fill(&mut new.salt);
            new
        })
    }

    /// Where a page of that name was asked for, if the name does not say that.
    pub(super) fn address(&self, source: &str) -> Option<&Url> {
        self.pages.get(source)?.address.as_ref()
    }

    /// What the very bytes that `document` was made of said.
    pub(super) fn find(&self, document: &Document) -> Option<&PageLinks> {
        self.pages
            .get(&document.source)
            .filter(|page| page.content_digest == document.content_digest)
    }

    /// Replaces the memory by what this run learned. The caller holds the lock on `index`.
    pub(super) fn save(index: &Path, salt: [u8; 32], gathered: &[Gathered]) -> std::io::Result<()> {
        let pages = gathered
            .iter()
            .filter_map(|item| Some((item.source.clone(), item.page.clone()?)))
            .collect();
        let mut file = tempfile::NamedTempFile::new_in(index)?;
        file.write_all(&serde_json::to_vec(&Self { salt, pages })?)?;
        file.as_file().sync_all()?;
        file.persist(index.join(FILE))?;
        Ok(())
    }
}
