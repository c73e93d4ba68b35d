//! Moves a running server to each new generation.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use super::check_embedder;
use crate::embed::Embedder;
use crate::index::IndexError;
use crate::model::GenerationId;
use crate::runtime::blocking;
use crate::snapshot::live::Live;
use crate::snapshot::{Generation, SnapshotError, Supply, current};

/// A look at `CURRENT` that takes longer is told.
const LOOK_LIMIT: Duration = Duration::from_secs(10);

/// Where to look for new generations, and how often.
#[derive(Clone)]
pub struct ReloadOptions {
    /// The index directory.
    pub index: PathBuf,
    /// Candidates kept during a graph search (ef).
    pub search_width: usize,
    /// Between two looks at `CURRENT`.
    pub interval: Duration,
    /// What brings new generations into the directory, if they are made elsewhere.
    pub supply: Option<Arc<dyn Supply>>,
}

/// Watches `CURRENT` for ever, and looks at once whenever `now` is notified. A generation that
/// fails its checks is refused with one log line, and the one before keeps answering.
pub async fn watch(
    live: Arc<Live>,
    embedder: Arc<dyn Embedder>,
    options: ReloadOptions,
    now: Arc<Notify>,
) {
    let mut refused: Option<GenerationId> = None;
    let mut unreachable: Option<GenerationId> = None;
    let mut unreadable = false;
    loop {
        let asked = tokio::select! {
            () = tokio::time::sleep(options.interval) => false,
            () = now.notified() => true,
        };
        if asked {
            // An operator who asks gets another try at a generation that was refused.
            refused = None;
        }
        if let Some(supply) = &options.supply {
            supply.refresh(asked).await;
        }
        let index = options.index.clone();
        let named = patiently(&options.index, LOOK_LIMIT, move || current::read(&index)).await;
        let was_unreadable = std::mem::replace(&mut unreadable, named.is_err());
        let named = match named {
            Ok(named) if named != *live.current().id() => named,
            Ok(_) => continue,
            Err(error) => {
                if !was_unreadable {
                    tracing::warn!(%error, "CURRENT names no generation; the one that answers goes on answering");
                }
                continue;
            }
        };
        if refused.as_ref() == Some(&named) {
            continue;
        }
        match open_and_check(&options, &named, embedder.as_ref()).await {
            Ok(generation) => {
                let id = generation.id().clone();
                live.replace(generation);
                metrics::counter!("wattwise_reloads_total", "outcome" => "ok").increment(1);
                tracing::info!(snapshot.generation = %id, "now answering from a new generation");
                refused = None;
            }
            Err(Setback::Unreachable(reason)) => {
                // Tried again at the next look, and told once.
                if unreachable.as_ref() != Some(&named) {
                    tracing::warn!(snapshot.generation = %named, reason, "a new generation cannot be checked yet; the one before keeps answering");
                    unreachable = Some(named);
                }
            }
            Err(Setback::Refused(reason)) => {
                tracing::error!(snapshot.generation = %named, reason, "a new generation was refused; the one before keeps answering");
                metrics::counter!("wattwise_reloads_total", "outcome" => "refused").increment(1);
                refused = Some(named);
            }
        }
    }
}

/// Looks at the index on another thread and says so if that takes long, as on a mount that hangs. There
/// is one look at a time, so that such looks do not pile up.
async fn patiently<T: Send + 'static>(
    index: &Path,
    limit: Duration,
    look: impl FnOnce() -> T + Send + 'static,
) -> T {
    let mut looking = Box::pin(blocking::run(look));
    if let Ok(found) = tokio::time::timeout(limit, &mut looking).await {
        return found;
    }
    tracing::warn!(
        index = %index.display(), seconds = limit.as_secs(),
        "the index directory does not answer; what answers goes on answering"
    );
    looking.await
}

/// Why a new generation does not answer yet.
enum Setback {
    /// It is unfit.
    Refused(String),
    /// The embedder could not be asked.
    Unreachable(String),
}

async fn open_and_check(
    options: &ReloadOptions,
    named: &GenerationId,
    embedder: &dyn Embedder,
) -> Result<Generation, Setback> {
    let elsewhere = match &options.supply {
        Some(supply) => supply.open(named).await,
        None => None,
    };
    let opened = if let Some(opened) = elsewhere {
        opened
    } else {
        let (index, search_width) = (options.index.clone(), options.search_width);
        blocking::run(move || Live::open_next(&index, search_width)).await
    };
    let generation = opened.map_err(|error| {
        if let SnapshotError::Index(IndexError::Away { reason }) = error {
            return Setback::Unreachable(reason);
        }
        Setback::Refused(error.to_string())
    })?;
    check_embedder(&generation.records.manifest, embedder)
        .await
        .map_err(|error| Setback::Unreachable(error.to_string()))?
        .map_err(|error| Setback::Refused(error.to_string()))?;
    Ok(generation)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn a_look_that_hangs_holds_up_nobody_and_is_waited_for() {
        let (answer, hanging) = mpsc::channel();
        let limit = Duration::from_millis(1);
        let look = move || hanging.recv().unwrap();
        let mut looking = Box::pin(patiently(Path::new("index"), limit, look));
        // The only thread of this runtime goes on, past the limit too.
        for _ in 0..3 {
            tokio::time::sleep(limit).await;
            assert!(futures::poll!(&mut looking).is_pending());
        }
        answer.send(7).unwrap();
        assert_eq!(looking.await, 7);
    }
}
