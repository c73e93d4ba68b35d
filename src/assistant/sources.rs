//! What an answer is made from: contexts of the snapshot, and texts of the caller's own.

use std::ops::Range;
use std::sync::Arc;

use super::{Assistant, AssistantError, SuppliedContext};
use crate::embed;
use crate::generate::commands::commands;
use crate::generate::extractive::{Form, Passage, Purpose, Sentence, heads_references};
use crate::language::sentences;
use crate::model::{BlockKind, Chunk, UnitVector};
use crate::runtime::blocking;
use crate::snapshot::Generation;

/// A context, found again in the snapshot if it comes from there.
pub(super) enum Source {
    Stored { row: u32 },
    Foreign { text: String },
}

impl Source {
    /// Its row, if it comes from the snapshot.
    pub(super) fn row(&self) -> Option<u32> {
        match self {
            Self::Stored { row } => Some(*row),
            Self::Foreign { .. } => None,
        }
    }
}

impl Assistant {
    /// The contexts with their sentences and the cosines of these with the question.
    pub(super) async fn passages(
        &self,
        generation: &Arc<Generation>,
        sources: &[Source],
        query: Option<&UnitVector>,
    ) -> Result<Vec<Passage>, AssistantError> {
        let cosines = sentence_cosines(generation, sources, query).await;
        let mut passages = Vec::with_capacity(sources.len());
        for (source, cosines) in sources.iter().zip(cosines) {
            passages.push(self.passage(generation, source, query, &cosines).await?);
        }
        Ok(passages)
    }

    async fn passage(
        &self,
        generation: &Generation,
        source: &Source,
        query: Option<&UnitVector>,
        cosines: &[f32],
    ) -> Result<Passage, AssistantError> {
        match source {
            Source::Stored { row } => {
                let chunk = generation.chunk(*row);
                let places = places(generation, chunk);
                let sentences = chunk
                    .sentences
                    .iter()
                    .zip(places)
                    .enumerate()
                    .map(|(position, (sentence, place))| Sentence {
                        range: sentence.start - chunk.range.start..sentence.end - chunk.range.start,
                        cosine: cosines.get(position).copied(),
                        form: place.form,
                        purpose: place.purpose,
                        opens: place.opens,
                    })
                    .collect();
                let standing = query.map_or(0.0, |query| {
                    query.cosine(generation.records.vectors.row(*row))
                });
                let text = generation.records.chunk_text(chunk).to_owned();
                let headings = headings(generation, *row);
                Ok(Passage {
                    text,
                    headings,
                    sentences,
                    standing,
                })
            }
            Source::Foreign { text } => self.foreign_passage(text, query).await,
        }
    }

    /// Text that is in no document: its sentences are embedded here and now.
    async fn foreign_passage(
        &self,
        text: &str,
        query: Option<&UnitVector>,
    ) -> Result<Passage, AssistantError> {
        let ranges = sentences(text, 0..text.len());
        let commands = commands(text);
        let mut cosines = Vec::new();
        if let Some(query) = query.filter(|_| !ranges.is_empty()) {
            let passage = embed::Passage {
                text: text.to_owned(),
                spans: ranges.clone(),
                words: Vec::new(),
            };
            let vectors = self
                .embedder
                .embed_passages(vec![passage])
                .await
                .map_err(|error| AssistantError::Embedder(error.to_string()))?;
            cosines = vectors
                .iter()
                .flat_map(|v| &v.spans)
                .map(|span| query.cosine(span.as_slice()))
                .collect();
        }
        let sentences = ranges
            .into_iter()
            .enumerate()
            .map(|(position, range)| Sentence {
                form: form_of(&text[range.clone()]),
                purpose: purpose(&commands, range.start, false),
                range,
                cosine: cosines.get(position).copied(),
                opens: None,
            })
            .collect();
        Ok(Passage {
            text: text.to_owned(),
            headings: String::new(),
            sentences,
            standing: 0.0,
        })
    }
}

