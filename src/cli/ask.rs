//! `wattwise ask`

use std::sync::Arc;

use serde_json::json;

use super::args::AskArguments;
use super::{ExitStatus, printer};
use crate::assistant::{Question, Summary, SummaryRequest, SuppliedContext};
use crate::config::{ConfigError, EmbedConfig, File, Layer as _, ServeConfig};
use crate::model::{Citation, Context, Owner, Place};
use crate::retrieve::RetrievalParameters;
use crate::runtime::cpu_pool;
use crate::snapshot::live::Live;
use crate::store::memory::MemoryStore;
use crate::wiring;

/// How many contexts an answer is made from.
const CONTEXTS: usize = 6;

pub(super) async fn run(arguments: AskArguments, file: File) -> anyhow::Result<ExitStatus> {
    if arguments.question.trim().is_empty() {
        return Err(ConfigError::Invalid {
            name: "QUESTION",
            reason: "it is blank".to_owned(),
        }
        .into());
    }
    let serve = ServeConfig {
        index: arguments.index,
        ..ServeConfig::default()
    }
    .over(file.serve)
    .resolve()?;
    // One question needs one thread, and starting the others costs time.
    let threads = EmbedConfig {
        embed_threads: Some(std::num::NonZeroUsize::MIN),
        ..arguments.embed
    };
    let embed = threads.over(file.embed);
    let generate = arguments.generate.over(file.generate);
    let reader = generate.reader();
    let generate = generate.resolve(&embed)?;
    let embed = embed.resolve(cpu_pool::available_threads())?;
    let chat_model = wiring::chat_model(generate)?;
    let embedder = wiring::embedder(embed).await?;
    let generation = wiring::generation(&serve.index, embedder.as_ref()).await?;
    let replies = wiring::replies(&serve.replies, embedder.as_ref()).await?;
    let assistant = wiring::assistant(
        Arc::new(MemoryStore::default()),
        Arc::new(Live::new(generation)),
        embedder,
        RetrievalParameters::default(),
    )
    .with_chat_model(chat_model)
    .with_reader(wiring::reader(reader).await?)
    .with_replies(replies);
    let filter = arguments.filter.to_filter();
    let contexts = if filter.is_empty() {
        None
    } else {
        let question = Question::Text(arguments.question.clone());
        let found = assistant
            .retrieve_where(&question, CONTEXTS, &filter)
            .await?;
        Some(found.contexts.into_iter().map(supplied).collect())
    };
    let request = SummaryRequest {
        owner: Owner::OPERATOR,
        session: String::new(),
        contexts,
        history: Some(vec![arguments.question]),
    };
    let summary = assistant.summarize(request).await?;
    printer::result(if arguments.json {
        as_json(&summary)
    } else {
        as_text(&summary)
    })?;
    Ok(ExitStatus::Done)
}

fn supplied(context: Context) -> SuppliedContext {
    SuppliedContext {
        chunk: Some(context.chunk),
        text: context.text,
    }
}

fn as_text(summary: &Summary) -> String {
    // Marks of Markdown are for those who show it.
    let mut text = summary.answer.text.replace("**", "");
    if let Some(corrected) = &summary.corrected {
        text.insert_str(0, &format!("(read as: {corrected})\n\n"));
    }
    if let Some(degraded) = summary.degraded {
        text.push_str(&format!("\n\n({})", degraded.reason));
    }
    if !summary.answer.citations.is_empty() {
        text.push_str("\n\nSources:");
    }
    for citation in &summary.answer.citations {
        text.push_str(&format!("\n[{}] {}", citation.marker, source(citation)));
    }
    text
}

fn source(citation: &Citation) -> String {
    match &citation.place {
        Some(place) => {
            let within = [
                Some(place.source.clone()),
                place.pages(),
                place.location.clone(),
            ];
            let within: Vec<String> = within.into_iter().flatten().collect();
            format!("{} ({})", place.title, within.join(", "))
        }
        None => "your own text".to_owned(),
    }
}

fn as_json(summary: &Summary) -> String {
    let citations: Vec<_> = summary
        .answer
        .citations
        .iter()
        .map(|citation| {
            let place = citation.place.as_ref();
            json!({
                "marker": citation.marker,
                "source": place.map(|place| place.source.as_str()),
                "title": place.map(|place| place.title.as_str()),
                "page": place.and_then(|place| place.page),
                "location": place.and_then(|place| place.location.as_deref()),
                "page_end": place.and_then(|place| place.page_end),
                "link": place.map(Place::link),
                "quote": citation.quote,
                "verified": citation.verified,
            })
        })
        .collect();
    let sentences: Vec<_> = summary
        .answer
        .sentences
        .iter()
        .map(|sentence| {
            json!({
                "text": sentence.text,
                "supported": sentence.supported,
                "numbers_verified": sentence.numbers_verified,
                "citations": sentence.citations,
            })
        })
        .collect();
    json!({
        "answer": summary.answer.text,
        "answered": summary.answer.answered,
        "confidence": summary.outcome.confidence,
        "reason": summary.outcome.reason.name(),
        "citations": citations,
        "sentences": sentences,
        "generator": summary.generator,
        "degraded": summary.degraded.map(|degraded| degraded.reason),
        "generation": summary.generation,
    })
    .to_string()
}
