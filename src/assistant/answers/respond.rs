//! From what was prepared to an answer: the model's, checked, or the extractive one in its place.

use std::future::Future;
use std::pin::Pin;

use futures::{Stream, StreamExt, stream};
use tokio::sync::mpsc;

use super::Answers;
use super::draft::Draft;
use super::prepared::Prepared;
use super::refusals::not_covered;
use crate::assistant::AssistantError;
use crate::assistant::answer_cache::Cached;
use crate::assistant::request::{AnswerEvent, Degraded, Outcome, Reason, Summary};
use crate::generate::claims::{Claim, Claims};
use crate::generate::prompt::is_refusal;
use crate::generate::{ChatModel, GenerateError, TextStream};
use crate::language::sentences;
use crate::model::{Answer, Citation};
use crate::runtime::stages;

/// An answer as it is written. Dropping it ends the request to the model.
pub type AnswerEvents = Pin<Box<dyn Stream<Item = Result<AnswerEvent, AssistantError>> + Send>>;

/// Events that wait to be sent.
const EVENT_QUEUE: usize = 16;

impl Answers {
    /// The answer: the model's if there is a model and it can be had.
    pub(in crate::assistant) async fn respond(
        &self,
        prepared: &Prepared,
        outlet: &Outlet,
    ) -> Summary {
        if let Cached::Hit(summary) = &prepared.cached {
            outlet.tell_all(summary).await;
            return Summary {
                outcome: prepared.outcome,
                ..Summary::clone(summary)
            };
        }
        let summary = self.write_answer(prepared, outlet).await;
        let is_live = *self.search.live.current().id() == *prepared.generation.id();
        let is_worth_it = summary.degraded.is_none() && summary.answer.answered && is_live;
        if let (Cached::Miss(ticket), true) = (&prepared.cached, is_worth_it) {
            ticket.keep(&summary).await;
        }
        if let Some(log) = &self.question_log {
            log.unanswered(&self.search, prepared, &summary).await;
        }
        summary
    }

    async fn write_answer(&self, prepared: &Prepared, outlet: &Outlet) -> Summary {
        let model = self.chat_model.as_ref();
        // A question that the sources do not cover is none for a model either.
        let model = model
            .filter(|_| prepared.extractive.answered && prepared.outcome.reason != Reason::Curated);
        let Some(model) = model else {
            let summary = prepared.extractive(None);
            outlet.tell_all(&summary).await;
            return summary;
        };
        let mut draft = Draft::new(prepared, &self.search, model.is_strict());
        match write(model, prepared, &mut draft, outlet).await {
            Ok(Ended::Refused) => {
                let summary = Summary {
                    corrected: prepared.corrected.clone(),
                    outcome: Outcome {
                        reason: Reason::NotCovered,
                        ..prepared.outcome
                    },
                    answer: not_covered(&prepared.generation, &prepared.sources),
                    generation: prepared.generation(),
                    generator: model.name().to_owned(),
                    degraded: None,
                };
                outlet.tell_all(&summary).await;
                summary
            }
            Ok(Ended::Written) => match draft.finish() {
                Some(answer) => Summary {
                    corrected: prepared.corrected.clone(),
                    outcome: judged(prepared, &answer),
                    answer,
                    generation: prepared.generation(),
                    generator: model.name().to_owned(),
                    degraded: None,
                },
                None => self::instead(prepared, outlet, false, NOTHING_LEFT).await,
            },
            Err(error) => {
                tracing::warn!(%error, generator = model.name(), "the extractive answer stands in for the model's");
                let has_begun = draft.finish().is_some();
                self::instead(prepared, outlet, has_begun, degraded(&error)).await
            }
        }
    }
}

/// What became of a question that a model answered.
fn judged(prepared: &Prepared, answer: &Answer) -> Outcome {
    let reason = if answer.answered {
        prepared.outcome.reason
    } else {
        Reason::NotCovered
    };
    Outcome {
        reason,
        ..prepared.outcome
    }
}

/// How a model's answer ended.
enum Ended {
    Written,
    /// It says that the sources do not hold the answer.
    Refused,
}

const NOTHING_LEFT: Degraded = Degraded {
    kind: "unsupported",
    reason: "the language model said nothing that the sources support",
};

/// The extractive answer, and why. Where a part of the model's was told already, the last event
/// replaces it.
async fn instead(
    prepared: &Prepared,
    outlet: &Outlet,
    has_begun: bool,
    degraded: Degraded,
) -> Summary {
    let summary = prepared.extractive(Some(degraded));
    if !has_begun {
        outlet.tell_all(&summary).await;
    }
    summary
}

