//! Web pages to text.
//!
//! The steps, one file each: refuse what would stop a parser (`guard`, with `markup` and
//! `open_elements`); lay the page out as a flat sequence of blocks and the parts that they lie in
//! (`flatten`, with `element` for what the specifications say, `inline`, `lists`, `tables` and
//! `spacing`); choose the content among them by structure (`content`, with the
//! classifier of `features` and `keep`); render its text (`render`).
//! Beside them stand the page's `title`, its own address (`canonical`), its `links`, and what it says
//! about itself as data (`jsonld`).

mod canonical;
mod content;
mod element;
mod features;
mod flatten;
mod guard;
mod ink;
mod inline;
mod jsonld;
mod keep;
mod links;
mod lists;
mod markup;
mod numbering;
mod open_elements;
mod prose;
mod render;
mod spacing;
mod stub;
mod tables;
#[cfg(test)]
mod tests;
mod title;

use dom_query::Document;

use super::ExtractError;
use super::builder::{DEFAULT_MAX_TEXT_BYTES, TextBuilder};
use super::charset::{self, Markup};
use crate::model::extracted::{BlockKind, Extracted, Warning};
use content::Form;
use flatten::{Flat, FlatBlock, Manner};
use jsonld::Linked;

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

const DECLARES_ARTICLE: &str = "meta[property='og:type'][content='article' i], meta[property^='article:'], \
     [itemtype$='Article'], [itemtype$='BlogPosting']";

/// Larger pages are there to be read, whatever they lead on to.
const MAX_REFRESH_BYTES: usize = 64 * 1024;
/// A page of which less than this share (in percent) is kept gets a warning.
const LITTLE_PERCENT: usize = 30;

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
    let lean = guard::lean_markup(&html, limits.max_depth)?;
    let document = Document::from(lean.html.as_str());
    guard::check_tree(&document.root(), limits.max_depth)?;
    let linked = Linked::read(&lean.linked_data);
    let form = form_of(&document, lean.is_fragment, linked.is_article);

    let title = title::title(&document);
    let mut content = content_of(&document, form, title.as_deref(), limits);
    add_linked(&mut content.blocks, &linked, limits);
    if form != Form::Fragment
        && let Some(what) = stub::what_else(&document, &html, content.own)
    {
        return Err(ExtractError::NoDocument(what));
    }
    let mut builder = TextBuilder::new(limits.max_text_bytes);
    render::render(&content.blocks, &mut builder)?;
    if builder.is_empty() {
        return Err(ExtractError::NoText(
            "the page has no text outside of navigation".to_owned(),
        ));
    }
    let mut extracted = builder.finish();
    extracted.title = title;
    extracted.canonical_url = canonical::canonical_url(&document);
    extracted.base_url = links::base(&document);
    extracted.links = links::links(&document);
    extracted.warnings.extend(warning);
    extracted.warnings.extend(content.warning);
    Ok(extracted)
}

/// Where a page that has no text of its own leads on by itself, as written.
pub fn refresh_target(bytes: &[u8]) -> Option<String> {
    let limits = Limits::default();
    // Hardly any page does, and this is asked outside of the workers.
    let may_lead_on = || {
        let word = b"refresh";
        bytes
            .windows(word.len())
            .any(|window| window.eq_ignore_ascii_case(word))
    };
    if bytes.len() > MAX_REFRESH_BYTES || !may_lead_on() {
        return None;
    }
    let (html, _) = charset::read(bytes, None, Markup::Html).ok()?;
    let lean = guard::lean_markup(&html, limits.max_depth).ok()?;
    let document = Document::from(lean.html.as_str());
    guard::check_tree(&document.root(), limits.max_depth).ok()?;
    let own = content_of(&document, Form::Page, None, &limits).own;
    stub::refresh(&document).filter(|_| own <= stub::MOST_TEXT)
}

fn form_of(document: &Document, is_fragment: bool, says_article: bool) -> Form {
    if is_fragment {
        Form::Fragment
    } else if says_article || document.select_single(DECLARES_ARTICLE).exists() {
        Form::Article
    } else {
        Form::Page
    }
}

/// Longer lists of questions are no page's own.
const MAX_QUESTIONS: usize = 200;

/// What is kept of a page.
struct Content {
    blocks: Vec<FlatBlock>,
    /// Bytes of the page's own text outside landmarks.
    own: usize,
    /// That it is little of what the page shows.
    warning: Option<Warning>,
}

