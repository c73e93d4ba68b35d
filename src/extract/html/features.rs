//! What a piece of a page looks like from outside, as numbers for the classifier in [`super::keep`].
//!
//! After C. Kohlschütter, P. Fankhauser, W. Nejdl, "Boilerplate Detection using Shallow Text Features"
//! (2010): length, link density and punctuation of a piece and of its neighbours; and, beyond that
//! paper, where it stands in the tree and in the text. No name that an author chose and no word is a
//! number here; of words counts only how many the page's title has too.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use super::element::Role;
use super::flatten::Flat;
use super::prose::{ends_sentence, is_prose};
use crate::model::extracted::BlockKind;

/// How many numbers a piece has.
pub(super) const FEATURES: usize = 74;
const HEADING: usize = 1;
const LIST: usize = 2;
const TABLE: usize = 3;
const PREFORMATTED: usize = 4;
/// Blocks that tell the shape of a part.
const SHAPE_BLOCKS: usize = 6;

/// A paragraph, a heading, a whole list or a whole table.
pub(super) struct Piece {
    pub(super) blocks: Range<usize>,
    pub(super) numbers: [f32; FEATURES],
    /// Whether its place alone says that it is content.
    pub(super) is_sure: bool,
}

/// A piece by itself.
#[derive(Default, Clone)]
struct Look {
    text: usize,
    own: usize,
    linked: usize,
    pressed: usize,
    credit: usize,
    prose: usize,
    sentences: usize,
    words: usize,
    in_title: usize,
    marks: usize,
    digits: usize,
    kind: usize,
    level: usize,
    blocks: usize,
    part: usize,
}

/// Where a part lies in the tree.
struct Tree {
    depth: Vec<usize>,
    /// Steps from the part up to one that also holds the main text.
    away: Vec<usize>,
    /// The outermost part around it that does not hold the main text.
    branch: Vec<usize>,
    /// How many parts of the same shape stand beside it, or beside a part around it in its branch.
    alike: Vec<usize>,
    /// Whether it lies in a form, aside, section footer, article or quote inside the content.
    inside: Vec<[bool; 5]>,
    /// Bytes of running text directly in it.
    direct: Vec<usize>,
    main: usize,
    /// Whether it begins with a heading as the part beside it does that holds the main text.
    is_peer: Vec<bool>,
}

/// Before each block, what all kept blocks before it weigh.
struct Sums {
    text: Vec<usize>,
    linked: Vec<usize>,
    prose: Vec<usize>,
}

/// The pieces of `root` with something kept in them.
pub(super) fn pieces(
    flat: &Flat,
    keeps: &[bool],
    root: &Range<usize>,
    anchor: Option<usize>,
    title: &str,
    is_article: bool,
) -> Vec<Piece> {
    let runs = runs(flat, keeps, root);
    let looks = looks(flat, &runs, title);
    let sums = Sums::over(flat, keeps, root);
    let tree = Tree::of(flat, keeps, root);
    let of_main = |look: &Look| look.part == tree.main && look.prose > 0;
    let reader = Reader {
        first: looks.iter().position(of_main).unwrap_or(0),
        last: looks.iter().rposition(of_main).unwrap_or(looks.len()),
        anchor: anchor.and_then(|anchor| runs.iter().position(|run| run.contains(&anchor))),
        flat,
        root,
        is_article,
        runs: &runs,
        looks: &looks,
        sums: &sums,
        tree: &tree,
    };
    let sections = reader.sections();
    (0..runs.len())
        .map(|at| Piece {
            blocks: runs[at].clone(),
            numbers: reader.numbers(at, sections[at]),
            is_sure: of_main(&looks[at]) || reader.is_sure(at, sections[at]),
        })
        .collect()
}

fn kind_of(kind: BlockKind) -> usize {
    match kind {
        BlockKind::Paragraph => 0,
        BlockKind::Heading(_) => HEADING,
        BlockKind::ListItem => LIST,
        BlockKind::TableRow => TABLE,
        BlockKind::Preformatted => PREFORMATTED,
    }
}

fn runs(flat: &Flat, keeps: &[bool], root: &Range<usize>) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::new();
    for at in root.clone().filter(|at| keeps[*at]) {
        let block = &flat.blocks[at];
        let is_many = matches!(block.kind, BlockKind::ListItem | BlockKind::TableRow);
        match runs.last_mut() {
            Some(run)
                if is_many
                    && run.end == at
                    && kind_of(flat.blocks[run.start].kind) == kind_of(block.kind)
                    && flat.blocks[run.start].part == block.part =>
            {
                run.end = at + 1;
            }
            Some(_) | None => runs.push(at..at + 1),
        }
    }
    runs
}

