//! What every page of a site repeats, learned from the pages themselves.
//!
//! A block of text that stands on most pages of a host is furniture there; on one page alone it is
//! content. Each page's blocks are remembered as digests, beside the generations, so that a run in
//! which few pages have changed still counts all of them. A site of which few pages are known keeps
//! everything.
//!
//! A heading, an item or a row is never dropped alone: a heading goes when nothing of its section
//! stays, items and rows when their whole list or table goes. So the `Options` over each page of a
//! manual stay.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::Write as _;
use std::ops::Range;
use std::path::Path;

use serde::{Deserialize, Serialize};
use url::Url;

use super::gathered::{Gathered, Text};
use super::report::Status;
use crate::model::{Block, BlockKind, ContentKind};
use crate::snapshot::write::Body;
use crate::snapshot::{Records, SnapshotError};

pub(super) const FILE: &str = "blocks.json";
/// A site with fewer pages than this has no template yet.
const LEAST_PAGES: usize = 5;
/// "Most" pages of a host, in percent.
const MOST_PERCENT: usize = 60;
/// A page that would keep less than this share (in percent) keeps everything: it is a copy of others.
const LEAST_KEPT_PERCENT: usize = 30;

/// The digests of a page's blocks, each once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct PageBlocks {
    content_digest: String,
    digests: Vec<u64>,
}

/// By source, what the last run read.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Templates(BTreeMap<String, PageBlocks>);

impl Templates {
    /// What the last run left; nothing if that cannot be read.
    pub(super) fn open(index: &Path) -> Self {
        fs_err::read(index.join(FILE))
            .ok()
            .and_then(|json| serde_json::from_slice(&json).ok())
            .unwrap_or_default()
    }

    /// Replaces what the last run left. The caller holds the lock on `index`.
    pub(super) fn save(&self, index: &Path) -> std::io::Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(index)?;
        file.write_all(&serde_json::to_vec(self)?)?;
        file.as_file().sync_all()?;
        file.persist(index.join(FILE))?;
        Ok(())
    }

    /// Counts the blocks of this run's pages and takes the repeated ones out of their texts.
    /// `previous` tells which pages are then as they were.
    pub(super) fn apply(
        &mut self,
        gathered: &mut [Gathered],
        previous: Option<&Records>,
    ) -> Result<(), SnapshotError> {
        let repeated_before = self.repeated();
        self.learn(gathered, previous)?;
        let repeated = self.repeated();
        let known: HashMap<&str, &str> = previous
            .map(Records::documents)
            .unwrap_or_default()
            .iter()
            .map(|document| (document.source.as_str(), document.text_digest.as_str()))
            .collect();
        for item in gathered {
            let Some(text) = item.text.as_mut().filter(|text| is_page(text)) else {
                continue;
            };
            let site = site(&item.source);
            // What is kept was stripped of the same blocks last time.
            let is_stripped = matches!(text.body, Body::Kept(_))
                && repeated.get(&site) == repeated_before.get(&site);
            if let Some(repeated) = repeated.get(&site).filter(|_| !is_stripped) {
                strip(text, repeated, previous)?;
            }
            let before = known.get(item.source.as_str());
            let is_same = before.is_some_and(|digest| *digest == text.document.text_digest);
            if item.status == Status::Changed && is_same {
                item.status = Status::Unchanged;
            } else if item.status == Status::Unchanged && before.is_some() && !is_same {
                item.status = Status::Changed;
            }
        }
        Ok(())
    }

    /// Keeps the pages of this run. Of one that was not read again, what is known stays.
    fn learn(
        &mut self,
        gathered: &[Gathered],
        previous: Option<&Records>,
    ) -> Result<(), SnapshotError> {
        let mut last = std::mem::take(&mut self.0);
        for item in gathered {
            let Some(text) = item.text.as_ref().filter(|text| is_page(text)) else {
                continue;
            };
            let content_digest = &text.document.content_digest;
            let known = last
                .remove(&item.source)
                .filter(|page| page.content_digest == *content_digest && item.text_key.is_none());
            let page = match known {
                Some(page) => page,
                None => PageBlocks {
                    content_digest: content_digest.clone(),
                    digests: digests(&text.document.blocks, &text.read(previous)?),
                },
            };
            self.0.insert(item.source.clone(), page);
        }
        Ok(())
    }

    /// By site, the digests that stand on most of its pages.
    fn repeated(&self) -> HashMap<String, HashSet<u64>> {
        let mut pages: HashMap<String, usize> = HashMap::new();
        let mut counts: HashMap<String, HashMap<u64, usize>> = HashMap::new();
        for (source, page) in &self.0 {
            let site = site(source);
            *pages.entry(site.clone()).or_default() += 1;
            let counts = counts.entry(site).or_default();
            for digest in &page.digests {
                *counts.entry(*digest).or_default() += 1;
            }
        }
        counts
            .into_iter()
            .filter_map(|(site, counts)| {
                let all = pages.get(&site).copied().unwrap_or(0);
                let digests: HashSet<u64> = counts
                    .into_iter()
                    .filter(|(_, count)| *count * 100 >= all * MOST_PERCENT)
                    .map(|(digest, _)| digest)
                    .collect();
                (all >= LEAST_PAGES && !digests.is_empty()).then_some((site, digests))
            })
            .collect()
    }
}

