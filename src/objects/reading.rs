//! A server's copy of what is published.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use object_store::{GetOptions, UpdateVersion};
use tokio::sync::Mutex;

use super::bucket::{Bucket, Look};
use super::published::Published;
use super::{ObjectsError, fetch};
use crate::model::GenerationId;
use crate::runtime::blocking;
use crate::snapshot::arrive::{make_private, put_beside};
use crate::snapshot::{SnapshotError, Supply, current, last_run, lock};

/// Generations kept besides the live one: another process may still answer from it.
const KEPT: usize = 1;
/// Before a generation that was refused is fetched again, doubled each time up to the second.
const FIRST_PAUSE: Duration = Duration::from_mins(1);
const LONGEST_PAUSE: Duration = Duration::from_hours(1);
/// Between two looks at the report of the last run, which nobody waits for.
const REPORT_INTERVAL: Duration = Duration::from_mins(1);
/// For which a start waits for another process that fetches into the same folder.
const PATIENCE: Duration = Duration::from_mins(10);
/// A longer report is left where it is.
pub(super) const MOST_NOTE_BYTES: u64 = 64 << 20;

/// Brings what is published into a folder that only this program's readers use.
#[derive(Debug)]
pub struct Reader {
    bucket: Bucket,
    folder: PathBuf,
    seen: Mutex<Seen>,
}

/// What the last look showed, and what became of it.
#[derive(Debug, Default)]
struct Seen {
    published: Option<Published>,
    version: Option<UpdateVersion>,
    /// Whether the folder has it.
    is_here: bool,
    failures: u32,
    not_before: Option<Instant>,
    /// What was last told to be wrong.
    trouble: Option<String>,
    report: Option<UpdateVersion>,
    report_looked: Option<Instant>,
}

impl Reader {
    /// Nothing is asked or written yet.
    pub fn new(bucket: Bucket, folder: PathBuf) -> Self {
        Self {
            bucket,
            folder,
            seen: Mutex::default(),
        }
    }

    /// Where the generations are.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where they come from.
    pub fn bucket(&self) -> &Bucket {
        &self.bucket
    }

    /// Has a published generation in the folder: the live one; while the store is away, what was fetched
    /// before; where the live one is damaged, the one before, as with a folder.
    pub async fn start(&self) -> Result<(), ObjectsError> {
        make_private(&self.folder)?;
        let mut seen = self.seen.lock().await;
        let Err(error) = self.look_patiently(&mut seen).await else {
            self.bring_report(&mut seen, true).await;
            return Ok(());
        };
        if current::read(&self.folder).is_ok() {
            tracing::warn!(%error, "what was fetched before answers");
            seen.trouble = Some(error.to_string());
            return Ok(());
        }
        if error.is_away() {
            return Err(error);
        }
        let Some(published) = seen.published.clone() else {
            return Err(error);
        };
        for id in published.stand_ins() {
            if self.fetch(id).await.is_ok() {
                tracing::error!(%error, snapshot.generation = %id, "the live generation was refused; an older one answers");
                seen.trouble = Some(error.to_string());
                return Ok(());
            }
        }
        Err(error)
    }

