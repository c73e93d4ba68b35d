//! Answers of a language model, given again where the same is asked again.
//!
//! An answer is found by its scope: owner, generation, model, prompts, earlier questions and the
//! caller's own contexts must be equal, whatever the question. Within a scope the nearest question
//! counts, if it is near enough and [`QuestionSignature`] says that both ask for the same. What is found is
//! proved against the stored text once more. Extractive answers are not kept: they cost a
//! millisecond.

mod entry;
mod flight;
mod scope;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub(super) use scope::{Contexts, Scope};

use self::flight::{Flights, Turn};
use super::answers::Source;
use super::search::Search;
use super::{AssistantError, Summary};
use crate::generate::same_question::QuestionSignature;
use crate::model::{Owner, UnitVector, dot};
use crate::runtime::clock::now;
use crate::snapshot::Generation;
use crate::store::StoreError;
use crate::store::answers::{AnswerRoom, AnswerStore, KeptAnswer};

/// Longer answers are not worth their room.
const LONGEST_ANSWER: usize = 64 << 10;

/// How the cache is used.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AnswerCacheOptions {
    /// The least cosine of two questions that share an answer.
    pub threshold: f32,
    /// How much is kept.
    pub room: AnswerRoom,
}

/// Whether an answer came from the cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CacheStatus {
    /// It did.
    Hit,
    /// It did not, and may be kept.
    Miss,
    /// The cache has no part in it: no model writes, or there is no cache.
    Bypass,
}

impl CacheStatus {
    /// One word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::Miss => "miss",
            Self::Bypass => "bypass",
        }
    }
}

/// What the cache knows of a question that was prepared.
pub(super) enum Cached {
    Hit(Box<Summary>),
    Miss(Box<Ticket>),
    Bypass,
}

/// Lets an answer be kept. Others who ask the same meanwhile wait until it is dropped.
pub(super) struct Ticket {
    cache: Arc<AnswerCache>,
    scope: Scope,
    question: String,
    vector: UnitVector,
    _turn: Option<Turn>,
}

/// A question whose answer may be known.
pub(super) struct Wanted {
    pub(super) scope: Scope,
    pub(super) question: String,
    pub(super) vector: UnitVector,
}

/// The answers of one generation, in memory and in a store.
pub struct AnswerCache {
    store: Arc<dyn AnswerStore>,
    options: AnswerCacheOptions,
    known: Mutex<Known>,
    flights: Arc<Flights>,
}

#[derive(Default)]
struct Known {
    generation: String,
    /// Oldest first.
    answers: VecDeque<Arc<KnownAnswer>>,
    bytes: u64,
}

struct KnownAnswer {
    kept: KeptAnswer,
    signature: QuestionSignature,
}

impl AnswerCache {
    /// Reads what is kept of the generation that answers now.
    pub async fn open(
        store: Arc<dyn AnswerStore>,
        options: AnswerCacheOptions,
        generation: &str,
    ) -> Result<Self, StoreError> {
        let since = now().saturating_sub(options.room.seconds);
        let mut known = Known {
            generation: generation.to_owned(),
            ..Known::default()
        };
        for kept in store.answers(generation.to_owned(), since).await? {
            known.insert(kept, options.room);
        }
        Ok(Self {
            store,
            options,
            known: Mutex::new(known),
            flights: Arc::default(),
        })
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The answer to the nearest question that asks for the same.
    fn find(&self, wanted: &Wanted) -> Option<Arc<KnownAnswer>> {
        let oldest = now().saturating_sub(self.options.room.seconds);
        let signature = QuestionSignature::of(&wanted.question);
        let known = self.known();
        let mut best: Option<(f32, &Arc<KnownAnswer>)> = None;
        for answer in &known.answers {
            let kept = &answer.kept;
            if kept.scope != wanted.scope.digest
                || kept.created_at < oldest
                || kept.vector.len() != wanted.vector.dimension()
            {
                continue;
            }
            let cosine = dot(&kept.vector, wanted.vector.as_slice());
            let is_nearer = best.is_none_or(|(nearest, _)| cosine >= nearest);
            let is_same = if wanted.scope.is_in_conversation {
                signature.reads_like(&answer.signature)
            } else {
                cosine >= self.options.threshold && signature.may_share_an_answer(&answer.signature)
            };
            if is_nearer && is_same {
                best = Some((cosine, answer));
            }
        }
        best.map(|(_, answer)| Arc::clone(answer))
    }

    /// Takes an answer out that its sources no longer say.
    fn drop_answer(&self, answer: &Arc<KnownAnswer>) {
        let mut known = self.known();
        known.answers.retain(|other| !Arc::ptr_eq(other, answer));
        known.bytes = known.answers.iter().map(|a| a.kept.size()).sum();
    }

    /// Reads again what is kept, where others may have changed it; nothing is given until that is done.
    pub(super) async fn reload(&self) -> Result<(), StoreError> {
        let generation = {
            let mut known = self.known();
            known.answers.clear();
            known.bytes = 0;
            known.generation.clone()
        };
        let since = now().saturating_sub(self.options.room.seconds);
        let kept = self.store.answers(generation.clone(), since).await?;
        let mut known = self.known();
        // Another generation may answer by now, and then these are worth nothing.
        if known.generation == generation {
            for kept in kept {
                known.insert(kept, self.options.room);
            }
        }
        Ok(())
    }

    /// Forgets in memory what an owner asked.
    pub(super) fn drop_owner(&self, owner: Owner) {
        self.retain(|answer| answer.owner != owner);
    }

    /// Forgets what an owner asked.
    pub(super) async fn forget(&self, owner: Owner) -> Result<(), StoreError> {
        self.drop_owner(owner);
        self.store.forget_answers(owner).await
    }

    /// Forgets what was answered before this second.
    pub(super) async fn forget_before(&self, second: i64) -> Result<(), StoreError> {
        self.retain(|answer| answer.created_at >= second);
        self.store.forget_answers_before(second).await
    }

    /// How many are in memory.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.known().answers.len()
    }

