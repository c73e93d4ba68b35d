//! The documents themselves: a list of them, the text of one with its structure, and its file.

mod surroundings;
mod topics;

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::Semaphore;

pub use self::surroundings::{Surroundings, SurroundingsRequest};
pub use self::topics::Topic;
use super::AssistantError;
use crate::model::{Block, ContentKind, Document, DocumentId, Filter};
use crate::runtime::{blocking, files};
use crate::snapshot::Generation;
use crate::snapshot::live::Live;

/// A larger file is not sent: it would have to be in memory while its digest is computed.
const LARGEST_FILE_BYTES: u64 = 64 << 20;

/// Files that are read at once, so that many requests cannot fill the memory.
static READING: Semaphore = Semaphore::const_new(4);

/// A range is widened by up to so many bytes on either side, so that it holds whole blocks.
const WIDENED_BYTES: usize = 2 << 10;

/// What a reader may know of a document. Times are seconds since the Unix epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentInfo {
    /// Which.
    pub id: DocumentId,
    /// URL or path.
    pub source: String,
    /// Title fit to show.
    pub title: String,
    /// What the file is.
    pub kind: ContentKind,
    /// Number of pages, for paged kinds.
    pub page_count: Option<u32>,
    /// Bytes of its text.
    pub length: usize,
    /// When it was read.
    pub fetched_at: i64,
    /// When it was changed last, as it says itself.
    pub modified_at: Option<i64>,
    /// Since when its source does not answer.
    pub stale_since: Option<i64>,
}

/// A page of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentList {
    /// In the order of the index.
    pub documents: Vec<DocumentInfo>,
    /// How many pass the filter, on all pages.
    pub total: usize,
    /// Whether more come behind these.
    pub has_more: bool,
    /// The generation that they are in.
    pub generation: String,
}

/// A part of a document's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentText {
    /// The document.
    pub info: DocumentInfo,
    /// The headings above the first byte, outermost first, joined by ` > `.
    pub heading: String,
    /// Which bytes of the text.
    pub range: Range<usize>,
    /// The text at `range`.
    pub text: String,
    /// The blocks within `range`, cut where it ends; their ranges are bytes of the whole text.
    pub blocks: Vec<Block>,
    /// Where each block stands in a file without pages.
    pub locations: Vec<Option<String>>,
    /// The generation that it was read from.
    pub generation: String,
}

/// A document's file, byte for byte as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentFile {
    /// What it is.
    pub kind: ContentKind,
    /// Its own name, without folders.
    pub name: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// The documents of the generation that answers.
#[derive(Clone)]
pub struct Documents(pub(super) Arc<Live>);

impl Documents {
    /// The documents that `filter` admits, `at_most` of them, beginning behind `after`; none if that
    /// is no document of the live generation.
    pub fn list(&self, filter: &Filter, after: Option<&str>, at_most: usize) -> DocumentList {
        let generation = self.0.current();
        let admitted: Vec<u32> = (0u32..)
            .zip(generation.records.documents())
            .filter(|(_, document)| filter.admits(document))
            .map(|(position, _)| position)
            .collect();
        let first = match after {
            None => 0,
            Some(id) => generation
                .document_with_id(id)
                .map_or(admitted.len(), |after| {
                    admitted.partition_point(|position| *position <= after)
                }),
        };
        let rest = &admitted[first..];
        DocumentList {
            documents: rest
                .iter()
                .take(at_most)
                .map(|position| info(&generation, *position))
                .collect(),
            total: admitted.len(),
            has_more: rest.len() > at_most,
            generation: generation.id().to_string(),
        }
    }

    /// The text of a document at `range`, widened to whole blocks where these are short; bytes behind
    /// its end are left out. [`AssistantError::DocumentNotFound`] if the live generation has no such
    /// document.
    pub fn text(&self, id: &str, range: Range<usize>) -> Result<DocumentText, AssistantError> {
        let generation = self.0.current();
        let (position, document) = find(&generation, id)?;
        generation
            .records
            .have_documents(std::iter::once(position))?;
        let text = generation.records.text(position);
        let range = widened(text, &document.blocks, range);
        let blocks = blocks_within(&document.blocks, &range);
        Ok(DocumentText {
            info: info(&generation, position),
            heading: generation.headings_above(position, range.start).join(" > "),
            text: text[range.clone()].to_owned(),
            locations: blocks
                .iter()
                .map(|block| document.location_of(&block.range))
                .collect(),
            blocks,
            range,
            generation: generation.id().to_string(),
        })
    }

    /// The file that a document was read from. Only the bytes that were read are given: the file is
    /// found by what the index says of it and compared with the digest in the index, so that no other
    /// file can be had, whatever lies at that path by now. [`AssistantError::DocumentNotFound`] if the
    /// live generation has no such document, [`AssistantError::NoFile`] if it has none, or another.
    pub async fn file(&self, id: &str) -> Result<DocumentFile, AssistantError> {
        let generation = self.0.current();
        let (_, document) = find(&generation, id)?;
        if is_web(&document.source) {
            return Err(AssistantError::NoFile);
        }
        let path = PathBuf::from(&document.source);
        let (kind, digest) = (document.kind, document.content_digest.clone());
        let _turn = READING.acquire().await;
        blocking::run(move || {
            let bytes = read_same(&path, &digest)?;
            let name = path.file_name().unwrap_or_default();
            Ok(DocumentFile {
                kind,
                name: name.to_string_lossy().into_owned(),
                bytes,
            })
        })
        .await
    }
}