fn words(html: &str) -> impl Iterator<Item = String> {
    html.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
}

fn looks(flat: &Flat, runs: &[Range<usize>], title: &str) -> Vec<Look> {
    let title: HashSet<String> = words(title).collect();
    let mut looks = Vec::with_capacity(runs.len());
    for run in runs {
        let first = &flat.blocks[run.start];
        let mut look = Look {
            kind: kind_of(first.kind),
            part: first.part,
            blocks: run.len(),
            ..Look::default()
        };
        if let BlockKind::Heading(level) = first.kind {
            look.level = usize::from(level);
        }
        for block in &flat.blocks[run.clone()] {
            look.text += block.ink.text;
            look.own += block.ink.own();
            look.linked += block.ink.linked;
            look.pressed += block.ink.pressed;
            look.credit += block.ink.credit;
            look.prose += if is_prose(block) { block.ink.own() } else { 0 };
            look.sentences += usize::from(ends_sentence(&block.html));
            look.marks += block
                .html
                .matches(['.', ',', '?', '!', '，', '。', '、'])
                .count();
            look.digits += block.html.matches(|c: char| c.is_numeric()).count();
            for word in words(&block.html) {
                look.words += 1;
                look.in_title += usize::from(title.contains(&word));
            }
        }
        looks.push(look);
    }
    looks
}

impl Sums {
    fn over(flat: &Flat, keeps: &[bool], root: &Range<usize>) -> Self {
        let sum = |measure: &dyn Fn(usize) -> usize| {
            let mut sums = vec![0];
            let mut total = 0;
            for (at, keeps) in keeps.iter().enumerate() {
                if *keeps && root.contains(&at) {
                    total += measure(at);
                }
                sums.push(total);
            }
            sums
        };
        let blocks = &flat.blocks;
        Self {
            text: sum(&|at| blocks[at].ink.text),
            linked: sum(&|at| blocks[at].ink.linked + blocks[at].ink.pressed),
            prose: sum(&|at| {
                if is_prose(&blocks[at]) {
                    blocks[at].ink.own()
                } else {
                    0
                }
            }),
        }
    }
}

fn within(sums: &[usize], blocks: &Range<usize>) -> usize {
    sums[blocks.end] - sums[blocks.start]
}

impl Tree {
    fn of(flat: &Flat, keeps: &[bool], root: &Range<usize>) -> Self {
        let count = flat.parts.len();
        let mut direct = vec![0; count];
        for at in root
            .clone()
            .filter(|at| keeps[*at] && is_prose(&flat.blocks[*at]))
        {
            direct[flat.blocks[at].part] += flat.blocks[at].ink.own();
        }
        // Of equals the first.
        let main = (0..count)
            .rev()
            .max_by_key(|part| direct[*part])
            .unwrap_or(0);
        let mut holds_main = vec![false; count];
        let mut heads = vec![None; count];
        let mut outer = Some(main);
        while let Some(at) = outer {
            holds_main[at] = true;
            outer = flat.parts[at].parent;
            if let Some(parent) = outer {
                heads[parent] = Some(at);
            }
        }
        let shapes: Vec<_> = flat
            .parts
            .iter()
            .map(|part| shape(flat, &part.blocks))
            .collect();
        let mut counts: HashMap<(Option<usize>, &[usize]), usize> = HashMap::new();
        for (part, shape) in flat
            .parts
            .iter()
            .zip(&shapes)
            .filter(|(part, _)| !part.blocks.is_empty())
        {
            *counts.entry((part.parent, shape)).or_default() += 1;
        }
        let mut tree = Self {
            depth: vec![0; count],
            away: vec![0; count],
            branch: (0..count).collect(),
            alike: vec![1; count],
            inside: vec![[false; 5]; count],
            direct,
            main,
            is_peer: vec![false; count],
        };
        for (at, part) in flat.parts.iter().enumerate() {
            let Some(parent) = part.parent else { continue };
            tree.depth[at] = tree.depth[parent] + 1;
            let own = counts
                .get(&(part.parent, shapes[at].as_slice()))
                .copied()
                .unwrap_or(1);
            tree.alike[at] = own;
            tree.inside[at] = tree.inside[parent];
            let kinds = [
                Role::Form,
                Role::Aside,
                Role::SectionFooter,
                Role::Article,
                Role::Quote,
            ];
            if let Some(kind) = kinds.iter().position(|kind| *kind == part.role)
                && part.blocks.len() < root.len()
            {
                tree.inside[at][kind] = true;
            }
            if !holds_main[at] {
                tree.is_peer[at] = holds_main[parent]
                    && heads[parent]
                        .is_some_and(|main| first_heading(flat, main) == first_heading(flat, at))
                    && first_heading(flat, at).is_some();
                tree.away[at] = tree.away[parent] + 1;
                if !holds_main[parent] {
                    tree.branch[at] = tree.branch[parent];
                    tree.alike[at] = own.max(tree.alike[parent]);
                }
            }
        }
        tree
    }
}

