//! What a run did, source by source.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

use serde::Serialize;

use super::gate::Verdict;

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
    /// document; or a file in a folder that is none. Nobody asked for it by name, so nothing has
    /// failed.
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
    /// Since when the source fails, in seconds since the Unix epoch.
    pub stale_since: Option<i64>,
}

/// Sums over the rows.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Totals {
    /// Documents in the generation.
    pub documents: usize,
    /// Chunks in the generation.
    pub chunks: usize,
    /// Passages that the embedder was asked for; in a dry run, that it would be asked for.
    pub embedded: usize,
    /// Passages that an interrupted run had embedded already.
    pub resumed: usize,
    /// Bytes read.
    pub bytes: usize,
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
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Report {
    /// The generation that is live now, or the one that this run made and did not publish.
    pub generation: String,
    /// Whether this run published it; false when nothing had changed.
    pub published: bool,
    /// Whether nothing was to be written.
    pub dry_run: bool,
    /// In a dry run, whether a real one would publish.
    pub would_publish: bool,
    /// What the publish gate found, if one was asked.
    pub gate: Option<Verdict>,
    /// One row for each source, in order, then those removed.
    pub sources: Vec<Row>,
    /// Sums.
    pub totals: Totals,
}

impl Report {
    /// Whether every source is indexed with today's content.
    pub fn is_complete(&self) -> bool {
        self.totals.failed == 0 && self.sources.iter().all(|row| row.stale_since.is_none())
    }

    /// Whether the gate kept the new generation from being published.
    pub fn is_refused(&self) -> bool {
        self.gate.as_ref().is_some_and(|verdict| !verdict.passed)
    }

    /// The sources that failed or are stale.
    pub fn to_look_at(&self) -> impl Iterator<Item = &Row> {
        let needs_a_look = |row: &&Row| row.status == Status::Failed || row.stale_since.is_some();
        self.sources.iter().filter(needs_a_look)
    }

    /// What a person should look at, each source on a line; `None` when all went well.
    pub fn attention(&self) -> Option<String> {
        if self.is_complete() && !self.is_refused() {
            return None;
        }
        let mut text = String::new();
        for row in self.to_look_at() {
            let (status, source) = (row.status.as_str(), one_line(&row.source));
            text.push_str(&format!("{status:<10} {source}  {}\n", notes(row)));
        }
        if let Some(gate) = &self.gate {
            text.push_str(&format!("gate: {}\n", gate.summary));
        }
        Some(text + &self.conclusion())
    }

    /// The run in one line.
    pub fn conclusion(&self) -> String {
        let totals = &self.totals;
        let outcome = if self.is_refused() {
            format!(
                "REFUSED by the gate, kept unpublished: generation {}",
                self.generation
            )
        } else if self.published {
            format!("published generation {}", self.generation)
        } else if self.would_publish {
            "dry run, would publish a new generation".to_owned()
        } else if self.dry_run {
            format!(
                "dry run, nothing would change in generation {}",
                self.generation
            )
        } else {
            format!(
                "nothing changed, still serving generation {}",
                self.generation
            )
        };
        let resumed = match totals.resumed {
            0 => String::new(),
            count => format!(" ({count} more taken over from an interrupted run)"),
        };
        let mut line = format!(
            "{outcome}: {} documents, {} chunks, {} embedded{resumed}, {:.1} s",
            totals.documents, totals.chunks, totals.embedded, totals.seconds
        );
        for status in [Status::Skipped, Status::Failed] {
            if let Some(reasons) = self.reasons(status) {
                line.push_str("; ");
                line.push_str(&reasons);
            }
        }
        line
    }

