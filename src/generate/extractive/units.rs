//! What an author wrote as one: a paragraph or a short section, a list with the line that announces
//! it, a table's row with the names of its columns, a question with its answer.

use std::ops::Range;

use super::Section;
use crate::generate::injection::injections;
use crate::language::{cells, names_columns, sentences};
use crate::model::{Block, BlockKind};

/// Paragraphs of one section are one unit up to this many words together.
pub(super) const SHORT_SECTION_WORDS: usize = 80;
/// A paragraph that asks is the heading of what follows it, up to this many words.
const LONGEST_ASKING_WORDS: usize = 25;
/// Rows of a table, or items of a list, that are looked at beyond the context, on each side.
const MOST_NEIGHBOURS: usize = 400;

/// A part of a unit: a sentence, an item, a row.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Part {
    /// Bytes of the section's text.
    pub(super) range: Range<usize>,
    /// With the question, where there are vectors; the best of the sentences in it.
    pub(super) cosine: Option<f32>,
}

/// What kind of unit it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Sentences of running text.
    Prose,
    /// Items, with the line that announces them, if one does.
    List,
    /// One row.
    Row,
}

/// Something that reads alone.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Unit<'a> {
    /// Position of its section.
    pub(super) section: usize,
    pub(super) form: Form,
    /// Title and headings above it, and the question that it answers; outermost first.
    pub(super) path: Vec<&'a str>,
    /// The line that announces a list.
    pub(super) lead: Option<Range<usize>>,
    /// The table that a row is of: the positions of its blocks, head included.
    pub(super) table: Range<usize>,
    /// The first cell of a row.
    pub(super) key: Option<&'a str>,
    /// The names of the columns, where the table has them.
    pub(super) head: Vec<&'a str>,
    pub(super) parts: Vec<Part>,
}

impl Unit<'_> {
    /// From the first to the last byte that it would quote, its lead included.
    pub(super) fn range(&self) -> Range<usize> {
        let start = self
            .lead
            .as_ref()
            .map_or(self.parts[0].range.start, |lead| lead.start);
        start..self.parts[self.parts.len() - 1].range.end
    }

    /// Whether it is a list whose items are numbered.
    pub(super) fn is_steps(&self, section: &Section<'_>) -> bool {
        let first = &section.text[self.parts[0].range.clone()];
        self.form == Form::List && first.starts_with(|c: char| c.is_ascii_digit())
    }
}

/// The units of a section that the context touches, in reading order.
pub(super) fn units<'a>(position: usize, section: &Section<'a>) -> Vec<Unit<'a>> {
    let blocks = section.blocks;
    let near = &section.near;
    let first = blocks.partition_point(|block| block.range.end <= near.start);
    let last = blocks.partition_point(|block| block.range.start < near.end);
    if first >= last {
        return Vec::new();
    }
    let mut reader = Reader {
        position,
        section,
        headings: headings_above(section, first),
        asked: None,
        caption: None,
        units: Vec::new(),
    };
    let mut at = run_start(blocks, first);
    // The line that announces the first list, the question that the first paragraph answers, or the
    // caption of the first table.
    if at > 0 && (reader.announces(at - 1) || reader.captions(at - 1)) {
        at -= 1;
    }
    while at < last {
        at = reader.read(at, first..last);
    }
    reader.units
}