    /// As [`Self::look`]; where another process fetches into the same folder, that is waited for.
    async fn look_patiently(&self, seen: &mut Seen) -> Result<(), ObjectsError> {
        let begun = Instant::now();
        loop {
            match self.look(seen).await {
                Err(ObjectsError::Busy { .. }) if begun.elapsed() < PATIENCE => {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
                looked => return looked,
            }
        }
    }

    /// One look, and what follows from it. A generation that was refused is let be for a while.
    async fn look(&self, seen: &mut Seen) -> Result<(), ObjectsError> {
        match self.bucket.look(seen.version.as_ref()).await? {
            Look::Nothing => return Err(self.bucket.nothing()),
            Look::Same => {}
            Look::Found(published, version) => {
                if seen.published.as_ref() != Some(&published) {
                    seen.is_here = false;
                    seen.failures = 0;
                    seen.not_before = None;
                }
                seen.published = Some(published);
                seen.version = Some(version);
            }
        }
        let Some(live) = seen
            .published
            .as_ref()
            .map(|published| published.live.clone())
        else {
            return Ok(());
        };
        if seen.is_here {
            return Ok(());
        }
        if seen
            .not_before
            .is_some_and(|not_before| Instant::now() < not_before)
        {
            return Ok(());
        }
        let fetched = self.fetch(&live).await;
        match &fetched {
            Ok(()) => seen.is_here = true,
            Err(error) if error.is_away() => {}
            Err(_) => {
                let pause = FIRST_PAUSE.saturating_mul(1 << seen.failures.min(6));
                seen.failures += 1;
                seen.not_before = Some(Instant::now() + pause.min(LONGEST_PAUSE));
            }
        }
        fetched
    }

    /// Has a generation whole in the folder and `CURRENT` name it.
    async fn fetch(&self, id: &GenerationId) -> Result<(), ObjectsError> {
        let folder = self.folder.clone();
        let taken = blocking::run(move || lock::acquire(&folder, "a fetch from the store")).await;
        let _lock = taken.map_err(|error| self.busy(error))?;
        fetch::generation(&self.bucket, &self.folder, id).await?;
        let (folder, id) = (self.folder.clone(), id.clone());
        blocking::run(move || {
            if !current::read(&folder).is_ok_and(|named| named == id) {
                current::publish(&folder, &id)?;
            }
            current::prune(&folder, KEPT).map(|_| ())
        })
        .await?;
        Ok(())
    }

    fn busy(&self, error: SnapshotError) -> ObjectsError {
        if let SnapshotError::Locked { holder, .. } = error {
            let address = self.bucket.address().to_string();
            return ObjectsError::Busy { address, holder };
        }
        error.into()
    }

    /// The report of the last run, for the operator's page.
    async fn bring_report(&self, seen: &mut Seen, now: bool) {
        let is_early = seen
            .report_looked
            .is_some_and(|looked| looked.elapsed() < REPORT_INTERVAL);
        if is_early && !now {
            return;
        }
        seen.report_looked = Some(Instant::now());
        let known = seen
            .report
            .as_ref()
            .and_then(|version| version.e_tag.clone());
        let options = GetOptions {
            if_none_match: known,
            ..GetOptions::default()
        };
        let Ok((bytes, version)) = self
            .bucket
            .small(last_run::FILE, MOST_NOTE_BYTES, options)
            .await
        else {
            return;
        };
        let path = self.folder.join(last_run::FILE);
        if blocking::run(move || put_beside(&path, &bytes))
            .await
            .is_ok()
        {
            seen.report = Some(version);
        }
    }
}

#[async_trait]
impl Supply for Reader {
    async fn refresh(&self, asked: bool) {
        let mut seen = self.seen.lock().await;
        if asked {
            seen.not_before = None;
        }
        let was_here = seen.is_here;
        match self.look(&mut seen).await {
            Ok(()) => {
                if seen.is_here && seen.trouble.take().is_some() {
                    tracing::info!(index = %self.bucket.address(), "what is published is here again");
                }
                let is_new = !was_here && seen.is_here;
                self.bring_report(&mut seen, is_new).await;
            }
            // The other process does the same for the same folder.
            Err(ObjectsError::Busy { .. }) => {}
            Err(error) => {
                let told = error.to_string();
                if seen.trouble.as_ref() == Some(&told) {
                    return;
                }
                if error.is_away() {
                    tracing::warn!(%error, "the index cannot be asked for new generations; what was fetched before answers");
                } else {
                    tracing::error!(%error, "a new generation was refused; the one before keeps answering");
                    metrics::counter!("wattwise_reloads_total", "outcome" => "refused")
                        .increment(1);
                }
                seen.trouble = Some(told);
            }
        }
    }
}