fn content_of(document: &Document, form: Form, title: Option<&str>, limits: &Limits) -> Content {
    let flat = flat_of(document, form, limits);
    let choice = content::choose(&flat, form, title);
    let is_little = choice.kept * 100 < choice.visible * LITTLE_PERCENT;
    let warning = is_little.then_some(Warning::LittleKept {
        kept: choice.kept,
        of: choice.visible,
    });
    let mut keeps = choice.keeps.into_iter();
    let mut blocks = flat.blocks;
    blocks.retain(|_| keeps.next().unwrap_or(true));
    Content {
        blocks,
        own: choice.own,
        warning,
    }
}

/// Adds what the page says only as data: the article's text if it shows none of it, and answers that
/// it does not show.
fn add_linked(blocks: &mut Vec<FlatBlock>, linked: &Linked, limits: &Limits) {
    let squeezed = |text: &str| {
        text.chars()
            .filter(|c| c.is_alphanumeric())
            .collect::<String>()
    };
    let mut shown = String::new();
    for block in blocks.iter() {
        shown.push_str(&squeezed(&block.html));
    }
    let is_shown = |added: &[FlatBlock], shown: &str| {
        let all: String = added.iter().map(|block| squeezed(&block.html)).collect();
        all.is_empty() || shown.contains(&all)
    };
    if let Some(body) = &linked.article_body {
        let added = blocks_of(body, limits);
        let text = |blocks: &[FlatBlock]| blocks.iter().map(|block| block.ink.own()).sum::<usize>();
        if text(blocks) * 4 < text(&added) && !is_shown(&added, &shown) {
            blocks.extend(added);
        }
    }
    for (question, answer) in linked.questions.iter().take(MAX_QUESTIONS) {
        let added = blocks_of(answer, limits);
        if is_shown(&added, &shown) {
            continue;
        }
        if !shown.contains(&squeezed(question)) {
            let heading = blocks_of(question, limits).into_iter().next();
            blocks.extend(heading.map(|block| FlatBlock {
                kind: BlockKind::Heading(3),
                ..block
            }));
        }
        blocks.extend(added);
    }
}

/// The blocks of a piece of HTML, all of them.
fn blocks_of(html: &str, limits: &Limits) -> Vec<FlatBlock> {
    let Ok(lean) = guard::lean_markup(html, limits.max_depth) else {
        return Vec::new();
    };
    let document = Document::from(lean.html.as_str());
    if guard::check_tree(&document.root(), limits.max_depth).is_err() {
        return Vec::new();
    }
    content_of(&document, Form::Fragment, None, limits).blocks
}

/// Reads a piece of HTML that stands inside another format, such as Markdown: all of it is content.
pub fn fragment(html: &str, limits: &Limits) -> Result<Extracted, ExtractError> {
    let mut builder = TextBuilder::new(limits.max_text_bytes);
    render::render(&blocks_of(html, limits), &mut builder)?;
    Ok(builder.finish())
}

/// The pieces of a page's content before any is dropped: the HTML and the numbers of each. What
/// `scripts/train_pieces.py` learns from; a page that cannot be read has none.
pub fn survey(bytes: &[u8]) -> Vec<(String, Vec<f32>)> {
    let limits = Limits::default();
    let Ok((html, _)) = charset::read(bytes, None, Markup::Html) else {
        return Vec::new();
    };
    let Ok(lean) = guard::lean_markup(&html, limits.max_depth) else {
        return Vec::new();
    };
    let document = Document::from(lean.html.as_str());
    if guard::check_tree(&document.root(), limits.max_depth).is_err() {
        return Vec::new();
    }
    let linked = Linked::read(&lean.linked_data);
    let form = form_of(&document, lean.is_fragment, linked.is_article);
    let title = title::title(&document);
    let flat = flat_of(&document, form, &limits);
    content::survey(&flat, form, title.as_deref())
}

fn flat_of(document: &Document, form: Form, limits: &Limits) -> Flat {
    let root = document.body().unwrap_or_else(|| document.root());
    let manner = Manner {
        is_template: form == Form::Fragment,
        // Markup inside the text takes room too; what is cut here is cut again, with a warning.
        max_bytes: limits.max_text_bytes.saturating_mul(2).saturating_add(1),
        max_depth: limits.max_depth,
    };
    flatten::flatten(&root, document, &manner)
}
