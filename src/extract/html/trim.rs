//! Takes out of the main content what publishers set between and around its paragraphs: links to
//! other pages, bylines, dates, credits, invitations.
//!
//! Such pieces sit inside the content, so only their form and a few customary phrases give them
//! away. Form comes first: a phrase alone condemns only short pieces that say nothing else.

use super::flatten::FlatBlock;
use crate::model::extracted::BlockKind;

/// A page with less text outside of links than this is left alone: it may be all links.
const MIN_TEXT: usize = 600;
/// A block as long as this is prose.
const PROSE_LEN: usize = 120;
/// Labels and credits are shorter.
const LABEL_LEN: usize = 80;
/// Invitations are shorter.
const INVITATION_LEN: usize = 250;

/// Labels that say nothing without what follows them, and never belong to a text.
const EMPTY_LABELS: &[&str] = &[
    "advert",
    "advertisement",
    "ad",
    "comments",
    "comment",
    "tags",
    "share",
    "share this",
    "related",
    "related news",
    "related articles",
    "related stories",
    "related posts",
    "related content",
    "related topics",
    "read more",
    "don't miss",
    "trending",
    "most read",
    "most popular",
    "you may also like",
    "you might also like",
    "recommended for you",
    "join the conversation",
    "tell us what you think",
    "leave a comment",
    "leave a reply",
    "about the author",
    "close",
    "caption",
    "print",
    "email",
    "copy link",
    "link copied",
    "back to top",
    "previous",
    "next",
    "skip to content",
];
/// Beginnings of labels over, or in front of, links to other pages.
const LINK_LABELS: &[&str] = &[
    "related",
    "read more",
    "read next",
    "read also",
    "also read",
    "see more",
    "more from",
    "more news",
    "more stories",
    "you may also",
    "you might also",
    "up next",
    "what to read",
    "click here",
    "on this page",
    "in this section",
    "filed under",
    "posted in",
    "share this",
    "follow us",
];
/// The same in newspapers; in a guide they could head a section.
const PRESS_LABELS: &[&str] = &[
    "also:",
    "also see",
    "more on",
    "more in",
    "don't miss",
    "recommended",
    "trending",
    "most read",
    "most popular",
    "popular",
    "latest",
    "editor's pick",
    "watch",
    "sponsored",
    "promoted",
    "topics",
    "tags",
    "share",
    "follow",
    "contents",
];
const CREDITS: &[&str] = &[
    "(image",
    "image:",
    "image credit",
    "image caption",
    "image source",
    "photo:",
    "photo by",
    "photos by",
    "photo credit",
    "photograph:",
    "picture:",
    "credit:",
    "(photo",
    "(credit",
    "(c)",
    "©",
];
const DATE_LABELS: &[&str] = &[
    "published",
    "updated",
    "posted",
    "last updated",
    "last modified",
    "| updated",
    "first published",
];
const INVITATIONS: &[&str] = &[
    "subscribe to our",
    "subscribe to the",
    "sign up for our",
    "sign up to our",
    "follow us on",
    "follow her on",
    "follow him on",
    "follow them on",
    "requires javascript",
    "enable javascript",
    "all rights reserved",
    "leave a comment",
    "affiliate link",
    "delivered to your inbox",
    "in your inbox",
    "our newsletter",
    "'s newsletter",
    "join the conversation",
    "we use cookies",
];

/// What templates print when a heading is missing.
const EMPTY_HEADINGS: &[&str] = &["none", "null", "undefined", "untitled"];

/// The blocks without what is not the text itself.
pub(super) fn trim(mut blocks: Vec<FlatBlock>, is_article: bool) -> Vec<FlatBlock> {
    blocks.retain(|block| !is_empty_heading(block));
    let text: usize = blocks
        .iter()
        .map(|block| block.text_len.saturating_sub(block.linked_len))
        .sum();
    if text < MIN_TEXT {
        return blocks;
    }
    let mut keeps = keeps(&blocks, is_article).into_iter();
    blocks.retain(|_| keeps.next().unwrap_or(true));
    blocks
}

