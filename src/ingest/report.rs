//! What a run did, source by source.

use std::fmt::{self, Write as _};

use serde::Serialize;

/// What became of one source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// New in this generation.
    Added,
    /// Its text is not what it was.
    Changed,
    /// As before.
    Unchanged,
    /// It failed today; its last good content stays.
    KeptStale,
    /// It has the same text as another source and is not indexed twice.
    Duplicate,
    /// It was in the generation before and is not in this one.
    Removed,
    /// A link that was followed and leads to nothing for us: gone, forbidden, off the site, or no
    /// document. Nobody asked for it by name, so nothing has failed.
    Skipped,
    /// Nothing of it is indexed.
    Failed,
}

impl Status {
    /// The word in the table.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Changed => "changed",
            Self::Unchanged => "unchanged",
            Self::KeptStale => "kept stale",
            Self::Duplicate => "duplicate",
            Self::Removed => "removed",
            Self::Skipped => "skipped",
            Self::Failed => "failed",
        }
    }
}

/// One source.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// URL or path.
    pub source: String,
    /// What became of it.
    pub status: Status,
    /// Why it failed, is stale or is a duplicate.
    pub reason: Option<String>,
    /// What was lost or doubtful.
    pub warnings: Vec<String>,
    /// Bytes read.
    pub bytes: usize,
    /// Chunks in the index.
    pub chunks: usize,
    /// Time spent on fetching and extracting, in seconds.
    pub seconds: f64,
}

/// Sums over the rows.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Totals {
    /// Documents in the generation.
    pub documents: usize,
    /// Chunks in the generation.
    pub chunks: usize,
    /// Passages that the embedder was asked for.
    pub embedded: usize,
    /// Rows by status.
    pub added: usize,
    /// Rows by status.
    pub changed: usize,
    /// Rows by status.
    pub unchanged: usize,
    /// Rows by status.
    pub kept_stale: usize,
    /// Rows by status.
    pub duplicates: usize,
    /// Rows by status.
    pub removed: usize,
    /// Rows by status.
    pub skipped: usize,
    /// Rows by status.
    pub failed: usize,
    /// The whole run, in seconds.
    pub seconds: f64,
}

/// The outcome of a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// The generation that is live now.
    pub generation: String,
    /// Whether this run published it; false when nothing had changed.
    pub published: bool,
    /// One row for each source, in order, then those removed.
    pub sources: Vec<Row>,
    /// Sums.
    pub totals: Totals,
}

impl Report {
    /// Whether every source is indexed with today's content.
    pub fn is_complete(&self) -> bool {
        self.totals.failed == 0 && self.totals.kept_stale == 0
    }
}

/// Counts rows by status into `totals`.
pub(super) fn count(rows: &[Row], totals: &mut Totals) {
    for row in rows {
        let counter = match row.status {
            Status::Added => &mut totals.added,
            Status::Changed => &mut totals.changed,
            Status::Unchanged => &mut totals.unchanged,
            Status::KeptStale => &mut totals.kept_stale,
            Status::Duplicate => &mut totals.duplicates,
            Status::Removed => &mut totals.removed,
            Status::Skipped => &mut totals.skipped,
            Status::Failed => &mut totals.failed,
        };
        *counter += 1;
    }
}

impl fmt::Display for Report {
    /// A table for people: what needs attention in full, the rest in numbers.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for row in &self.sources {
            let mut notes = row.reason.clone().unwrap_or_default();
            for warning in &row.warnings {
                let gap = if notes.is_empty() { "" } else { "; " };
                write!(notes, "{gap}{warning}")?;
            }
            if row.status != Status::Unchanged || !notes.is_empty() {
                writeln!(
                    f,
                    "{:<10} {:>5} chunks  {}  {notes}",
                    row.status.as_str(),
                    row.chunks,
                    row.source
                )?;
            }
        }
        let totals = &self.totals;
        writeln!(
            f,
            "{} added, {} changed, {} unchanged, {} kept stale, {} duplicate, {} removed, {} skipped, {} failed",
            totals.added,
            totals.changed,
            totals.unchanged,
            totals.kept_stale,
            totals.duplicates,
            totals.removed,
            totals.skipped,
            totals.failed
        )?;
        let verb = if self.published {
            "published"
        } else {
            "nothing changed, still serving"
        };
        write!(
            f,
            "{verb} generation {}: {} documents, {} chunks, {} embedded, {:.1} s",
            self.generation, totals.documents, totals.chunks, totals.embedded, totals.seconds
        )
    }
}
