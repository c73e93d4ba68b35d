//! The tools: what each takes and gives, and what it does.

use rmcp::model::{
    CallToolResult, ContentBlock, JsonObject, ProgressNotificationParam, Tool, ToolAnnotations,
};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer};
use serde_json::{Value, json};

use super::desk::McpServer;
use super::places::{piece, resource};
use super::shapes;
use crate::assistant::{AssistantError, Question, Summary, SummaryRequest};
use crate::model::{Filter, Scope};

/// Least, default and most results of a search, and documents on a page.
const RESULTS: (usize, usize, usize) = (1, 10, 50);
const DOCUMENTS: (usize, usize, usize) = (1, 50, 200);
/// Links to documents behind an answer.
const MOST_LINKS: usize = 10;

/// What can be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Search,
    Fetch,
    Answer,
    ListDocuments,
}

impl Kind {
    const ALL: [Self; 4] = [Self::Search, Self::Fetch, Self::Answer, Self::ListDocuments];

    fn name(self) -> &'static str {
        match self {
            Self::Search => "search",
            Self::Fetch => "fetch",
            Self::Answer => "answer",
            Self::ListDocuments => "list_documents",
        }
    }

    pub(super) fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    fn title(self) -> &'static str {
        match self {
            Self::Search => "Search the documents",
            Self::Fetch => "Read a document",
            Self::Answer => "Answer a question from the documents",
            Self::ListDocuments => "List the documents",
        }
    }

    fn description(self) -> &'static str {
        match self {
            Self::Search => {
                "Find the documents that say most about a question or some words, each with its best passage."
            }
            Self::Fetch => {
                "Read the text of a document by the id that search or list_documents gave. Long ones come in \
                 pieces: metadata.next_offset is the offset of the next."
            }
            Self::Answer => {
                "Answer a question from the documents. Markers such as [1] stand for citations, whose quotes \
                 were looked up in the stored text. Where answered is false the documents do not cover it."
            }
            Self::ListDocuments => "List all documents, page by page.",
        }
    }

    fn takes(self) -> Value {
        let count = |(least, default, most): (usize, usize, usize)| json!({"type": "integer", "minimum": least, "maximum": most, "default": default});
        match self {
            Self::Search => json!({
                "type": "object",
                "properties": {
                    "query": {"type": "string", "description": "A question or words"},
                    "limit": count(RESULTS),
                },
                "required": ["query"],
            }),
            Self::Fetch => json!({
                "type": "object",
                "properties": {
                    "id": {"type": "string", "description": "The document's id"},
                    "offset": {"type": "integer", "minimum": 0, "default": 0, "description": "The byte to begin at"},
                },
                "required": ["id"],
            }),
            Self::Answer => json!({
                "type": "object",
                "properties": {
                    "question": {"type": "string"},
                    "earlier_questions": {
                        "type": "array", "items": {"type": "string"},
                        "description": "What was asked before, oldest first, if this question refers to it",
                    },
                },
                "required": ["question"],
            }),
            Self::ListDocuments => json!({
                "type": "object",
                "properties": {
                    "cursor": {"type": "string", "description": "next_cursor of the page before"},
                    "limit": count(DOCUMENTS),
                },
            }),
        }
    }

    fn gives(self) -> Value {
        let list = |name: &str, required: &[&str]| {
            json!({
                "type": "object",
                "properties": {(name): {"type": "array", "items": {"type": "object"}}},
                "required": required,
            })
        };
        match self {
            Self::Search => list("results", &["results"]),
            Self::ListDocuments => list("documents", &["documents", "total"]),
            Self::Fetch => json!({
                "type": "object",
                "properties": {
                    "id": {"type": "string"}, "title": {"type": "string"}, "text": {"type": "string"},
                    "url": {"type": "string"}, "metadata": {"type": "object"},
                },
                "required": ["id", "title", "text", "url"],
            }),
            Self::Answer => json!({
                "type": "object",
                "properties": {
                    "answer": {"type": "string"}, "answered": {"type": "boolean"},
                    "citations": {"type": "array", "items": {"type": "object"}},
                },
                "required": ["answer", "answered", "citations"],
            }),
        }
    }
}

/// All tools as programs are told of them: none writes, and the same question gets the same answer.
pub(super) fn described() -> Vec<Tool> {
    let object = |value: Value| value.as_object().cloned().unwrap_or_default();
    let tool = |kind: Kind| {
        let annotations = ToolAnnotations::with_title(kind.title())
            .read_only(true)
            .destructive(false)
            .idempotent(true)
            .open_world(false);
        Tool::new(kind.name(), kind.description(), object(kind.takes()))
            .with_title(kind.title())
            .with_raw_output_schema(object(kind.gives()).into())
            .with_annotations(annotations)
    };
    Kind::ALL.into_iter().map(tool).collect()
}

