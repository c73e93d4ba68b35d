//! One call for a turn of a conversation: keep the message, answer it, keep the answer.

use std::sync::Arc;

use serde_json::json;

use super::answers::{AnswerEvents, Answers, Outlet, Prepared, drive};
use super::conversations::Position;
use super::{AssistantError, ChatRequest, Render, Summary, SummaryRequest};
use crate::model::{NewRecord, Once, OwnedSession, Owner};
use crate::runtime::keyed_mutex::{KeyedGuard, KeyedMutex};
use crate::store::SessionStore;

/// A message that is kept, with all that its answer is made from.
pub struct Chat {
    /// The conversation.
    pub session: OwnedSession,
    /// The question with its contexts.
    pub prepared: Prepared,
    sequence: u64,
    question: String,
    once: Option<Once>,
    render: Render,
    /// Held until the answer is kept or given up, so that a repetition finds it.
    _turn: Option<KeyedGuard>,
}

impl Chat {
    /// Where the message stands.
    pub fn position(&self) -> Position {
        Position {
            session: self.session.id,
            sequence: self.sequence,
        }
    }
}

/// What becomes of a message.
pub enum Begun {
    /// It is to be answered.
    Fresh(Box<Chat>),
    /// It was answered before, under the same name; this is the reply.
    Repeated(String),
}

/// A longer reply is not kept for a repetition, which is answered anew then.
const LONGEST_KEPT_REPLY_BYTES: usize = 64 * 1024;

/// Turns of conversations.
pub struct Chats {
    store: Arc<dyn SessionStore>,
    answers: Arc<Answers>,
    /// A repetition waits for the one that it repeats.
    repeatable: KeyedMutex<(Owner, Once)>,
}

impl Chats {
    pub(super) fn new(store: Arc<dyn SessionStore>, answers: Arc<Answers>) -> Self {
        Self {
            store,
            answers,
            repeatable: KeyedMutex::default(),
        }
    }

    /// Keeps the message, in a new conversation if none is named, and finds contexts for it. The
    /// message is durable when this returns. A repetition waits here while the first is answered.
    pub async fn begin(&self, request: ChatRequest) -> Result<Begun, AssistantError> {
        let turn = match &request.once {
            Some(once) => Some(self.repeatable.lock((request.owner, once.clone())).await),
            None => None,
        };
        let answer = part(request.once.as_ref(), "answer");
        if let Some(reply) = self.kept(request.owner, answer.as_ref()).await? {
            return Ok(Begun::Repeated(reply));
        }
        let id = if let Some(id) = request.session {
            id
        } else {
            let once = part(request.once.as_ref(), "session");
            self.store.create_session(request.owner, once).await?
        };
        let session = OwnedSession {
            owner: request.owner,
            id,
        };
        let message = self
            .store
            .append_message(
                session,
                request.message.clone(),
                part(request.once.as_ref(), "message"),
            )
            .await?;
        // A first try that was cut off may have had its answer on the way to the store, where it stood
        // before this message.
        if let Some(reply) = self.kept(request.owner, answer.as_ref()).await? {
            return Ok(Begun::Repeated(reply));
        }
        // A request that is repeated since its answer was lost is answered as it was meant, whatever was
        // said since.
        let history = self.store.messages(session).await?;
        let history = history
            .into_iter()
            .take_while(|earlier| earlier.sequence <= message.sequence)
            .map(|earlier| earlier.text)
            .collect();
        let prepared = self
            .answers
            .prepare(SummaryRequest {
                owner: request.owner,
                session: id.to_string(),
                contexts: None,
                history: Some(history),
            })
            .await?;
        Ok(Begun::Fresh(Box::new(Chat {
            session,
            prepared,
            sequence: message.sequence,
            question: request.message,
            once: answer,
            render: request.render,
            _turn: turn,
        })))
    }

    /// The reply that is kept under a name.
    async fn kept(
        &self,
        owner: Owner,
        once: Option<&Once>,
    ) -> Result<Option<String>, AssistantError> {
        match once {
            Some(once) => Ok(self.store.reply(owner, once.clone()).await?),
            None => Ok(None),
        }
    }

    /// Answers and keeps the answer. It is durable when this returns.
    pub async fn finish(&self, chat: Chat) -> Result<Summary, AssistantError> {
        self.turn(chat, Outlet(None)).await
    }

    /// The same, told while it happens; the answer is durable when the last event comes.
    pub fn events(self: Arc<Self>, chat: Chat) -> AnswerEvents {
        drive(move |outlet| async move { self.turn(chat, outlet).await })
    }

    async fn turn(&self, chat: Chat, outlet: Outlet) -> Result<Summary, AssistantError> {
        let summary = self.answers.respond(&chat.prepared, &outlet).await;
        let citations: Vec<_> = summary
            .answer
            .citations
            .iter()
            .filter_map(|citation| Some((citation.marker, citation.place.as_ref()?)))
            .map(|(marker, place)| {
                json!({
                    "marker": marker,
                    "chunk_id": place.chunk.as_str(),
                    "document_id": place.document.as_str(),
                    "title": place.title,
                    "start": place.range.start,
                    "end": place.range.end,
                })
            })
            .collect();
        let details = json!({
            "question": chat.question,
            "answered": summary.answer.answered,
            "reason": summary.outcome.reason.name(),
            "generator": summary.generator,
            "degraded": summary.degraded.is_some(),
            "generation": summary.generation,
            "citations": citations,
        });
        let reply = chat
            .once
            .as_ref()
            .map(|_| (chat.render)(chat.session.id, &summary));
        let record = NewRecord {
            summary: summary.answer.text.clone(),
            details: details.to_string(),
            reply: reply.filter(|reply| reply.len() <= LONGEST_KEPT_REPLY_BYTES),
        };
        self.store
            .save_record(chat.session, record, chat.once)
            .await?;
        Ok(summary)
    }
}

/// The name of one write among those of a request. Clients' own names hold no spaces, so none of
/// theirs can be the same.
fn part(once: Option<&Once>, name: &str) -> Option<Once> {
    once.map(|once| Once {
        key: format!("{} {name}", once.key),
        fingerprint: once.fingerprint,
    })
}