/// Whether a source is a page of the web rather than a file.
pub fn is_web(source: &str) -> bool {
    source.starts_with("https://") || source.starts_with("http://")
}

fn find<'a>(
    generation: &'a Arc<Generation>,
    id: &str,
) -> Result<(u32, &'a Document), AssistantError> {
    let position = generation
        .document_with_id(id)
        .ok_or(AssistantError::DocumentNotFound)?;
    Ok((position, &generation.records.documents()[position as usize]))
}

fn info(generation: &Generation, position: u32) -> DocumentInfo {
    let document = &generation.records.documents()[position as usize];
    DocumentInfo {
        id: document.id.clone(),
        source: document.source.clone(),
        title: document.title.clone(),
        kind: document.kind,
        page_count: document.page_count,
        length: generation.records.text_length(position),
        fetched_at: document.fetched_at,
        modified_at: document.modified_at(),
        stale_since: document.stale_since,
    }
}

/// The bytes of a regular file, if they are those with this digest.
fn read_same(path: &Path, digest: &str) -> Result<Vec<u8>, AssistantError> {
    let read = || files::read_at_most(&fs_err::canonicalize(path)?, LARGEST_FILE_BYTES);
    let bytes = read().map_err(|error| {
        tracing::info!(%error, "the file of a document cannot be read");
        AssistantError::NoFile
    })?;
    if blake3::hash(&bytes).to_hex().as_str() == digest {
        Ok(bytes)
    } else {
        Err(AssistantError::NoFile)
    }
}

/// `range` on character boundaries within `text`, and with the rest of the blocks at its ends where
/// that is short.
fn widened(text: &str, blocks: &[Block], range: Range<usize>) -> Range<usize> {
    let start = text.floor_char_boundary(range.start.min(text.len()));
    let end = text.ceil_char_boundary(range.end.clamp(start, text.len()));
    let first = blocks.partition_point(|block| block.range.end <= start);
    let last = blocks.partition_point(|block| block.range.start < end);
    let begins = blocks.get(first).map_or(start, |block| block.range.start);
    let ends = last
        .checked_sub(1)
        .map_or(end, |last| blocks[last].range.end);
    Range {
        start: if begins < start && start - begins <= WIDENED_BYTES {
            begins
        } else {
            start
        },
        end: if ends > end && ends - end <= WIDENED_BYTES {
            ends
        } else {
            end
        },
    }
}

fn blocks_within(blocks: &[Block], range: &Range<usize>) -> Vec<Block> {
    let first = blocks.partition_point(|block| block.range.end <= range.start);
    blocks[first..]
        .iter()
        .take_while(|block| block.range.start < range.end)
        .map(|block| Block {
            range: block.range.start.max(range.start)..block.range.end.min(range.end),
            ..block.clone()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assistant::fixture;
    use crate::model::BlockKind;

    #[test]
    fn a_range_is_widened_to_short_blocks_and_never_cuts_a_character() {
        let long = "é".repeat(4000);
        let text = format!("One two.\n\n{long}\n\nEnd.");
        let block = |range| Block {
            kind: BlockKind::Paragraph,
            range,
            page: None,
        };
        let end = text.len();
        let blocks = [block(0..8), block(10..8010), block(8012..end)];
        assert_eq!(widened(&text, &blocks, 3..5), 0..8);
        assert_eq!(widened(&text, &blocks, 4001..4003), 4000..4004);
        assert_eq!(widened(&text, &blocks, 8011..8014), 8011..end);
        assert_eq!(widened(&text, &blocks, 50_000..60_000), end..end);
        assert_eq!(widened("", &[], 0..10), 0..0);
        let cut = blocks_within(&blocks, &(4000..8014));
        let ranges: Vec<_> = cut.into_iter().map(|block| block.range).collect();
        assert_eq!(ranges, [4000..8010, 8012..8014]);
    }

    #[test]
    fn only_the_bytes_that_were_read_are_given() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.md");
        fs_err::write(&path, "as it was").unwrap();
        let digest = blake3::hash(b"as it was").to_hex().to_string();
        assert_eq!(read_same(&path, &digest).unwrap(), b"as it was");
        fs_err::write(&path, "something else").unwrap();
        for path in [path.as_path(), folder.path(), Path::new("/no/such/file")] {
            let refused = read_same(path, &digest).unwrap_err();
            assert!(matches!(refused, AssistantError::NoFile), "{path:?}");
        }
    }

    #[test]
    fn documents_are_listed_page_by_page() {
        let directory = tempfile::tempdir().unwrap();
        let (assistant, _) = fixture::assistant(directory.path());
        let mut seen = Vec::new();
        loop {
            let after = seen.last().map(|id: &DocumentId| id.as_str().to_owned());
            let page = assistant
                .documents
                .list(&Filter::default(), after.as_deref(), 4);
            assert_eq!(page.total, 6);
            seen.extend(page.documents.into_iter().map(|info| info.id));
            if !page.has_more {
                break;
            }
        }
        assert_eq!(seen.len(), 6);
        let one = Filter {
            source: Some("guide-3.txt".to_owned()),
            ..Filter::default()
        };
        let found = assistant.documents.list(&one, None, 4);
        assert_eq!(
            (found.total, found.documents[0].id.clone()),
            (1, seen[3].clone())
        );
        let behind = assistant
            .documents
            .list(&Filter::default(), Some("none"), 4);
        assert!(behind.documents.is_empty());
        let text = assistant.documents.text(seen[3].as_str(), 0..5).unwrap();
        assert!(text.text.starts_with("Guide 3 on heating."));
        assert!(assistant.documents.text("none", 0..5).is_err());
    }
}