fn keeps(blocks: &[FlatBlock], is_article: bool) -> Vec<bool> {
    let first_prose = blocks
        .iter()
        .position(|block| block.text_len >= PROSE_LEN)
        .unwrap_or(0);
    let mut keeps = vec![true; blocks.len()];
    let mut at = 0;
    while at < blocks.len() {
        let links = linked_run(&blocks[at + 1..]);
        let this = Piece::new(&blocks[at], is_article);
        if this.is_link_label() && links > 0 {
            keeps[at..=at + links].fill(false);
            at += links + 1;
            continue;
        }
        let stands_over_text = at < first_prose && this.is_byline();
        keeps[at] = !(this.is_noise() || stands_over_text);
        // A guide's list of links is its own; between a newspaper's paragraphs it is not.
        if is_article && this.ends_sentence() && is_link_list(&blocks[at + 1..=at + links]) {
            keeps[at + 1..=at + links].fill(false);
            at += links;
        }
        at += 1;
    }
    keeps
}

fn is_empty_heading(block: &FlatBlock) -> bool {
    let words = block.html.trim().to_lowercase();
    matches!(block.kind, BlockKind::Heading(_)) && EMPTY_HEADINGS.contains(&words.as_str())
}

/// How many of the next blocks are little but links.
fn linked_run(blocks: &[FlatBlock]) -> usize {
    blocks
        .iter()
        .take_while(|block| is_linked(block, 60))
        .count()
}

fn is_link_list(run: &[FlatBlock]) -> bool {
    run.len() > 1
        && run
            .iter()
            .all(|block| block.kind == BlockKind::ListItem && is_linked(block, 90))
}

fn is_linked(block: &FlatBlock, percent: usize) -> bool {
    let is_text = matches!(
        block.kind,
        BlockKind::Paragraph | BlockKind::ListItem | BlockKind::Heading(_)
    );
    is_text && block.text_len > 0 && block.linked_len * 100 >= block.text_len * percent
}

/// A block with its words made comparable.
struct Piece<'a> {
    block: &'a FlatBlock,
    is_article: bool,
    words: String,
}

impl<'a> Piece<'a> {
    fn new(block: &'a FlatBlock, is_article: bool) -> Self {
        let words = if block.text_len <= INVITATION_LEN {
            let text = block
                .html
                .trim()
                .trim_start_matches("- ")
                .replace('’', "'")
                .to_lowercase();
            text.split_whitespace().collect::<Vec<_>>().join(" ")
        } else {
            String::new()
        };
        Self {
            block,
            is_article,
            words,
        }
    }

    fn is_noise(&self) -> bool {
        if matches!(
            self.block.kind,
            BlockKind::TableRow | BlockKind::Preformatted
        ) || self.words.is_empty()
        {
            return false;
        }
        self.is_lone_link()
            || self.is_empty_label()
            || (self.is_link_label() && is_linked(self.block, 50))
            || self.is_credit()
            || self.is_date_line()
            || self.is_invitation()
    }

    /// A paragraph that is one link to somewhere else, and no sentence.
    fn is_lone_link(&self) -> bool {
        self.block.kind == BlockKind::Paragraph
            && is_linked(self.block, 90)
            && !self.ends_sentence()
    }

    fn is_empty_label(&self) -> bool {
        EMPTY_LABELS.contains(&self.words.trim_end_matches(['.', ':', '…', '!', '?', ' ']))
    }

    fn is_link_label(&self) -> bool {
        let is_short = !self.words.is_empty()
            && (self.block.text_len <= LABEL_LEN || is_linked(self.block, 50));
        is_short
            && (begins_with_any(&self.words, LINK_LABELS)
                || (self.is_article && begins_with_any(&self.words, PRESS_LABELS)))
    }

    fn is_credit(&self) -> bool {
        self.block.text_len <= 2 * LABEL_LEN && begins_with_any(&self.words, CREDITS)
    }

    fn is_date_line(&self) -> bool {
        self.block.text_len <= LABEL_LEN
            && begins_with_any(&self.words, DATE_LABELS)
            && has_date(&self.words)
    }

    /// Above the text: who wrote it and when.
    fn is_byline(&self) -> bool {
        let is_label = self.block.kind == BlockKind::Paragraph
            && !self.words.is_empty()
            && self.block.text_len <= LABEL_LEN
            && !self.ends_sentence();
        is_label && (has_date(&self.words) || self.words.starts_with("by "))
    }

