//! What stands between and around the text of a page's content and is none of it.
//!
//! Pages of every kind lose parts that only lead elsewhere. Those that declare themselves articles of
//! a newspaper or blog lose more: what such pages set between their paragraphs stands in parts of its
//! own, without a sentence in them.

use std::collections::HashSet;
use std::ops::Range;

use super::content::{Chooser, PROSE_BYTES, SHARES, ends_sentence, is_prose};
use super::element::Role;
use super::flatten::FlatBlock;
use crate::model::extracted::BlockKind;

/// A section with more own text does not only tell of another page.
const TEASER_BYTES: usize = 400;

/// Whether a block announces the list below it.
fn leads_in(block: &FlatBlock, part: usize) -> bool {
    let announces =
        matches!(block.kind, BlockKind::Heading(_)) || block.html.trim_end().ends_with([':', '：']);
    announces && block.part == part
}

/// Where the running text of an article stands.
struct Prose {
    /// Its title, or its first paragraph.
    begin: usize,
    last: usize,
    /// Bytes of it directly in each part of the page.
    in_part: Vec<usize>,
}

impl Chooser<'_> {
    /// Parts of the content that only lead elsewhere.
    pub(super) fn drop_lists_of_links(&mut self, root: &Range<usize>) {
        let total = self.own(root);
        let mut end = 0;
        for part in &self.flat.parts {
            let blocks = &part.blocks;
            let is_within =
                root.start <= blocks.start && blocks.end <= root.end && blocks.len() < root.len();
            if blocks.is_empty() || !is_within || blocks.start < end {
                continue;
            }
            let leads_away = self.leads_away(blocks) && self.own(blocks) * 4 <= total;
            if leads_away && !blocks.clone().any(|at| is_prose(&self.flat.blocks[at])) {
                end = blocks.end;
                self.keeps[blocks.clone()].fill(false);
            }
        }
    }

    /// Whether most of the text of a run leads elsewhere.
    fn leads_away(&self, blocks: &Range<usize>) -> bool {
        let linked = self.sum(blocks, |block| block.ink.linked + block.ink.pressed);
        let text = self.sum(blocks, |block| block.ink.text);
        linked * 100 >= text * SHARES.leads_away && linked > 0
    }

    /// Takes out of an article what is not its text.
    pub(super) fn prune_article(&mut self, root: &Range<usize>) {
        self.drop_sides(root);
        self.drop_copies(root);
        let Some(prose) = self.prose(root) else {
            return;
        };
        let mut at = root.start;
        while at < root.end {
            let run = self.run(at, root.end);
            at = run.end;
            if !self.stays(&run, root, &prose) {
                self.drop_run(&run);
            }
        }
        self.drop_teasers(root);
        self.drop_empty_headings(root);
    }

    fn prose(&self, root: &Range<usize>) -> Option<Prose> {
        let blocks = &self.flat.blocks;
        let is_text = |at: &usize| {
            self.keeps[*at] && blocks[*at].kind == BlockKind::Paragraph && is_prose(&blocks[*at])
        };
        let first = root.clone().find(is_text)?;
        let last = root.clone().rev().find(is_text)?;
        let mut in_part = vec![0; self.flat.parts.len()];
        for at in root.clone().filter(is_text) {
            in_part[blocks[at].part] += blocks[at].ink.own();
        }
        let title = self.anchor.filter(|at| root.contains(at));
        Some(Prose {
            begin: title.unwrap_or(first).min(first),
            last,
            in_part,
        })
    }

    /// One block, or a whole list.
    fn run(&self, at: usize, end: usize) -> Range<usize> {
        let is_item = |at: usize| self.flat.blocks[at].kind == BlockKind::ListItem;
        let mut after = at + 1;
        while is_item(at) && after < end && is_item(after) {
            after += 1;
        }
        at..after
    }

    /// Whether a block or list of an article belongs to its text.
    fn stays(&self, run: &Range<usize>, root: &Range<usize>, prose: &Prose) -> bool {
        let at = run.start;
        let block = &self.flat.blocks[at];
        let is_beside_text = prose.in_part[block.part] > 0;
        let is_among = (prose.begin..=prose.last).contains(&at);
        match block.kind {
            BlockKind::Heading(_) => {
                is_among || is_beside_text || at < prose.begin || !self.leads_away(run)
            }
            BlockKind::Paragraph if is_prose(block) => true,
            BlockKind::Paragraph if self.leads_away(run) => false,
            BlockKind::Paragraph => {
                (is_beside_text && block.ink.credit == 0)
                    || (is_among && ends_sentence(&block.html))
            }
            // Items of running text below an article, in a part of their own, are a discussion.
            BlockKind::ListItem if at > prose.last && self.is_running_text(run) => is_beside_text,
            BlockKind::ListItem => {
                let is_led = at > root.start
                    && is_beside_text
                    && leads_in(&self.flat.blocks[at - 1], block.part);
                at >= prose.begin && (is_led || !self.leads_away(run))
            }
            BlockKind::TableRow | BlockKind::Preformatted => is_among || is_beside_text,
        }
    }

    fn is_running_text(&self, run: &Range<usize>) -> bool {
        let prose = self.sum(
            run,
            |block| if is_prose(block) { block.ink.own() } else { 0 },
        );
        prose * 2 > self.own(run)
    }

    /// What is set beside or below the text of an article: forms, boxes, the articles inside it, which
    /// are comments.
    fn drop_sides(&mut self, root: &Range<usize>) {
        let total = self.own(root);
        let sides: Vec<Range<usize>> = self
            .flat
            .parts
            .iter()
            .filter(|part| {
                root.start <= part.blocks.start
                    && part.blocks.end <= root.end
                    && part.blocks.len() < root.len()
            })
            .filter(|part| match part.role {
                Role::Form | Role::Aside | Role::SectionFooter => true,
                Role::Article => self.is_inside(part, &[Role::Article, Role::ArticleBody]),
                Role::Plain | Role::Main | Role::ArticleBody | Role::Furniture | Role::Noscript => {
                    false
                }
            })
            .map(|part| part.blocks.clone())
            .collect();
        for blocks in sides {
            if self.own(&blocks) * 100 <= total * SHARES.side_at_most {
                self.drop_run(&blocks);
            }
        }
    }

    /// A gallery shows its captions once for each size of a picture.
    fn drop_copies(&mut self, root: &Range<usize>) {
        let mut seen = HashSet::new();
        for at in root.clone() {
            let block = &self.flat.blocks[at];
            let is_long = block.ink.own() >= PROSE_BYTES;
            self.keeps[at] &= !is_long || seen.insert(block.html.trim_start_matches("- "));
        }
    }

    /// Sections in a row whose headings lead elsewhere tell of other pages.
    fn drop_teasers(&mut self, root: &Range<usize>) {
        let heads: Vec<usize> = root
            .clone()
            .filter(|at| matches!(self.flat.blocks[*at].kind, BlockKind::Heading(_)))
            .collect();
        let leads = |at: usize| {
            let ink = &self.flat.blocks[at].ink;
            ink.linked * 100 >= ink.text * 90
        };
        let text = root
            .clone()
            .find(|at| self.keeps[*at] && is_prose(&self.flat.blocks[*at]));
        let text = text.map(|at| self.flat.blocks[at].part);
        for (position, at) in heads.iter().enumerate() {
            // A list of things, each with its link, is the article's own.
            if text == Some(self.flat.blocks[*at].part) {
                continue;
            }
            let has_like = |other: Option<&usize>| other.is_some_and(|other| leads(*other));
            let is_row = has_like(heads.get(position + 1))
                || position
                    .checked_sub(1)
                    .is_some_and(|before| has_like(heads.get(before)));
            if leads(*at) && is_row {
                // A section ends with the part that its heading lies in.
                let part = &self.flat.parts[self.flat.blocks[*at].part];
                let next = heads.get(position + 1).copied().unwrap_or(root.end);
                let section = *at..next.min(part.blocks.end).max(*at + 1);
                if self.own(&section) <= TEASER_BYTES {
                    self.drop_run(&section);
                }
            }
        }
    }

    /// A heading over nothing that was kept.
    fn drop_empty_headings(&mut self, root: &Range<usize>) {
        let mut holds = false;
        for at in root.clone().rev() {
            match self.flat.blocks[at].kind {
                BlockKind::Heading(level) => {
                    self.keeps[at] &= holds || level == 1;
                    holds = false;
                }
                BlockKind::Paragraph
                | BlockKind::ListItem
                | BlockKind::TableRow
                | BlockKind::Preformatted => {
                    holds |= self.keeps[at];
                }
            }
        }
    }
}
