//! Documents to a generation: embed what no earlier run has embedded.

use std::sync::Arc;

use super::IngestError;
use super::embed::{PROBES, embed};
use super::prepare::Assembly;
use super::recall::Recall;
use super::split::{GiveWay, SplitText};
use crate::embed::{EmbedError, Embedder};
use crate::extract::EXTRACTION_VERSION;
use crate::model::{Probe, dot};
use crate::runtime::blocking;
use crate::snapshot::Records;
use crate::snapshot::write::{Draft, Writer};

/// Below this cosine a probe's fresh vector counts as another model's, as `serve` sees it too.
const SAME_VECTOR: f32 = 0.995;

/// What a generation is made of, and what that cost.
pub(super) struct Assembled {
    pub(super) draft: Draft,
    /// It has the vectors already.
    pub(super) writer: Writer,
    /// The generation that the draft speaks of.
    pub(super) before: Option<Arc<Records>>,
    pub(super) embedded: usize,
    pub(super) resumed: usize,
}

/// Embeds what is new and puts everything together. A document that cannot be embedded gives way
/// to its content of last time.
pub(super) async fn assemble(
    mut documents: Vec<SplitText>,
    mut recall: Recall,
    ways: &mut GiveWay<'_>,
    assembly: Assembly<'_>,
) -> Result<Assembled, IngestError> {
    let (mut embedded, mut resumed) = (0, None);
    let plan = loop {
        let planned;
        (documents, recall, planned) = blocking::run(move || {
            let plan = recall.plan(&documents);
            (documents, recall, plan)
        })
        .await;
        let mut plan = planned?;
        resumed.get_or_insert(plan.resumed);
        let round = embed(&documents, &mut plan, &mut recall, &assembly).await?;
        embedded += round.made;
        if round.failures.is_empty() {
            break plan;
        }
        // What was made is not made again in the next round.
        documents = ways.replace(documents, &round.failures)?;
        if documents.is_empty() {
            let reason = "no document could be embedded".to_owned();
            return Err(IngestError::NothingIndexed(reason));
        }
    };
    let origins = plan.origins.into_iter().collect::<Option<Vec<_>>>();
    let origins =
        origins.ok_or_else(|| EmbedError::Inference("fewer vectors than passages".to_owned()))?;
    let (documents, bodies) = documents
        .into_iter()
        .map(|document| (document.text.document, document.text.body))
        .unzip();
    let (writer, before) = recall.into_parts();
    let writer = writer.expect("only a dry run, which plans, has none");
    Ok(Assembled {
        draft: Draft {
            documents,
            bodies,
            chunks: plan.chunks,
            origins,
            embedder: assembly.embedder.fingerprint().clone(),
            probes: assembly.probes,
            chunking: assembly.parameters,
            extraction_version: EXTRACTION_VERSION,
            created_at: assembly.now,
        },
        writer,
        before,
        embedded,
        resumed: resumed.unwrap_or_default(),
    })
}

/// What the embedder gives today for the texts that it is recognised by.
pub(super) async fn fresh_probes(embedder: &dyn Embedder) -> Result<Vec<Probe>, IngestError> {
    let mut probes = Vec::new();
    for text in PROBES {
        let vectors = embedder.embed_query(text).await?;
        probes.push(Probe {
            text: text.to_owned(),
            vector: vectors.whole.as_slice().to_vec(),
        });
    }
    Ok(probes)
}

/// Whether the embedder, under its old name, gives other vectors than those that are kept.
pub(super) fn has_changed(records: &Records, embedder: &dyn Embedder, probes: &[Probe]) -> bool {
    let has_changed =
        records.manifest.embedder == *embedder.fingerprint() && !probes_agree(records, probes);
    if has_changed {
        tracing::warn!(
            "the model behind the embedder's name has changed; everything is embedded anew"
        );
    }
    has_changed
}

/// Whether the embedder still gives the vectors that `records` were made with.
fn probes_agree(records: &Records, fresh: &[Probe]) -> bool {
    fresh.iter().all(|probe| {
        let stored = &records.manifest.probes;
        stored
            .iter()
            .filter(|stored| stored.text == probe.text)
            .all(|stored| dot(&stored.vector, &probe.vector) >= SAME_VECTOR)
    })
}