    fn is_invitation(&self) -> bool {
        INVITATIONS.iter().any(|phrase| self.words.contains(phrase))
    }

    fn ends_sentence(&self) -> bool {
        let text = self
            .block
            .html
            .trim_end()
            .trim_end_matches(['"', '”', '’', ')', '\'']);
        text.ends_with(['.', '!', '?', '。'])
    }
}

/// Whether the text begins with a phrase and the phrase ends where a word ends.
fn begins_with_any(text: &str, phrases: &[&str]) -> bool {
    phrases.iter().any(|phrase| {
        text.strip_prefix(phrase).is_some_and(|rest| {
            !rest.starts_with(char::is_alphanumeric)
                || phrase.ends_with(|c: char| !c.is_alphanumeric())
        })
    })
}

/// A year of these centuries or a time of day.
fn has_date(words: &str) -> bool {
    words
        .split(|c: char| !c.is_ascii_digit() && c != ':')
        .any(|number| {
            let is_year =
                number.len() == 4 && (number.starts_with("19") || number.starts_with("20"));
            let is_time = number.split_once(':').is_some_and(|(hours, minutes)| {
                (1..=2).contains(&hours.len()) && minutes.len() == 2 && !minutes.contains(':')
            });
            is_year || is_time
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROSE: &str = "A heat pump takes heat from the air outside and brings it into the home, and it does \
                         so even when it is cold, which surprises many people who have never seen one at work.";

    fn block(kind: BlockKind, html: &str, linked: bool) -> FlatBlock {
        let text_len = html.len();
        FlatBlock {
            kind,
            html: html.to_owned(),
            text_len,
            linked_len: if linked { text_len } else { 0 },
        }
    }

    fn trimmed(pieces: &[(BlockKind, &str, bool)], is_article: bool) -> Vec<String> {
        let blocks = pieces
            .iter()
            .map(|(kind, html, linked)| block(*kind, html, *linked));
        let long = (0..4).map(|_| block(BlockKind::Paragraph, PROSE, false));
        let kept = trim(blocks.chain(long).collect(), is_article);
        kept.into_iter()
            .map(|block| block.html)
            .filter(|html| html != PROSE)
            .collect()
    }

    #[test]
    fn bylines_dates_and_credits_go() {
        let kept = trimmed(
            &[
                (BlockKind::Paragraph, "By Ann Lee", false),
                (BlockKind::Paragraph, "3 May 2024, 10:48", false),
                (BlockKind::Paragraph, "Photo: Somebody, AP", false),
                (BlockKind::Paragraph, "Built before 1990.", false),
            ],
            true,
        );
        assert_eq!(kept, ["Built before 1990."]);
    }

    #[test]
    fn links_to_other_pages_go_and_lists_with_their_own_label_stay() {
        let pieces = [
            (BlockKind::Paragraph, "Read more: ten ways to save", true),
            (BlockKind::Heading(3), "You may also like", false),
            (BlockKind::ListItem, "- One", true),
            (BlockKind::ListItem, "- Two", true),
            (BlockKind::Paragraph, "More information", false),
            (BlockKind::ListItem, "- Three", true),
            (BlockKind::ListItem, "- Four", true),
            (BlockKind::Paragraph, "A sentence.", false),
            (BlockKind::ListItem, "- Five", true),
            (BlockKind::ListItem, "- Six", true),
        ];
        assert_eq!(
            trimmed(&pieces, true),
            ["More information", "- Three", "- Four", "A sentence."]
        );
        let in_guide = [
            "More information",
            "- Three",
            "- Four",
            "A sentence.",
            "- Five",
            "- Six",
        ];
        assert_eq!(trimmed(&pieces, false), in_guide);
    }

    #[test]
    fn headings_that_only_begin_alike_stay() {
        let kept = trimmed(
            &[
                (BlockKind::Heading(2), "Popular kinds of insulation", false),
                (BlockKind::Heading(2), "Gas boilers", true),
                (BlockKind::TableRow, "Updated 2020 | Photo: none", false),
            ],
            false,
        );
        assert_eq!(kept.len(), 3);
    }

    #[test]
    fn pages_of_links_are_left_alone() {
        let blocks = vec![block(BlockKind::Paragraph, "Read more", true); 3];
        assert_eq!(trim(blocks.clone(), true), blocks);
    }
}
