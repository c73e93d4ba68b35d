//! `wattwise ask`

use std::sync::Arc;

use serde_json::json;

use super::args::{AskArguments, IndexArguments};
use super::plain::{plain, width};
use super::{ExitStatus, printer};
use crate::assistant::{
    Assistant, AssistantParts, Question, Summary, SummaryRequest, SuppliedContext,
};
use crate::config::{ConfigError, EmbedConfig, File, GenerateConfig, Layer as _};
use crate::model::{Citation, Context, Owner, Place};
use crate::retrieve::RetrievalParameters;
use crate::runtime::cpu_pool;
use crate::snapshot::live::Live;
use crate::store::memory::MemoryStore;
use crate::wiring;

/// How many contexts an answer is made from.
const CONTEXTS: usize = 6;

pub(super) async fn run(arguments: AskArguments, file: File) -> anyhow::Result<ExitStatus> {
    let question = if arguments.question == "-" {
        printer::read_standard_input()?
    } else {
        arguments.question
    };
    if question.trim().is_empty() {
        return Err(ConfigError::Invalid {
            name: "QUESTION",
            reason: "it is blank; write what you want to know, in quotes".to_owned(),
        }
        .into());
    }
    let assistant = assistant(Answering {
        place: arguments.place,
        embed: arguments.embed,
        generate: arguments.generate,
        file,
    })
    .await?;
    let filter = arguments.filter.to_filter();
    let contexts = if filter.is_empty() {
        None
    } else {
        let question = Question::Text(question.clone());
        let found = assistant
            .search
            .retrieve(&question, CONTEXTS, &filter)
            .await?;
        Some(found.contexts.into_iter().map(supplied).collect())
    };
    let request = SummaryRequest {
        owner: Owner::OPERATOR,
        session: String::new(),
        contexts,
        history: Some(vec![question]),
    };
    let summary = assistant.answers.answer(request).await?;
    printer::result(if arguments.json {
        as_json(&summary)
    } else {
        as_text(&summary, width())
    })?;
    Ok(ExitStatus::Done)
}

/// What answers on the terminal.
pub(super) struct Answering {
    pub(super) place: IndexArguments,
    pub(super) embed: EmbedConfig,
    pub(super) generate: GenerateConfig,
    pub(super) file: File,
}

/// An assistant that keeps nothing.
pub(super) async fn assistant(answering: Answering) -> anyhow::Result<Assistant> {
    let file = answering.file;
    let serve = answering.place.to_serve().over(file.serve).resolve()?;
    // One question needs one thread, and starting the others costs time.
    let threads = EmbedConfig {
        embed_threads: Some(std::num::NonZeroUsize::MIN),
        ..answering.embed
    };
    let embed = threads.over(file.embed);
    let generate = answering.generate.over(file.generate);
    let reader = generate.reader();
    let generate = generate.resolve(&embed)?;
    let embed = embed.resolve(cpu_pool::available_threads())?;
    let chat_model = wiring::chat_model(generate)?;
    let embedder = wiring::embedder(embed).await?;
    let index = wiring::index_to_read(&serve).await?;
    let generation = wiring::generation(&index, embedder.as_ref()).await?;
    let replies = wiring::replies(&serve.replies, embedder.as_ref()).await?;
    let store = Arc::new(MemoryStore::default());
    let live = Arc::new(Live::new(generation));
    Ok(Assistant::new(AssistantParts {
        chat_model,
        reader: wiring::reader(reader).await?,
        replies,
        ..AssistantParts::new(store, live, embedder, RetrievalParameters::default())
    }))
}

fn supplied(context: Context) -> SuppliedContext {
    SuppliedContext {
        chunk: Some(context.chunk),
        text: context.text,
    }
}

/// Without marks of Markdown, which are for those who show it.
fn as_text(summary: &Summary, width: Option<usize>) -> String {
    let said = plain(&summary.answer.text, width);
    format!("{}{said}{}", reading(summary), sources(summary))
}

/// How the question was read, where words of it were mistyped.
pub(super) fn reading(summary: &Summary) -> String {
    let corrected = summary.corrected.as_ref();
    corrected.map_or_else(String::new, |text| format!("(read as: {text})\n\n"))
}

/// What stands under an answer.
pub(super) fn sources(summary: &Summary) -> String {
    let mut text = String::new();
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

pub(super) fn source(citation: &Citation) -> String {
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
        "confidence": summary.outcome.rounded(),
        "reason": summary.outcome.reason.name(),
        "citations": citations,
        "sentences": sentences,
        "generator": summary.generator,
        "degraded": summary.degraded.map(|degraded| degraded.reason),
        "generation": summary.generation,
    })
    .to_string()
}