    /// `5 skipped (3 hidden file, 2 a picture (PNG))`: the reasons of all rows with a status, the
    /// most frequent first.
    fn reasons(&self, status: Status) -> Option<String> {
        let rows: Vec<&Row> = self
            .sources
            .iter()
            .filter(|row| row.status == status)
            .collect();
        let mut counts: HashMap<&str, usize> = HashMap::new();
        for row in &rows {
            let reason = row.reason.as_deref().unwrap_or("no reason given");
            // What follows says more of the one row.
            let kind = reason.split([':', ';']).next().unwrap_or(reason);
            *counts.entry(kind).or_default() += 1;
        }
        let mut counts: Vec<(usize, &str)> = counts
            .into_iter()
            .map(|(kind, count)| (count, kind))
            .collect();
        counts.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(b.1)));
        let shown: Vec<String> = counts
            .iter()
            .take(REASONS)
            .map(|(count, kind)| format!("{count} {}", one_line(kind)))
            .collect();
        let more = if counts.len() > REASONS { ", …" } else { "" };
        let all = format!(
            "{} {} ({}{more})",
            rows.len(),
            status.as_str(),
            shown.join(", ")
        );
        (!rows.is_empty()).then_some(all)
    }
}

/// Counts rows by status into `totals`.
pub(super) fn count(rows: &[Row], totals: &mut Totals) {
    for row in rows {
        totals.bytes += row.bytes;
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
        let mut shown: HashMap<&str, usize> = HashMap::new();
        for row in &self.sources {
            let notes = notes(row);
            if row.status == Status::Unchanged && notes.is_empty() {
                continue;
            }
            let is_routine = row.warnings.is_empty()
                && matches!(
                    row.status,
                    Status::Added
                        | Status::Changed
                        | Status::Duplicate
                        | Status::Removed
                        | Status::Skipped
                )
                && row.stale_since.is_none();
            let lines = shown.entry(row.status.as_str()).or_default();
            if is_routine {
                *lines += 1;
                if *lines > ROUTINE_LINES {
                    continue;
                }
            }
            writeln!(
                f,
                "{:<10} {:>5} chunks {:>10} {:>6.1} s  {}  {notes}",
                row.status.as_str(),
                row.chunks,
                size(row.bytes),
                row.seconds,
                one_line(&row.source)
            )?;
        }
        for status in ["added", "changed", "duplicate", "removed", "skipped"] {
            let count = shown.get(status).copied().unwrap_or(0);
            if count > ROUTINE_LINES {
                writeln!(f, "{status:<10} … and {} more", count - ROUTINE_LINES)?;
            }
        }
        let totals = &self.totals;
        writeln!(
            f,
            "{} added, {} changed, {} unchanged, {} kept stale, {} duplicate, {} removed, {} skipped, {} failed; {} read",
            totals.added,
            totals.changed,
            totals.unchanged,
            totals.kept_stale,
            totals.duplicates,
            totals.removed,
            totals.skipped,
            totals.failed,
            size(totals.bytes)
        )?;
        if let Some(gate) = &self.gate {
            writeln!(f, "gate: {}", gate.summary)?;
        }
        f.write_str(&self.conclusion())
    }
}

/// A name without characters that would break the table.
fn one_line(name: &str) -> Cow<'_, str> {
    if name.contains(char::is_control) {
        Cow::Owned(name.replace(char::is_control, "\u{FFFD}"))
    } else {
        Cow::Borrowed(name)
    }
}

/// Rows that only say that all went well are shown up to this number of each kind.
const ROUTINE_LINES: usize = 20;
/// Reasons named in the last line.
const REASONS: usize = 8;

fn notes(row: &Row) -> String {
    let parts: Vec<&str> = row
        .reason
        .iter()
        .chain(&row.warnings)
        .map(String::as_str)
        .collect();
    parts.join("; ")
}

