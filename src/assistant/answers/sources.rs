//! What an answer is made from: contexts of the snapshot, and texts of the caller's own.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use crate::assistant::AssistantError;
use crate::assistant::request::SuppliedContext;
use crate::assistant::search::excerpt_of_row;
use crate::embed::{self, Embedder};
use crate::generate::extractive::{
    Passage, Purpose, Section, Sentence, blocks_of_lines, heads_references,
};
use crate::generate::injection::injections;
use crate::language::sentences;
use crate::model::{Block, BlockKind, Chunk, UnitVector};
use crate::reader::Excerpt;
use crate::runtime::blocking;
use crate::snapshot::Generation;

/// Bytes that are read of the contexts of a client's own, all together; a chunk has some 700.
const READ_OF_CONTEXTS: usize = 128 * 1024;

/// A context, found again in the snapshot if it comes from there.
#[derive(Debug, Clone)]
pub(in crate::assistant) enum Source {
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

/// The contexts with their sentences and the cosines of these with the question.
pub(super) async fn passages(
    embedder: &dyn Embedder,
    generation: &Arc<Generation>,
    sources: &[Source],
    query: Option<&UnitVector>,
) -> Result<Vec<Passage>, AssistantError> {
    let rows: Vec<u32> = sources.iter().filter_map(Source::row).collect();
    let of = Arc::clone(generation);
    blocking::run(move || of.records.have_texts(rows.into_iter())).await?;
    let cosines = sentence_cosines(generation, sources, query).await;
    let mut passages = Vec::with_capacity(sources.len());
    for (source, cosines) in sources.iter().zip(cosines) {
        passages.push(passage(embedder, generation, source, query, &cosines).await?);
    }
    Ok(passages)
}

async fn passage(
    embedder: &dyn Embedder,
    generation: &Generation,
    source: &Source,
    query: Option<&UnitVector>,
    cosines: &[f32],
) -> Result<Passage, AssistantError> {
    match source {
        Source::Stored { row } => {
            let chunk = generation.chunk(*row);
            let purposes = purposes(generation, chunk);
            let sentences = chunk
                .sentences
                .iter()
                .zip(purposes)
                .enumerate()
                .map(|(position, (sentence, purpose))| Sentence {
                    range: sentence.start - chunk.range.start..sentence.end - chunk.range.start,
                    cosine: cosines.get(position).copied(),
                    purpose,
                })
                .collect();
            let standing = query.map_or(0.0, |query| query.cosine(&generation.vector(*row)));
            let text = generation.records.chunk_text(chunk).to_owned();
            let headings = headings(generation, *row);
            Ok(Passage {
                text,
                headings,
                sentences,
                standing,
            })
        }
        Source::Foreign { text } => foreign_passage(embedder, text, query).await,
    }
}

/// Text that is in no document: its sentences are embedded here and now.
async fn foreign_passage(
    embedder: &dyn Embedder,
    text: &str,
    query: Option<&UnitVector>,
) -> Result<Passage, AssistantError> {
    let ranges = sentences(text, 0..text.len());
    let commands = injections(text);
    let mut cosines = Vec::new();
    if let Some(query) = query.filter(|_| !ranges.is_empty()) {
        let passage = embed::Passage {
            text: text.to_owned(),
            spans: ranges.clone(),
            words: Vec::new(),
        };
        let vectors = embedder
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
            purpose: purpose(&commands, range.start, false),
            range,
            cosine: cosines.get(position).copied(),
        })
        .collect();
    Ok(Passage {
        text: text.to_owned(),
        headings: String::new(),
        sentences,
        standing: 0.0,
    })
}
/// A context as it is read.
pub(super) fn excerpt(generation: &Generation, source: &Source, passage: &Passage) -> Excerpt {
    match source {
        Source::Stored { row } => excerpt_of_row(generation, *row),
        Source::Foreign { .. } => Excerpt {
            heading: String::new(),
            text: passage.text.clone(),
        },
    }
}

/// Cuts texts that are in no document where more of them is not read.
pub(super) fn cut(sources: &mut [Source]) {
    let mut left = READ_OF_CONTEXTS;
    for source in sources {
        if let Source::Foreign { text } = source {
            text.truncate(text.floor_char_boundary(left));
            left -= text.len();
        }
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
        let of_row = |row| generation.sentence_cosines(row, &query);
        let cosines = rows
            .into_iter()
            .map(|row| row.map(of_row).unwrap_or_default());
        cosines.collect()
    })
    .await
}

