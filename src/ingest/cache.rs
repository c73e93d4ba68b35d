//! Finished work of runs that have not published: an interrupted run goes on where it was.
//!
//! What a published generation holds needs no cache, so everything here is bounded by one run: the
//! vectors go when a run publishes or finds nothing to do, and so do the texts, except those that
//! no generation holds (a duplicate's). Entries carry a digest and are believed only when it fits;
//! a cache that cannot be written costs time, never the run. The caller holds the writer lock.

use std::collections::HashSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::kept_vectors::{KeptVectors, StoredVectors, VectorKey};
use super::ocr::Ocr;
use super::seal::{seal, unseal};
use crate::embed::PassageVectors;
use crate::extract::EXTRACTION_VERSION;
use crate::model::{ContentKind, EmbedderFingerprint, Extracted, UnitVector};
use crate::runtime::files;

const DIRECTORY: &str = ".cache";
/// Runs that are killed again and again must not fill the disk; the oldest work goes first.
const MAX_BYTES: u64 = 2 << 30;

/// Names extracted text by all that it depends on.
pub(super) type TextKey = String;

/// A page that was fetched and dealt with: what a run that goes on need not ask for again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct KeptPage {
    /// Where it was found, after redirects.
    pub(super) url: String,
    pub(super) kind: ContentKind,
    pub(super) charset: Option<String>,
    pub(super) content_digest: String,
    pub(super) etag: Option<String>,
    pub(super) last_modified: Option<String>,
    pub(super) bytes: usize,
    /// Seconds since the Unix epoch.
    pub(super) fetched_at: i64,
}

/// Finished work beside the index.
pub(super) struct Cache {
    directory: PathBuf,
    segment: Mutex<Option<fs_err::File>>,
    used_texts: Mutex<HashSet<TextKey>>,
    is_writable: AtomicBool,
}

impl Cache {
    /// The cache of an index directory. A dry run reads it and writes nothing.
    pub(super) fn open(index: &Path, dry_run: bool) -> Self {
        let cache = Self {
            directory: index.join(DIRECTORY),
            segment: Mutex::new(None),
            used_texts: Mutex::default(),
            is_writable: AtomicBool::new(!dry_run),
        };
        if !dry_run {
            cache.shrink(MAX_BYTES);
        }
        cache
    }

    /// The key of the text of a file.
    pub(super) fn text_key(
        content_digest: &str,
        kind: ContentKind,
        charset: Option<&str>,
        ocr: Option<&Ocr>,
    ) -> TextKey {
        let ocr = ocr.map(Ocr::fingerprint);
        let name = format!("{content_digest}\0{EXTRACTION_VERSION}\0{kind}\0{charset:?}\0{ocr:?}");
        blake3::hash(name.as_bytes()).to_hex()[..32].to_owned()
    }

    /// Text that an earlier run extracted.
    pub(super) fn text(&self, key: &TextKey) -> Option<Extracted> {
        self.note_use(key);
        let bytes = files::read(&self.text_path(key)).ok()?;
        unseal(&bytes).map(|(extracted, _)| extracted)
    }

    /// Keeps extracted text.
    pub(super) fn keep_text(&self, key: &TextKey, extracted: &Extracted) {
        self.note_use(key);
        self.attempt(|| replace(&self.text_path(key), &seal(extracted)?));
    }

    /// What a run that was interrupted fetched from `source`.
    pub(super) fn page(&self, source: &str) -> Option<KeptPage> {
        let bytes = files::read(&self.page_path(source)).ok()?;
        unseal(&bytes).map(|(page, _)| page)
    }

    /// Remembers that a page was fetched, until this run ends in order.
    pub(super) fn keep_page(&self, source: &str, page: &KeptPage) {
        self.attempt(|| replace(&self.page_path(source), &seal(page)?));
    }

