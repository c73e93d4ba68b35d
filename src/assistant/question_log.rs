//! Keeps what was not answered, or badly, for whoever looks after the sources. Only where the
//! operator has asked for it: nothing here runs without a [`QuestionLog`].

use std::sync::Arc;

use serde_json::Value;

use super::Summary;
use super::answers::Prepared;
use super::request::{Outcome, Reason};
use super::search::Search;
use crate::model::{Answer, EmbedderFingerprint, OwnedSession};
use crate::runtime::clock::now;
use crate::store::questions::{Lack, LoggedQuestion, QuestionStore};
use crate::store::{SessionStore, StoreError};

/// Bytes of a question that are kept; what lies beyond is seldom one.
const QUESTION_BYTES: usize = 2 << 10;
/// Bytes of an answer, or of what was said of it, that are kept.
const ANSWER_BYTES: usize = 4 << 10;

/// Where questions are kept, and what makes their vectors.
pub struct QuestionLog {
    pub(super) store: Arc<dyn QuestionStore>,
    embedder: [u8; 32],
}

impl QuestionLog {
    /// Keeps questions in `store`, with vectors of the embedder that `fingerprint` names.
    pub fn new(store: Arc<dyn QuestionStore>, fingerprint: &EmbedderFingerprint) -> Self {
        Self {
            store,
            embedder: digest(fingerprint),
        }
    }
}

/// Equal for embedders whose vectors can be compared.
pub(super) fn digest(fingerprint: &EmbedderFingerprint) -> [u8; 32] {
    let text = serde_json::to_vec(fingerprint).expect("plain data becomes JSON");
    blake3::hash(&text).into()
}

impl QuestionLog {
    /// Keeps the question if the answer is none, or half of one. That this fails is no failure of the
    /// answer.
    pub(super) async fn unanswered(&self, search: &Search, prepared: &Prepared, summary: &Summary) {
        let lack = lack(&summary.answer, prepared.outcome);
        let (Some(lack), Some(question)) = (lack, prepared.read_alone()) else {
            return;
        };
        let asked = LoggedQuestion {
            session: prepared.session,
            lack,
            question,
            vector: Vec::new(),
            embedder: self.embedder,
            answer: summary.answer.text.clone(),
            comment: String::new(),
            generation: summary.generation.clone(),
            asked_at: now(),
        };
        told(self.log(search, asked).await);
    }

    /// Keeps the last question of a conversation as one that was answered badly.
    pub(super) async fn bad(
        &self,
        search: &Search,
        sessions: &dyn SessionStore,
        session: OwnedSession,
        comment: &str,
    ) {
        let logged = async {
            let details = sessions.session(session).await?;
            let (question, answer) = match details.records.last() {
                Some(record) => (question_of(&record.details), record.summary.clone()),
                None => (None, String::new()),
            };
            let last = details.messages.last().map(|message| message.text.clone());
            let Some(question) = question.or(last) else {
                return Ok(());
            };
            let asked = LoggedQuestion {
                session: Some(session),
                lack: Lack::Bad,
                question,
                vector: Vec::new(),
                embedder: self.embedder,
                answer,
                comment: comment.to_owned(),
                generation: search.live.current().id().to_string(),
                asked_at: now(),
            };
            self.log(search, asked).await
        };
        told(logged.await);
    }

    async fn log(&self, search: &Search, mut asked: LoggedQuestion) -> Result<(), StoreError> {
        for (text, most) in [
            (&mut asked.question, QUESTION_BYTES),
            (&mut asked.answer, ANSWER_BYTES),
            (&mut asked.comment, ANSWER_BYTES),
        ] {
            text.truncate(text.floor_char_boundary(most));
        }
        // What has no vector is grouped by its words.
        if let Ok(vector) = search.vector(&asked.question).await {
            asked.vector = vector.as_slice().to_vec();
        }
        self.store.log_question(asked).await
    }
}

fn told(logged: Result<(), StoreError>) {
    if let Err(error) = logged {
        tracing::warn!(%error, "a question could not be kept in the question log");
    }
}

/// What the answer lacks, if anything. Replies that were there before the question lack nothing that
/// the sources could hold.
pub(super) fn lack(answer: &Answer, outcome: Outcome) -> Option<Lack> {
    match outcome.reason {
        Reason::Curated => None,
        Reason::Partial => Some(Lack::Partial),
        Reason::Answered
        | Reason::NotCovered
        | Reason::IdentifierMissing
        | Reason::OtherLanguage => (!answer.answered).then_some(Lack::Refused),
    }
}

