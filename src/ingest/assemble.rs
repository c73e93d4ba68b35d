//! Documents to the contents of a generation: split, then embed what no earlier run has embedded.

use std::collections::HashMap;
use std::sync::Arc;

use futures::{StreamExt, TryStreamExt, stream};
use indicatif::ProgressBar;

use super::IngestError;
use super::cache::Cache;
use super::gather::Text;
use crate::chunk::{ChunkParameters, Piece, split};
use crate::embed::{EmbedError, Embedder, Passage, PassageVectors};
use crate::extract::EXTRACTION_VERSION;
use crate::language::content_words;
use crate::model::{Chunk, ChunkId, Document, Probe, UnitVector, dot, embedded_text};
use crate::snapshot::Records;
use crate::snapshot::write::Contents;

/// Passages handed to the embedder at once, and how many such batches are under way: enough to keep
/// every worker busy, few enough to stay small.
const BATCH: usize = 8;
const BATCHES_UNDER_WAY: usize = 4;

/// Texts by which an embedder is recognised: an everyday question, and figures with units.
const PROBES: [&str; 2] = [
    "How can I heat my home for less money?",
    "270 mm of mineral wool, 21 °C, 0.16 W/m²K",
];

/// Below this cosine a probe's fresh vector counts as another model's, as `serve` sees it too.
const SAME_VECTOR: f32 = 0.995;

/// A chunk and what is embedded and searched for it.
pub(super) struct Prepared {
    chunk: Chunk,
    passage: Passage,
    lexical_text: String,
}

impl Prepared {
    /// Position of its document.
    pub(super) fn document(&self) -> usize {
        self.chunk.document as usize
    }
}