    /// All vectors that earlier runs made with this embedder. They stay in their files.
    pub(super) fn vectors(&self, embedder: &EmbedderFingerprint) -> KeptVectors {
        let prefix = segment_prefix(embedder);
        let mut kept = KeptVectors::of(embedder.dimension);
        for (path, _) in self.files() {
            let is_ours = path
                .file_name()
                .and_then(|name| name.to_str())
                .is_some_and(|name| name.starts_with(&prefix));
            if is_ours && let Ok(file) = files::open(&path) {
                kept.take(file);
            }
        }
        kept
    }

    /// Keeps vectors that were just made, in this run's own segment.
    pub(super) fn keep_vectors<'a>(
        &self,
        embedder: &EmbedderFingerprint,
        entries: impl Iterator<Item = (VectorKey, &'a PassageVectors)>,
    ) {
        self.attempt(|| {
            let mut bytes = Vec::new();
            for (key, vectors) in entries {
                let values = |vector: &UnitVector| vector.as_slice().to_vec();
                let stored: StoredVectors = (
                    key,
                    values(&vectors.whole),
                    vectors.spans.iter().map(values).collect(),
                    vectors.words.as_bytes().to_vec(),
                );
                bytes.extend(seal(&stored)?);
            }
            let mut segment = self.segment.lock().unwrap_or_else(PoisonError::into_inner);
            if segment.is_none() {
                fs_err::create_dir_all(&self.directory)?;
                let name = format!("{}{}", segment_prefix(embedder), uuid::Uuid::now_v7());
                *segment = Some(fs_err::File::create_new(self.directory.join(name))?);
            }
            match segment.as_mut() {
                Some(file) => file.write_all(&bytes),
                None => Ok(()),
            }
        });
    }

    /// Called when everything but the texts under `needed` lies in the live generation.
    pub(super) fn finish(&self, needed: &HashSet<TextKey>) {
        self.remove(|path| !self.is_text_of(path, needed));
    }

    /// Called when a run ended in order: the next one asks for every page.
    pub(super) fn drop_pages(&self) {
        let pages = self.directory.join("pages");
        self.remove(|path| path.starts_with(&pages));
    }

    /// Called when a run ended without publishing: drops texts that it did not use.
    pub(super) fn drop_unused_texts(&self) {
        let used = self
            .used_texts
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let texts = self.directory.join("texts");
        self.remove(|path| path.starts_with(&texts) && !self.is_text_of(path, &used));
    }

    fn is_text_of(&self, path: &Path, keys: &HashSet<TextKey>) -> bool {
        path.parent() == Some(self.directory.join("texts").as_path())
            && path
                .file_name()
                .and_then(|name| name.to_str())
                .is_some_and(|name| keys.contains(name))
    }

    fn remove(&self, is_needless: impl Fn(&Path) -> bool) {
        if self.is_writable.load(Ordering::Relaxed) {
            for (path, _) in self.files() {
                if is_needless(&path) {
                    // What stays behind is removed by a later run.
                    let _ = fs_err::remove_file(path);
                }
            }
        }
    }

    fn shrink(&self, most: u64) {
        let mut files = self.files();
        files.sort_by_key(|(_, metadata)| std::cmp::Reverse(metadata.modified().ok()));
        let mut total = 0;
        for (path, metadata) in files {
            total += metadata.len();
            if total > most {
                let _ = fs_err::remove_file(path);
            }
        }
    }

    fn files(&self) -> Vec<(PathBuf, std::fs::Metadata)> {
        ["", "texts", "pages"]
            .iter()
            .map(|folder| self.directory.join(folder))
            .filter_map(|directory| fs_err::read_dir(directory).ok())
            .flatten()
            .filter_map(|entry| {
                let entry = entry.ok()?;
                let metadata = entry.metadata().ok().filter(std::fs::Metadata::is_file)?;
                Some((entry.path(), metadata))
            })
            .collect()
    }

    fn page_path(&self, source: &str) -> PathBuf {
        let name = &blake3::hash(source.as_bytes()).to_hex()[..32];
        self.directory.join("pages").join(name)
    }

    fn text_path(&self, key: &TextKey) -> PathBuf {
        self.directory.join("texts").join(key)
    }

    fn note_use(&self, key: &TextKey) {
        let mut used = self
            .used_texts
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        used.insert(key.clone());
    }

