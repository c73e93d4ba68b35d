//! What programs ask about a conversation instead of going on with it: a title, tags, what may be asked
//! next, what to search for.
//!
//! Front ends send such requests to the model that they talk to. They are no questions of a person, so
//! they are answered from the conversation and the documents' headings, are never looked up as a question
//! and never reach what notes unanswered questions. They are known by their shape: an instruction that
//! stands apart from the conversation, which comes as a transcript inside a message, as a form to fill, or
//! as the messages before; and by what the instruction means.

mod kind;
mod replies;
mod shape;

use std::sync::Arc;

use serde_json::Value;

pub use self::kind::ErrandKind;
use self::kind::{Descriptions, first_sentences};
use self::shape::{Form, Shape};
use super::documents::Documents;
use super::search::Search;
use super::{AssistantError, Outcome, Reason, Summary};
use crate::model::Answer;

/// How near an instruction must come to a description (cosine).
struct Nearness {
    /// Where a transcript speaks for an errand.
    with_transcript: f32,
    /// Where the instruction alone does.
    alone: f32,
}

/// Measured on instructions of a dozen front ends (0.64 and above behind a conversation, 0.60 around a
/// transcript) and on 300 messages of people and instructions of other kinds (0.53 and below, but for
/// one that says how to answer, 0.64: an instruction of the program alone is taken for a title only).
const NEARNESS: Nearness = Nearness {
    with_transcript: 0.4,
    alone: 0.58,
};

/// Sentences of an instruction that stands alone; people go on longer.
const SENTENCES_ALONE: usize = 2;

/// Who says something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speaker {
    /// Whoever runs the program: `system` or `developer`.
    Program,
    /// The user.
    User,
    /// The model, or a tool.
    Model,
}

/// A message of a conversation as a client sends it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// Who.
    pub speaker: Speaker,
    /// What.
    pub text: String,
}

/// What is said to an errand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrandReply {
    /// What was wanted.
    pub kind: ErrandKind,
    /// In the form that was wanted, JSON, or else a line for each entry.
    pub text: String,
    /// The generation whose headings were read.
    pub generation: String,
}

impl Summary {
    /// The reply to an errand, where an answer would stand. It cites nothing and answers no question.
    pub fn of_errand(reply: ErrandReply) -> Self {
        Self {
            answer: Answer {
                text: reply.text,
                answered: true,
                citations: Vec::new(),
                sentences: Vec::new(),
            },
            outcome: Outcome {
                reason: Reason::Curated,
                confidence: 1.0,
            },
            generation: reply.generation,
            corrected: None,
            generator: "errand".to_owned(),
            degraded: None,
        }
    }
}

/// An errand, taken apart.
struct Errand {
    kind: ErrandKind,
    form: Option<Form>,
    /// What the user said, oldest first.
    said: Vec<String>,
}

/// Replies to errands.
pub struct Errands {
    search: Arc<Search>,
    documents: Documents,
    descriptions: Descriptions,
}

impl Errands {
    pub(super) fn new(search: Arc<Search>, documents: Documents) -> Self {
        Self {
            search,
            documents,
            descriptions: Descriptions::default(),
        }
    }

    /// The reply, if the messages are an errand. `schema` is the JSON schema that the reply is to have.
    pub async fn reply(
        &self,
        turns: &[Turn],
        schema: Option<&Value>,
    ) -> Result<Option<ErrandReply>, AssistantError> {
        let Some(errand) = self.recognise(turns, schema).await? else {
            return Ok(None);
        };
        self.run(errand).await.map(Some)
    }

    async fn recognise(
        &self,
        turns: &[Turn],
        schema: Option<&Value>,
    ) -> Result<Option<Errand>, AssistantError> {
        for candidate in candidates(turns, schema) {
            let mut texts = first_sentences(&candidate.instruction);
            let has_both = candidate.is_transcript && candidate.form.is_some();
            let names: Vec<String> = match &candidate.form {
                Some(Form(fields)) if has_both => {
                    fields.iter().map(|(name, _)| in_words(name)).collect()
                }
                Some(_) | None => Vec::new(),
            };
            if !candidate.is_transcript {
                texts.truncate(SENTENCES_ALONE);
            }
            let (kind, nearness) = self.nearest(&[&texts, &names]).await?;
            let least = if candidate.is_transcript {
                NEARNESS.with_transcript
            } else {
                NEARNESS.alone
            };
            let may_be = kind == ErrandKind::Title || !candidate.is_of_program;
            let kind = if nearness >= least && may_be {
                kind
            } else {
                ErrandKind::Other
            };
            // What is not done here gets an empty form; without one it is a message like any other.
            if kind != ErrandKind::Other || has_both {
                let (form, said) = (candidate.form, candidate.said);
                return Ok(Some(Errand { kind, form, said }));
            }
        }
        Ok(None)
    }
}

/// A message that may be the instruction of an errand.
struct Candidate {
    instruction: String,
    is_transcript: bool,
    /// Whether it is the program's, before a message that may be a question.
    is_of_program: bool,
    form: Option<Form>,
    said: Vec<String>,
}

/// The messages that may be an instruction: one with a transcript or a form in it, the program's before
/// the only message of the user, and the user's last one behind an answer.
fn candidates(turns: &[Turn], schema: Option<&Value>) -> Vec<Candidate> {
    let of = |speaker| turns.iter().filter(move |turn| turn.speaker == speaker);
    let users: Vec<&str> = of(Speaker::User).map(|turn| turn.text.as_str()).collect();
    let has_answers = of(Speaker::Model).next().is_some();
    let schema = schema.and_then(Form::of_schema);
    let mut found = Vec::new();
    let last_program = of(Speaker::Program).next_back();
    let last_user = of(Speaker::User).next_back();
    let program = last_program.map(|turn| Shape::of(&turn.text));
    let user = last_user.map(|turn| Shape::of(&turn.text));
    let transcript = [&user, &program]
        .into_iter()
        .flatten()
        .find(|shape| !shape.said.is_empty());
    let talk: Option<Vec<String>> = transcript.map(|shape| shape.said.clone());
    let form = schema.or_else(|| {
        let forms = [&user, &program].into_iter().flatten();
        forms.into_iter().find_map(|shape| shape.form.clone())
    });
    if let Some(shape) = &user {
        let is_transcript = talk.is_some();
        let instructs = is_transcript || has_answers;
        let earlier = || {
            users[..users.len() - 1]
                .iter()
                .map(|text| (*text).to_owned())
        };
        let said = talk.clone().unwrap_or_else(|| earlier().collect());
        if instructs && !said.is_empty() {
            found.push(Candidate {
                instruction: shape.instruction.clone(),
                is_transcript,
                is_of_program: false,
                form: form.clone(),
                said,
            });
        }
    }
    if let Some(shape) = program.filter(|_| users.len() == 1 || talk.is_some()) {
        let said = talk
            .clone()
            .unwrap_or_else(|| users.iter().map(|t| (*t).to_owned()).collect());
        found.push(Candidate {
            instruction: shape.instruction,
            is_transcript: talk.is_some(),
            is_of_program: talk.is_none(),
            form,
            said,
        });
    }
    found
}

/// The name of a field as words.
fn in_words(name: &str) -> String {
    name.replace(['_', '-'], " ")
}
