//! A conversation that goes on behind any of its messages, as OpenAI's Responses API has it.

use super::Conversations;
use crate::assistant::AssistantError;
use crate::model::{Message, OwnedSession, Owner, SessionId};
use crate::store::SessionStore;

/// Messages that are taken along into a new session; no more are read for an answer.
const MESSAGES_TAKEN: usize = 64;

/// A message of a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The conversation.
    pub session: SessionId,
    /// The message, counted from 1.
    pub sequence: u64,
}

impl Conversations {
    /// The session in which a conversation goes on behind `position`, once `earlier` stands there: its own
    /// where that is the last message, and else a new one that begins with the same messages. `None` where
    /// a new session is all that is wanted. [`AssistantError::SessionNotFound`] if the owner has no such
    /// message. What was appended is durable when this returns.
    pub async fn branch(
        &self,
        owner: Owner,
        position: Option<Position>,
        mut earlier: Vec<String>,
    ) -> Result<Option<SessionId>, AssistantError> {
        earlier.drain(..earlier.len().saturating_sub(MESSAGES_TAKEN));
        let id = match position {
            None if earlier.is_empty() => return Ok(None),
            None => self.store.create_session(owner, None).await?,
            Some(position) => {
                let id = position.session;
                let messages = self.store.messages(OwnedSession { owner, id }).await?;
                let last = messages.last().map(|message| message.sequence);
                if last == Some(position.sequence) {
                    id
                } else {
                    self.copy(owner, messages, position.sequence).await?
                }
            }
        };
        append(self.store.as_ref(), OwnedSession { owner, id }, earlier).await?;
        Ok(Some(id))
    }

    /// The messages of a conversation up to `position`, to be read and not gone on with.
    /// [`AssistantError::SessionNotFound`] if the owner has no such message.
    pub async fn messages_up_to(
        &self,
        owner: Owner,
        position: Option<Position>,
    ) -> Result<Vec<String>, AssistantError> {
        let Some(Position {
            session: id,
            sequence,
        }) = position
        else {
            return Ok(Vec::new());
        };
        let messages = self.store.messages(OwnedSession { owner, id }).await?;
        let messages = up_to(messages, sequence)?;
        Ok(messages.into_iter().map(|message| message.text).collect())
    }

    /// A new session with the messages up to one.
    async fn copy(
        &self,
        owner: Owner,
        messages: Vec<Message>,
        last: u64,
    ) -> Result<SessionId, AssistantError> {
        let mut kept = up_to(messages, last)?;
        kept.drain(..kept.len().saturating_sub(MESSAGES_TAKEN));
        let id = self.store.create_session(owner, None).await?;
        let texts = kept.into_iter().map(|message| message.text).collect();
        append(self.store.as_ref(), OwnedSession { owner, id }, texts).await?;
        Ok(id)
    }
}

/// The messages up to one that must be among them.
fn up_to(messages: Vec<Message>, last: u64) -> Result<Vec<Message>, AssistantError> {
    let kept = messages.into_iter();
    let kept: Vec<Message> = kept
        .take_while(|message| message.sequence <= last)
        .collect();
    if kept.last().is_some_and(|message| message.sequence == last) {
        Ok(kept)
    } else {
        Err(AssistantError::SessionNotFound)
    }
}

async fn append(
    store: &dyn SessionStore,
    session: OwnedSession,
    texts: Vec<String>,
) -> Result<(), AssistantError> {
    for text in texts {
        store.append_message(session, text, None).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assistant::fixture;

    #[tokio::test]
    async fn a_conversation_goes_on_behind_any_message_and_for_its_owner_alone() {
        let directory = tempfile::tempdir().unwrap();
        let (assistant, store) = fixture::assistant(directory.path());
        let owner = Owner::OPERATOR;
        let texts = |list: &[&str]| {
            list.iter()
                .map(|text| (*text).to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(
            assistant
                .conversations
                .branch(owner, None, Vec::new())
                .await
                .unwrap(),
            None
        );
        let first = assistant
            .conversations
            .branch(owner, None, texts(&["a", "b"]))
            .await
            .unwrap()
            .unwrap();
        let behind = |session, sequence| Some(Position { session, sequence });
        let same = assistant
            .conversations
            .branch(owner, behind(first, 2), texts(&["c"]))
            .await
            .unwrap();
        assert_eq!(same, Some(first));
        let other = assistant
            .conversations
            .branch(owner, behind(first, 1), texts(&["d"]))
            .await
            .unwrap()
            .unwrap();
        assert_ne!(other, first);
        let messages = store
            .messages(OwnedSession { owner, id: other })
            .await
            .unwrap();
        let said: Vec<&str> = messages
            .iter()
            .map(|message| message.text.as_str())
            .collect();
        assert_eq!(said, ["a", "d"]);
        let stranger = Owner::from_number(7);
        for (owner, sequence) in [(owner, 9), (stranger, 1)] {
            let refused = assistant
                .conversations
                .branch(owner, behind(first, sequence), Vec::new())
                .await;
            assert!(matches!(refused, Err(AssistantError::SessionNotFound)));
        }
    }
}
