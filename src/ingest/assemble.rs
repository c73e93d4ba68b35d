//! Documents to the contents of a generation: embed what no earlier run has embedded.

use std::collections::HashMap;

use super::IngestError;
use super::embed::{Recalled, embed};
use super::prepare::{Assembly, PROBES, Prepared, prepare};
use super::split::{GiveWay, SplitText};
use crate::embed::{EmbedError, PassageVectors};
use crate::extract::EXTRACTION_VERSION;
use crate::model::{Probe, dot};
use crate::runtime::blocking;
use crate::snapshot::Records;
use crate::snapshot::write::Contents;

/// Below this cosine a probe's fresh vector counts as another model's, as `serve` sees it too.
const SAME_VECTOR: f32 = 0.995;

/// The contents of a generation, and what they cost.
pub(super) struct Assembled {
    pub(super) contents: Contents,
    pub(super) embedded: usize,
    pub(super) resumed: usize,
}

/// Embeds what is new and puts everything together. A document that cannot be embedded gives way
/// to its content of last time.
pub(super) async fn assemble(
    mut documents: Vec<SplitText>,
    ways: &mut GiveWay<'_>,
    assembly: Assembly<'_>,
) -> Result<Assembled, IngestError> {
    let probes = fresh_probes(&assembly).await?;
    let has_changed = has_changed(&assembly, &probes);
    let (mut fresh, mut embedded, mut resumed) = (HashMap::new(), 0, None);
    let (prepared, vectors) = loop {
        let prepared;
        (documents, prepared) = blocking::run(move || {
            let prepared = prepare(&documents);
            (documents, prepared)
        })
        .await;
        let earlier = if has_changed {
            None
        } else {
            Some((assembly.previous, assembly.cache))
        };
        let recalled = Recalled::of(&prepared, earlier, &fresh, assembly.embedder.as_ref());
        resumed.get_or_insert(recalled.resumed);
        let round = embed(&prepared, recalled, &assembly).await?;
        embedded += round.made;
        if round.failures.is_empty() {
            break (prepared, round.vectors);
        }
        // What was made is not made again in the next round.
        let made = prepared.iter().zip(round.vectors);
        fresh.extend(
            made.filter_map(|(item, vectors)| Some((item.chunk.embedded_digest, vectors?))),
        );
        documents = ways.replace(documents, &round.failures);
        if documents.is_empty() {
            let reason = "no document could be embedded".to_owned();
            return Err(IngestError::NothingIndexed(reason));
        }
    };
    let vectors = vectors
        .into_iter()
        .collect::<Option<Vec<_>>>()
        .ok_or_else(|| EmbedError::Inference("fewer vectors than passages".to_owned()))?;
    Ok(Assembled {
        contents: contents(documents, prepared, vectors, probes, &assembly),
        embedded,
        resumed: resumed.unwrap_or_default(),
    })
}

async fn fresh_probes(assembly: &Assembly<'_>) -> Result<Vec<Probe>, IngestError> {
    let mut probes = Vec::new();
    for text in PROBES {
        let vectors = assembly.embedder.embed_query(text).await?;
        probes.push(Probe {
            text: text.to_owned(),
            vector: vectors.whole.as_slice().to_vec(),
        });
    }
    Ok(probes)
}

/// Whether the embedder, under its old name, gives other vectors than those that are kept.
fn has_changed(assembly: &Assembly<'_>, probes: &[Probe]) -> bool {
    let has_changed = assembly.previous.is_some_and(|records| {
        records.manifest.embedder == *assembly.embedder.fingerprint()
            && !probes_agree(records, probes)
    });
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

fn contents(
    documents: Vec<SplitText>,
    prepared: Vec<Prepared>,
    vectors: Vec<PassageVectors>,
    probes: Vec<Probe>,
    assembly: &Assembly<'_>,
) -> Contents {
    let mut contents = Contents {
        documents: Vec::with_capacity(documents.len()),
        texts: Vec::with_capacity(documents.len()),
        chunks: Vec::with_capacity(prepared.len()),
        lexical_texts: Vec::with_capacity(prepared.len()),
        vectors: Vec::with_capacity(prepared.len()),
        sentence_vectors: Vec::with_capacity(prepared.len()),
        word_codes: Vec::with_capacity(prepared.len()),
        embedder: assembly.embedder.fingerprint().clone(),
        probes,
        chunking: assembly.parameters,
        extraction_version: EXTRACTION_VERSION,
        created_at: assembly.now,
    };
    for document in documents {
        contents.documents.push(document.text.document);
        contents.texts.push(document.text.text);
    }
    for (item, passage_vectors) in prepared.into_iter().zip(vectors) {
        contents.chunks.push(item.chunk);
        contents.lexical_texts.push(item.lexical_text);
        contents.vectors.push(passage_vectors.whole);
        contents.sentence_vectors.push(passage_vectors.spans);
        contents.word_codes.push(passage_vectors.words);
    }
    contents
}
