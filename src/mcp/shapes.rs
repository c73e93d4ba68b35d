//! Arguments in, structured content out.

use rmcp::ErrorData;
use serde_json::{Map, Value, json};

use super::places::{Piece, address, next_cursor};
use crate::assistant::{DocumentInfo, DocumentList, Summary, is_web};
use crate::model::{Citation, Context, Place};
use crate::runtime::clock;

/// A text that must be there and not be blank.
pub(super) fn text<'a>(
    arguments: Option<&'a Map<String, Value>>,
    name: &str,
) -> Result<&'a str, ErrorData> {
    let value = arguments.and_then(|arguments| arguments.get(name));
    let text = value
        .and_then(Value::as_str)
        .filter(|text| !text.trim().is_empty());
    text.ok_or_else(|| ErrorData::invalid_params(format!("{name}: a text is wanted"), None))
}

/// A whole number within bounds, which may be left out.
pub(super) fn number(
    arguments: &Map<String, Value>,
    name: &str,
    (least, default, most): (usize, usize, usize),
) -> Result<usize, ErrorData> {
    let value = arguments.get(name).unwrap_or(&Value::Null);
    if value.is_null() {
        return Ok(default);
    }
    let number = value
        .as_u64()
        .and_then(|number| usize::try_from(number).ok());
    number
        .filter(|number| (least..=most).contains(number))
        .ok_or_else(|| {
            let message = format!("{name}: a whole number from {least} to {most} is wanted");
            ErrorData::invalid_params(message, None)
        })
}

/// Texts, which may be left out.
pub(super) fn texts(arguments: &Map<String, Value>, name: &str) -> Result<Vec<String>, ErrorData> {
    let wrong = || ErrorData::invalid_params(format!("{name}: a list of texts is wanted"), None);
    match arguments.get(name).unwrap_or(&Value::Null) {
        Value::Null => Ok(Vec::new()),
        Value::Array(items) => {
            let texts = items.iter().map(|item| item.as_str().map(str::to_owned));
            texts.collect::<Option<_>>().ok_or_else(wrong)
        }
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => Err(wrong()),
    }
}

/// Results as connectors read them: the best passage of each document, best first.
pub(super) fn results(contexts: &[Context]) -> Value {
    let mut results: Vec<Value> = Vec::new();
    for context in contexts {
        let id = context.document.as_str();
        if results.iter().any(|result| result["id"] == id) {
            continue;
        }
        results.push(json!({
            "id": id,
            "title": context.title,
            "url": url(&context.source, context.page, id),
            "text": context.text,
            "heading": context.heading_path.join(" > "),
            "page": context.page,
            "score": context.score,
        }));
    }
    json!({ "results": results })
}

/// A document as connectors read it.
pub(super) fn document(found: &Piece) -> Value {
    let info = &found.info;
    json!({
        "id": info.id.as_str(),
        "title": info.title,
        "text": found.text,
        "url": url(&info.source, None, info.id.as_str()),
        "metadata": {
            "source": info.source,
            "kind": info.kind.as_str(),
            "pages": info.page_count,
            "changed": changed(info),
            "next_offset": found.next,
        },
    })
}

/// A page of the list of documents.
pub(super) fn documents(page: &DocumentList) -> Value {
    let one = |info: &DocumentInfo| {
        json!({
            "id": info.id.as_str(),
            "title": info.title,
            "source": info.source,
            "url": url(&info.source, None, info.id.as_str()),
            "kind": info.kind.as_str(),
            "pages": info.page_count,
            "bytes": info.length,
            "changed": changed(info),
        })
    };
    json!({
        "documents": page.documents.iter().map(one).collect::<Vec<_>>(),
        "total": page.total,
        "next_cursor": next_cursor(page),
    })
}

/// When it was changed, as it says itself, or else read.
fn changed(info: &DocumentInfo) -> String {
    clock::utc(info.modified_at.unwrap_or(info.fetched_at))
}

/// An answer with its citations.
pub(super) fn answer(summary: &Summary) -> Value {
    let citation = |citation: &Citation| {
        let place = citation.place.as_ref();
        json!({
            "marker": citation.marker,
            "document_id": place.map(|place| place.document.as_str()),
            "title": place.map(|place| place.title.as_str()),
            "source": place.map(|place| place.source.as_str()),
            "url": place.map(place_url),
            "heading": place.map(|place| place.heading.as_str()),
            "page": place.and_then(|place| place.page),
            "location": place.and_then(|place| place.location.as_deref()),
            "quote": citation.quote,
            "verified": citation.verified,
        })
    };
    json!({
        "answer": summary.answer.text,
        "answered": summary.answer.answered,
        "citations": summary.answer.citations.iter().map(citation).collect::<Vec<_>>(),
        "reason": summary.outcome.reason.name(),
        "confidence": summary.outcome.rounded(),
        "generator": summary.generator,
        "degraded_reason": summary.degraded.map(|degraded| degraded.reason),
    })
}

fn place_url(place: &Place) -> String {
    url(&place.source, place.page, place.document.as_str())
}

/// The address of a document: its own if it lies on the web, else the one that it has here.
fn url(source: &str, page: Option<u32>, id: &str) -> String {
    if !is_web(source) {
        return address(id);
    }
    match page {
        Some(page) => {
            let plain = source.split('#').next().unwrap_or_default();
            format!("{plain}#page={page}")
        }
        None => source.to_owned(),
    }
}
