//! Which texts a generation will hold, and a row of the report for every source.

use std::collections::{HashMap, HashSet};

use url::Url;

use super::cache::TextKey;
use super::gathered::{Gathered, Text};
use super::report::{Row, Status};
use crate::crawl::Masks;
use crate::snapshot::Records;

/// Rows for the report; the texts to index: of several sources with the same text, the first; and
/// where the cache has the other texts, which no generation will hold.
pub(super) fn select(gathered: Vec<Gathered>) -> (Vec<Row>, Vec<Text>, HashSet<TextKey>) {
    let mut unindexed = HashSet::new();
    let mut rows = Vec::with_capacity(gathered.len());
    let mut texts: Vec<Text> = Vec::new();
    let mut first_with: HashMap<String, String> = HashMap::new();
    for item in gathered {
        let mut row = Row {
            source: item.source,
            status: item.status,
            reason: item.reason,
            warnings: item.warnings,
            bytes: item.bytes,
            chunks: 0,
            seconds: item.seconds,
            stale_since: item.stale_since,
        };
        if let Some(text) = item.text {
            if let Some(first) = first_with.get(&text.document.text_digest) {
                row.status = Status::Duplicate;
                row.reason = Some(format!("same text as {first}"));
                unindexed.extend(item.text_key);
            } else {
                first_with.insert(text.document.text_digest.clone(), row.source.clone());
                texts.push(text);
            }
        }
        rows.push(row);
    }
    (rows, texts, unindexed)
}

/// Documents of the generation before that no source names any more.
pub(super) fn removed_rows(previous: Option<&Records>, rows: &[Row], masks: &Masks) -> Vec<Row> {
    // A generation of before addresses were masked may hold some that are not.
    let shown = |source: &str| {
        let page = Url::parse(source).ok().filter(Url::has_host);
        page.map_or_else(|| source.to_owned(), |url| masks.shown(&url))
    };
    let named: HashSet<&str> = rows.iter().map(|row| row.source.as_str()).collect();
    let documents = previous.map(Records::documents).unwrap_or_default();
    documents
        .iter()
        .filter(|document| !named.contains(document.source.as_str()))
        .map(|document| Row {
            source: shown(&document.source),
            status: Status::Removed,
            reason: Some("no longer among the sources".to_owned()),
            warnings: Vec::new(),
            bytes: 0,
            chunks: 0,
            seconds: 0.0,
            stale_since: None,
        })
        .collect()
}

/// Fills in how many chunks each source has.
pub(super) fn count_chunks<'a>(
    rows: &mut [Row],
    sources: impl Iterator<Item = &'a str>,
    documents_of_chunks: impl Iterator<Item = u32>,
) {
    let mut counts: Vec<(&str, usize)> = sources.map(|source| (source, 0)).collect();
    for document in documents_of_chunks {
        counts[document as usize].1 += 1;
    }
    let counts: HashMap<&str, usize> = counts.into_iter().collect();
    for row in rows {
        row.chunks = counts.get(row.source.as_str()).copied().unwrap_or(0);
    }
}

/// Why nothing could be indexed, source by source.
pub(super) fn describe_failures(rows: &[Row]) -> String {
    let failures: Vec<String> = rows
        .iter()
        .map(|row| {
            format!(
                "{} ({})",
                row.source,
                row.reason.as_deref().unwrap_or(row.status.as_str())
            )
        })
        .collect();
    format!("{} sources were tried: {}", rows.len(), failures.join("; "))
}