fn is_page(text: &Text) -> bool {
    text.document.kind == ContentKind::Html
}

/// The host of an address, the folder of a file.
fn site(source: &str) -> String {
    let host = Url::parse(source)
        .ok()
        .and_then(|url| url.host_str().map(str::to_owned));
    host.unwrap_or_else(|| {
        let folder = Path::new(source).parent();
        folder
            .map(|folder| folder.to_string_lossy().into_owned())
            .unwrap_or_default()
    })
}

fn digests(blocks: &[Block], text: &str) -> Vec<u64> {
    let mut seen: Vec<u64> = blocks
        .iter()
        .map(|block| digest(&text[block.range.clone()]))
        .collect();
    seen.sort_unstable();
    seen.dedup();
    seen
}

fn digest(block: &str) -> u64 {
    let mut short = [0; 8];
    short.copy_from_slice(&blake3::hash(block.as_bytes()).as_bytes()[..8]);
    u64::from_le_bytes(short)
}

/// Takes the repeated blocks out of a text.
fn strip(
    text: &mut Text,
    repeated: &HashSet<u64>,
    previous: Option<&Records>,
) -> Result<(), SnapshotError> {
    let blocks = &text.document.blocks;
    let whole = text.read(previous)?.into_owned();
    let mut keeps: Vec<bool> = blocks
        .iter()
        .map(|block| !repeated.contains(&digest(&whole[block.range.clone()])))
        .collect();
    keep_whole_runs(blocks, &mut keeps);
    keep_headings(blocks, &mut keeps);
    let length = |keep: bool| -> usize {
        let those = blocks
            .iter()
            .zip(&keeps)
            .filter(|(_, keeps)| **keeps == keep);
        those.map(|(block, _)| block.range.len()).sum()
    };
    let (kept, dropped) = (length(true), length(false));
    if dropped == 0 || kept * 100 < (kept + dropped) * LEAST_KEPT_PERCENT {
        return Ok(());
    }
    rebuild(text, &whole, &keeps);
    Ok(())
}

/// A list or a table goes as a whole or not at all.
fn keep_whole_runs(blocks: &[Block], keeps: &mut [bool]) {
    let is_run = |kind: BlockKind| matches!(kind, BlockKind::ListItem | BlockKind::TableRow);
    let mut at = 0;
    while at < blocks.len() {
        let kind = blocks[at].kind;
        let end = blocks[at..]
            .iter()
            .position(|block| block.kind != kind)
            .map_or(blocks.len(), |more| at + more);
        if is_run(kind) && keeps[at..end].contains(&true) {
            keeps[at..end].fill(true);
        }
        at = end;
    }
}

/// A heading goes only with all of its section.
fn keep_headings(blocks: &[Block], keeps: &mut [bool]) {
    // For each level, whether something stays below the heading of that level that comes next above.
    let mut stays = [false; 8];
    for (at, block) in blocks.iter().enumerate().rev() {
        if let BlockKind::Heading(level) = block.kind {
            let level = usize::from(level.min(7));
            keeps[at] |= stays[level];
            // What stays in this section stays in the one above it, and in no other of its level.
            stays[level..].fill(false);
            stays[..level]
                .iter_mut()
                .for_each(|above| *above |= keeps[at]);
        } else if keeps[at] {
            stays.fill(true);
        }
    }
}

