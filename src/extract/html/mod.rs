//! Web pages to text.
//!
//! The steps, one file each: refuse what would stop a parser (`guard`, with `markup` and
//! `open_elements`), take out what is not content (`clutter`), find the main content
//! (`main_content`), lay it out as a flat sequence of blocks (`flatten`, `tables`), take out what publishers
//! set between them (`trim`), render their text (`render`). Beside them stand the page's `title`, its
//! own address (`canonical`) and its `links`.

mod canonical;
mod clutter;
mod flatten;
mod guard;
mod links;
mod main_content;
mod markup;
mod open_elements;
mod render;
mod tables;
#[cfg(test)]
mod tests;
mod title;
mod trim;

use dom_query::Document;

use super::ExtractError;
use super::builder::{DEFAULT_MAX_TEXT_BYTES, TextBuilder};
use super::charset::{self, Markup};
use crate::model::extracted::Extracted;
use main_content::{Form, MainContent};

/// What protects a run from one page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Larger pages are refused.
    pub max_bytes: usize,
    /// Pages with more elements open inside each other are refused.
    pub max_depth: usize,
    /// Text beyond this is cut, with a warning.
    pub max_text_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_bytes: 10 * 1024 * 1024,
            max_depth: 256,
            max_text_bytes: DEFAULT_MAX_TEXT_BYTES,
        }
    }
}

/// Reads a web page, a page's fragment or a template.
pub fn extract(
    bytes: &[u8],
    declared_charset: Option<&str>,
    limits: &Limits,
) -> Result<Extracted, ExtractError> {
    if bytes.len() > limits.max_bytes {
        let reason = format!("{} bytes, the limit is {}", bytes.len(), limits.max_bytes);
        return Err(ExtractError::OverLimit(reason));
    }
    let (html, warning) = charset::read(bytes, declared_charset, Markup::Html)?;
    let guard::Lean { html, is_fragment } = guard::lean_markup(&html, limits.max_depth)?;
    let document = Document::from(html.as_str());
    guard::check_tree(&document.root(), limits.max_depth)?;
    clutter::remove_invisible(&document);
    let title = title::title(&document);
    let canonical_url = canonical::canonical_url(&document);
    let (base_url, links) = (links::base(&document), links::links(&document));
    let form = Form::of(&document, is_fragment);
    clutter::remove_furniture(&document, form == Form::Article);
    let mut builder = text_of(&main_content::find(document, form), form, limits)?;
    if builder.is_empty() {
        builder = text_of(&whole_page(&html), form, limits)?;
    }
    if builder.is_empty() {
        return Err(ExtractError::NoText(
            "the page has no text outside of navigation".to_owned(),
        ));
    }
    let mut extracted = builder.finish();
    extracted.title = title;
    extracted.canonical_url = canonical_url;
    extracted.base_url = base_url;
    extracted.links = links;
    extracted.warnings.extend(warning);
    Ok(extracted)
}

/// Everything visible, for pages that look like furniture all over.
fn whole_page(html: &str) -> MainContent {
    let document = Document::from(html);
    clutter::remove_invisible(&document);
    MainContent::whole(document)
}

fn text_of(
    content: &MainContent,
    form: Form,
    limits: &Limits,
) -> Result<TextBuilder, ExtractError> {
    // Markup inside the text takes room too; what is cut here is cut again, with a warning, below.
    let max_bytes = limits.max_text_bytes.saturating_mul(2).saturating_add(1);
    let blocks = flatten::flatten(&content.root(), form == Form::Fragment, max_bytes);
    let blocks = trim::trim(blocks, form == Form::Article);
    let mut builder = TextBuilder::new(limits.max_text_bytes);
    render::render(&blocks, &mut builder)?;
    Ok(builder)
}
