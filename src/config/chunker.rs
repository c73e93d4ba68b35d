//! How texts are split, as it is set.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// How texts are split.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Chunker {
    /// By headings, paragraphs, list items and table rows, packed by the embedder's tokens
    #[default]
    Structure,
    /// 500 characters with 20 shared, exactly as the splitter of LangChain's tutorials does
    Langchain,
}
