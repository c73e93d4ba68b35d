//! Generations: which there are, and which one answers.

use std::io::ErrorKind;
use std::path::Path;

use super::{Admin, AdminError};
use crate::model::{EmbedderFingerprint, GenerationId};
use crate::runtime::blocking;
use crate::snapshot::{SnapshotError, current, lock, open, unpublished};

/// What a generation is to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GenerationState {
    /// It answers.
    Live,
    /// `CURRENT` names it and the server does not answer from it: it is being checked, or was refused.
    Next,
    /// It was live once.
    Old,
    /// A publish gate refused it.
    Refused,
    /// Its run ended before it was published.
    Unpublished,
}

impl GenerationState {
    /// The word in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Next => "next",
            Self::Old => "old",
            Self::Refused => "refused",
            Self::Unpublished => "unpublished",
        }
    }
}

/// One generation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GenerationRow {
    /// Which.
    pub id: String,
    /// What it is to the server.
    pub state: GenerationState,
    /// Why a gate refused it, or why it cannot be read.
    pub reason: Option<String>,
    /// What it holds; `None` if it cannot be read.
    pub contents: Option<GenerationContents>,
}

/// What a generation holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GenerationContents {
    /// When it was made, in seconds since the Unix epoch.
    pub created_at: i64,
    /// Documents.
    pub documents: usize,
    /// Chunks.
    pub chunks: usize,
    /// Bytes of its files.
    pub bytes: u64,
    /// Adapter and model of its vectors.
    pub embedder: String,
    /// Whether its vectors are of the embedder that the server runs.
    pub is_usable: bool,
}

impl Admin {
    /// All generations, newest first.
    pub async fn generations(&self) -> Result<Vec<GenerationRow>, AdminError> {
        let index = self.parts.index.clone();
        let live = self.parts.live.current();
        blocking::run(move || {
            let embedder = &live.records.manifest.embedder;
            let mut ids = current::list(&index)?;
            ids.reverse();
            let named = current::read(&index).ok();
            let describe =
                |id: &GenerationId| describe(&index, id, live.id(), named.as_ref(), embedder);
            Ok(ids.iter().map(describe).collect())
        })
        .await
    }

    /// Makes a generation the live one for this server and its successors. It is checked as the server
    /// checks each new one before it answers; returns when `CURRENT` names it.
    pub async fn roll_back(&self, id: &str) -> Result<(), AdminError> {
        let Some(id) = GenerationId::parse(id) else {
            return Err(AdminError::NoGeneration(id.to_owned()));
        };
        if let Some(address) = &self.parts.published_at {
            return Err(AdminError::Copy {
                id: id.to_string(),
                address: address.clone(),
            });
        }
        let index = self.parts.index.clone();
        let live = self.parts.live.current();
        blocking::run(move || publish(&index, &id, &live.records.manifest.embedder)).await?;
        self.parts.reload_now.notify_one();
        Ok(())
    }
}

fn describe(
    index: &Path,
    id: &GenerationId,
    live: &GenerationId,
    named: Option<&GenerationId>,
    embedder: &EmbedderFingerprint,
) -> GenerationRow {
    let refusal = unpublished::reason(index, id);
    let state = match &refusal {
        _ if id == live => GenerationState::Live,
        _ if named == Some(id) => GenerationState::Next,
        Some(reason) if reason.is_empty() => GenerationState::Unpublished,
        Some(_) => GenerationState::Refused,
        None => GenerationState::Old,
    };
    let manifest = open::read_manifest(&index.join(id.as_str()), id);
    let unreadable = manifest.as_ref().err().map(ToString::to_string);
    GenerationRow {
        id: id.to_string(),
        state,
        reason: unreadable.or(refusal.filter(|reason| !reason.is_empty())),
        contents: manifest.ok().map(|manifest| GenerationContents {
            created_at: manifest.created_at,
            documents: manifest.counts.documents,
            chunks: manifest.counts.chunks,
            bytes: manifest.files.iter().map(|file| file.bytes).sum(),
            embedder: format!("{}/{}", manifest.embedder.adapter, manifest.embedder.model),
            is_usable: manifest.embedder == *embedder,
        }),
    }
}

fn publish(
    index: &Path,
    id: &GenerationId,
    embedder: &EmbedderFingerprint,
) -> Result<(), AdminError> {
    if !current::list(index)?.contains(id) {
        return Err(AdminError::NoGeneration(id.to_string()));
    }
    let _lock = lock::acquire(index, "a rollback").map_err(|error| refused(id, error))?;
    let unfit = |error: SnapshotError| AdminError::Unfit {
        id: id.to_string(),
        reason: error.to_string(),
    };
    let records = open::open_records(index, id).map_err(unfit)?;
    if records.manifest.embedder != *embedder {
        return Err(unfit(SnapshotError::OtherEmbedder {
            snapshot: Box::new(records.manifest.embedder),
            configured: Box::new(embedder.clone()),
        }));
    }
    current::publish(index, id).map_err(|error| refused(id, error))
}

/// What kept the server from writing.
fn refused(id: &GenerationId, error: SnapshotError) -> AdminError {
    if matches!(error, SnapshotError::Locked { .. }) {
        return AdminError::Busy(error.to_string());
    }
    let is_denied = |kind| {
        matches!(
            kind,
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem
        )
    };
    if matches!(&error, SnapshotError::Io { source, .. } if is_denied(source.kind())) {
        return AdminError::ReadOnly { id: id.to_string() };
    }
    AdminError::Index(error)
}