struct Reader<'a, 'b> {
    position: usize,
    section: &'b Section<'a>,
    headings: Vec<(u8, &'a str)>,
    asked: Option<&'a str>,
    caption: Option<&'a str>,
    units: Vec<Unit<'a>>,
}

impl<'a> Reader<'a, '_> {
    fn text(&self, block: usize) -> &'a str {
        &self.section.text[self.section.blocks[block].range.clone()]
    }

    /// Reads what begins at block `at`; returns where the next begins.
    fn read(&mut self, at: usize, near: Range<usize>) -> usize {
        let blocks = self.section.blocks;
        match blocks[at].kind {
            BlockKind::Heading(level) => {
                self.headings.retain(|(above, _)| *above < level);
                self.headings.push((level, self.text(at)));
                self.asked = None;
                at + 1
            }
            BlockKind::TableRow => {
                let next = self.rows(at, &near);
                self.caption = None;
                next
            }
            BlockKind::Paragraph if self.captions(at) => {
                self.caption = Some(self.text(at));
                at + 1
            }
            BlockKind::ListItem => self.list(None, at),
            BlockKind::Paragraph if self.asks(at) => {
                self.asked = Some(self.text(at));
                at + 1
            }
            BlockKind::Paragraph if self.announces(at) => {
                self.list(Some(blocks[at].range.clone()), at + 1)
            }
            BlockKind::Paragraph | BlockKind::Preformatted => self.prose(at, near.end),
        }
    }

    /// Whether a paragraph asks what the next block answers.
    fn asks(&self, at: usize) -> bool {
        let next = self.section.blocks.get(at + 1);
        self.text(at).ends_with('?')
            && self.text(at).split_whitespace().count() <= LONGEST_ASKING_WORDS
            && next.is_some_and(|next| !matches!(next.kind, BlockKind::Heading(_)))
    }

    /// Whether a paragraph is the caption of the table behind it: it is no sentence.
    fn captions(&self, at: usize) -> bool {
        let blocks = self.section.blocks;
        let next = blocks.get(at + 1);
        blocks[at].kind == BlockKind::Paragraph
            && !self.text(at).ends_with(['.', '!', '?', ':', ';'])
            && self.text(at).split_whitespace().count() <= LONGEST_ASKING_WORDS
            && next.is_some_and(|next| next.kind == BlockKind::TableRow)
    }

    /// Whether a paragraph announces the list behind it: by a colon, or as a short one between a
    /// heading and numbered steps.
    fn announces(&self, at: usize) -> bool {
        let blocks = self.section.blocks;
        let is_list = blocks
            .get(at + 1)
            .is_some_and(|next| next.kind == BlockKind::ListItem);
        let heads_steps = || {
            let below = at.checked_sub(1).map(|above| blocks[above].kind);
            matches!(below, Some(BlockKind::Heading(_)))
                && self.text(at + 1).starts_with(|c: char| c.is_ascii_digit())
                && self.text(at).split_whitespace().count() <= LONGEST_ASKING_WORDS
        };
        blocks[at].kind == BlockKind::Paragraph
            && (is_list && (self.text(at).ends_with(':') || heads_steps()) || self.asks(at))
    }

    fn path(&self) -> Vec<&'a str> {
        let title = Some(self.section.title).filter(|title| !title.is_empty());
        let mut path: Vec<&str> = title.into_iter().collect();
        for (_, heading) in &self.headings {
            // The title is often the first heading too, and sometimes with more around it.
            if path.last().is_none_or(|above| above != heading) {
                path.push(heading);
            }
        }
        path.extend(self.asked);
        path.extend(self.caption);
        path
    }

    fn unit(&self, form: Form, parts: Vec<Part>) -> Unit<'a> {
        Unit {
            section: self.position,
            form,
            path: self.path(),
            lead: None,
            table: 0..0,
            key: None,
            head: Vec::new(),
            parts,
        }
    }

    /// Paragraphs that follow each other, joined as long as they are short.
    fn prose(&mut self, at: usize, end: usize) -> usize {
        let mut next = at;
        let mut words = 0;
        let mut parts: Vec<Part> = Vec::new();
        while next < end.max(at + 1) {
            let block = &self.section.blocks[next];
            let more = self.text(next).split_whitespace().count();
            let is_text = matches!(block.kind, BlockKind::Paragraph | BlockKind::Preformatted);
            let stands_alone = next > at
                && (words + more > SHORT_SECTION_WORDS
                    || self.asks(next)
                    || self.announces(next)
                    || self.captions(next));
            if !is_text || stands_alone {
                break;
            }
            words += more;
            parts.extend(self.sentences(block));
            next += 1;
        }
        if !parts.is_empty() {
            self.units.push(self.unit(Form::Prose, parts));
        }
        next
    }

    fn list(&mut self, lead: Option<Range<usize>>, at: usize) -> usize {
        let end = run_end(self.section.blocks, at);
        let items = &self.section.blocks[at..end];
        let parts: Vec<Part> = items.iter().filter_map(|item| self.part(item)).collect();
        if !parts.is_empty() {
            let mut unit = self.unit(Form::List, parts);
            unit.lead = lead.filter(|lead| injections(&self.section.text[lead.clone()]).is_empty());
            self.units.push(unit);
        }
        end.max(at)
    }

    fn rows(&mut self, at: usize, near: &Range<usize>) -> usize {
        let blocks = self.section.blocks;
        let (start, end) = (run_start(blocks, at), run_end(blocks, at));
        let has_head = end - start > 1 && names_columns(self.text(start));
        let head = if has_head {
            cells(self.text(start))
        } else {
            Vec::new()
        };
        let body = start + usize::from(has_head);
        let (first, last) = (body.max(near.start), end.min(near.end));
        for row in blocks.get(first..last).unwrap_or_default() {
            if let Some(part) = self.part(row) {
                let mut unit = self.unit(Form::Row, vec![part]);
                unit.table = start..end;
                unit.head.clone_from(&head);
                unit.key = cells(&self.section.text[row.range.clone()])
                    .first()
                    .copied();
                self.units.push(unit);
            }
        }
        end
    }

    /// A block as one part; `None` if it speaks to a language model.
    fn part(&self, block: &Block) -> Option<Part> {
        let is_order = !injections(&self.section.text[block.range.clone()]).is_empty();
        (!is_order).then(|| Part {
            cosine: self.section.cosine(&block.range),
            range: block.range.clone(),
        })
    }

    /// The sentences of a block up to the first that speaks to a language model.
    fn sentences(&self, block: &Block) -> Vec<Part> {
        let text = &self.section.text[block.range.clone()];
        let orders = injections(text);
        let found = if block.kind == BlockKind::Preformatted {
            vec![block.range.clone()]
        } else {
            sentences(self.section.text, block.range.clone())
        };
        let end = orders
            .first()
            .map_or(block.range.end, |order| block.range.start + order.start);
        found
            .into_iter()
            .filter(|sentence| sentence.end <= end)
            .map(|range| Part {
                cosine: self.section.cosine(&range),
                range,
            })
            .collect()
    }
}

