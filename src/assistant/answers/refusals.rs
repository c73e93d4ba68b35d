//! Replies that answer nothing.

use super::brackets::without_markup;
use super::sources::Source;
use crate::model::Answer;
use crate::snapshot::Generation;

/// Says that the sources do not cover the question, and what they do cover nearby.
pub(super) fn not_covered(generation: &Generation, sources: &[Source]) -> Answer {
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
            without_markup(&topics.join("; "))
        ));
    }
    refusal(text)
}

/// A reply that answers nothing.
pub(super) fn refusal(text: String) -> Answer {
    Answer {
        text,
        answered: false,
        citations: Vec::new(),
        sentences: Vec::new(),
    }
}
