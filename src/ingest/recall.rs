//! What need not be embedded again, and where the vectors of each chunk come from.

use std::collections::HashMap;
use std::sync::Arc;

use super::kept_vectors::KeptVectors;
use super::prepare::{chunks, passage};
use super::split::SplitText;
use crate::embed::{Embedder, Passage, PassageVectors};
use crate::index::part_writer::PackedVectors;
use crate::model::Chunk;
use crate::snapshot::write::{Body, Origin, Writer};
use crate::snapshot::{Records, SnapshotError};

/// The chunks of a generation, and where the vectors of each come from; `None` where they are yet to
/// be made.
#[derive(Default)]
pub(super) struct Plan {
    pub(super) chunks: Vec<Chunk>,
    pub(super) origins: Vec<Option<Origin>>,
    /// Passages that an interrupted run has embedded.
    pub(super) resumed: usize,
}

impl Plan {
    /// How many passages are still to be embedded.
    pub(super) fn missing(&self) -> usize {
        self.origins
            .iter()
            .filter(|origin| origin.is_none())
            .count()
    }
}

/// Vectors that exist: of this run, of the generation before, of an interrupted run.
pub(super) struct Recall {
    before: Option<Arc<Records>>,
    /// By the digest of what was embedded.
    rows: HashMap<[u8; 16], u32>,
    cached: KeptVectors,
    /// Of this run: their number, and how many sentences they have.
    made: HashMap<[u8; 16], (u32, usize)>,
    /// None in a dry run.
    writer: Option<Writer>,
}

impl Recall {
    /// `before` counts if it comes from the same embedder, `cached` must.
    pub(super) fn new(
        before: Option<&Arc<Records>>,
        cached: KeptVectors,
        embedder: &dyn Embedder,
        writer: Option<Writer>,
    ) -> Self {
        let before = before.filter(|records| records.manifest.embedder == *embedder.fingerprint());
        let chunks = before.map(|records| records.chunks()).unwrap_or_default();
        Self {
            rows: (0_u32..)
                .zip(chunks)
                .map(|(row, chunk)| (chunk.embedded_digest, row))
                .collect(),
            before: before.cloned(),
            cached,
            made: HashMap::new(),
            writer,
        }
    }

    /// The chunks of all documents. Those of a document that is kept are those of last time.
    pub(super) fn plan(&mut self, documents: &[SplitText]) -> Result<Plan, SnapshotError> {
        let mut plan = Plan::default();
        for (position, document) in (0_u32..).zip(documents) {
            match (&document.text.body, &self.before) {
                (Body::Kept(old), Some(before)) => {
                    for row in before.rows_of(*old) {
                        plan.chunks.push(Chunk {
                            document: position,
                            ..before.chunks()[row as usize].clone()
                        });
                        plan.origins.push(Some(Origin::Kept(row)));
                    }
                }
                (Body::Kept(_), None) => {}
                (Body::New(text), _) => {
                    let id = &document.text.document.id;
                    for chunk in chunks(position, id, text, &document.pieces) {
                        let passage = passage(text, &chunk);
                        plan.origins
                            .push(self.find(&chunk, &passage, &mut plan.resumed)?);
                        plan.chunks.push(chunk);
                    }
                }
            }
        }
        Ok(plan)
    }

    fn find(
        &mut self,
        chunk: &Chunk,
        passage: &Passage,
        resumed: &mut usize,
    ) -> Result<Option<Origin>, SnapshotError> {
        // Sentence rules may have changed since; an embedder without token vectors gives none.
        let fits = |sentences: usize| sentences == 0 || sentences == passage.spans.len();
        let digest = &chunk.embedded_digest;
        if let Some((number, sentences)) = self.made.get(digest)
            && fits(*sentences)
        {
            return Ok(Some(Origin::New(*number)));
        }
        if let (Some(before), Some(row)) = (&self.before, self.rows.get(digest))
            && is_whole(before, *row, passage)
        {
            return Ok(Some(Origin::Recalled(*row)));
        }
        let Some(vectors) = self
            .cached
            .read(digest)
            .filter(|vectors| fits(vectors.spans.len()))
        else {
            return Ok(None);
        };
        *resumed += 1;
        Ok(Some(Origin::New(self.keep(chunk, vectors)?)))
    }

    /// Writes vectors of this run and returns their number.
    pub(super) fn keep(
        &mut self,
        chunk: &Chunk,
        vectors: PassageVectors,
    ) -> Result<u32, SnapshotError> {
        let sentences = vectors.spans.len();
        let Some(writer) = &mut self.writer else {
            return Ok(0);
        };
        let packed = PackedVectors::of(&vectors.whole, &vectors.spans, vectors.words);
        let number = writer.push(&packed)?;
        self.made.insert(chunk.embedded_digest, (number, sentences));
        Ok(number)
    }

    /// What the rest of the generation is written with.
    pub(super) fn into_parts(self) -> (Option<Writer>, Option<Arc<Records>>) {
        (self.writer, self.before)
    }
}

/// Whether a row has all the vectors that a passage wants. A generation may be older than word
/// vectors, sentence rules may have changed since; then the passage is embedded again. An embedder
/// without token vectors gives neither.
fn is_whole(records: &Records, row: u32, passage: &Passage) -> bool {
    let sentences = records
        .spans
        .find(row)
        .map_or(0, |(part, at)| part.count(at));
    let words = records
        .words
        .find(row)
        .map_or(0, |(part, at)| part.count(at));
    sentences == 0 || (sentences == passage.spans.len() && (words == 0) == passage.words.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::{current, open};

    /// Whether the first chunk of a golden generation has all that it would be given today.
    fn is_recalled_from(format: &str) -> bool {
        let index = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/it/golden")
            .join(format);
        let records = open::open_records(&index, &current::read(&index).unwrap()).unwrap();
        let chunk = &records.chunks()[0];
        is_whole(&records, 0, &passage(records.text(chunk.document), chunk))
    }

    #[test]
    fn what_has_no_words_yet_is_embedded_again_and_the_rest_is_not() {
        assert!(!is_recalled_from("format-2"));
        assert!(is_recalled_from("format-3"));
    }
}