/// The headings in force before block `at`, outermost first.
fn headings_above<'a>(section: &Section<'a>, at: usize) -> Vec<(u8, &'a str)> {
    let mut found: Vec<(u8, &str)> = Vec::new();
    for block in section.blocks[..at].iter().rev() {
        if let BlockKind::Heading(level) = block.kind
            && found.last().is_none_or(|(below, _)| level < *below)
        {
            found.push((level, &section.text[block.range.clone()]));
        }
    }
    found.reverse();
    found
}

fn is_run(kind: BlockKind) -> bool {
    matches!(kind, BlockKind::ListItem | BlockKind::TableRow)
}

/// The first of the items or rows that `at` is among.
fn run_start(blocks: &[Block], at: usize) -> usize {
    if !is_run(blocks[at].kind) {
        return at;
    }
    let same = |block: &&Block| block.kind == blocks[at].kind;
    at - blocks[..at]
        .iter()
        .rev()
        .take(MOST_NEIGHBOURS)
        .take_while(same)
        .count()
}

/// One past the last of the items or rows that `at` is among.
fn run_end(blocks: &[Block], at: usize) -> usize {
    if at >= blocks.len() || !is_run(blocks[at].kind) {
        return at;
    }
    let same = |block: &&Block| block.kind == blocks[at].kind;
    at + blocks[at..]
        .iter()
        .take(MOST_NEIGHBOURS)
        .take_while(same)
        .count()
}
