//! `wattwise snapshot diff`

use std::collections::{HashMap, HashSet};
use std::path::Path;

use anyhow::bail;
use serde_json::json;

use super::generations::find;
use super::{ExitStatus, printer};
use crate::model::GenerationId;
use crate::snapshot::{Records, current, open};

/// What one source became.
struct Change<'a> {
    source: &'a str,
    kind: &'static str,
    chunks: [usize; 2],
}

/// The older and the newer one that are meant.
pub(super) fn pair(
    index: &Path,
    from: Option<&str>,
    to: Option<&str>,
) -> anyhow::Result<(GenerationId, GenerationId)> {
    Ok(match (from, to) {
        (Some(from), Some(to)) => (find(index, from)?, find(index, to)?),
        (Some(from), None) => (find(index, from)?, current::read(index)?),
        (None, _) => {
            let mut all = current::list(index)?;
            match (all.pop(), all.pop()) {
                (Some(to), Some(from)) => (from, to),
                _ => bail!(
                    "{} holds no two generations to compare; `wattwise ingest` makes another where the sources have changed",
                    index.display()
                ),
            }
        }
    })
}

pub(super) fn run(
    index: &Path,
    from: &GenerationId,
    to: &GenerationId,
    json: bool,
) -> anyhow::Result<ExitStatus> {
    let before = open::open_records(index, from)?;
    tell(&before, &open::open_records(index, to)?, json)
}

/// Prints what became of each source.
pub(super) fn tell(before: &Records, after: &Records, json: bool) -> anyhow::Result<ExitStatus> {
    let changes = changes(before, after);
    let ids = |records: &Records| -> HashSet<String> {
        let chunks = records.chunks().iter();
        chunks.map(|chunk| chunk.id.to_string()).collect()
    };
    let (old, new) = (ids(before), ids(after));
    let (added, removed) = (new.difference(&old).count(), old.difference(&new).count());
    printer::result(if json {
        let rows: Vec<_> = changes
            .iter()
            .map(|change| {
                json!({
                    "source": change.source,
                    "change": change.kind,
                    "chunks_before": change.chunks[0],
                    "chunks_after": change.chunks[1],
                })
            })
            .collect();
        json!({
            "from": before.manifest.generation.as_str(),
            "to": after.manifest.generation.as_str(),
            "documents": rows,
            "chunks_added": added,
            "chunks_removed": removed,
            "chunks_kept": old.intersection(&new).count(),
        })
        .to_string()
    } else {
        let mut text = String::new();
        for change in &changes {
            let [was, is] = change.chunks;
            text.push_str(&format!(
                "{:<8} {was:>5} -> {is:>5} chunks  {}\n",
                change.kind, change.source
            ));
        }
        let count = |kind| changes.iter().filter(|change| change.kind == kind).count();
        text.push_str(&format!(
            "documents: {} added, {} removed, {} changed; chunks: {added} added, {removed} removed, {} kept",
            count("added"),
            count("removed"),
            count("changed"),
            old.intersection(&new).count()
        ));
        text
    })?;
    Ok(ExitStatus::Done)
}

fn changes<'a>(before: &'a Records, after: &'a Records) -> Vec<Change<'a>> {
    let (old, new) = (by_source(before), by_source(after));
    let mut changes: Vec<Change<'_>> = Vec::new();
    for (source, (digest, chunks)) in &new {
        let (kind, was) = match old.get(source) {
            None => ("added", 0),
            Some((same, was)) if same == digest && was == chunks => continue,
            Some((_, was)) => ("changed", *was),
        };
        changes.push(Change {
            source,
            kind,
            chunks: [was, *chunks],
        });
    }
    for (source, (_, was)) in &old {
        if !new.contains_key(source) {
            changes.push(Change {
                source,
                kind: "removed",
                chunks: [*was, 0],
            });
        }
    }
    changes.sort_by_key(|change| (change.kind, change.source));
    changes
}

/// Text digest and number of chunks of each document.
fn by_source(records: &Records) -> HashMap<&str, (&str, usize)> {
    let mut counts = vec![0; records.documents().len()];
    for chunk in records.chunks() {
        counts[chunk.document as usize] += 1;
    }
    let documents = records.documents().iter().zip(counts);
    documents
        .map(|(document, count)| {
            let digest = document.text_digest.as_str();
            (document.source.as_str(), (digest, count))
        })
        .collect()
}