async fn write(
    model: &ChatModel,
    prepared: &Prepared,
    draft: &mut Draft<'_>,
    outlet: &Outlet,
) -> Result<Ended, GenerateError> {
    let mut earlier = Vec::new();
    let prompt = model.prompt(prepared.asked(&mut earlier), &prepared.excerpts());
    let mut text: TextStream = if outlet.is_open() {
        stages::timed("generate", model.stream(&prompt)).await?
    } else {
        let whole = stages::timed("generate", model.complete(&prompt)).await?;
        Box::pin(stream::once(async { Ok(whole) }))
    };
    let mut claims = Claims::default();
    let mut is_first = true;
    loop {
        let piece = stages::timed("generate", text.next()).await.transpose()?;
        let found = match &piece {
            Some(piece) => claims.push(piece),
            None => claims.finish(),
        };
        for claim in found {
            if std::mem::take(&mut is_first) && is_refusal(&claim.text) {
                return Ok(Ended::Refused);
            }
            take(draft, claim, outlet).await;
        }
        if piece.is_none() {
            return Ok(Ended::Written);
        }
    }
}

async fn take(draft: &mut Draft<'_>, claim: Claim, outlet: &Outlet) {
    if let Some(addition) = draft.take(claim).await {
        outlet.tell(AnswerEvent::Text(addition.text)).await;
        for citation in addition.citations {
            outlet.tell(AnswerEvent::Citation(citation)).await;
        }
    }
}

/// What a client may learn of a failure.
fn degraded(error: &GenerateError) -> Degraded {
    let reason = match error {
        GenerateError::Resting { .. } => {
            "the language model failed several times and is left alone for a while"
        }
        GenerateError::NotRunning { .. } => "the language model's server is not running",
        GenerateError::ModelMissing { .. } => "the language model is not installed",
        GenerateError::WrongKey { .. } => {
            "the language model's server does not accept the operator's key"
        }
        GenerateError::Busy { .. } => "the language model's server is busy",
        GenerateError::Refused { .. } => "the language model's server refused the request",
        GenerateError::TooSlow { .. } => "the language model took too long",
        GenerateError::BrokeOff { .. } => "the language model's answer broke off",
        GenerateError::BadAnswer { .. } => "the language model's answer could not be read",
    };
    Degraded {
        kind: error.kind(),
        reason,
    }
}

/// Where events go, if anybody wants them.
pub(in crate::assistant) struct Outlet(pub(in crate::assistant) Option<mpsc::Sender<AnswerEvent>>);

impl Outlet {
    fn is_open(&self) -> bool {
        self.0.is_some()
    }

    async fn tell(&self, event: AnswerEvent) {
        if let Some(sender) = &self.0 {
            // Nobody listens any more: then nobody polls this either.
            let _ = sender.send(event).await;
        }
    }

    /// Tells an answer that is there at once, a sentence at a time, each citation behind the text that
    /// has its marker.
    async fn tell_all(&self, summary: &Summary) {
        if !self.is_open() {
            return;
        }
        let text = &summary.answer.text;
        let mut citations = summary.answer.citations.iter().peekable();
        let mut told = 0;
        let starts = sentences(text, 0..text.len()).into_iter().skip(1);
        for end in starts.map(|range| range.start).chain([text.len()]) {
            let piece = &text[told..end];
            told = end;
            self.tell(AnswerEvent::Text(piece.to_owned())).await;
            let is_in_piece = |citation: &&Citation| {
                end == text.len() || piece.contains(&format!("[{}]", citation.marker))
            };
            while let Some(citation) = citations.next_if(is_in_piece) {
                self.tell(AnswerEvent::Citation(citation.clone())).await;
            }
        }
    }
}

/// Work that tells what it does, as a stream: polling the stream does the work, dropping it ends
/// the work.
pub(in crate::assistant) fn drive<W, F>(work: W) -> AnswerEvents
where
    W: FnOnce(Outlet) -> F,
    F: Future<Output = Result<Summary, AssistantError>> + Send + 'static,
{
    let (sender, events) = mpsc::channel(EVENT_QUEUE);
    let start = Driving {
        work: Some(Box::pin(work(Outlet(Some(sender))))),
        events,
        last: None,
    };
    Box::pin(stream::unfold(start, Driving::next))
}

struct Driving<F> {
    work: Option<Pin<Box<F>>>,
    events: mpsc::Receiver<AnswerEvent>,
    last: Option<Result<Summary, AssistantError>>,
}

impl<F: Future<Output = Result<Summary, AssistantError>>> Driving<F> {
    async fn next(mut self) -> Option<(Result<AnswerEvent, AssistantError>, Self)> {
        if let Some(work) = &mut self.work {
            tokio::select! {
                biased;
                Some(event) = self.events.recv() => return Some((Ok(event), self)),
                outcome = work => self.last = Some(outcome),
            }
            // With the work goes its sender, so that the events end.
            self.work = None;
        }
        if let Some(event) = self.events.recv().await {
            return Some((Ok(event), self));
        }
        let last = self.last.take()?;
        let event = last.map(|summary| AnswerEvent::Whole(Box::new(summary)));
        Some((event, self))
    }
}
