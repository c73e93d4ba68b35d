//! Answers as server-sent events, told while they are written.

use std::convert::Infallible;
use std::time::Duration;

use axum::http::{HeaderName, HeaderValue};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::{Stream, StreamExt, future, stream};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::answer_dto::{MessageDelta, SearchResults};
use super::dto::{CitationBody, ContextBody, SummaryReply};
use super::error::ApiError;
use super::headers::answer_headers;
use super::metrics;
use crate::assistant::answer_cache::CacheStatus;
use crate::assistant::{AnswerEvent, AnswerEvents, AssistantError, Prepared};
use crate::runtime::stages::Stages;

/// Proxies cut connections that are silent for a minute.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Keeps proxies from collecting a stream before they pass it on.
const NO_BUFFERING: (HeaderName, HeaderValue) = (
    HeaderName::from_static("x-accel-buffering"),
    HeaderValue::from_static("no"),
);

/// One event of a stream.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ServerEvent {
    /// `search_results`, `message`, `citation`, `final_answer` or `error`; not sent under `/v1`.
    #[schema(example = "message")]
    event: String,
    /// One JSON object, or `[DONE]` under `/v1`.
    #[schema(example = "{\"text\":\"Fit a brush strip. [1]\"}")]
    data: String,
}

/// The reply that sends `events` as they come.
pub(super) fn reply(
    generation: &str,
    cache: CacheStatus,
    events: impl Stream<Item = Event> + Send + 'static,
) -> Response {
    (answer_headers(generation, cache), body(events)).into_response()
}

/// The body of such a reply, with the header that it needs.
pub(super) fn body(events: impl Stream<Item = Event> + Send + 'static) -> Response {
    let keep_alive = KeepAlive::new().interval(KEEP_ALIVE).text("keep-alive");
    let body = Sse::new(events.map(Ok::<_, Infallible>)).keep_alive(keep_alive);
    ([NO_BUFFERING], body).into_response()
}

/// The events of an answer that was given before: without what it was made from, in one piece.
pub(super) fn repeated(reply: &Value) -> impl Stream<Item = Event> + Send + use<> {
    let results = json!({ "session_id": reply["session_id"], "contexts": [] });
    let mut events = vec![
        named("search_results", &results),
        named("message", &json!({ "text": reply["summary"] })),
    ];
    let citations = reply["citations"].as_array().into_iter().flatten();
    events.extend(citations.map(|citation| named("citation", citation)));
    events.push(named("final_answer", reply));
    stream::iter(events)
}

/// `search_results`, then `message` and `citation` as they come, then `final_answer` or `error`.
pub(super) fn answer(
    session_id: String,
    contexts: Vec<ContextBody>,
    events: AnswerEvents,
) -> impl Stream<Item = Event> + Send {
    let first = SearchResults {
        session_id: session_id.clone(),
        contexts,
    };
    let rest = counted(events).map(move |event| match event {
        Ok(AnswerEvent::Text(text)) => named("message", &MessageDelta { text }),
        Ok(AnswerEvent::Citation(citation)) => named("citation", &CitationBody::from(citation)),
        Ok(AnswerEvent::Whole(summary)) => {
            let reply = SummaryReply::new(session_id.clone(), *summary);
            named("final_answer", &reply)
        }
        Err(error) => {
            let error = ApiError::from(error);
            error.note();
            named("error", &json!({ "detail": error.sentence() }))
        }
    });
    stream::once(future::ready(named("search_results", &first))).chain(rest)
}

/// What the contexts of a stream's first event look like.
pub(super) fn contexts(prepared: &Prepared) -> Vec<ContextBody> {
    prepared
        .contexts()
        .into_iter()
        .map(ContextBody::from)
        .collect()
}

/// An event with a name.
pub(super) fn named(name: &str, body: &impl Serialize) -> Event {
    with_data(Event::default().event(name), body)
}

/// An event without a name.
pub(super) fn data(body: &impl Serialize) -> Event {
    with_data(Event::default(), body)
}

fn with_data(event: Event, body: &impl Serialize) -> Event {
    event.data(serde_json::to_string(body).expect("plain data becomes JSON"))
}

/// Notes what an answer that is made while it is sent costs, as the middleware does for others.
pub(super) fn counted(
    events: AnswerEvents,
) -> impl Stream<Item = Result<AnswerEvent, AssistantError>> + Send {
    let stages = Stages::within_current();
    stream::unfold(events, move |mut events| {
        let stages = stages.clone();
        async move {
            let event = stages.collect(events.next()).await?;
            if let Ok(AnswerEvent::Whole(summary)) = &event {
                metrics::answer(summary);
                metrics::staged(&stages.noted());
            }
            Some((event, events))
        }
    })
}
