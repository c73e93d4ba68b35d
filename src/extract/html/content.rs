//! Which blocks of a page are its content.
//!
//! Structure decides: the landmarks that the page declares, its own main part, and where its text
//! stands that leads nowhere else. Nothing here reads a word or a name. What every page of a site
//! repeats is learned by `ingest` from the pages themselves, not guessed from one of them.

use std::collections::HashSet;
use std::ops::Range;

use super::element::Role;
use super::features::{self, Piece};
use super::flatten::{Flat, FlatBlock, Part};
use super::keep;
use super::prose::{PROSE_BYTES, is_prose};
use crate::model::extracted::BlockKind;

/// Shares are in percent of a page's own text: text that is neither a link away nor a button.
struct Shares {
    /// A landmark with running text that holds more was declared in error.
    furniture_at_most: usize,
    /// A page's own main part holds at least this much of what is outside landmarks.
    main_at_least: usize,
    /// Of several articles, one that holds this much is the page's.
    article_at_least: usize,
    /// Where nothing is declared, the content is the smallest part that holds this much.
    content_of_page: usize,
    /// The same for news and blogs, where readers' comments and teasers follow the text.
    content_of_article: usize,
    /// A part of which so much leads elsewhere is navigation.
    leads_away: usize,
    /// A choice that keeps less of what is outside landmarks is given up.
    least_of_page: usize,
    /// The same for news and blogs.
    least_of_article: usize,
}

const SHARES: Shares = Shares {
    furniture_at_most: 50,
    main_at_least: 15,
    article_at_least: 50,
    content_of_page: 95,
    content_of_article: 75,
    leads_away: 60,
    least_of_page: 40,
    least_of_article: 10,
};

/// What kind of page it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// A template or an included part: all of it is content.
    Fragment,
    /// The page declares itself to be an article of a newspaper or blog.
    Article,
    /// Everything else.
    Page,
}

/// What is kept of a page.
pub(super) struct Choice {
    /// For each block, whether it is content.
    pub(super) keeps: Vec<bool>,
    /// Bytes of own text outside landmarks.
    pub(super) own: usize,
    /// Characters kept.
    pub(super) kept: usize,
    /// Characters outside landmarks.
    pub(super) visible: usize,
}

/// Chooses the content of a page.
pub(super) fn choose(flat: &Flat, form: Form, title: Option<&str>) -> Choice {
    let mut chooser = Chooser {
        flat,
        anchor: title.and_then(|title| anchor(&flat.blocks, title)),
        keeps: vec![true; flat.blocks.len()],
        sums: Vec::new(),
    };
    if form == Form::Fragment {
        return chooser.choice(&[]);
    }
    chooser.drop_landmarks();
    let outside = chooser.keeps.clone();
    chooser.weigh(form);
    let root = chooser.root(form);
    chooser.keep_only(&root);
    if form == Form::Article {
        chooser.drop_copies(&root);
    }
    // A main part that the page itself declares outranks a score.
    if form == Form::Page && chooser.is_declared(&root) {
        chooser.drop_lists_of_links(&root);
    } else {
        chooser.drop_around(&root, title.unwrap_or_default(), form);
    }
    if form == Form::Article {
        // An article's heading is its title, and kept as such.
        if let Some(anchor) = chooser.anchor {
            chooser.keeps[anchor] = false;
        }
    } else {
        chooser.keep_title(&root, &outside);
    }
    chooser.keep_more_if_little(outside.clone(), form);
    chooser.choice(&outside)
}

/// The pieces of the content before any is dropped: the HTML and the numbers of each.
pub(super) fn survey(flat: &Flat, form: Form, title: Option<&str>) -> Vec<(String, Vec<f32>)> {
    let mut chooser = Chooser {
        flat,
        anchor: title.and_then(|title| anchor(&flat.blocks, title)),
        keeps: vec![true; flat.blocks.len()],
        sums: Vec::new(),
    };
    chooser.drop_landmarks();
    chooser.weigh(form);
    let root = chooser.root(form);
    chooser.keep_only(&root);
    let html = |blocks: &Range<usize>| {
        let blocks = &flat.blocks[blocks.clone()];
        let html: Vec<&str> = blocks.iter().map(|block| block.html.as_str()).collect();
        html.join("\n")
    };
    chooser
        .pieces(&root, title.unwrap_or_default(), form)
        .iter()
        .map(|piece| (html(&piece.blocks), piece.numbers.to_vec()))
        .collect()
}