fn size(bytes: usize) -> String {
    if bytes < 10_000 {
        format!("{bytes} B")
    } else if bytes < 10_000_000 {
        format!("{} kB", bytes / 1_000)
    } else {
        format!("{} MB", bytes / 1_000_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::last_run::{self, LastRun};

    fn row(number: usize, status: Status) -> Row {
        Row {
            source: format!("https://example.org/{number}"),
            status,
            reason: None,
            warnings: Vec::new(),
            bytes: 12_345,
            chunks: 3,
            seconds: 0.25,
            stale_since: None,
        }
    }

    fn report(rows: Vec<Row>) -> Report {
        let mut report = Report {
            generation: "g".to_owned(),
            published: true,
            ..Report::default()
        };
        count(&rows, &mut report.totals);
        report.sources = rows;
        report
    }

    #[test]
    fn five_hundred_sources_fit_a_screen_and_failures_are_all_there() {
        let mut rows: Vec<Row> = (0..450).map(|number| row(number, Status::Added)).collect();
        rows.extend((450..475).map(|number| row(number, Status::Unchanged)));
        rows.extend((475..500).map(|number| Row {
            reason: Some("503 Service Unavailable".to_owned()),
            ..row(number, Status::Failed)
        }));
        let table = report(rows).to_string();
        assert!(table.lines().count() < 50, "{table}");
        assert_eq!(
            table.matches("503 Service").count(),
            25 + 1,
            "and in the last line"
        );
        assert!(table.contains("added      … and 430 more"), "{table}");
        assert!(
            table.contains("450 added, 0 changed, 25 unchanged")
                && table.contains("; 6172 kB read"),
            "{table}"
        );
    }

    #[test]
    fn the_last_line_says_what_is_missing_and_why_and_names_stay_on_their_lines() {
        let skipped = |number, reason: &str| Row {
            source: format!("a\n{number}"),
            reason: Some(reason.to_owned()),
            ..row(number, Status::Skipped)
        };
        let rows = vec![
            row(1, Status::Added),
            skipped(2, "hidden file; --all-files reads it"),
            skipped(3, "a picture (PNG)"),
            skipped(4, "a picture (PNG)"),
            Row {
                reason: Some("no readable text: nothing".to_owned()),
                ..row(5, Status::Failed)
            },
        ];
        let table = report(rows).to_string();
        let last = table.lines().last().unwrap();
        assert!(
            last.ends_with(
                "; 3 skipped (2 a picture (PNG), 1 hidden file); 1 failed (1 no readable text)"
            ),
            "{last}"
        );
        assert_eq!(table.lines().count(), 7, "{table}");
    }

    #[test]
    fn what_a_run_writes_is_what_the_server_reads() {
        let mut written = report(vec![Row {
            reason: Some("503".to_owned()),
            warnings: vec!["cut".to_owned()],
            stale_since: Some(7),
            ..row(1, Status::KeptStale)
        }]);
        written.gate = Some(Verdict {
            passed: false,
            summary: "worse".to_owned(),
            recall_before: None,
            recall_after: Some(0.5),
            chunks_before: None,
            chunks_after: 3,
        });
        let index = tempfile::tempdir().unwrap();
        let run = LastRun {
            finished_at: 9,
            error: None,
            report: Some(&written),
        };
        last_run::write(index.path(), &run).unwrap();
        let read = last_run::read(index.path()).unwrap().unwrap();
        let read = read.report.unwrap();
        assert_eq!((read.generation.as_str(), read.published), ("g", true));
        assert_eq!((read.totals.kept_stale, read.totals.bytes), (1, 12_345));
        let source = &read.sources[0];
        assert_eq!(source.source, written.sources[0].source);
        assert_eq!(
            (source.status.as_str(), source.stale_since),
            ("kept_stale", Some(7))
        );
        assert_eq!(source.warnings, ["cut"]);
        let gate = read.gate.unwrap();
        assert_eq!((gate.passed, gate.summary.as_str()), (false, "worse"));
    }

    #[test]
    fn what_needs_a_look_is_told_alone() {
        let failed = Row {
            reason: Some("503 Service Unavailable".to_owned()),
            ..row(2, Status::Failed)
        };
        let told = report(vec![row(1, Status::Added), failed])
            .attention()
            .unwrap();
        assert!(
            told.contains("example.org/2  503") && !told.contains("example.org/1"),
            "{told}"
        );
        assert!(
            told.ends_with("1 failed (1 503 Service Unavailable)"),
            "{told}"
        );
        assert_eq!(report(vec![row(1, Status::Added)]).attention(), None);
    }

    #[test]
    fn a_source_that_was_given_up_makes_the_run_incomplete() {
        assert!(report(vec![row(1, Status::Removed)]).is_complete());
        let given_up = Row {
            stale_since: Some(1),
            ..row(1, Status::Removed)
        };
        assert!(!report(vec![given_up]).is_complete());
    }
}