impl McpServer {
    /// What a tool gives. What is wrong with the arguments is an error of the protocol; what the
    /// documents do not hold, or cannot be had now, is one that the model is to see.
    pub(super) async fn call(
        &self,
        kind: Kind,
        arguments: JsonObject,
        context: &RequestContext<RoleServer>,
    ) -> Result<CallToolResult, ErrorData> {
        let value = match kind {
            Kind::Answer => return self.answer(&arguments, context).await,
            Kind::Search => {
                self.admit(context, Scope::Retrieve)?;
                let query = shapes::text(Some(&arguments), "query")?.to_owned();
                let limit = shapes::number(&arguments, "limit", RESULTS)?;
                let question = Question::Text(query);
                let filter = Filter::default();
                let found = self.assistant.search.retrieve(&question, limit, &filter);
                found.await.map(|found| shapes::results(&found.contexts))
            }
            Kind::Fetch => {
                self.admit(context, Scope::Retrieve)?;
                let id = shapes::text(Some(&arguments), "id")?;
                let offset = shapes::number(&arguments, "offset", (0, 0, usize::MAX))?;
                piece(&self.assistant, id, offset).map(|found| shapes::document(&found))
            }
            Kind::ListDocuments => {
                self.admit(context, Scope::Retrieve)?;
                let cursor = arguments.get("cursor").and_then(Value::as_str);
                let limit = shapes::number(&arguments, "limit", DOCUMENTS)?;
                let page = self
                    .assistant
                    .documents
                    .list(&Filter::default(), cursor, limit);
                Ok(shapes::documents(&page))
            }
        };
        Ok(match value {
            Ok(value) => CallToolResult::structured(value),
            Err(error) => failed(&error),
        })
    }

    async fn answer(
        &self,
        arguments: &JsonObject,
        context: &RequestContext<RoleServer>,
    ) -> Result<CallToolResult, ErrorData> {
        let caller = self.admit(context, Scope::Chat)?;
        let question = shapes::text(Some(arguments), "question")?.to_owned();
        let mut history = shapes::texts(arguments, "earlier_questions")?;
        history.push(question);
        let request = SummaryRequest {
            owner: caller.owner,
            session: String::new(),
            contexts: None,
            history: Some(history),
        };
        tell(context, 1.0, "searching").await;
        let prepared = match self.assistant.answers.prepare(request).await {
            Ok(prepared) => prepared,
            Err(error) => return Ok(failed(&error)),
        };
        tell(context, 2.0, "writing and checking the answer").await;
        let summary = self.assistant.answers.finish(prepared).await;
        tell(context, STEPS, "done").await;
        let mut result = CallToolResult::structured(shapes::answer(&summary));
        result.content = vec![ContentBlock::text(summary.answer.text.clone())];
        result.content.extend(self.links(&summary));
        Ok(result)
    }

    /// A link to each document that is cited.
    fn links(&self, summary: &Summary) -> Vec<ContentBlock> {
        let mut ids: Vec<&str> = Vec::new();
        let places = summary
            .answer
            .citations
            .iter()
            .filter_map(|c| c.place.as_ref());
        for place in places {
            let id = place.document.as_str();
            if !ids.contains(&id) && ids.len() < MOST_LINKS {
                ids.push(id);
            }
        }
        let found = ids.into_iter();
        let found = found.filter_map(|id| self.assistant.documents.text(id, 0..0).ok());
        found
            .map(|found| ContentBlock::resource_link(resource(&found.info)))
            .collect()
    }
}

/// Steps of an answer.
const STEPS: f64 = 3.0;

/// Tells a program that wants to know how far its request is.
async fn tell(context: &RequestContext<RoleServer>, step: f64, message: &str) {
    if let Some(token) = context.meta.get_progress_token() {
        let progress = ProgressNotificationParam::new(token, step)
            .with_total(STEPS)
            .with_message(message);
        // A program that has left needs no news.
        let _ = context.peer.notify_progress(progress).await;
    }
}

/// What the model is told where a tool gave nothing. Details stay in the log.
fn failed(error: &AssistantError) -> CallToolResult {
    let message = if matches!(error, AssistantError::DocumentNotFound) {
        "There is no document with this id."
    } else {
        tracing::error!(%error, "a tool failed: {error}");
        "The documents cannot be searched now; try again later."
    };
    CallToolResult::error(vec![ContentBlock::text(message)])
}
