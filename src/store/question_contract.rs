//! What every [`QuestionStore`] promises, as one function that runs against each of them.

use super::SessionStore;
use super::contract::{own, session, stranger};
use super::questions::{KeptQuestion, Lack, LoggedQuestion, MOST_QUESTIONS, QuestionStore};
use crate::model::{OwnedSession, SessionId};

/// Runs the contract.
pub(super) async fn holds_for<S: SessionStore + QuestionStore>(store: &S) {
    let (kept, deleted) = (session(store).await, session(store).await);
    let asked = |session: Option<OwnedSession>, lack, question: &str, asked_at| LoggedQuestion {
        session,
        lack,
        question: question.to_owned(),
        vector: vec![0.6, -0.8],
        embedder: [7; 32],
        answer: "no".to_owned(),
        comment: "why?".to_owned(),
        generation: "g1".to_owned(),
        asked_at,
    };
    let read = async |since| store.logged_questions(since, 99).await.unwrap();
    let texts = |kept: Vec<KeptQuestion>| -> Vec<String> {
        kept.into_iter().map(|kept| kept.logged.question).collect()
    };
    let gone = own(SessionId::new_random());
    for question in [
        asked(None, Lack::Refused, "a", 10),
        asked(None, Lack::Refused, "a", 20),
        asked(Some(kept), Lack::Partial, "b", 30),
        asked(Some(kept), Lack::Bad, "b", 40),
        asked(Some(kept), Lack::Partial, "b", 50),
        asked(Some(deleted), Lack::Refused, "c", 60),
        asked(Some(gone), Lack::Refused, "d", 70),
        asked(
            Some(OwnedSession {
                owner: stranger(),
                ..kept
            }),
            Lack::Refused,
            "e",
            80,
        ),
    ] {
        store.log_question(question).await.unwrap();
    }
    let all = read(0).await;
    assert_eq!(all[0].logged, asked(None, Lack::Refused, "c", 60));
    assert_eq!(texts(all), ["c", "b", "b", "a", "a"]);
    assert_eq!(
        texts(store.logged_questions(0, 2).await.unwrap()),
        ["c", "b"]
    );
    assert_eq!(texts(read(50).await), ["c", "b"]);

    let [first, second] = [&read(0).await[1], &read(0).await[2]].map(|kept| kept.number);
    let answers = vec![(first, true), (second, false)];
    store.note_answers("g2".to_owned(), answers).await.unwrap();
    let noted: Vec<(String, Option<String>)> = read(0)
        .await
        .into_iter()
        .map(|kept| (kept.logged.generation, kept.answered_in))
        .collect();
    let (g1, g2) = ("g1".to_owned(), "g2".to_owned());
    assert_eq!(noted[1], (g1, Some(g2.clone())));
    assert_eq!(noted[2], (g2, None));

    store.delete_session(deleted).await.unwrap();
    store.forget_questions_before(20).await.unwrap();
    assert_eq!(texts(read(0).await), ["b", "b", "a"]);
    // As many at once as wait for the writer together.
    for _ in 0..=MOST_QUESTIONS / 500 {
        let many = || store.log_question(asked(None, Lack::Refused, "many", 90));
        let logged = futures::future::join_all((0..500).map(|_| many())).await;
        assert!(logged.into_iter().all(|logged| logged.is_ok()));
    }
    let most = store.logged_questions(0, u32::MAX).await.unwrap();
    assert_eq!(most.len(), MOST_QUESTIONS as usize);
    assert!(most.iter().all(|kept| kept.logged.question == "many"));
}
