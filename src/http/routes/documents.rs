//! `GET /documents`, `GET /documents/{id}`, `GET /documents/{id}/file`

use std::fmt::Write as _;

use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};

use crate::assistant::DocumentFile;
use crate::http::AppState;
use crate::http::document_dto::{DocumentTextBody, DocumentsBody};
use crate::http::dto::{ErrorBody, ValidationErrorBody};
use crate::http::error::ApiError;
use crate::http::filter;
use crate::http::headers::snapshot_header;
use crate::http::validation::{Problems, Query};
use crate::model::ContentKind;

/// Least, default and most documents on a page.
const PAGE: (usize, usize, usize) = (1, 50, 200);

/// Bytes of a text that are given where no end is named, and at most.
const RANGE: (usize, usize) = (16 << 10, 64 << 10);

/// No document is longer.
const FARTHEST: usize = 1 << 40;

/// List the documents
///
/// In the order of the index; `next` of one page is `after` of the next. The filters are those of
/// `/retrieve_contexts`.
#[utoipa::path(
    get,
    operation_id = "list_documents",
    path = "/documents",
    tag = "documents",
    params(
        ("limit" = Option<usize>, Query, minimum = 1, maximum = 200, description = "How many at most; 50 if left out"),
        ("after" = Option<String>, Query, description = "Begin behind this document"),
        ("source" = Option<String>, Query, description = "Only this source, or what is below this folder or address"),
        ("host" = Option<String>, Query, description = "Only web pages of this host"),
        ("kind" = Option<String>, Query, description = "Only documents of this kind"),
        ("date_from" = Option<String>, Query, pattern = "^([0-9]{4}-[0-9]{2}-[0-9]{2})?$", description = "Only documents of this day or later (UTC)"),
        ("date_to" = Option<String>, Query, pattern = "^([0-9]{4}-[0-9]{2}-[0-9]{2})?$", description = "Only documents of this day or earlier"),
    ),
    responses(
        (status = 200, description = "A page of documents", body = DocumentsBody),
        (status = 422, description = "The request is not valid", body = ValidationErrorBody),
    )
)]
pub(in crate::http) async fn list(
    State(state): State<AppState>,
    request: Request,
) -> Result<impl IntoResponse, ApiError> {
    let mut problems = Problems::default();
    let query = Query::of(request.uri());
    let limit = query.number("limit", PAGE, &mut problems);
    let filter = filter::read(&query, &mut problems);
    let (Some(limit), true) = (limit, problems.is_empty()) else {
        return Err(problems.into());
    };
    let found = state
        .assistant()
        .documents
        .list(&filter, query.optional("after"), limit);
    let snapshot = snapshot_header(&found.generation);
    Ok((snapshot, Json(DocumentsBody::from(found))))
}

/// Read a document
///
/// Its stored text from `start` to `end`, at most 64 KiB, and widened a little where that makes whole
/// blocks; with its structure. Citations count bytes of the same text.
#[utoipa::path(
    get,
    operation_id = "show_document",
    path = "/documents/{id}",
    tag = "documents",
    params(
        ("id" = String, Path, description = "The `document_id` of a citation, of a context or of the list"),
        ("start" = Option<usize>, Query, minimum = 0, maximum = 1_099_511_627_776_i64, description = "First byte; 0 if left out"),
        ("end" = Option<usize>, Query, minimum = 0, maximum = 1_099_511_627_776_i64, description = "One past the last byte; 16 KiB further if left out"),
    ),
    responses(
        (status = 200, description = "A part of the text", body = DocumentTextBody),
        (status = 404, description = "No such document", body = ErrorBody),
        (status = 422, description = "The request is not valid", body = ValidationErrorBody),
    )
)]
pub(in crate::http) async fn show(
    State(state): State<AppState>,
    Path(id): Path<String>,
    request: Request,
) -> Result<impl IntoResponse, ApiError> {
    let mut problems = Problems::default();
    let query = Query::of(request.uri());
    let start = query.number("start", (0, 0, FARTHEST), &mut problems);
    let (default, most) = RANGE;
    let behind = start.unwrap_or_default() + default;
    let end = query.number("end", (0, behind, FARTHEST), &mut problems);
    let (Some(start), Some(end)) = (start, end) else {
        return Err(problems.into());
    };
    let range = start..end.clamp(start, start + most);
    let found = state.assistant().documents.text(&id, range)?;
    let snapshot = snapshot_header(&found.generation);
    Ok((snapshot, Json(DocumentTextBody::from(found))))
}