/// The question that a record of [`super::Chats`] was an answer to.
fn question_of(details: &str) -> Option<String> {
    let details: Value = serde_json::from_str(details).ok()?;
    details.get("question")?.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::assistant::fixture::fake_embedder::HashEmbedder;
    use crate::assistant::unanswered::ask_once;
    use crate::assistant::{Assistant, Begun, ChatRequest, SummaryRequest, fixture};
    use crate::model::{Owner, Rating};
    use crate::store::questions::KeptQuestion;
    use crate::store::sqlite::SqliteStore;

    /// Has a question refused in a conversation, and one without any; then marks the first as bad.
    async fn conversation(
        directory: &Path,
        is_on: bool,
    ) -> (Arc<SqliteStore>, Assistant, OwnedSession) {
        let embedder = Arc::new(HashEmbedder::named("fake"));
        let (mut parts, store) = fixture::parts_with(directory, embedder);
        let keeps = Arc::clone(&store) as Arc<dyn QuestionStore>;
        let fingerprint = parts.embedder.fingerprint();
        parts.question_log = is_on.then(|| QuestionLog::new(keeps, fingerprint));
        let assistant = Assistant::new(parts);
        let request = ChatRequest {
            owner: Owner::OPERATOR,
            session: None,
            message: "Who won the chess match in Reykjavik?".to_owned(),
            once: None,
            render: |_, _| String::new(),
        };
        let Begun::Fresh(chat) = assistant.chats.begin(request).await.unwrap() else {
            panic!("nothing was asked before");
        };
        let session = chat.session;
        let summary = assistant.chats.finish(*chat).await.unwrap();
        assert!(!summary.answer.answered, "{}", summary.answer.text);
        let alone = SummaryRequest {
            owner: Owner::OPERATOR,
            session: String::new(),
            contexts: None,
            history: Some(vec!["Where do puffins winter?".to_owned()]),
        };
        assistant.answers.answer(alone).await.unwrap();
        for rating in [Rating::Up, Rating::Down] {
            let said = "says nothing".to_owned();
            let rated = assistant.conversations.rate(session, rating, said, None);
            rated.await.unwrap();
        }
        (store, assistant, session)
    }

    async fn kept(store: &SqliteStore) -> Vec<KeptQuestion> {
        store.logged_questions(0, 9).await.unwrap()
    }

    #[tokio::test]
    async fn what_was_not_answered_or_badly_is_kept_and_goes_with_its_conversation() {
        let directory = tempfile::tempdir().unwrap();
        let (store, assistant, session) = conversation(directory.path(), true).await;
        let questions = kept(&store).await;
        let described: Vec<(Lack, &str, &str)> = questions
            .iter()
            .map(|kept| {
                let logged = &kept.logged;
                (logged.lack, &*logged.question, &*logged.comment)
            })
            .collect();
        let (chess, puffins) = (
            "Who won the chess match in Reykjavik?",
            "Where do puffins winter?",
        );
        assert_eq!(
            described,
            [
                (Lack::Bad, chess, "says nothing"),
                (Lack::Refused, puffins, ""),
                (Lack::Refused, chess, ""),
            ]
        );
        let [bad, _, refused] = questions.as_slice() else {
            unreachable!("three are there");
        };
        assert_eq!(bad.logged.answer, refused.logged.answer);
        assert!(!bad.logged.answer.is_empty());
        assert_eq!(bad.logged.vector, refused.logged.vector);
        assert!(!bad.logged.vector.is_empty());
        assistant.conversations.delete(session).await.unwrap();
        assert_eq!(kept(&store).await.len(), 1, "the one without conversation");
    }

    #[tokio::test]
    async fn what_another_generation_was_asked_is_asked_again() {
        let directory = tempfile::tempdir().unwrap();
        let (store, assistant, _) = conversation(directory.path(), true).await;
        let live = assistant.generation_id().to_string();
        let ask_again = async || {
            let answers = &assistant.answers;
            let log = answers.question_log.as_ref().unwrap();
            ask_once(answers, log).await.unwrap()
        };
        let answered = |kept: &KeptQuestion| kept.answered_in.clone();
        assert!(!ask_again().await);
        assert!(
            kept(&store)
                .await
                .iter()
                .all(|kept| answered(kept).is_none())
        );
        for question in [
            "Where do puffins winter?",
            "How do I turn the thermostat down?",
        ] {
            let earlier = LoggedQuestion {
                session: None,
                lack: Lack::Refused,
                question: question.to_owned(),
                generation: "earlier".to_owned(),
                ..kept(&store).await[1].logged.clone()
            };
            store.log_question(earlier).await.unwrap();
        }
        assert!(!ask_again().await);
        let [thermostat, puffins, ..] = &kept(&store).await[..] else {
            panic!("both are kept");
        };
        let again = SummaryRequest {
            owner: Owner::OPERATOR,
            session: String::new(),
            contexts: None,
            history: Some(vec![thermostat.logged.question.clone()]),
        };
        let prepared = assistant.answers.prepare(again).await.unwrap();
        let is_answered = lack(&prepared.extractive, prepared.outcome).is_none();
        let answers = is_answered.then(|| live.clone());
        assert_eq!(answered(thermostat), answers);
        assert_eq!(
            (answered(puffins), &puffins.logged.generation),
            (None, &live)
        );
    }

    #[tokio::test]
    async fn nothing_is_kept_unless_it_is_asked_for() {
        let directory = tempfile::tempdir().unwrap();
        let (store, _, _) = conversation(directory.path(), false).await;
        assert_eq!(kept(&store).await, []);
    }
}
