//! Composes an answer and proves its citations.

use std::ops::Range;
use std::sync::Arc;

use super::{Assistant, AssistantError, Summary, SummaryRequest, SuppliedContext};
use crate::embed;
use crate::generate::extractive::{self, Passage, Quote, Sentence};
use crate::language::sentences;
use crate::model::{
    Answer, BlockKind, Citation, Filter, OwnedSession, Owner, Place, SessionId, UnitVector,
};
use crate::retrieve::{InContext, contextual_query, in_context};
use crate::runtime::stages;
use crate::snapshot::Generation;
use crate::store::StoreError;

/// Contexts retrieved when the caller sends none.
const CONTEXTS: usize = 6;
/// The most contexts of the caller's own that are read; what lies beyond is ignored.
const MOST_CONTEXTS: usize = 50;
/// Best sentence cosine under which the contexts count as not answering the question.
const FLOOR: f32 = 0.30;

/// A context, found again in the snapshot if it comes from there.
enum Source {
    Stored { row: u32 },
    Foreign { text: String },
}

impl Assistant {
    /// Answers the last question from the contexts, by verbatim sentences with verified citations.
    pub async fn summarize(&self, request: SummaryRequest) -> Result<Summary, AssistantError> {
        let history = match request.history {
            Some(history) => history,
            None => {
                self.session_history(request.owner, &request.session)
                    .await?
            }
        };
        let history: Vec<&str> = history.iter().map(String::as_str).collect();
        let question = contextual_query(&history).filter(|question| !question.trim().is_empty());
        let asked = in_context(&history);
        let (generation, sources) = match (request.contexts, &question) {
            (Some(supplied), _) => {
                let generation = self.live.current();
                let sources = supplied
                    .into_iter()
                    .take(MOST_CONTEXTS)
                    .map(|context| find(&generation, context))
                    .collect();
                (generation, sources)
            }
            (None, Some(question)) => {
                let asked = asked.unwrap_or_else(|| InContext::alone(question));
                let ranked = self.search(&asked, CONTEXTS, &Filter::default()).await?;
                let sources = ranked
                    .chunks
                    .iter()
                    .map(|chunk| Source::Stored { row: chunk.row })
                    .collect();
                (ranked.generation, sources)
            }
            (None, None) => (self.live.current(), Vec::new()),
        };
        let answer = self
            .answer(&generation, question.as_deref(), &sources)
            .await?;
        Ok(Summary {
            answer,
            generation: generation.id().to_string(),
        })
    }

    async fn session_history(
        &self,
        owner: Owner,
        session: &str,
    ) -> Result<Vec<String>, AssistantError> {
        let Some(id) = SessionId::parse(session) else {
            return Ok(Vec::new());
        };
        match self.store.messages(OwnedSession { owner, id }).await {
            Ok(messages) => Ok(messages.into_iter().map(|message| message.text).collect()),
            Err(StoreError::SessionNotFound(_)) => Ok(Vec::new()),
            Err(error) => Err(error.into()),
        }
    }

    async fn answer(
        &self,
        generation: &Arc<Generation>,
        question: Option<&str>,
        sources: &[Source],
    ) -> Result<Answer, AssistantError> {
        let query = match question {
            Some(question) => Some(
                self.retriever
                    .embed(question)
                    .await
                    .map_err(|error| AssistantError::Embedder(error.to_string()))?,
            ),
            None => None,
        };
        let mut passages = Vec::with_capacity(sources.len());
        for source in sources {
            passages.push(self.passage(generation, source, query.as_ref()).await?);
        }
        // Without a question the contexts themselves are summarised: nothing can miss the point.
        let nearest = passages
            .iter()
            .flat_map(|passage| &passage.sentences)
            .filter_map(|s| s.cosine)
            .reduce(f32::max);
        let is_covered = query.is_none() || nearest.is_none_or(|nearest| nearest >= FLOOR);
        let quotes = stages::timed_now("generate", || {
            extractive::choose(question.unwrap_or_default(), &passages)
        });
        if quotes.is_empty() || !is_covered {
            return Ok(not_covered(generation, sources));
        }
        Ok(stages::timed_now("verify", || {
            compose(generation, sources, &passages, &quotes)
        }))
    }

