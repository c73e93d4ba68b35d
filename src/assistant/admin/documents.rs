//! Every source, and what became of it: those of the generation that answers, and those that the
//! last run met and that are not in it.

use std::collections::HashMap;

use super::{Admin, AdminError, LastRun};
use crate::model::{ContentKind, Document, DocumentId};
use crate::runtime::blocking;
use crate::snapshot::Generation;
use crate::snapshot::last_run::SourceRow;

/// What became of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DocumentState {
    /// Nothing of it is indexed.
    Failed,
    /// It no longer answers; its last good content is indexed.
    Stale,
    /// The last run read it, and it is not in the generation that answers.
    Waiting,
    /// It is no document for us; nobody asked for it by name.
    Skipped,
    /// Another source has the same text and is indexed.
    Duplicate,
    /// It is indexed as the last run found it.
    Fresh,
}

impl DocumentState {
    /// All of them, those first that want an eye.
    pub const ALL: [Self; 6] = [
        Self::Failed,
        Self::Stale,
        Self::Waiting,
        Self::Skipped,
        Self::Duplicate,
        Self::Fresh,
    ];

    /// The word in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Stale => "stale",
            Self::Waiting => "waiting",
            Self::Skipped => "skipped",
            Self::Duplicate => "duplicate",
            Self::Fresh => "fresh",
        }
    }

    /// The state that [`Self::as_str`] calls `name`.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }

    /// Of a source that is not in the generation that answers, as the report of the last run says;
    /// `None` for one that is gone because it is no longer asked for.
    fn of_missing(row: &SourceRow) -> Option<Self> {
        match row.status.as_str() {
            "failed" => Some(Self::Failed),
            // It was given up after it had failed for too long.
            "removed" => row.stale_since.map(|_| Self::Failed),
            "skipped" => Some(Self::Skipped),
            "duplicate" => Some(Self::Duplicate),
            _ => Some(Self::Waiting),
        }
    }
}

/// Which sources to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DocumentQuery {
    /// In this state only.
    pub state: Option<DocumentState>,
    /// With this in their address or title, whatever its case.
    pub text: String,
    /// Behind so many of them.
    pub skip: usize,
    /// So many of them.
    pub at_most: usize,
}

/// One source. Times are seconds since the Unix epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentRow {
    /// URL or path.
    pub source: String,
    /// What became of it.
    pub state: DocumentState,
    /// Why.
    pub reason: Option<String>,
    /// What was lost or doubtful.
    pub warnings: Vec<String>,
    /// Since when it fails.
    pub stale_since: Option<i64>,
    /// What is indexed of it.
    pub indexed: Option<IndexedDocument>,
}

/// What is indexed of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexedDocument {
    /// The document.
    pub id: DocumentId,
    /// Its title.
    pub title: String,
    /// What its file is.
    pub kind: ContentKind,
    /// When it was read.
    pub fetched_at: i64,
    /// When it was changed last, as it says itself.
    pub modified_at: Option<i64>,
    /// Chunks of it.
    pub chunks: usize,
}

/// A page of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Documents {
    /// Those that want an eye first, then by address.
    pub rows: Vec<DocumentRow>,
    /// How many there are on all pages.
    pub matched: usize,
    /// How many hold the text that was asked for, by state.
    pub counts: [usize; DocumentState::ALL.len()],
    /// The generation that answers.
    pub generation: String,
}

impl Admin {
    /// Sources and what became of them.
    pub async fn documents(&self, query: DocumentQuery) -> Result<Documents, AdminError> {
        let run = self.last_run().await?;
        let generation = self.parts.live.current();
        Ok(blocking::run(move || list(&generation, run.as_deref(), &query)).await)
    }
}

/// A source before it is copied into a row.
struct Entry<'a> {
    state: DocumentState,
    source: &'a str,
    document: Option<(usize, &'a Document)>,
    row: Option<&'a SourceRow>,
}

fn list(generation: &Generation, run: Option<&LastRun>, query: &DocumentQuery) -> Documents {
    let wanted = query.text.trim().to_lowercase();
    let holds = |text: &str| text.to_lowercase().contains(&wanted);
    let mut entries = entries(generation, run);
    entries.retain(|entry| {
        let title = entry.document.map(|(_, document)| document.title.as_str());
        wanted.is_empty() || holds(entry.source) || title.is_some_and(holds)
    });
    let counts =
        DocumentState::ALL.map(|state| entries.iter().filter(|entry| entry.state == state).count());
    entries.retain(|entry| query.state.is_none_or(|state| entry.state == state));
    entries.sort_by_key(|entry| (entry.state, entry.source));
    let chunks = chunk_counts(generation);
    let page = entries.iter().skip(query.skip).take(query.at_most);
    Documents {
        rows: page.map(|entry| entry.to_row(&chunks)).collect(),
        matched: entries.len(),
        counts,
        generation: generation.id().to_string(),
    }
}