    fn retain(&self, is_kept: impl Fn(&KeptAnswer) -> bool) {
        let mut known = self.known();
        known.answers.retain(|answer| is_kept(&answer.kept));
        known.bytes = known.answers.iter().map(|a| a.kept.size()).sum();
    }
}

impl Known {
    fn insert(&mut self, kept: KeptAnswer, room: AnswerRoom) {
        if self.generation != kept.generation {
            self.answers.clear();
            self.bytes = 0;
            self.generation.clone_from(&kept.generation);
        }
        let is_same =
            |other: &KeptAnswer| other.scope == kept.scope && other.question == kept.question;
        self.answers.retain(|other| !is_same(&other.kept));
        let signature = QuestionSignature::of(&kept.question);
        self.answers
            .push_back(Arc::new(KnownAnswer { kept, signature }));
        self.bytes = self.answers.iter().map(|a| a.kept.size()).sum();
        let most = usize::try_from(room.entries).unwrap_or(usize::MAX);
        while self.answers.len() > most || self.bytes > room.bytes {
            let Some(oldest) = self.answers.pop_front() else {
                return;
            };
            self.bytes -= oldest.kept.size();
        }
    }
}

impl AnswerCache {
    /// Looks for an answer to a question with these contexts. Where others are having the same
    /// answered, it waits for theirs.
    pub(super) async fn look_up(
        self: &Arc<Self>,
        generation: &Generation,
        sources: &[Source],
        wanted: Wanted,
    ) -> Cached {
        if let Some(summary) = self.proved(generation, sources, &wanted) {
            return Cached::Hit(Box::new(summary));
        }
        let turn = self.flights.take_turn(wanted.flight()).await;
        // Somebody may have answered meanwhile.
        if let Some(summary) = self.proved(generation, sources, &wanted) {
            return Cached::Hit(Box::new(summary));
        }
        Cached::Miss(Box::new(Ticket {
            cache: Arc::clone(self),
            scope: wanted.scope,
            question: wanted.question,
            vector: wanted.vector,
            _turn: turn,
        }))
    }

    /// An answer whose every quote stands in the stored text.
    fn proved(
        &self,
        generation: &Generation,
        sources: &[Source],
        wanted: &Wanted,
    ) -> Option<Summary> {
        let found = self.find(wanted)?;
        let summary = entry::from_json(&found.kept.answer, generation, sources);
        if summary.is_none() {
            tracing::warn!("a kept answer no longer stands in its sources and was dropped");
            self.drop_answer(&found);
        }
        summary
    }
}

impl Ticket {
    /// Keeps an answer that a model gave.
    pub(super) async fn keep(&self, summary: &Summary) {
        let answer = entry::to_json(summary);
        if answer.len() > LONGEST_ANSWER {
            return;
        }
        let kept = KeptAnswer {
            scope: self.scope.digest,
            owner: self.scope.owner,
            generation: summary.generation.clone(),
            question: self.question.clone(),
            vector: self.vector.as_slice().to_vec(),
            answer,
            created_at: now(),
        };
        let cache = &self.cache;
        cache.known().insert(kept.clone(), cache.options.room);
        if let Err(error) = cache.store.keep_answer(kept, cache.options.room).await {
            tracing::warn!(%error, "an answer is kept in memory alone");
        }
    }
}

/// How the cache compares two questions: the cosine of their vectors, and whether their words let
/// them share an answer.
pub async fn likeness(search: &Search, a: &str, b: &str) -> Result<(f32, bool), AssistantError> {
    let (vector, other) = (search.vector(a).await?, search.vector(b).await?);
    let may_share = QuestionSignature::of(a).may_share_an_answer(&QuestionSignature::of(b));
    Ok((vector.cosine(other.as_slice()), may_share))
}

impl Wanted {
    /// Names all that ask this in these words.
    fn flight(&self) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.scope.digest);
        hasher.update(self.question.trim().to_lowercase().as_bytes());
        hasher.finalize().into()
    }
}
