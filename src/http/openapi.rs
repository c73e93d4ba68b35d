//! The API's description, generated from the handlers and the wire shapes.

use std::sync::LazyLock;

use axum::Extension;
use axum::body::Bytes;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{ContentBuilder, Ref, RefOr, ResponseBuilder, Schema};
use utoipa::{Modify, OpenApi};

use super::openai;
use super::outgoing::SharedBody;
use super::route::HEALTH_PATHS;
use super::routes::{
    admin, ask, chat, citations, completions, documents, embeddings, export, feedback, health,
    metrics, models, responses, retrieve, save, session, sessions, suggestions, summary,
};
use crate::model::ContentKind;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Wattwise",
        description = "Answers questions from your own documents, with citations that the server has checked. \
            Every reply carries `X-Request-ID` and `X-Snapshot-Id`. Where the server asks for a key, send it as a \
            bearer token or in `X-API-Key`; without it the reply is 401."
    ),
    paths(
        session::open_session,
        ask::ask,
        retrieve::retrieve_contexts,
        summary::generate_summary,
        chat::chat,
        citations::show,
        documents::list,
        documents::show,
        documents::file,
        suggestions::list,
        completions::complete,
        responses::respond,
        embeddings::embed,
        models::list,
        models::show,
        save::save_records,
        sessions::history,
        sessions::list,
        sessions::show,
        sessions::rename,
        sessions::delete,
        export::export,
        feedback::rate,
        health::healthz,
        health::readyz,
        health::version,
        metrics::page,
        admin::generations,
        admin::roll_back,
        admin::documents,
        admin::last_run,
        admin::unanswered,
        admin::bad_answers,
        admin::figures,
    ),
    modifiers(&Keys),
    security((), ("bearer" = []), ("header" = [])),
    tags(
        (name = "conversation", description = "Sessions, their messages and what was saved of them"),
        (name = "answers", description = "Contexts and cited answers"),
        (name = "documents", description = "What the answers are made from"),
        (name = "openai", description = "The same answers for clients of OpenAI's API"),
        (name = "operation", description = "Is it running, is it ready, what is it"),
        (name = "administration", description = "What whoever runs the server looks at; a key with the scope `admin`, or no key on loopback"),
    )
)]
struct Description;

struct Keys;

impl Modify for Keys {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let guarded = openapi
            .paths
            .paths
            .iter_mut()
            .filter(|(path, _)| !HEALTH_PATHS.contains(&path.as_str()));
        for (path, item) in guarded {
            let shape = if openai::applies_to(path) {
                "OpenAiError"
            } else {
                "Error"
            };
            for operation in [&mut item.get, &mut item.post, &mut item.delete]
                .into_iter()
                .flatten()
            {
                name_kinds(operation);
                for (status, description) in [
                    ("400", "The request is not what HTTP wants of it"),
                    ("401", "The key is missing or wrong"),
                    (
                        "403",
                        "The key lacks the scope that this route asks for, or a page of another site calls",
                    ),
                    ("408", "The body took too long"),
                    ("421", "Without keys: the server is not known by this name"),
                    (
                        "429",
                        "Too many requests; `Retry-After` says when to come again",
                    ),
                    ("500", "The server failed"),
                    ("503", "Busy, try again"),
                    ("504", "The request took too long"),
                ] {
                    declare(operation, status, description, shape);
                }
                if operation.request_body.is_some() {
                    declare(
                        operation,
                        "415",
                        "The body is compressed, or not said to be JSON",
                        shape,
                    );
                }
            }
        }
        let components = openapi.components.get_or_insert_default();
        components.add_security_scheme(
            "bearer",
            SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)),
        );
        let header = ApiKey::Header(ApiKeyValue::new("X-API-Key"));
        components.add_security_scheme("header", SecurityScheme::ApiKey(header));
    }
}

/// What a filter by kind takes: the kinds there are, or nothing.
fn name_kinds(operation: &mut Operation) {
    for parameter in operation.parameters.iter_mut().flatten() {
        if let RefOr::T(parameter) = parameter
            && parameter.name == "kind"
            && let Some(RefOr::T(Schema::Object(schema))) = &mut parameter.schema
        {
            let kinds = ContentKind::names().replace(", ", "|");
            schema.pattern = Some(format!("^({kinds})?$"));
        }
    }
}

/// Adds a reply that the route does not describe itself.
fn declare(operation: &mut Operation, status: &str, description: &str, shape: &str) {
    operation
        .responses
        .responses
        .entry(status.to_owned())
        .or_insert_with(|| RefOr::T(error_response(description, shape)));
}

fn error_response(description: &str, shape: &str) -> utoipa::openapi::Response {
    let body = ContentBuilder::new()
        .schema(Some(Ref::from_schema_name(shape)))
        .build();
    ResponseBuilder::new()
        .description(description)
        .content("application/json", body)
        .build()
}

/// Made once and shared by all replies.
static TEXT: LazyLock<Bytes> = LazyLock::new(|| {
    let document = serde_json::to_vec(&Description::openapi());
    document.expect("plain data becomes JSON").into()
});

/// `GET /openapi.json`
pub(super) async fn document() -> Response {
    let kind = (header::CONTENT_TYPE, "application/json");
    (Extension(SharedBody), [kind], TEXT.clone()).into_response()
}