    /// The first failure ends the keeping, so that a full disk is tried once and not for each entry.
    fn attempt(&self, keep: impl FnOnce() -> std::io::Result<()>) {
        if !self.is_writable.load(Ordering::Relaxed) {
            return;
        }
        if let Err(error) = keep()
            && self.is_writable.swap(false, Ordering::Relaxed)
        {
            tracing::warn!(%error, "finished work cannot be kept; if this run is interrupted, the next begins anew");
        }
    }
}

/// Puts a whole file where there is none or another one.
fn replace(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        fs_err::create_dir_all(folder)?;
    }
    let temporary = path.with_extension("new");
    fs_err::write(&temporary, bytes)?;
    fs_err::rename(temporary, path)
}

fn segment_prefix(embedder: &EmbedderFingerprint) -> String {
    let digest = blake3::hash(format!("{embedder:?}").as_bytes()).to_hex();
    format!("vectors-{}-", &digest[..16])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ContentKind, WordCodes};

    fn fingerprint(model: &str) -> EmbedderFingerprint {
        EmbedderFingerprint {
            adapter: "test".to_owned(),
            model: model.to_owned(),
            digest: None,
            dimension: 2,
            pooling: String::new(),
            document_prefix: String::new(),
            query_prefix: String::new(),
        }
    }

    fn vectors(x: f32) -> PassageVectors {
        let vector = UnitVector::normalize(vec![x, 1.0]).unwrap();
        PassageVectors {
            whole: vector.clone(),
            words: WordCodes::of([&vector]),
            spans: vec![vector],
        }
    }

    #[test]
    fn a_torn_or_damaged_entry_is_passed_over() {
        let index = tempfile::tempdir().unwrap();
        let cache = Cache::open(index.path(), false);
        let embedder = fingerprint("one");
        let entries = [([1; 16], vectors(1.0)), ([2; 16], vectors(2.0))];
        cache.keep_vectors(&embedder, entries.iter().map(|(key, item)| (*key, item)));
        let kept = cache.vectors(&embedder);
        assert_eq!(kept.read(&[2; 16]), Some(vectors(2.0)));
        assert_eq!((kept.len(), kept.read(&[3; 16])), (2, None));
        assert!(cache.vectors(&fingerprint("other")).len() == 0);

        let (segment, _) = cache.files().remove(0);
        let whole = fs_err::read(&segment).unwrap();
        for cut in 0..whole.len() {
            fs_err::write(&segment, &whole[..cut]).unwrap();
            assert_eq!(
                cache.vectors(&embedder).len(),
                usize::from(cut >= whole.len() / 2)
            );
        }
        for position in 0..whole.len() {
            let mut flipped = whole.clone();
            flipped[position] ^= 1;
            fs_err::write(&segment, &flipped).unwrap();
            assert!(cache.vectors(&embedder).len() <= 1);
        }
    }

    #[test]
    fn texts_are_kept_until_the_generation_holds_them() {
        let index = tempfile::tempdir().unwrap();
        let extracted = Extracted {
            text: "Close the curtains at dusk.".to_owned(),
            ..Extracted::default()
        };
        let key = |digest: &str| Cache::text_key(digest, ContentKind::Text, None, None);
        let cache = Cache::open(index.path(), false);
        for digest in ["a", "b"] {
            assert_eq!(cache.text(&key(digest)), None);
            cache.keep_text(&key(digest), &extracted);
        }
        assert_eq!(cache.text(&key("a")).as_ref(), Some(&extracted));
        cache.drop_unused_texts();
        assert_eq!(cache.files().len(), 2, "both were used");
        cache.finish(&HashSet::from([key("b")]));
        assert_eq!(cache.text(&key("a")), None);
        assert!(cache.text(&key("b")).is_some());

        let dry = Cache::open(index.path(), true);
        dry.keep_text(&key("c"), &extracted);
        assert_eq!(dry.text(&key("c")), None);
        fs_err::write(cache.text_path(&key("b")), "damage").unwrap();
        assert_eq!(cache.text(&key("b")), None);
        cache.shrink(0);
        assert!(cache.files().is_empty());
    }
}