/// What each sentence of a chunk is good for.
fn purposes(generation: &Generation, chunk: &Chunk) -> Vec<Purpose> {
    let document = generation.records.document_of(chunk);
    let text = generation.records.text(chunk.document);
    let mut headings = document
        .blocks
        .iter()
        .filter(|block| matches!(block.kind, BlockKind::Heading(_)))
        .peekable();
    let mut under_references = false;
    let commands = injections(generation.records.chunk_text(chunk));
    let purposes = chunk.sentences.iter().map(|sentence| {
        while let Some(block) = headings.next_if(|block| block.range.start <= sentence.start) {
            under_references = heads_references(&text[block.range.clone()]);
        }
        let within = sentence.start - chunk.range.start;
        purpose(&commands, within, under_references)
    });
    purposes.collect()
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

/// The structure of each text of the caller's own; none for those of the snapshot, which have theirs.
pub(super) fn foreign_blocks(sources: &[Source]) -> Vec<Vec<Block>> {
    let blocks = |source: &Source| match source {
        Source::Stored { .. } => Vec::new(),
        Source::Foreign { text } => blocks_of_lines(text),
    };
    sources.iter().map(blocks).collect()
}

/// The contexts where they stand in their documents; `blocks` are those of [`foreign_blocks`].
pub(super) fn sections<'a>(
    generation: &'a Generation,
    sources: &'a [Source],
    blocks: &'a [Vec<Block>],
    passages: &[Passage],
) -> Vec<Section<'a>> {
    let records = &generation.records;
    let mut cosines: HashMap<u32, Vec<(Range<usize>, f32)>> = HashMap::new();
    for (source, passage) in sources.iter().zip(passages) {
        let chunk = source.row().map(|row| generation.chunk(row));
        let Some(chunk) = chunk else { continue };
        let shift = chunk.range.start;
        let of_document = cosines.entry(chunk.document).or_default();
        of_document.extend(passage.sentences.iter().filter_map(|sentence| {
            let range = sentence.range.start + shift..sentence.range.end + shift;
            Some((range, sentence.cosine?))
        }));
    }
    for of_document in cosines.values_mut() {
        of_document.sort_by_key(|(range, _)| range.start);
    }
    let both = sources.iter().zip(passages).zip(blocks).enumerate();
    both.map(|(place, ((source, passage), blocks))| match source {
        Source::Stored { row } => {
            let chunk = generation.chunk(*row);
            let document = records.document_of(chunk);
            Section {
                text: records.text(chunk.document),
                title: &document.title,
                blocks: &document.blocks,
                near: chunk.range.clone(),
                standing: passage.standing,
                place,
                cosines: cosines.get(&chunk.document).cloned().unwrap_or_default(),
                reading: None,
            }
        }
        Source::Foreign { text } => Section {
            text,
            title: "",
            blocks,
            near: 0..text.len(),
            standing: passage.standing,
            place,
            cosines: passage
                .sentences
                .iter()
                .filter_map(|sentence| Some((sentence.range.clone(), sentence.cosine?)))
                .collect(),
            reading: None,
        },
    })
    .collect()
}

/// Finds a supplied context in the snapshot: by its id or, failing that, by its exact words, with or
/// without the heading path that goes out in front of them.
pub(super) fn find(generation: &Generation, context: SuppliedContext) -> Source {
    let by_text = |text: &str| generation.row_with_text(text);
    let row = context
        .chunk
        .as_ref()
        .and_then(|id| generation.row_of(id))
        .or_else(|| by_text(&context.text))
        .or_else(|| by_text(context.text.split_once("\n\n")?.1));
    match row {
        Some(row) => Source::Stored { row },
        None => Source::Foreign { text: context.text },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_texts_share_what_is_read() {
        let foreign = |bytes: usize| Source::Foreign {
            text: "x".repeat(bytes),
        };
        let mut sources = [foreign(100_000), foreign(100_000), foreign(1)];
        cut(&mut sources);
        let lengths = sources.map(|source| match source {
            Source::Foreign { text } => text.len(),
            Source::Stored { .. } => 0,
        });
        assert_eq!(lengths, [100_000, READ_OF_CONTEXTS - 100_000, 0]);
    }
}