fn rebuild(text: &mut Text, old: &str, keeps: &[bool]) {
    let mut blocks: Vec<Block> = Vec::new();
    let mut fresh = String::with_capacity(old.len());
    for (block, _) in text
        .document
        .blocks
        .iter()
        .zip(keeps)
        .filter(|(_, keeps)| **keeps)
    {
        if let Some(last) = blocks.last() {
            let joins = matches!(block.kind, BlockKind::ListItem | BlockKind::TableRow);
            fresh.push_str(if joins && last.kind == block.kind {
                "\n"
            } else {
                "\n\n"
            });
        }
        let Range { start, end } = block.range;
        let begin = fresh.len();
        fresh.push_str(&old[start..end]);
        blocks.push(Block {
            range: begin..fresh.len(),
            ..block.clone()
        });
    }
    text.document.blocks = blocks;
    text.document.text_digest = blake3::hash(fresh.as_bytes()).to_hex().to_string();
    text.body = Body::New(fresh);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Document, DocumentId};

    /// A page of blocks; `#` marks a heading and `-` an item.
    fn page(source: &str, lines: &[&str]) -> Gathered {
        let (mut text, mut blocks) = (String::new(), Vec::new());
        for line in lines {
            let kind = match line.chars().next() {
                Some('#') => BlockKind::Heading(2),
                Some('-') => BlockKind::ListItem,
                _ => BlockKind::Paragraph,
            };
            if !text.is_empty() {
                text.push_str("\n\n");
            }
            let start = text.len();
            text.push_str(line);
            blocks.push(Block {
                kind,
                range: start..text.len(),
                page: None,
            });
        }
        let mut gathered = Gathered::failed(source.to_owned(), String::new());
        gathered.status = Status::Added;
        gathered.text = Some(Text {
            document: Document {
                id: DocumentId::of_source(source),
                source: source.to_owned(),
                title: String::new(),
                kind: ContentKind::Html,
                content_digest: blake3::hash(text.as_bytes()).to_hex().to_string(),
                text_digest: blake3::hash(text.as_bytes()).to_hex().to_string(),
                page_count: None,
                blocks,
                fetched_at: 0,
                etag: None,
                last_modified: None,
                stale_since: None,
                locations: Vec::new(),
                metadata: Vec::new(),
            },
            body: Body::New(text),
        });
        gathered
    }

    /// The texts of so many pages of a site, each with `own` lines between what all share.
    fn texts(count: usize) -> Vec<String> {
        let mut pages: Vec<Gathered> = (0..count)
            .map(|number| {
                let own =
                    format!("What page {number} alone says, at some length, for its readers.");
                let item = format!("- {number}");
                let lines = [
                    "Call us on 0113.",
                    "# Options",
                    &own,
                    "- Yes",
                    &item,
                    "# About us",
                    "We are a trust.",
                ];
                page(&format!("https://a.org/{number}"), &lines)
            })
            .collect();
        Templates::default().apply(&mut pages, None).unwrap();
        pages
            .into_iter()
            .filter_map(|page| Some(page.text?.read(None).unwrap().into_owned()))
            .collect()
    }

    fn text_of(page: &Gathered) -> &str {
        match &page.text.as_ref().unwrap().body {
            Body::New(text) => text,
            Body::Kept(_) => unreachable!("there is no generation before"),
        }
    }

    #[test]
    fn what_most_pages_repeat_goes_and_headings_and_lists_go_only_as_a_whole() {
        assert_eq!(
            texts(LEAST_PAGES)[1],
            "# Options\n\nWhat page 1 alone says, at some length, for its readers.\n\n- Yes\n- 1"
        );
    }

    #[test]
    fn few_pages_keep_everything() {
        let kept = &texts(LEAST_PAGES - 1)[1];
        assert!(
            kept.contains("Call us") && kept.contains("We are a trust."),
            "{kept}"
        );
    }

    #[test]
    fn pages_that_are_not_read_again_still_count() {
        let lines = |number: usize| {
            format!("What page {number} alone says, and it is long enough to be the most of it.")
        };
        let all = |count: usize| -> Vec<Gathered> {
            (0..count)
                .map(|number| {
                    page(
                        &format!("https://a.org/{number}"),
                        &["Call us.", &lines(number)],
                    )
                })
                .collect()
        };
        let mut templates = Templates::default();
        let mut first = all(LEAST_PAGES);
        templates.apply(&mut first, None).unwrap();
        // The next run finds the texts as the generation holds them, and one page more.
        first.push(page("https://a.org/new", &["Call us.", &lines(99)]));
        templates.apply(&mut first, None).unwrap();
        assert!(first.iter().all(|page| !text_of(page).contains("Call us")));
    }
}
