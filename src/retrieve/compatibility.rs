//! Do the snapshot's vectors and the embedder's belong together?

use crate::embed::{EmbedError, Embedder};
use crate::model::UnitVector;
use crate::snapshot::{Manifest, SnapshotError};

/// Below this cosine a probe's fresh vector counts as another vector. Servers that compute on
/// different hardware differ in the fifth digit; another model differs in the first.
const SAME_VECTOR: f32 = 0.995;

/// Compares names and dimensions, then embeds the snapshot's probes again and compares the vectors.
/// The outer error says that the embedder could not be asked.
pub async fn check_embedder(
    manifest: &Manifest,
    embedder: &dyn Embedder,
) -> Result<Result<(), SnapshotError>, EmbedError> {
    if manifest.embedder != *embedder.fingerprint() {
        return Ok(Err(SnapshotError::OtherEmbedder {
            snapshot: Box::new(manifest.embedder.clone()),
            configured: Box::new(embedder.fingerprint().clone()),
        }));
    }
    for probe in &manifest.probes {
        let fresh = embedder.embed_query(&probe.text).await?;
        let cosine = UnitVector::normalize(probe.vector.clone())
            .map_or(0.0, |stored| fresh.whole.cosine(stored.as_slice()));
        if cosine < SAME_VECTOR {
            return Ok(Err(SnapshotError::EmbedderChanged {
                embedder: Box::new(manifest.embedder.clone()),
                cosine,
            }));
        }
    }
    Ok(Ok(()))
}