/// Get a document's file
///
/// Byte for byte as it was read; 404 where it was not read from a file of this machine, or where the
/// file is another by now. Text and PDF are shown by browsers, all else is saved.
#[utoipa::path(
    get,
    operation_id = "document_file",
    path = "/documents/{id}/file",
    tag = "documents",
    params(("id" = String, Path, description = "The document")),
    responses(
        (status = 200, description = "The file", content((Vec<u8> = "application/pdf"), (String = "text/plain"), (Vec<u8> = "application/octet-stream"))),
        (status = 404, description = "No such document, or it has no file", body = ErrorBody),
    )
)]
pub(in crate::http) async fn file(
    State(state): State<AppState>,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let file = state.assistant().documents.file(&id).await?;
    let shown = Shown::of(&file);
    let headers = [
        (header::CONTENT_TYPE, shown.content_type.to_owned()),
        (header::CONTENT_SECURITY_POLICY, shown.policy.to_owned()),
        (header::CONTENT_DISPOSITION, disposition(&shown, &file.name)),
        (header::REFERRER_POLICY, "no-referrer".to_owned()),
    ];
    Ok((headers, file.bytes).into_response())
}

/// How a browser may treat a file, whose contents are whatever its author put there.
struct Shown {
    content_type: &'static str,
    policy: &'static str,
    is_inline: bool,
}

/// Nothing is loaded, run, sent or known as this server's.
const SANDBOX: &str = "sandbox; default-src 'none'; frame-ancestors 'self'";

/// Browsers show PDF by a viewer of their own, which a sandbox would keep from starting.
const VIEWER: &str =
    "default-src 'none'; object-src 'self'; style-src 'unsafe-inline'; frame-ancestors 'self'";

/// Kinds that a browser shows as plain text; what is none of these is downloaded.
const TEXTS: [ContentKind; 11] = [
    ContentKind::Markdown,
    ContentKind::Text,
    ContentKind::Csv,
    ContentKind::Rst,
    ContentKind::AsciiDoc,
    ContentKind::Org,
    ContentKind::Notebook,
    ContentKind::Captions,
    ContentKind::Json,
    ContentKind::Xml,
    ContentKind::Lines,
];

impl Shown {
    fn of(file: &DocumentFile) -> Self {
        let (content_type, policy, is_inline) = if file.kind == ContentKind::Pdf {
            ("application/pdf", VIEWER, true)
        } else if TEXTS.contains(&file.kind) {
            (plain(&file.bytes), SANDBOX, true)
        } else {
            ("application/octet-stream", SANDBOX, false)
        };
        Self {
            content_type,
            policy,
            is_inline,
        }
    }
}

/// Text whose encoding is said where it is sure.
fn plain(bytes: &[u8]) -> &'static str {
    if std::str::from_utf8(bytes).is_ok() {
        "text/plain; charset=utf-8"
    } else {
        "text/plain"
    }
}

/// What to do with it and what to call it, in any script (RFC 8187).
fn disposition(shown: &Shown, name: &str) -> String {
    let verb = if shown.is_inline {
        "inline"
    } else {
        "attachment"
    };
    let mut text = format!("{verb}; filename*=UTF-8''");
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            // Writing into a string cannot fail.
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(kind: ContentKind, name: &str) -> DocumentFile {
        DocumentFile {
            kind,
            name: name.to_owned(),
            bytes: b"x".to_vec(),
        }
    }

    #[test]
    fn what_could_run_is_saved_and_names_cannot_break_the_header() {
        let page = Shown::of(&file(ContentKind::Html, ""));
        assert!(!page.is_inline && page.content_type == "application/octet-stream");
        assert!(page.policy.starts_with("sandbox;"));
        let text = Shown::of(&file(ContentKind::Markdown, ""));
        assert!(text.is_inline && text.content_type.starts_with("text/plain"));
        assert_eq!(
            disposition(&page, "a b\"\r\né.html"),
            "attachment; filename*=UTF-8''a%20b%22%0D%0A%C3%A9.html"
        );
    }
}