fn entries<'a>(generation: &'a Generation, run: Option<&'a LastRun>) -> Vec<Entry<'a>> {
    let reported = run.and_then(|run| run.report.as_ref());
    let rows: &[SourceRow] = reported.map_or(&[], |report| &report.sources);
    let mut missing: HashMap<&str, &SourceRow> =
        rows.iter().map(|row| (row.source.as_str(), row)).collect();
    let mut entries = Vec::with_capacity(rows.len());
    for (number, document) in generation.records.documents().iter().enumerate() {
        entries.push(Entry {
            state: if document.stale_since.is_some() {
                DocumentState::Stale
            } else {
                DocumentState::Fresh
            },
            source: &document.source,
            document: Some((number, document)),
            row: missing.remove(document.source.as_str()),
        });
    }
    entries.extend(missing.into_values().filter_map(|row| {
        DocumentState::of_missing(row).map(|state| Entry {
            state,
            source: &row.source,
            document: None,
            row: Some(row),
        })
    }));
    entries
}

/// How many chunks each document has.
fn chunk_counts(generation: &Generation) -> Vec<usize> {
    let mut counts = vec![0; generation.records.documents().len()];
    for chunk in generation.records.chunks() {
        if let Some(count) = counts.get_mut(chunk.document as usize) {
            *count += 1;
        }
    }
    counts
}

impl Entry<'_> {
    fn to_row(&self, chunks: &[usize]) -> DocumentRow {
        // What a run said of a source is no news of content that it did not bring.
        let told = self.row.filter(|_| self.state != DocumentState::Waiting);
        let own = self.document.and_then(|(_, document)| document.stale_since);
        DocumentRow {
            source: self.source.to_owned(),
            state: self.state,
            reason: told.and_then(|row| row.reason.clone()),
            warnings: told.map(|row| row.warnings.clone()).unwrap_or_default(),
            stale_since: own.or(told.and_then(|row| row.stale_since)),
            indexed: self.document.map(|(number, document)| IndexedDocument {
                id: document.id.clone(),
                title: document.title.clone(),
                kind: document.kind,
                fetched_at: document.fetched_at,
                modified_at: document.modified_at(),
                chunks: chunks[number],
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assistant::fixture;
    use crate::snapshot::last_run;

    fn row(source: &str, status: &str, stale_since: Option<i64>) -> serde_json::Value {
        serde_json::json!({
            "source": source, "status": status, "reason": format!("why {status}"),
            "warnings": ["doubtful"], "bytes": 1, "stale_since": stale_since,
        })
    }

    #[tokio::test]
    async fn what_is_not_indexed_is_listed_with_its_reason() {
        let directory = tempfile::tempdir().unwrap();
        let (assistant, store) = fixture::assistant(directory.path());
        let admin = fixture::admin(directory.path(), &assistant, &store);
        let query = || DocumentQuery {
            at_most: 9,
            ..DocumentQuery::default()
        };
        assert_eq!(admin.documents(query()).await.unwrap().matched, 6);
        let report = serde_json::json!({
            "generation": "g", "published": true, "gate": null, "totals": {"failed": 1},
            "sources": [
                row("guide-0.txt", "unchanged", None),
                row("broken.pdf", "failed", None),
                row("given-up.html", "removed", Some(7)),
                row("not-wanted.html", "removed", None),
                row("new.html", "added", None),
                row("copy.html", "duplicate", None),
                row("logo.png", "skipped", None),
            ],
        });
        let run = last_run::LastRun {
            finished_at: 1,
            error: None,
            report: Some(report),
        };
        last_run::write(&directory.path().join("index"), &run).unwrap();
        let listed = admin.documents(query()).await.unwrap();
        let told: Vec<(&str, &str, Option<&str>)> = listed
            .rows
            .iter()
            .take(6)
            .map(|row| {
                (
                    row.source.as_str(),
                    row.state.as_str(),
                    row.reason.as_deref(),
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                ("broken.pdf", "failed", Some("why failed")),
                ("given-up.html", "failed", Some("why removed")),
                ("new.html", "waiting", None),
                ("logo.png", "skipped", Some("why skipped")),
                ("copy.html", "duplicate", Some("why duplicate")),
                ("guide-0.txt", "fresh", Some("why unchanged")),
            ]
        );
        assert_eq!(listed.counts, [2, 0, 1, 1, 1, 6]);
        assert_eq!(listed.rows[1].stale_since, Some(7));
    }
}
