//! Replies to errands, out of the user's own words and the documents' headings.

use serde_json::{Map, Value};

use super::shape::Form;
use super::{Errand, ErrandKind, ErrandReply, Errands, in_words};
use crate::assistant::{AssistantError, Question};
use crate::language::sentences;
use crate::model::{Context, Filter};

/// The most words and bytes of a title.
const TITLE_WORDS: usize = 8;
const TITLE_BYTES: usize = 60;
/// The most tags, and the most follow-ups.
const MOST_ENTRIES: usize = 4;
/// Contexts whose titles and headings are read.
const CONTEXTS: usize = 3;

impl Errands {
    pub(super) async fn run(&self, errand: Errand) -> Result<ErrandReply, AssistantError> {
        let generation = self.search.live.current();
        let question = errand.said.last().cloned().unwrap_or_default();
        let entries = match errand.kind {
            ErrandKind::Title => vec![title(errand.said.first().map_or("", String::as_str))],
            ErrandKind::Queries => vec![one_line(&question)],
            ErrandKind::Tags | ErrandKind::FollowUps => self.headings(&errand).await?,
            ErrandKind::Other => Vec::new(),
        };
        let mut entries: Vec<String> = entries.into_iter().filter(|e| !e.is_empty()).collect();
        if entries.is_empty() && errand.kind == ErrandKind::Tags {
            entries.push(title(&question));
        }
        let text = match &errand.form {
            Some(form) => Value::Object(self.fill(form, &entries, errand.kind).await?).to_string(),
            None => entries.join("\n"),
        };
        Ok(ErrandReply {
            kind: errand.kind,
            text,
            generation: generation.id().to_string(),
        })
    }

    /// What stands above the best contexts, or beside them.
    async fn headings(&self, errand: &Errand) -> Result<Vec<String>, AssistantError> {
        let question = Question::Conversation(errand.said.clone());
        let filter = Filter::default();
        let found = self.search.retrieve(&question, CONTEXTS, &filter).await?;
        let mut entries: Vec<String> = Vec::new();
        for context in found.contexts.iter().filter(|_| found.covered) {
            let more = if errand.kind == ErrandKind::FollowUps {
                self.beside(context).await?
            } else {
                let above = context.heading_path.last().cloned();
                [Some(context.title.clone()), above]
                    .into_iter()
                    .flatten()
                    .collect()
            };
            for entry in more {
                if !entries.contains(&entry) && !errand.said.contains(&entry) {
                    entries.push(entry);
                }
            }
        }
        entries.truncate(MOST_ENTRIES);
        Ok(entries)
    }

    /// Topics near a context, without its own.
    async fn beside(&self, context: &Context) -> Result<Vec<String>, AssistantError> {
        let near = self
            .documents
            .topics_near(&context.chunk, Filter::default(), MOST_ENTRIES + 1)
            .await?;
        let own = context.heading_path.join(" > ");
        let other = near.into_iter().filter(|topic| topic.heading != own);
        Ok(other.map(|topic| topic.text).collect())
    }

    /// An object with the entries in the field that is named most like the errand, and nothing in others.
    async fn fill(
        &self,
        Form(fields): &Form,
        entries: &[String],
        kind: ErrandKind,
    ) -> Result<Map<String, Value>, AssistantError> {
        let mut best = (0, f32::MIN);
        for (position, (name, _)) in fields.iter().enumerate() {
            let (meant, nearness) = self.nearest(&[&[in_words(name)]]).await?;
            let nearness = if meant == kind {
                nearness + 1.0
            } else {
                nearness
            };
            if nearness > best.1 {
                best = (position, nearness);
            }
        }
        let field = |(position, (name, is_list)): (usize, &(String, bool))| {
            let entries = if position == best.0 { entries } else { &[] };
            let value = if *is_list {
                Value::from(entries.to_vec())
            } else {
                Value::from(entries.join(", "))
            };
            (name.clone(), value)
        };
        Ok(fields.iter().enumerate().map(field).collect())
    }
}

/// A question as a name: its first sentence that asks, or its first one, without its mark, cut at a word.
fn title(question: &str) -> String {
    let question = one_line(question);
    let all: Vec<&str> = sentences(&question, 0..question.len())
        .into_iter()
        .map(|range| &question[range])
        .collect();
    let asks = all
        .iter()
        .find(|sentence| sentence.ends_with(['?', '？', '؟']));
    let chosen = asks.or(all.first()).copied().unwrap_or_default();
    let chosen = chosen.trim_end_matches(|c: char| !c.is_alphanumeric() && c != ')');
    let mut short = String::new();
    for word in chosen.split_whitespace().take(TITLE_WORDS) {
        if short.len() + word.len() >= TITLE_BYTES && !short.is_empty() {
            break;
        }
        if !short.is_empty() {
            short.push(' ');
        }
        short.push_str(&word[..word.floor_char_boundary(TITLE_BYTES)]);
    }
    if short.len() < chosen.len() {
        short.push('…');
    }
    let mut letters = short.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

/// A text without line breaks.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_the_question_in_short() {
        for (question, short) in [
            ("how thick is it?", "How thick is it"),
            (
                "Hello there my friend. How deep should mineral wool be?",
                "How deep should mineral wool be",
            ),
            ("Loft  insulation\ndepth.", "Loft insulation depth"),
            (
                "I would like to know all about the many ways of saving energy at home",
                "I would like to know all about the…",
            ),
            ("", ""),
        ] {
            assert_eq!(title(question), short);
        }
        assert!(title(&"x".repeat(500)).len() < 70);
    }
}
