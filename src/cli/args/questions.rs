//! `ask` and `chat`.

use clap::{Args, value_parser};

use super::IndexArguments;
use crate::config::{EmbedConfig, GenerateConfig};
use crate::model::{ContentKind, Filter};
use crate::runtime::clock;

/// `ask`
#[derive(Debug, Args)]
pub struct AskArguments {
    /// The question; - reads it from standard input
    pub question: String,
    /// Where the generations are.
    #[command(flatten)]
    pub place: IndexArguments,
    /// The embedder.
    #[command(flatten)]
    pub embed: EmbedConfig,
    /// What writes the answer.
    #[command(flatten)]
    pub generate: GenerateConfig,
    /// Which documents may answer.
    #[command(flatten)]
    pub filter: FilterArguments,
    /// Print the answer as JSON
    #[arg(long)]
    pub json: bool,
}

/// `chat`
#[derive(Debug, Args)]
pub struct ChatArguments {
    /// Where the generations are.
    #[command(flatten)]
    pub place: IndexArguments,
    /// The embedder.
    #[command(flatten)]
    pub embed: EmbedConfig,
    /// What writes the answers.
    #[command(flatten)]
    pub generate: GenerateConfig,
}

/// Which documents may answer.
#[derive(Debug, Args)]
#[command(next_help_heading = "Only from")]
pub struct FilterArguments {
    /// This source, or below this folder or address
    #[arg(long)]
    pub source: Option<String>,
    /// Web pages of this host
    #[arg(long)]
    pub host: Option<String>,
    /// Documents of this kind: pdf, html, markdown, text, docx, xlsx, mail and so on
    #[arg(long, value_parser = kind)]
    pub kind: Option<ContentKind>,
    /// This page on, in documents that have pages
    #[arg(long, value_name = "PAGE", value_parser = value_parser!(u32).range(1..))]
    pub page_from: Option<u32>,
    /// Pages up to this one
    #[arg(long, value_name = "PAGE", value_parser = value_parser!(u32).range(1..))]
    pub page_to: Option<u32>,
    /// Documents changed or fetched on this day (UTC) or later, as 2026-11-23
    #[arg(long, value_name = "DAY", value_parser = day)]
    pub date_from: Option<i64>,
    /// Documents changed or fetched on this day or earlier
    #[arg(long, value_name = "DAY", value_parser = day)]
    pub date_to: Option<i64>,
}

impl FilterArguments {
    /// The same as the retriever takes it.
    pub fn to_filter(&self) -> Filter {
        Filter {
            source: self.source.clone(),
            host: self.host.clone(),
            kind: self.kind,
            first_page: self.page_from,
            last_page: self.page_to,
            since: self.date_from,
            before: self.date_to.map(|day| day + 86_400),
        }
    }
}

fn kind(text: &str) -> Result<ContentKind, String> {
    ContentKind::from_name(text).ok_or_else(|| "it is none of ".to_owned() + &ContentKind::names())
}

fn day(text: &str) -> Result<i64, String> {
    clock::start_of_day(text).ok_or_else(|| "it is no day such as 2026-11-23".to_owned())
}