/// For each source the cosines of its sentences with the question, as far as they are stored.
async fn sentence_cosines(
    generation: &Arc<Generation>,
    sources: &[Source],
    query: Option<&UnitVector>,
) -> Vec<Vec<f32>> {
    let Some(query) = query.cloned() else {
        return vec![Vec::new(); sources.len()];
    };
    let rows: Vec<Option<u32>> = sources.iter().map(Source::row).collect();
    let generation = Arc::clone(generation);
    // The vectors lie in a file.
    blocking::run(move || {
        let of_row = |row| generation.records.sentence_cosines(row, &query);
        let cosines = rows
            .into_iter()
            .map(|row| row.map(of_row).unwrap_or_default());
        cosines.collect()
    })
    .await
}

/// Where a sentence stands in its document, and what follows from that.
struct Place {
    form: Form,
    purpose: Purpose,
    opens: Option<String>,
}

/// The place of each sentence of a chunk.
fn places(generation: &Generation, chunk: &Chunk) -> Vec<Place> {
    let document = generation.records.document_of(chunk);
    let text = generation.records.text(chunk.document);
    let mut blocks = document.blocks.iter().peekable();
    let mut form = Form::Prose;
    let mut under_references = false;
    let mut heading = None;
    let commands = commands(generation.records.chunk_text(chunk));
    let mut places = Vec::with_capacity(chunk.sentences.len());
    for sentence in &chunk.sentences {
        let mut opens = None;
        while let Some(block) = blocks.next_if(|block| block.range.start <= sentence.start) {
            form = match block.kind {
                BlockKind::Heading(_) => {
                    let words = &text[block.range.clone()];
                    under_references = heads_references(words);
                    heading = Some(words);
                    continue;
                }
                BlockKind::ListItem => Form::ListItem,
                BlockKind::TableRow => Form::TableRow,
                BlockKind::Paragraph | BlockKind::Preformatted => Form::Prose,
            };
            // A chunk may begin within a block.
            opens = heading
                .take()
                .filter(|_| block.range.start == sentence.start);
        }
        let within = sentence.start - chunk.range.start;
        places.push(Place {
            form,
            purpose: purpose(&commands, within, under_references),
            opens: opens.map(str::to_owned),
        });
    }
    places
}

/// What a sentence that begins at `start` is good for.
fn purpose(commands: &[Range<usize>], start: usize, under_references: bool) -> Purpose {
    if commands.iter().any(|command| command.contains(&start)) {
        Purpose::Command
    } else if under_references {
        Purpose::Reference
    } else {
        Purpose::Statement
    }
}

/// What a text without blocks seems to be part of.
fn form_of(text: &str) -> Form {
    if text.starts_with("- ") {
        Form::ListItem
    } else if text.contains(" | ") {
        Form::TableRow
    } else {
        Form::Prose
    }
}

/// The headings above a chunk and those within it.
fn headings(generation: &Generation, row: u32) -> String {
    let chunk = generation.chunk(row);
    let document = generation.records.document_of(chunk);
    let text = generation.records.text(chunk.document);
    let within = document.blocks.iter().filter(|block| {
        matches!(block.kind, BlockKind::Heading(_))
            && block.range.start >= chunk.range.start
            && block.range.end <= chunk.range.end
    });
    let mut headings = chunk.heading_path.join(" ");
    for block in within {
        headings.push(' ');
        headings.push_str(&text[block.range.clone()]);
    }
    headings
}

/// Finds a supplied context in the snapshot: by its id or, failing that, by its exact words.
pub(super) fn find(generation: &Generation, context: SuppliedContext) -> Source {
    let row = context
        .chunk
        .as_ref()
        .and_then(|id| generation.row_of(id))
        .or_else(|| generation.row_with_text(&context.text));
    match row {
        Some(row) => Source::Stored { row },
        None => Source::Foreign { text: context.text },
    }
}