/// Splits all documents.
pub(super) fn prepare(
    texts: &[Text],
    parameters: &ChunkParameters,
    embedder: &dyn Embedder,
) -> Vec<Prepared> {
    let mut prepared = Vec::new();
    let parameters = ChunkParameters {
        // Two of the model's tokens are its own marks.
        max_tokens: parameters
            .max_tokens
            .min(embedder.max_tokens().saturating_sub(2)),
        ..*parameters
    };
    for (position, text) in (0_u32..).zip(texts) {
        let pieces = split(&text.text, &text.document.blocks, &parameters, &|piece| {
            embedder.count_tokens(piece)
        });
        let mut occurrences: HashMap<String, u32> = HashMap::new();
        for (ordinal, piece) in (0_u32..).zip(pieces) {
            let passage = passage(&text.text, &piece);
            let occurrence = occurrences.entry(passage.text.clone()).or_default();
            let chunk = Chunk {
                id: ChunkId::of_content(&text.document.id, &passage.text, *occurrence),
                document: position,
                ordinal,
                page: piece.page,
                range: piece.range.clone(),
                sentences: piece.sentences.clone(),
                embedded_digest: digest(&passage.text),
                heading_path: piece.heading_path,
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

/// Vectors of an earlier generation, by the digest of what was embedded.
struct Known<'a> {
    records: &'a Records,
    rows: HashMap<[u8; 16], u32>,
}

impl<'a> Known<'a> {
    /// `None` if the vectors come from another embedder.
    fn of(records: &'a Records, embedder: &dyn Embedder) -> Option<Self> {
        (records.manifest.embedder == *embedder.fingerprint()).then(|| Self {
            rows: (0_u32..)
                .zip(records.chunks())
                .map(|(row, chunk)| (chunk.embedded_digest, row))
                .collect(),
            records,
        })
    }

    fn find(&self, prepared: &Prepared) -> Option<PassageVectors> {
        let row = *self.rows.get(&prepared.chunk.embedded_digest)?;
        let spans = self.records.spans.vectors(row).ok()?;
        let whole = UnitVector::normalize(self.records.vectors.row(row).to_vec()).ok()?;
        let words = self.records.words.codes(row).ok()?;
        // Sentence rules may have changed since, or the generation be older than word vectors; then
        // the passage is embedded again. An embedder without token vectors gives neither.
        let is_whole = spans.is_empty()
            || (spans.len() == prepared.passage.spans.len()
                && words.is_empty() == prepared.passage.words.is_empty());
        is_whole.then_some(PassageVectors {
            whole,
            spans,
            words,
        })
    }
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

/// What need not be embedded again.
pub(super) struct Recalled {
    vectors: Vec<Option<PassageVectors>>,
    /// Passages that an interrupted run has embedded.
    pub(super) resumed: usize,
}

impl Recalled {
    /// Looks every passage up in the generation before and in the cache.
    pub(super) fn of(
        prepared: &[Prepared],
        previous: Option<&Records>,
        cache: &Cache,
        embedder: &dyn Embedder,
    ) -> Self {
        let known = previous.and_then(|records| Known::of(records, embedder));
        let cached = cache.vectors(embedder.fingerprint());
        let mut resumed = 0;
        let vectors = prepared
            .iter()
            .map(|item| {
                let published = known.as_ref().and_then(|known| known.find(item));
                published.or_else(|| {
                    let vectors = cached.get(&item.chunk.embedded_digest)?;
                    let fits =
                        vectors.spans.is_empty() || vectors.spans.len() == item.passage.spans.len();
                    resumed += usize::from(fits);
                    fits.then(|| vectors.clone())
                })
            })
            .collect();
        Self { vectors, resumed }
    }

    /// How many passages are still to be embedded.
    pub(super) fn missing(&self) -> usize {
        self.vectors.iter().filter(|known| known.is_none()).count()
    }
}

/// The vectors of all passages in order. What is new is kept in the cache as soon as it is there.
async fn embed(
    prepared: &[Prepared],
    recalled: Recalled,
    embedder: &Arc<dyn Embedder>,
    cache: &Cache,
    bar: &ProgressBar,
) -> Result<Vec<PassageVectors>, IngestError> {
    let mut vectors = recalled.vectors;
    let missing: Vec<usize> = (0..prepared.len())
        .filter(|row| vectors[*row].is_none())
        .collect();
    bar.inc((prepared.len() - missing.len()) as u64);

    let batches: Vec<(Vec<usize>, Vec<Passage>)> = missing
        .chunks(BATCH)
        .map(|rows| {
            (
                rows.to_vec(),
                rows.iter()
                    .map(|row| prepared[*row].passage.clone())
                    .collect(),
            )
        })
        .collect();
    let mut results = stream::iter(batches)
        .map(|(rows, passages)| async move {
            let fresh = embedder.embed_passages(passages).await?;
            Ok::<_, EmbedError>((rows, fresh))
        })
        .buffer_unordered(BATCHES_UNDER_WAY);
    while let Some((rows, fresh)) = results.try_next().await? {
        bar.inc(rows.len() as u64);
        let keys = rows.iter().map(|row| prepared[*row].chunk.embedded_digest);
        cache.keep_vectors(embedder.fingerprint(), keys.zip(&fresh));
        for (row, passage_vectors) in rows.into_iter().zip(fresh) {
            vectors[row] = Some(passage_vectors);
        }
    }
    vectors
        .into_iter()
        .collect::<Option<Vec<_>>>()
        .ok_or_else(|| EmbedError::Inference("fewer vectors than passages".to_owned()).into())
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
    /// Seconds since the Unix epoch.
    pub(super) now: i64,
}

/// Embeds what is new and puts everything together.
pub(super) async fn assemble(
    texts: Vec<Text>,
    prepared: Vec<Prepared>,
    assembly: Assembly<'_>,
) -> Result<Assembled, IngestError> {
    let Assembly {
        parameters,
        previous,
        embedder,
        cache,
        bar,
        now,
    } = assembly;
    let mut probes = Vec::new();
    for text in PROBES {
        let vector = embedder.embed_query(text).await?.whole.as_slice().to_vec();
        probes.push(Probe {
            text: text.to_owned(),
            vector,
        });
    }
    let has_changed = previous.is_some_and(|records| {
        records.manifest.embedder == *embedder.fingerprint() && !probes_agree(records, &probes)
    });
    let recalled = if has_changed {
        tracing::warn!(
            "the model behind the embedder's name has changed; everything is embedded anew"
        );
        Recalled {
            vectors: vec![None; prepared.len()],
            resumed: 0,
        }
    } else {
        Recalled::of(&prepared, previous, cache, embedder.as_ref())
    };
    let (embedded, resumed) = (recalled.missing(), recalled.resumed);
    let vectors = embed(&prepared, recalled, embedder, cache, bar).await?;
    let mut contents = Contents {
        documents: Vec::with_capacity(texts.len()),
        texts: Vec::with_capacity(texts.len()),
        chunks: Vec::with_capacity(prepared.len()),
        lexical_texts: Vec::with_capacity(prepared.len()),
        vectors: Vec::with_capacity(prepared.len()),
        sentence_vectors: Vec::with_capacity(prepared.len()),
        word_codes: Vec::with_capacity(prepared.len()),
        embedder: embedder.fingerprint().clone(),
        probes,
        chunking: parameters,
        extraction_version: EXTRACTION_VERSION,
        created_at: now,
    };
    for text in texts {
        contents.documents.push(text.document);
        contents.texts.push(text.text);
    }
    for (item, passage_vectors) in prepared.into_iter().zip(vectors) {
        contents.chunks.push(item.chunk);
        contents.lexical_texts.push(item.lexical_text);
        contents.vectors.push(passage_vectors.whole);
        contents.sentence_vectors.push(passage_vectors.spans);
        contents.word_codes.push(passage_vectors.words);
    }
    Ok(Assembled {
        contents,
        embedded,
        resumed,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assistant::fixture::fake_embedder::HashEmbedder;
    use crate::snapshot::{current, open};

    /// A chunk of a golden generation, to be embedded in the same way today.
    fn recalled_from(format: &str) -> Option<PassageVectors> {
        let index = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/it/golden")
            .join(format);
        let records = open::open_records(&index, &current::read(&index).unwrap()).unwrap();
        let chunk = records.chunks()[0].clone();
        let text = records.chunk_text(&chunk).to_owned();
        let prepared = Prepared {
            passage: Passage {
                spans: chunk.sentences.clone(),
                words: content_words(&text).collect(),
                text,
            },
            lexical_text: String::new(),
            chunk,
        };
        Known::of(&records, &HashEmbedder::named("fake"))
            .unwrap()
            .find(&prepared)
    }

    #[test]
    fn what_has_no_words_yet_is_embedded_again_and_the_rest_is_not() {
        assert!(recalled_from("format-2").is_none());
        let recalled = recalled_from("format-3").unwrap();
        assert!(!recalled.words.is_empty() && recalled.spans.len() == 3);
    }
}