/// The heading that a part begins with.
fn first_heading(flat: &Flat, part: usize) -> Option<BlockKind> {
    let first = flat.blocks.get(flat.parts[part].blocks.start)?;
    matches!(first.kind, BlockKind::Heading(_)).then_some(first.kind)
}

/// The kinds of the first blocks of a part, and whether there are more.
fn shape(flat: &Flat, blocks: &Range<usize>) -> Vec<usize> {
    flat.blocks[blocks.clone()]
        .iter()
        .take(SHAPE_BLOCKS)
        .map(|block| kind_of(block.kind))
        .collect()
}

/// Of the heading above a piece.
#[derive(Clone, Copy, Default)]
struct Section {
    /// Pieces between.
    distance: usize,
    level: usize,
    /// Bytes of running text under the heading, up to the next.
    prose: usize,
    text: usize,
    linked: usize,
    heading_linked: bool,
    /// There is no heading above.
    is_before_any: bool,
}

struct Reader<'a> {
    flat: &'a Flat,
    root: &'a Range<usize>,
    /// The pieces where the main text begins and ends, and the one that is the page's title.
    first: usize,
    last: usize,
    anchor: Option<usize>,
    is_article: bool,
    runs: &'a [Range<usize>],
    looks: &'a [Look],
    sums: &'a Sums,
    tree: &'a Tree,
}

fn ratio(part: usize, whole: usize) -> f32 {
    part as f32 / whole.max(1) as f32
}

fn log(count: usize) -> f32 {
    (1.0 + count as f32).ln()
}

