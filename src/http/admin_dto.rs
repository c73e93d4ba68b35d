//! The wire shapes of the operator's view. Times are seconds since the Unix epoch.

use serde::Serialize;
use utoipa::ToSchema;

use crate::assistant::admin::{DocumentRow, DocumentState, Documents, GenerationRow, LastRun};

/// All generations.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Generations)]
pub(super) struct GenerationsBody {
    /// Newest first.
    pub(super) generations: Vec<GenerationBody>,
}

/// One generation. What it holds is null if it cannot be read.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Generation)]
pub(super) struct GenerationBody {
    /// Its id.
    generation: String,
    /// `live` answers; `next` is being checked, or was refused by the server; `old` was live once;
    /// `refused` by the publish gate; `unpublished` was never published.
    #[schema(example = "live")]
    state: &'static str,
    /// Why it was refused, or cannot be read.
    reason: Option<String>,
    /// When it was made.
    #[schema(example = 1_700_000_000)]
    created_at: Option<i64>,
    /// Documents in it.
    documents: Option<usize>,
    /// Chunks in it.
    chunks: Option<usize>,
    /// Bytes of its files.
    bytes: Option<u64>,
    /// Adapter and model of its vectors.
    embedder: Option<String>,
    /// Whether this server could answer from it, as far as its description tells.
    usable: bool,
}

impl From<GenerationRow> for GenerationBody {
    fn from(row: GenerationRow) -> Self {
        let contents = row.contents.as_ref();
        Self {
            generation: row.id,
            state: row.state.as_str(),
            reason: row.reason,
            created_at: contents.map(|contents| contents.created_at),
            documents: contents.map(|contents| contents.documents),
            chunks: contents.map(|contents| contents.chunks),
            bytes: contents.map(|contents| contents.bytes),
            embedder: contents.map(|contents| contents.embedder.clone()),
            usable: contents.is_some_and(|contents| contents.is_usable),
        }
    }
}

/// What is to be made live.
#[derive(Debug, ToSchema)]
#[schema(as = RollbackRequest)]
pub(super) struct RollbackRequest {
    /// The generation.
    #[expect(dead_code, reason = "describes the body, which is read field by field")]
    generation: String,
}

/// What was made live.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Rollback)]
pub(super) struct RollbackBody {
    /// The generation that `CURRENT` names now. The server answers from it as soon as it has checked it.
    pub(super) generation: String,
}

/// A page of the sources.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SourceList)]
pub(super) struct SourcesBody {
    /// Those that want an eye first.
    documents: Vec<SourceBody>,
    /// How many there are on all pages.
    total: usize,
    /// How many there are in each state, whatever state was asked for.
    states: Vec<StateCount>,
    /// The generation that answers.
    generation: String,
}

/// How many sources are in a state.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct StateCount {
    /// The state.
    state: &'static str,
    /// How many.
    count: usize,
}

/// One source. What is indexed of it is null if nothing is.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Source)]
pub(super) struct SourceBody {
    /// URL or path.
    source: String,
    /// `fresh`; `stale`: it no longer answers and its last good content is indexed; `failed`;
    /// `skipped`; `duplicate`; `waiting`: read by the last run, and not in the generation that answers.
    #[schema(example = "fresh")]
    state: &'static str,
    /// Why.
    reason: Option<String>,
    /// What was lost or doubtful.
    warnings: Vec<String>,
    /// Since when it fails.
    stale_since: Option<i64>,
    /// The document.
    document_id: Option<String>,
    /// Its title.
    title: Option<String>,
    /// What its file is.
    kind: Option<&'static str>,
    /// When it was read.
    fetched_at: Option<i64>,
    /// When it was changed last, as it says itself.
    modified_at: Option<i64>,
    /// Chunks of it.
    chunks: Option<usize>,
}

impl From<Documents> for SourcesBody {
    fn from(found: Documents) -> Self {
        let states = DocumentState::ALL.into_iter().zip(found.counts);
        Self {
            documents: found.rows.into_iter().map(SourceBody::from).collect(),
            total: found.matched,
            states: states
                .map(|(state, count)| StateCount {
                    state: state.as_str(),
                    count,
                })
                .collect(),
            generation: found.generation,
        }
    }
}

impl From<DocumentRow> for SourceBody {
    fn from(row: DocumentRow) -> Self {
        let indexed = row.indexed.as_ref();
        Self {
            source: row.source,
            state: row.state.as_str(),
            reason: row.reason,
            warnings: row.warnings,
            stale_since: row.stale_since,
            document_id: indexed.map(|indexed| indexed.id.as_str().to_owned()),
            title: indexed.map(|indexed| indexed.title.clone()),
            kind: indexed.map(|indexed| indexed.kind.as_str()),
            fetched_at: indexed.map(|indexed| indexed.fetched_at),
            modified_at: indexed.and_then(|indexed| indexed.modified_at),
            chunks: indexed.map(|indexed| indexed.chunks),
        }
    }
}

/// The last ingest run; all but `finished_at` and `error` are null where it could not do its work, and
/// all are null if no run has left word.
#[derive(Debug, Default, Serialize, ToSchema)]
#[schema(as = LastRun)]
pub(super) struct LastRunBody {
    /// When it ended.
    finished_at: Option<i64>,
    /// Why it could not do its work.
    error: Option<String>,
    /// The generation that was live afterwards, or the one that was refused.
    generation: Option<String>,
    /// Whether it published that one.
    published: Option<bool>,
    /// Whether the publish gate let it; null where none was asked.
    gate_passed: Option<bool>,
    /// What the publish gate found.
    gate: Option<String>,
    /// Sums over its sources.
    totals: Option<RunTotalsBody>,
}

/// Sums over the sources of a run.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RunTotals)]
pub(super) struct RunTotalsBody {
    /// Seconds that it took.
    seconds: f64,
    /// Documents in the generation.
    documents: usize,
    /// Chunks in the generation.
    chunks: usize,
    /// Passages that were embedded.
    embedded: usize,
    /// Bytes read.
    bytes: usize,
    /// Sources that were new.
    added: usize,
    /// Sources with another text than before.
    changed: usize,
    /// Sources as before.
    unchanged: usize,
    /// Sources that failed and whose last good content stayed.
    kept_stale: usize,
    /// Sources with the text of another.
    duplicates: usize,
    /// Sources that are no longer asked for, or were given up.
    removed: usize,
    /// What is no document and nobody asked for by name.
    skipped: usize,
    /// Sources of which nothing is indexed.
    failed: usize,
}

impl From<&LastRun> for LastRunBody {
    fn from(run: &LastRun) -> Self {
        let report = run.report.as_ref();
        let gate = report.and_then(|report| report.gate.as_ref());
        Self {
            finished_at: Some(run.finished_at),
            error: run.error.clone(),
            generation: report.map(|report| report.generation.clone()),
            published: report.map(|report| report.published),
            gate_passed: gate.map(|gate| gate.passed),
            gate: gate.map(|gate| gate.summary.clone()),
            totals: report.map(|report| {
                let totals = &report.totals;
                RunTotalsBody {
                    seconds: totals.seconds,
                    documents: totals.documents,
                    chunks: totals.chunks,
                    embedded: totals.embedded,
                    bytes: totals.bytes,
                    added: totals.added,
                    changed: totals.changed,
                    unchanged: totals.unchanged,
                    kept_stale: totals.kept_stale,
                    duplicates: totals.duplicates,
                    removed: totals.removed,
                    skipped: totals.skipped,
                    failed: totals.failed,
                }
            }),
        }
    }
}
