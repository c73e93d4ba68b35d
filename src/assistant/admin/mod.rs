//! What whoever runs the server looks at: generations, documents and what became of them, the last
//! run, questions without an answer.

mod documents;
mod generations;
mod groups;
mod questions;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use thiserror::Error;
use tokio::sync::Notify;

pub use self::documents::{DocumentQuery, DocumentRow, DocumentState, Documents};
pub use self::generations::{GenerationRow, GenerationState};
pub use self::questions::{BadAnswer, QuestionGroup, Unanswered};
use crate::runtime::blocking;
pub use crate::snapshot::last_run::{LastRun, RunReport, RunTotals};
use crate::snapshot::live::Live;
use crate::snapshot::{SnapshotError, last_run};
use crate::store::StoreError;
use crate::store::questions::QuestionStore;

/// What an operator's view is made of.
pub struct AdminParts {
    /// The index directory.
    pub index: PathBuf,
    /// Where generations are published, if the directory is a copy of it.
    pub published_at: Option<String>,
    /// The generation that answers.
    pub live: Arc<Live>,
    /// Has the server look at `CURRENT` at once.
    pub reload_now: Arc<Notify>,
    /// Where questions are kept.
    pub questions: Arc<dyn QuestionStore>,
    /// How long they are kept; `None` where none are.
    pub question_log: Option<Duration>,
}

/// The operator's view of a running server.
pub struct Admin {
    parts: AdminParts,
    /// The last run as it was read, by the file's time and length.
    last_run: Mutex<Option<(Stamp, Arc<LastRun>)>>,
}

type Stamp = (SystemTime, u64);

/// Why the operator did not get what was asked.
#[derive(Debug, Error)]
pub enum AdminError {
    /// There is no such generation.
    #[error("there is no generation {0:?}; GET /admin/generations lists all")]
    NoGeneration(String),
    /// It cannot answer.
    #[error("generation {id} cannot be made live: {reason}")]
    Unfit {
        /// Which.
        id: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A run is at work in the index.
    #[error("{0}")]
    Busy(String),
    /// The server may read the index and no more.
    #[error(
        "the server may not write to the index directory; run `wattwise snapshot rollback {id}` as the user that runs ingest"
    )]
    ReadOnly {
        /// What was to be made live.
        id: String,
    },
    /// The directory is a copy, and what is live is said elsewhere.
    #[error(
        "this server answers from a copy of {address}; run `wattwise snapshot --index {address} rollback {id}` where ingest runs, for all servers at once"
    )]
    Copy {
        /// What was to be made live.
        id: String,
        /// Where generations are published.
        address: String,
    },
    /// The index directory cannot be read.
    #[error("the index directory cannot be read: {0}")]
    Index(#[from] SnapshotError),
    /// The store failed.
    #[error("the question log cannot be read")]
    Store(#[from] StoreError),
}

impl Admin {
    /// Puts the parts together.
    pub fn new(parts: AdminParts) -> Self {
        Self {
            parts,
            last_run: Mutex::default(),
        }
    }

    /// What the last run did; `None` if no run has left word.
    pub async fn last_run(&self) -> Result<Option<Arc<LastRun>>, AdminError> {
        let index = self.parts.index.clone();
        let stamp = blocking::run(move || last_run::stamp(&index)).await;
        let Some(stamp) = stamp else {
            return Ok(None);
        };
        let known = self.kept_run(stamp);
        if known.is_some() {
            return Ok(known);
        }
        let index = self.parts.index.clone();
        let read = blocking::run(move || last_run::read(&index)).await?;
        let run = read.map(Arc::new);
        let mut kept = self.last_run.lock().unwrap_or_else(PoisonError::into_inner);
        *kept = run.clone().map(|run| (stamp, run));
        Ok(run)
    }

    fn kept_run(&self, stamp: Stamp) -> Option<Arc<LastRun>> {
        let kept = self.last_run.lock().unwrap_or_else(PoisonError::into_inner);
        let (of, run) = kept.as_ref()?;
        (*of == stamp).then(|| Arc::clone(run))
    }
}
