//! What goes in and out of the use cases.

use crate::model::{
    Answer, ChunkId, Citation, Context, Message, Once, OwnedSession, Owner, SessionId,
};
use crate::retrieve::Coverage;

/// What to retrieve for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// The last message of a session, in the light of those before it.
    Session(OwnedSession),
    /// A text of its own, without a session.
    Text(String),
    /// The last of some messages, oldest first, in the light of those before it.
    Conversation(Vec<String>),
}

/// Contexts for a question.
#[derive(Debug, Clone)]
pub struct Retrieved {
    /// Best first.
    pub contexts: Vec<Context>,
    /// The question as it was searched for, where words of it were mistyped.
    pub corrected: Option<String>,
    /// The session's messages, oldest first; empty without a session.
    pub history: Vec<Message>,
    /// How well the sources cover the question.
    pub coverage: Coverage,
    /// False when that is below the floor: the sources do not cover the question.
    pub covered: bool,
    /// The generation that answered.
    pub generation: String,
}

/// A context that the caller sends along for a summary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SuppliedContext {
    /// The chunk it was retrieved as, if the caller says so.
    pub chunk: Option<ChunkId>,
    /// The text as the caller sent it.
    pub text: String,
}

/// What to summarise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SummaryRequest {
    /// Who asks; only a session of theirs is read.
    pub owner: Owner,
    /// The session named in the request: any string, since the original application checks nothing
    /// here. Only when it names a real session is its history used.
    pub session: String,
    /// Contexts to answer from; `None` retrieves them from the session's last message.
    pub contexts: Option<Vec<SuppliedContext>>,
    /// The conversation, oldest first; the last entry is the question. `None` takes it from the
    /// session.
    pub history: Option<Vec<String>>,
}

/// An answer and the generation it was checked against.
#[derive(Debug, Clone)]
pub struct Summary {
    /// The answer.
    pub answer: Answer,
    /// What became of the question.
    pub outcome: Outcome,
    /// The generation whose stored text verified it.
    pub generation: String,
    /// The question as it was read, where words of it were mistyped.
    pub corrected: Option<String>,
    /// What wrote it: `extractive`, `curated`, or adapter and model.
    pub generator: String,
    /// Why it is not the language model's, if it should be.
    pub degraded: Option<Degraded>,
}

/// What became of a question.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outcome {
    /// Why the reply is what it is.
    pub reason: Reason,
    /// The chance, in [0, 1], that the question is answered: as the reader has it, or that of the
    /// first context where nothing was read; 0 of a name that the sources do not have
    /// and of a foreign language, 1 of a curated reply.
    pub confidence: f32,
}

impl Outcome {
    /// The confidence to four decimals, as it is told.
    pub fn rounded(self) -> f64 {
        (f64::from(self.confidence) * 1e4).round() / 1e4
    }
}

/// Why a reply is what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The sources answer.
    Answered,
    /// The message asks several things, and the sources answer some of them.
    Partial,
    /// The sources do not answer.
    NotCovered,
    /// The question names what the sources do not have.
    IdentifierMissing,
    /// The question is in a language that the sources are not in.
    OtherLanguage,
    /// The reply was there before the question.
    Curated,
}

impl Reason {
    /// One word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Partial => "partial",
            Self::NotCovered => "not_covered",
            Self::IdentifierMissing => "identifier_missing",
            Self::OtherLanguage => "other_language",
            Self::Curated => "curated",
        }
    }
}

/// Why the extractive answer stands in for a model's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Degraded {
    /// One word for it, for counting.
    pub kind: &'static str,
    /// A sentence for people, without addresses and without the server's own words.
    pub reason: &'static str,
}

/// What becomes known while an answer is written, in this order.
#[derive(Debug, Clone)]
pub enum AnswerEvent {
    /// More of the text. What all of them say is the text of the last event's answer, unless that
    /// is degraded: then it replaces them.
    Text(String),
    /// A quotation that a marker in the text before stands for.
    Citation(Citation),
    /// The whole answer; the last event.
    Whole(Box<Summary>),
}

/// A message to answer within a conversation.
#[derive(Debug, Clone)]
pub struct ChatRequest {
    /// Who asks.
    pub owner: Owner,
    /// The conversation; `None` begins one.
    pub session: Option<SessionId>,
    /// The message.
    pub message: String,
    /// Marks the request as one that may be repeated.
    pub once: Option<Once>,
    /// The reply that an answer goes out in, to be kept for a repeated request.
    pub render: Render,
}

/// Puts an answer within a conversation into a reply.
pub type Render = fn(SessionId, &Summary) -> String;

/// What a server answers from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GenerationInfo {
    /// The generation's id.
    pub id: String,
    /// Documents in it.
    pub documents: usize,
    /// Chunks in it.
    pub chunks: usize,
    /// Adapter and model.
    pub embedder: String,
    /// Seconds since the Unix epoch.
    pub created_at: i64,
}