    /// A context with its sentences and their cosines with the question.
    async fn passage(
        &self,
        generation: &Generation,
        source: &Source,
        query: Option<&UnitVector>,
    ) -> Result<Passage, AssistantError> {
        match source {
            Source::Stored { row } => {
                let chunk = generation.chunk(*row);
                let cosines = query
                    .map(|query| generation.records.spans.cosines(*row, query))
                    .unwrap_or_default();
                let sentences = chunk
                    .sentences
                    .iter()
                    .enumerate()
                    .map(|(position, sentence)| Sentence {
                        range: sentence.start - chunk.range.start..sentence.end - chunk.range.start,
                        cosine: cosines.get(position).copied(),
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
        let mut cosines = Vec::new();
        if let Some(query) = query.filter(|_| !ranges.is_empty()) {
            let passage = embed::Passage {
                text: text.to_owned(),
                spans: ranges.clone(),
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
fn find(generation: &Generation, context: SuppliedContext) -> Source {
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

fn compose(
    generation: &Generation,
    sources: &[Source],
    passages: &[Passage],
    quotes: &[Quote],
) -> Answer {
    let mut text = String::new();
    let mut citations: Vec<Citation> = Vec::new();
    for quote in quotes {
        let Some(mut citation) = cite(
            generation,
            &sources[quote.passage],
            &passages[quote.passage],
            &quote.range,
        ) else {
            continue;
        };
        citation.marker = u32::try_from(citations.len() + 1).unwrap_or(u32::MAX);
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(readable(&citation.quote).trim_end());
        text.push_str(&format!(" [{}]", citation.marker));
        citations.push(citation);
    }
    Answer {
        answered: !citations.is_empty(),
        text,
        citations,
    }
}

/// Cites `range` of a passage. A quote from the snapshot is released only if the stored text reads
/// the same, letter for letter.
fn cite(
    generation: &Generation,
    source: &Source,
    passage: &Passage,
    range: &Range<usize>,
) -> Option<Citation> {
    let quote = passage.text.get(range.clone())?.to_owned();
    match source {
        Source::Foreign { .. } => Some(Citation {
            marker: 0,
            place: None,
            quote,
            verified: false,
        }),
        Source::Stored { row } => {
            let chunk = generation.chunk(*row);
            let document = generation.records.document_of(chunk);
            let stored_range = chunk.range.start + range.start..chunk.range.start + range.end;
            let stored = generation
                .records
                .stored_text(chunk, stored_range.clone())?;
            if stored != quote {
                tracing::error!(chunk.id = %chunk.id, "a quote does not match the stored text and was not released");
                return None;
            }
            let place = Place {
                chunk: chunk.id.clone(),
                document: document.id.clone(),
                source: document.source.clone(),
                title: document.title.clone(),
                page: chunk.page,
                range: stored_range,
            };
            Some(Citation {
                marker: 0,
                place: Some(place),
                quote,
                verified: true,
            })
        }
    }
}

/// A quote as part of running text: without the list marker that only its own place explains.
fn readable(quote: &str) -> &str {
    quote.strip_prefix("- ").unwrap_or(quote)
}

/// Says that the sources do not cover the question, and what they do cover nearby.
fn not_covered(generation: &Generation, sources: &[Source]) -> Answer {
    let mut topics: Vec<&str> = Vec::new();
    for source in sources {
        if let Source::Stored { row } = source {
            let title = generation
                .records
                .document_of(generation.chunk(*row))
                .title
                .as_str();
            if !topics.contains(&title) && topics.len() < 3 {
                topics.push(title);
            }
        }
    }
    let mut text = "The sources do not cover this question.".to_owned();
    if !topics.is_empty() {
        text.push_str(&format!(
            " The nearest topics in them: {}.",
            topics.join("; ")
        ));
    }
    Answer {
        text,
        answered: false,
        citations: Vec::new(),
    }
}