impl Reader<'_> {
    /// Preformatted text, a table between paragraphs of the main text, what stands directly beside
    /// these, and the sections beside theirs, unless they lead away; lists of data.
    fn is_sure(&self, at: usize, section: Section) -> bool {
        let (look, tree) = (&self.looks[at], self.tree);
        let leads_away = (look.linked + look.pressed + look.credit) * 2 > look.text;
        let is_among = (self.first..=self.last).contains(&at);
        let is_peer = tree.away[look.part] > 0 && tree.is_peer[tree.branch[look.part]];
        // A list or table without a link, under a heading of its own.
        let is_many = look.kind == LIST || look.kind == TABLE;
        let is_data = is_many && section.level > 0 && section.linked == 0;
        look.kind == PREFORMATTED
            || (!leads_away && look.part == tree.main)
            || (!leads_away && look.kind == TABLE && is_among)
            || (is_peer && section.linked * 2 <= section.text)
            || (is_data && !self.is_article)
    }

    fn sections(&self) -> Vec<Section> {
        let mut sections = vec![Section::default(); self.looks.len()];
        let mut begin = 0;
        for at in 0..=self.looks.len() {
            if at < self.looks.len() && (self.looks[at].kind != HEADING || at == begin) {
                continue;
            }
            let head = self.looks[begin..at].first().cloned().unwrap_or_default();
            let sum = |measure: fn(&Look) -> usize| {
                self.looks[begin..at].iter().map(measure).sum::<usize>()
            };
            let (prose, text, linked) = (
                sum(|look| look.prose),
                sum(|look| look.text),
                sum(|look| look.linked),
            );
            for (distance, section) in sections[begin..at].iter_mut().enumerate() {
                *section = Section {
                    distance,
                    level: head.level,
                    prose,
                    text,
                    linked,
                    heading_linked: head.linked * 2 > head.text,
                    is_before_any: head.kind != HEADING,
                };
            }
            begin = at;
        }
        sections
    }

    fn numbers(&self, at: usize, section: Section) -> [f32; FEATURES] {
        let mut all = Vec::with_capacity(FEATURES);
        self.push_own(at, &mut all);
        self.push_place(at, &mut all);
        self.push_tree(at, &mut all);
        for offset in [-2, -1, 1, 2] {
            self.push_neighbour(at, offset, &mut all);
        }
        all.extend([
            log(section.distance),
            ratio(section.level, 1),
            log(section.prose),
            ratio(section.linked, section.text),
            f32::from(u8::from(section.heading_linked)),
            f32::from(u8::from(section.is_before_any)),
        ]);
        let look = &self.looks[at];
        let (away, prose) = (
            ratio(self.tree.away[look.part], 1),
            ratio(look.prose, look.own),
        );
        let is_after = f32::from(u8::from(at > self.last));
        let is_before = f32::from(u8::from(at < self.first));
        let is_list = f32::from(u8::from(look.kind == LIST));
        all.extend([
            is_after,
            is_before,
            is_list,
            is_after * prose,
            is_after * is_list,
            is_after * away,
            is_before * away,
            prose * away,
        ]);
        debug_assert_eq!(all.len(), FEATURES);
        let mut numbers = [0.0; FEATURES];
        for (number, found) in numbers.iter_mut().zip(all) {
            *number = found;
        }
        numbers
    }

    fn push_own(&self, at: usize, all: &mut Vec<f32>) {
        let look = &self.looks[at];
        all.extend([
            log(look.text),
            log(look.own),
            ratio(look.linked, look.text),
            ratio(look.pressed, look.text),
            ratio(look.credit, look.text),
            ratio(look.prose, look.own),
            ratio(look.sentences, look.blocks),
            ratio(look.marks, look.words),
            ratio(look.digits, look.text),
            ratio(look.words, look.blocks),
            ratio(look.in_title, look.words),
            ratio(look.level, 1),
            log(look.blocks),
        ]);
    }

    /// Where it stands in the text of the page.
    fn push_place(&self, at: usize, all: &mut Vec<f32>) {
        let (run, looks) = (&self.runs[at], self.looks);
        let total = within(&self.sums.prose, self.root);
        let before = within(&self.sums.prose, &(self.root.start..run.start));
        let after = |from: usize| log(at.saturating_sub(from)) - log(from.saturating_sub(at));
        all.extend([
            ratio(at, looks.len()),
            ratio(before, total),
            after(self.first),
            after(self.last),
            self.anchor.map_or(0.0, after),
            f32::from(u8::from(self.anchor.is_some())),
            log(total),
            log(looks.len()),
            f32::from(u8::from(self.is_article)),
            ratio(total, within(&self.sums.text, self.root)),
        ]);
    }

    /// Where it stands in the tree of the page.
    fn push_tree(&self, at: usize, all: &mut Vec<f32>) {
        let (tree, part) = (self.tree, self.looks[at].part);
        let total = within(&self.sums.prose, self.root);
        let part_blocks = &self.clip(part);
        let branch = &self.clip(tree.branch[part]);
        let branch_text = within(&self.sums.text, branch);
        all.extend([
            ratio(tree.depth[part], 1) - ratio(tree.depth[tree.main], 1),
            ratio(tree.away[part], 1),
            log(tree.alike[part]),
            ratio(tree.direct[part], total),
            log(within(&self.sums.text, part_blocks)),
            ratio(
                within(&self.sums.linked, part_blocks),
                within(&self.sums.text, part_blocks),
            ),
            ratio(
                within(&self.sums.prose, part_blocks),
                within(&self.sums.text, part_blocks),
            ),
            ratio(within(&self.sums.linked, branch), branch_text),
            ratio(within(&self.sums.prose, branch), branch_text),
            ratio(within(&self.sums.prose, branch), total),
            log(branch_text),
            log(branch.len()),
        ]);
        all.extend(tree.inside[part].map(|is_in| f32::from(u8::from(is_in))));
    }

    fn clip(&self, part: usize) -> Range<usize> {
        let blocks = &self.flat.parts[part].blocks;
        let start = blocks.start.clamp(self.root.start, self.root.end);
        start..blocks.end.clamp(start, self.root.end)
    }

    fn push_neighbour(&self, at: usize, offset: isize, all: &mut Vec<f32>) {
        let none = Look::default();
        let other = at
            .checked_add_signed(offset)
            .and_then(|at| self.looks.get(at))
            .unwrap_or(&none);
        all.extend([
            log(other.text),
            ratio(other.linked, other.text),
            ratio(other.prose, other.own),
            ratio(other.kind, 1),
            f32::from(u8::from(other.part == self.looks[at].part)),
        ]);
    }
}
