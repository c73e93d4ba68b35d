//! Documents to the contents of a generation: embed what no earlier run has embedded.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use indicatif::ProgressBar;

use super::IngestError;
use super::cache::Cache;
use super::embed::{Recalled, embed};
use super::split::{GiveWay, SplitText};
use crate::chunk::{ChunkParameters, Piece};
use crate::embed::{EmbedError, Embedder, Passage, PassageVectors};
use crate::extract::EXTRACTION_VERSION;
use crate::language::content_words;
use crate::model::{Chunk, ChunkId, Document, Probe, dot, embedded_text};
use crate::runtime::blocking;
use crate::snapshot::Records;
use crate::snapshot::write::Contents;

/// Texts by which an embedder is recognised: an everyday question, and figures with units.
pub(super) const PROBES: [&str; 2] = [
    "How can I heat my home for less money?",
    "270 mm of mineral wool, 21 °C, 0.16 W/m²K",
];

/// Below this cosine a probe's fresh vector counts as another model's, as `serve` sees it too.
const SAME_VECTOR: f32 = 0.995;

/// A chunk and what is embedded and searched for it.
pub(super) struct Prepared {
    pub(super) chunk: Chunk,
    pub(super) passage: Passage,
    pub(super) lexical_text: String,
}

impl Prepared {
    /// Position of its document.
    pub(super) fn document(&self) -> usize {
        self.chunk.document as usize
    }
}

/// The chunks of all documents. Pieces are bounded, so that what is done with one is, too.
pub(super) fn prepare(documents: &[SplitText]) -> Vec<Prepared> {
    let mut prepared = Vec::new();
    for (position, document) in (0_u32..).zip(documents) {
        let text = &document.text;
        let mut occurrences: HashMap<String, u32> = HashMap::new();
        for (ordinal, piece) in (0_u32..).zip(&document.pieces) {
            let passage = passage(&text.text, piece);
            let occurrence = occurrences.entry(passage.text.clone()).or_default();
            let chunk = Chunk {
                id: ChunkId::of_content(&text.document.id, &passage.text, *occurrence),
                document: position,
                ordinal,
                page: piece.page,
                range: piece.range.clone(),
                sentences: piece.sentences.clone(),
                embedded_digest: digest(&passage.text),
                heading_path: piece.heading_path.clone(),
            };
            *occurrence += 1;
            let lexical_text = lexical_text(&text.document, &passage.text);
            prepared.push(Prepared {
                chunk,
                passage,
                lexical_text,
            });
        }
    }
    prepared
}

fn passage(text: &str, piece: &Piece) -> Passage {
    let (embedded, shift) = embedded_text(&piece.heading_path, &text[piece.range.clone()]);
    let spans = piece
        .sentences
        .iter()
        .map(|sentence| {
            sentence.start - piece.range.start + shift..sentence.end - piece.range.start + shift
        })
        .collect();
    Passage {
        spans,
        words: content_words(&embedded).collect(),
        text: embedded,
    }
}

/// Words are searched in the title too, unless the text begins with it anyway.
fn lexical_text(document: &Document, embedded: &str) -> String {
    if embedded.starts_with(&document.title) {
        embedded.to_owned()
    } else {
        format!("{}\n{embedded}", document.title)
    }
}

fn digest(text: &str) -> [u8; 16] {
    let mut short = [0; 16];
    short.copy_from_slice(&blake3::hash(text.as_bytes()).as_bytes()[..16]);
    short
}

/// The contents of a generation, and what they cost.
pub(super) struct Assembled {
    pub(super) contents: Contents,
    pub(super) embedded: usize,
    pub(super) resumed: usize,
}

/// What a generation is assembled with.
pub(super) struct Assembly<'a> {
    pub(super) parameters: ChunkParameters,
    pub(super) previous: Option<&'a Records>,
    pub(super) embedder: &'a Arc<dyn Embedder>,
    pub(super) cache: &'a Cache,
    pub(super) bar: &'a ProgressBar,
    /// For the embedding of one document.
    pub(super) timeout: Duration,
    /// Seconds since the Unix epoch.
    pub(super) now: i64,
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
