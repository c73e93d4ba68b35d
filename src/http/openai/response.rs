//! An answer in the shapes of the Responses API: the object, and the events of a stream.

use axum::response::sse::Event;
use serde_json::{Value, json};
use uuid::Uuid;

use super::chat_dto::{Checks, Usage};
use super::links::{Marked, marked};
use super::parameters::{Form, Wishes};
use super::responses_dto::{
    Cached, Incomplete, OutputMessage, OutputText, Reasoned, ResponseAnnotation, ResponseBody,
    ResponseUsage,
};
use super::script::{Finish, Script};
use super::{MODEL, errors, fingerprint};
use crate::assistant::{AnswerEvent, AssistantError, Position, Summary};
use crate::http::error::ApiError;
use crate::http::sse;
use crate::model::SessionId;
use crate::runtime::clock::now;

/// What begins the id of a response.
const PREFIX: &str = "resp_";

/// The id of the response to a message that is kept, or of one that is not.
pub(in crate::http) fn id_of(position: Option<Position>) -> String {
    match position {
        Some(Position { session, sequence }) => format!("{PREFIX}{session}_{sequence}"),
        None => format!("{PREFIX}{}", Uuid::new_v4().simple()),
    }
}

/// The message that a response answered; `None` for an id that names none.
pub(in crate::http) fn position_of(id: &str) -> Option<Position> {
    let (session, sequence) = id.strip_prefix(PREFIX)?.split_once('_')?;
    let position = Position {
        session: SessionId::parse(session)?,
        sequence: sequence.parse().ok()?,
    };
    (id_of(Some(position)) == id).then_some(position)
}

/// What all shapes of one answer share.
pub(in crate::http) struct Frame {
    id: String,
    message_id: String,
    created: i64,
    prompt_bytes: usize,
    not_honoured: Vec<String>,
    previous: Option<String>,
    is_kept: bool,
    most_tokens: Option<usize>,
    metadata: Value,
    format: &'static str,
    /// Events sent so far.
    sent: usize,
}

/// What of a request is told again in its reply.
pub(in crate::http) struct Asked {
    /// Bytes of all messages.
    pub(in crate::http) prompt_bytes: usize,
    /// What had no effect.
    pub(in crate::http) not_honoured: Vec<String>,
    /// What it goes on behind.
    pub(in crate::http) previous: Option<String>,
    /// The client's own notes.
    pub(in crate::http) metadata: Value,
}

impl Frame {
    /// The answer to a message at `position`, if it is kept.
    pub(in crate::http) fn new(asked: Asked, wishes: &Wishes, position: Option<Position>) -> Self {
        Self {
            id: id_of(position),
            message_id: format!("msg_{}", Uuid::new_v4().simple()),
            created: now(),
            prompt_bytes: asked.prompt_bytes,
            not_honoured: asked.not_honoured,
            previous: asked.previous,
            is_kept: position.is_some(),
            most_tokens: wishes.most_tokens,
            metadata: if asked.metadata.is_object() {
                asked.metadata
            } else {
                json!({})
            },
            format: match wishes.form {
                Form::Text => "text",
                Form::Json(_) | Form::Foreign { .. } => "json_object",
            },
            sent: 0,
        }
    }

    /// The whole answer.
    pub(in crate::http) fn whole(&self, script: &Script, summary: Summary) -> ResponseBody {
        let mut body = self.begun(&summary.generation);
        let marks = marked(script.text(), &summary.answer.citations, script.links());
        body.status = status(script);
        body.incomplete_details = (script.finish() == Finish::Length).then_some(Incomplete {
            reason: "max_output_tokens",
        });
        body.output = vec![self.message(script, marks)];
        let usage = Usage::of(self.prompt_bytes, script.text().len());
        body.usage = Some(ResponseUsage {
            input_tokens: usage.prompt_tokens,
            input_tokens_details: Cached::default(),
            output_tokens: usage.completion_tokens,
            output_tokens_details: Reasoned::default(),
            total_tokens: usage.total_tokens,
        });
        body.checks = Some(Checks::from(summary));
        body
    }

    fn begun(&self, generation: &str) -> ResponseBody {
        ResponseBody {
            id: self.id.clone(),
            object: "response",
            created_at: self.created,
            status: "in_progress",
            error: None,
            incomplete_details: None,
            model: MODEL,
            output: Vec::new(),
            previous_response_id: self.previous.clone(),
            store: self.is_kept,
            max_output_tokens: self.most_tokens,
            metadata: self.metadata.clone(),
            text: json!({"format": {"type": self.format}}),
            parallel_tool_calls: false,
            tool_choice: "none",
            tools: Vec::new(),
            instructions: None,
            usage: None,
            system_fingerprint: fingerprint(generation),
            not_honoured: self.not_honoured.clone(),
            checks: None,
        }
    }

