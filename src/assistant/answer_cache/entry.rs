//! An answer as JSON text, and back, with every quote looked up again.

use serde_json::{Value, json};

use crate::assistant::answers::Source;
use crate::assistant::{Outcome, Reason, Summary};
use crate::model::{Answer, AnswerSentence, ChunkId, Citation, Place};
use crate::snapshot::Generation;

pub(super) fn to_json(summary: &Summary) -> String {
    let answer = &summary.answer;
    let citations: Vec<Value> = answer
        .citations
        .iter()
        .map(|citation| {
            let place = citation.place.as_ref();
            json!({
                "marker": citation.marker,
                "quote": citation.quote,
                "chunk": place.map(|place| place.chunk.as_str()),
                "start": place.map(|place| place.range.start),
                "end": place.map(|place| place.range.end),
            })
        })
        .collect();
    let sentences: Vec<Value> = answer
        .sentences
        .iter()
        .map(|sentence| {
            json!({
                "text": sentence.text,
                "supported": sentence.supported,
                "numbers_verified": sentence.numbers_verified,
                "citations": sentence.citations,
            })
        })
        .collect();
    json!({
        "text": answer.text,
        "generator": summary.generator,
        "citations": citations,
        "sentences": sentences,
    })
    .to_string()
}

/// `None` if it cannot be read, or if a quote does not stand where it stood.
pub(super) fn from_json(
    text: &str,
    generation: &Generation,
    sources: &[Source],
) -> Option<Summary> {
    let value: Value = serde_json::from_str(text).ok()?;
    let citations = value["citations"].as_array()?.iter();
    let citations = citations
        .map(|value| citation(value, generation, sources))
        .collect::<Option<Vec<_>>>()?;
    let sentences = value["sentences"].as_array()?.iter();
    let sentences = sentences.map(sentence).collect::<Option<Vec<_>>>()?;
    Some(Summary {
        corrected: None,
        // Whoever asks has an outcome of their own.
        outcome: Outcome {
            reason: Reason::Answered,
            confidence: 1.0,
        },
        answer: Answer {
            text: value["text"].as_str()?.to_owned(),
            answered: true,
            citations,
            sentences,
        },
        generation: generation.id().to_string(),
        generator: value["generator"].as_str()?.to_owned(),
        degraded: None,
    })
}

fn citation(value: &Value, generation: &Generation, sources: &[Source]) -> Option<Citation> {
    let quote = value["quote"].as_str()?.to_owned();
    let place = if let Some(chunk) = value["chunk"].as_str() {
        Some(place(chunk, value, &quote, generation)?)
    } else {
        let is_there = sources.iter().any(|source| match source {
            Source::Foreign { text } => text.contains(&quote),
            Source::Stored { .. } => false,
        });
        is_there.then_some(None)?
    };
    Some(Citation {
        marker: number(&value["marker"])?,
        verified: place.is_some(),
        place,
        quote,
    })
}

fn place(chunk: &str, value: &Value, quote: &str, generation: &Generation) -> Option<Place> {
    let row = generation.row_of(&ChunkId::from_client(chunk))?;
    let chunk = generation.chunk(row);
    let range = number(&value["start"])?..number(&value["end"])?;
    let is_within = chunk.range.start <= range.start && range.end <= chunk.range.end;
    let stored = generation.records.stored_text(chunk, range.clone())?;
    (is_within && stored == quote).then(|| generation.place(chunk, range))
}

fn sentence(value: &Value) -> Option<AnswerSentence> {
    let citations = value["citations"].as_array()?.iter();
    Some(AnswerSentence {
        text: value["text"].as_str()?.to_owned(),
        supported: value["supported"].as_bool()?,
        numbers_verified: value["numbers_verified"].as_bool()?,
        citations: citations.map(number).collect::<Option<_>>()?,
    })
}

fn number<T: TryFrom<u64>>(value: &Value) -> Option<T> {
    T::try_from(value.as_u64()?).ok()
}
