//! Sources that are read again beside a server.

use std::sync::Arc;

use super::ingest::Run;
use crate::config::IngestSettings;
use crate::embed::Embedder;
use crate::ingest::{Progress, Report};
use crate::wiring;

/// What is read again, once or after each change in the folders.
pub(super) struct Refresh {
    pub(super) settings: IngestSettings,
    pub(super) watch: bool,
}

impl Refresh {
    /// Reads, and logs what came of it; what was read before answers meanwhile.
    pub(super) async fn run(self, embedder: Arc<dyn Embedder>) {
        let notifier = wiring::notifier(&self.settings).unwrap_or_else(|error| {
            tracing::error!("nobody is told how the sources are read again: {error}");
            None
        });
        let run = Run::new(self.settings, notifier, embedder, Progress::hidden(), true);
        let run = match run {
            Ok(run) => run,
            Err(error) => return tell(Err(error)),
        };
        if self.watch {
            run.again(tell).await;
        } else {
            tell(run.once().await);
        }
    }
}

fn tell(outcome: anyhow::Result<Report>) {
    match outcome {
        Ok(report) => {
            if let Some(attention) = report.attention() {
                tracing::warn!("{attention}");
            } else {
                tracing::info!("{}", report.conclusion());
            }
        }
        Err(error) => tracing::warn!(
            "the sources were not read again, what was read before answers: {error:#}"
        ),
    }
}