    fn message(&self, script: &Script, marks: Vec<Marked>) -> OutputMessage {
        let annotation = |mark: Marked| ResponseAnnotation {
            kind: "url_citation",
            citation: mark.into(),
        };
        OutputMessage {
            id: self.message_id.clone(),
            kind: "message",
            status: status(script),
            role: "assistant",
            content: vec![OutputText {
                kind: "output_text",
                text: script.text().to_owned(),
                annotations: marks.into_iter().map(annotation).collect(),
                logprobs: Vec::new(),
            }],
        }
    }

    /// The first events of a stream.
    pub(in crate::http) fn opening(&mut self, generation: &str) -> Vec<Event> {
        let body = json!(self.begun(generation));
        let item = json!({
            "id": self.message_id, "type": "message", "status": "in_progress", "role": "assistant",
            "content": [],
        });
        let part = json!({"type": "output_text", "text": "", "annotations": [], "logprobs": []});
        vec![
            self.event("response.created", json!({"response": body})),
            self.event("response.in_progress", json!({"response": body})),
            self.event(
                "response.output_item.added",
                json!({"output_index": 0, "item": item}),
            ),
            self.of_part("response.content_part.added", json!({"part": part})),
        ]
    }

    /// The events that one of an answer becomes.
    pub(in crate::http) fn events(
        &mut self,
        event: Result<AnswerEvent, AssistantError>,
        script: &mut Script,
    ) -> Vec<Event> {
        match event {
            Ok(AnswerEvent::Text(text)) => self.delta(script.push(&text)),
            // They come with the end.
            Ok(AnswerEvent::Citation(_)) => Vec::new(),
            Ok(AnswerEvent::Whole(summary)) => self.last(*summary, script),
            Err(error) => {
                let error = ApiError::from(error);
                error.note();
                let body = errors::body(error.status(), &error.sentence(), error.kind());
                let fields = json!({
                    "code": "server_error", "message": body["error"]["message"], "param": null,
                });
                vec![self.event("error", fields)]
            }
        }
    }

    fn delta(&mut self, text: Option<String>) -> Vec<Event> {
        let fields = text.map(|text| json!({"delta": text, "logprobs": []}));
        let event = fields.map(|fields| self.of_part("response.output_text.delta", fields));
        event.into_iter().collect()
    }

    fn last(&mut self, summary: Summary, script: &mut Script) -> Vec<Event> {
        let rest = script.end(&summary);
        let mut events = self.delta(rest);
        let body = self.whole(script, summary);
        let content = &body.output[0].content[0];
        for (index, annotation) in content.annotations.iter().enumerate() {
            let fields = json!({"annotation_index": index, "annotation": annotation});
            events.push(self.of_part("response.output_text.annotation.added", fields));
        }
        let done = json!({"text": content.text, "logprobs": []});
        events.push(self.of_part("response.output_text.done", done));
        let part = json!({"part": content});
        events.push(self.of_part("response.content_part.done", part));
        let item = json!({"output_index": 0, "item": body.output[0]});
        events.push(self.event("response.output_item.done", item));
        let name = match script.finish() {
            Finish::Stop => "response.completed",
            Finish::Length => "response.incomplete",
        };
        events.push(self.event(name, json!({"response": body})));
        events
    }

    /// An event about the one part of the one message.
    fn of_part(&mut self, name: &'static str, mut fields: Value) -> Event {
        fields["item_id"] = json!(self.message_id);
        fields["output_index"] = json!(0);
        fields["content_index"] = json!(0);
        self.event(name, fields)
    }

    fn event(&mut self, name: &'static str, mut fields: Value) -> Event {
        fields["type"] = json!(name);
        fields["sequence_number"] = json!(self.sent);
        self.sent += 1;
        sse::named(name, &fields)
    }
}

fn status(script: &Script) -> &'static str {
    match script.finish() {
        Finish::Stop => "completed",
        Finish::Length => "incomplete",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_names_one_message_in_one_form() {
        let position = Position {
            session: SessionId::new_random(),
            sequence: 12,
        };
        let id = id_of(Some(position));
        assert_eq!(position_of(&id), Some(position));
        for other in [
            id.replace("_12", "_012"),
            id.replace("_12", ""),
            id.to_uppercase(),
            id_of(None),
            "resp_".to_owned(),
        ] {
            assert_eq!(position_of(&other), None, "{other}");
        }
    }
}