/// The heading that is the page's title: the content begins there.
fn anchor(blocks: &[FlatBlock], title: &str) -> Option<usize> {
    let letters = |text: &str| -> String {
        text.chars()
            .filter(|c| c.is_alphanumeric())
            .flat_map(char::to_lowercase)
            .collect()
    };
    let title = letters(title);
    blocks.iter().position(|block| {
        matches!(block.kind, BlockKind::Heading(_)) && letters(&block.html) == title
    })
}

/// Chooses, step by step.
struct Chooser<'a> {
    flat: &'a Flat,
    /// The heading that is the page's title, if it is among the blocks.
    anchor: Option<usize>,
    /// For each block, whether it is content, as far as is known.
    keeps: Vec<bool>,
    /// Before each block, what all blocks before it weigh.
    sums: Vec<usize>,
}

impl Chooser<'_> {
    /// Bytes of own text among the kept blocks of a run.
    fn own(&self, blocks: &Range<usize>) -> usize {
        let kept = blocks.clone().filter(|at| self.keeps[*at]);
        kept.map(|at| self.flat.blocks[at].ink.own()).sum()
    }

    fn all(&self) -> Range<usize> {
        0..self.flat.blocks.len()
    }

    fn drop_run(&mut self, blocks: &Range<usize>) {
        self.keeps[blocks.clone()].fill(false);
    }

    fn drop_landmarks(&mut self) {
        let total = self.own(&self.all());
        let mut holds_main = vec![false; self.flat.parts.len()];
        for part in self
            .flat
            .parts
            .iter()
            .filter(|part| part.role == Role::Main)
        {
            let mut outer = part.parent;
            while let Some(at) = outer.filter(|at| !holds_main[*at]) {
                holds_main[at] = true;
                outer = self.flat.parts[at].parent;
            }
        }
        let dropped: Vec<Range<usize>> = self
            .flat
            .parts
            .iter()
            .zip(holds_main)
            .filter(|(_, holds_main)| !holds_main)
            .map(|(part, _)| part)
            .filter(|part| part.role == Role::Furniture || self.is_page_aside(part))
            .filter(|part| {
                self.own(&part.blocks) * 100 <= total * SHARES.furniture_at_most
                    || !self.has_prose(&part.blocks)
            })
            .map(|part| part.blocks.clone())
            .collect();
        for blocks in dropped {
            self.drop_run(&blocks);
        }
    }

    fn has_prose(&self, blocks: &Range<usize>) -> bool {
        self.flat.blocks[blocks.clone()].iter().any(is_prose)
    }

    /// Beside the page's content, not beside a paragraph of it.
    fn is_page_aside(&self, part: &Part) -> bool {
        part.role == Role::Aside
            && !self.is_inside(part, &[Role::Main, Role::Article, Role::ArticleBody])
    }

    fn is_inside(&self, part: &Part, roles: &[Role]) -> bool {
        let mut parent = part.parent;
        while let Some(at) = parent {
            if roles.contains(&self.flat.parts[at].role) {
                return true;
            }
            parent = self.flat.parts[at].parent;
        }
        false
    }

    /// The run of blocks that holds the content.
    fn root(&self, form: Form) -> Range<usize> {
        let total = self.seen(&self.all());
        let main = self.declared(&[Role::Main], total);
        let within = main.clone().unwrap_or_else(|| self.all());
        if form == Form::Page {
            return main
                .or_else(|| self.declared(&[Role::ArticleBody], total))
                .or_else(|| self.declared(&[Role::Article], total))
                .unwrap_or_else(|| self.densest(&within, SHARES.content_of_page));
        }
        let inner = self.seen(&within);
        let article = self
            .declared_in(&within, &[Role::ArticleBody], inner)
            .or_else(|| self.declared_in(&within, &[Role::Article], inner))
            .unwrap_or(within);
        let found = self.densest(&article, SHARES.content_of_article);
        // What stands between the title and the text belongs to it.
        match self.anchor {
            Some(anchor) if article.contains(&anchor) && anchor < found.start => anchor..found.end,
            Some(_) | None => found,
        }
    }

    fn declared(&self, roles: &[Role], total: usize) -> Option<Range<usize>> {
        self.declared_in(&self.all(), roles, total)
    }

    /// The part of these roles, or the one of several that holds most of their text.
    fn declared_in(
        &self,
        within: &Range<usize>,
        roles: &[Role],
        total: usize,
    ) -> Option<Range<usize>> {
        let parts = || {
            self.flat.parts.iter().filter(|part| {
                roles.contains(&part.role)
                    && within.start <= part.blocks.start
                    && part.blocks.end <= within.end
            })
        };
        let largest = parts().max_by_key(|part| self.seen(&part.blocks))?;
        let first = parts().map(|part| part.blocks.start).min()?;
        let last = parts().map(|part| part.blocks.end).max()?;
        let titled = self.first_prose().and_then(|first| {
            parts().find(|part| {
                part.blocks.contains(&first)
                    && self.seen(&part.blocks) * 100 >= total * SHARES.main_at_least
            })
        });
        if let Some(part) = titled {
            return Some(part.blocks.clone());
        }
        let (held, all) = (self.seen(&largest.blocks), self.seen(&(first..last)));
        if held * 100 < total * SHARES.main_at_least {
            return None;
        }
        Some(if held * 100 >= all * SHARES.article_at_least {
            largest.blocks.clone()
        } else {
            first..last
        })
    }

    /// The smallest part inside that holds so many percent of its text.
    fn densest(&self, within: &Range<usize>, percent: usize) -> Range<usize> {
        let total = self.seen(within);
        let first = self.first_prose();
        let mut holders = self.flat.parts.iter().filter(|part| {
            within.start <= part.blocks.start
                && first
                    .is_none_or(|first| !within.contains(&first) || part.blocks.contains(&first))
                && part.blocks.end <= within.end
                && self.seen(&part.blocks) * 100 >= total * percent
        });
        // Of parts that hold each other, the last is the innermost.
        holders
            .next_back()
            .map_or_else(|| within.clone(), |part| part.blocks.clone())
    }

    /// Where the text under the page's title begins.
    fn first_prose(&self) -> Option<usize> {
        let anchor = self.anchor?;
        (anchor..self.flat.blocks.len())
            .find(|at| self.sums[*at + 1] > self.sums[*at] && is_prose(&self.flat.blocks[*at]))
    }

    /// What speaks for a run to be the content: its own text that is seen at once.
    fn seen(&self, blocks: &Range<usize>) -> usize {
        self.sums[blocks.end] - self.sums[blocks.start]
    }

    /// Sums up, block by block, what speaks for each. Labels count for little; so do, in an article,
    /// items, which comments are often set as.
    fn weigh(&mut self, form: Form) {
        let mut closed = vec![false; self.flat.parts.len()];
        for (at, part) in self.flat.parts.iter().enumerate() {
            closed[at] = part.is_closed || part.parent.is_some_and(|parent| closed[parent]);
        }
        let weight = |at: usize, counts_closed: bool| {
            let block = &self.flat.blocks[at];
            let is_counted = self.keeps[at] && (counts_closed || !closed[block.part]);
            let is_light = (block.kind == BlockKind::Paragraph && !is_prose(block))
                || (form == Form::Article && block.kind == BlockKind::ListItem);
            let own = block.ink.own() / if is_light { 4 } else { 1 };
            if is_counted { own } else { 0 }
        };
        let sums = |counts_closed: bool| {
            let mut sums = vec![0];
            for at in self.all() {
                sums.push(sums[at] + weight(at, counts_closed));
            }
            sums
        };
        let (open, all) = (sums(false), sums(true));
        let is_shown = open.last() >= all.last().map(|all| all / 4).as_ref();
        self.sums = if is_shown { open } else { all };
    }

    fn is_declared(&self, root: &Range<usize>) -> bool {
        let roles = [Role::Main, Role::ArticleBody, Role::Article];
        let mut parts = self.flat.parts.iter();
        parts.any(|part| part.blocks == *root && roles.contains(&part.role))
    }

    /// Parts of the content that only lead elsewhere.
    fn drop_lists_of_links(&mut self, root: &Range<usize>) {
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
            if leads_away && !self.has_prose(blocks) {
                end = blocks.end;
                self.keeps[blocks.clone()].fill(false);
            }
        }
    }

    /// Whether most of the text of a run leads elsewhere.
    fn leads_away(&self, blocks: &Range<usize>) -> bool {
        let kept = || blocks.clone().filter(|at| self.keeps[*at]);
        let ink = |at: usize| &self.flat.blocks[at].ink;
        let linked: usize = kept().map(|at| ink(at).linked + ink(at).pressed).sum();
        let text: usize = kept().map(|at| ink(at).text).sum();
        linked * 100 >= text * SHARES.leads_away && linked > 0
    }

    fn pieces(&self, root: &Range<usize>, title: &str, form: Form) -> Vec<Piece> {
        let is_article = form == Form::Article;
        features::pieces(self.flat, &self.keeps, root, self.anchor, title, is_article)
    }

    /// Drops the pieces that stand around the text, and headings with nothing left under them.
    fn drop_around(&mut self, root: &Range<usize>, title: &str, form: Form) {
        // For each level, whether something was kept under a heading of it.
        let mut holds = [false; 8];
        for piece in self.pieces(root, title, form).iter().rev() {
            let stays = if let BlockKind::Heading(level) = self.flat.blocks[piece.blocks.start].kind
            {
                let level = usize::from(level).min(7);
                let held = holds[level];
                holds[level..].fill(false);
                held
            } else {
                let stays = piece.is_sure || keep::stays(&piece.numbers);
                if stays {
                    holds.fill(true);
                }
                stays
            };
            if !stays {
                self.drop_run(&piece.blocks);
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

    fn keep_only(&mut self, root: &Range<usize>) {
        for at in self.all() {
            self.keeps[at] &= root.contains(&at);
        }
    }

    /// A choice that leaves out too much is no choice: all that is outside landmarks stays.
    fn keep_more_if_little(&mut self, outside: Vec<bool>, form: Form) {
        let kept = self.own(&self.all());
        let chosen = std::mem::replace(&mut self.keeps, outside);
        let all = self.own(&self.all());
        let least = if form == Form::Article {
            SHARES.least_of_article
        } else {
            SHARES.least_of_page
        };
        if kept * 100 >= all * least && kept > 0 {
            self.keeps = chosen;
        }
    }

    /// The page's heading often stands above its content.
    fn keep_title(&mut self, root: &Range<usize>, outside: &[bool]) {
        let is_title = |at: &usize| self.flat.blocks[*at].kind == BlockKind::Heading(1);
        if root.clone().any(|at| is_title(&at)) {
            return;
        }
        if let Some(at) = (0..root.start).rev().find(is_title) {
            self.keeps[at] = outside[at];
        }
    }

    fn choice(self, outside: &[bool]) -> Choice {
        let chars = |keeps: &[bool]| {
            self.flat
                .blocks
                .iter()
                .zip(keeps)
                .filter(|(_, keeps)| **keeps)
                .map(|(block, _)| block.ink.chars)
                .sum()
        };
        let kept = chars(&self.keeps);
        let own = self.flat.blocks.iter().enumerate();
        let own = own
            .filter(|(at, _)| outside.get(*at).copied().unwrap_or(true))
            .map(|(_, block)| block.ink.own())
            .sum();
        Choice {
            own,
            kept,
            visible: if outside.is_empty() {
                kept
            } else {
                chars(outside)
            },
            keeps: self.keeps,
        }
    }
}
