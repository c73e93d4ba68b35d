//! The one place that assembles [`Extracted`] text and its blocks.
//!
//! Extractors hand over pieces in reading order; this module cleans each piece (spaces, control
//! characters, Unicode form C), joins the pieces and keeps the positions. So the promises of
//! [`Extracted`] hold however odd the file was. It knows nothing about file formats.

use unicode_normalization::{UnicodeNormalization, is_nfc};

use crate::model::extracted::{Block, BlockKind, Extracted, Location, Warning};

/// The largest text that is kept of one file, unless a caller says otherwise.
pub(super) const DEFAULT_MAX_TEXT_BYTES: usize = 8 * 1024 * 1024;

/// How far a tab stop reaches in preformatted text.
const TAB: &str = "    ";

/// Collects blocks in reading order.
#[derive(Debug)]
pub(super) struct TextBuilder {
    text: String,
    blocks: Vec<Block>,
    max_text_bytes: usize,
    is_full: bool,
    /// Where the next blocks stand in the file.
    location: Option<String>,
    locations: Vec<Location>,
}

impl TextBuilder {
    /// A builder that keeps at most `max_text_bytes` of text.
    pub(super) fn new(max_text_bytes: usize) -> Self {
        Self {
            text: String::new(),
            blocks: Vec::new(),
            max_text_bytes,
            is_full: false,
            location: None,
            locations: Vec::new(),
        }
    }

    /// Adds one block.
    ///
    /// `raw` may hold any characters; list markers and cell separators are part of it. A block
    /// with nothing visible in it is left out. Text beyond the limit is cut, at a word's end where
    /// there is one, and everything after it is left out.
    pub(super) fn push(&mut self, kind: BlockKind, raw: &str, page: Option<u32>) {
        if self.is_full {
            return;
        }
        let kind = clamp_heading(kind);
        let clean = clean(kind, raw);
        if clean.is_empty() {
            return;
        }
        let separator = self.separator_before(kind);
        let room = self
            .max_text_bytes
            .saturating_sub(self.text.len() + separator.len());
        let kept = if clean.len() > room {
            self.is_full = true;
            cut(&clean, room)
        } else {
            clean.as_str()
        };
        if kept.is_empty() {
            return;
        }
        self.text.push_str(separator);
        let start = self.text.len();
        self.text.push_str(kept);
        self.blocks.push(Block {
            kind,
            range: start..self.text.len(),
            page,
        });
        self.locate(start);
    }

    /// Says where the next blocks stand in the file; `None` for files that have no such places.
    pub(super) fn at(&mut self, location: Option<String>) {
        self.location = location;
    }

    fn locate(&mut self, start: usize) {
        let Some(name) = &self.location else {
            return;
        };
        let end = self.text.len();
        match self.locations.last_mut() {
            Some(last) if last.name == *name => last.range.end = end,
            _ => self.locations.push(Location {
                range: start..end,
                name: name.clone(),
            }),
        }
    }

    /// Adds what another reader made of a part of the file, with its warnings. Locations of the
    /// part are kept where this builder has none of its own.
    pub(super) fn append(&mut self, part: &Extracted) -> Vec<Warning> {
        let own = self.location.clone();
        for block in &part.blocks {
            if own.is_none() {
                let place = Location::find(&part.locations, block.range.start);
                self.location = place.map(str::to_owned);
            }
            self.push(block.kind, &part.text[block.range.clone()], block.page);
        }
        self.location = own;
        part.warnings.clone()
    }

    /// Whether the limit was reached, so that more pushes would be lost.
    pub(super) fn is_full(&self) -> bool {
        self.is_full
    }

    /// Whether no block was kept so far.
    pub(super) fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    /// The text and blocks, with a warning if text was cut; the other fields are left to the
    /// extractor.
    pub(super) fn finish(self) -> Extracted {
        let warnings = if self.is_full {
            vec![Warning::Truncated(format!(
                "{} bytes of text",
                self.max_text_bytes
            ))]
        } else {
            Vec::new()
        };
        Extracted {
            text: self.text,
            blocks: self.blocks,
            locations: self.locations,
            warnings,
            ..Extracted::default()
        }
    }

    fn separator_before(&self, kind: BlockKind) -> &'static str {
        match (self.blocks.last().map(|block| block.kind), kind) {
            (None, _) => "",
            (Some(BlockKind::ListItem), BlockKind::ListItem)
            | (Some(BlockKind::TableRow), BlockKind::TableRow) => "\n",
            (Some(_), _) => "\n\n",
        }
    }
}

impl Default for TextBuilder {
    fn default() -> Self {
        Self::new(DEFAULT_MAX_TEXT_BYTES)
    }
}

/// The text of one line: single spaces, form C, nothing invisible. Also right for titles.
pub(super) fn clean_line(raw: &str) -> String {
    let mut line = String::with_capacity(raw.len());
    let mut wants_space = false;
    for c in visible_chars(raw) {
        if c.is_whitespace() {
            wants_space = !line.is_empty();
        } else {
            if wants_space {
                line.push(' ');
                wants_space = false;
            }
            line.push(c);
        }
    }
    to_form_c(line)
}

/// A table row's cells as one line, or `None` when no cell has text.
pub(super) fn join_cells<S: AsRef<str>>(cells: &[S]) -> Option<String> {
    let last = cells
        .iter()
        .rposition(|cell| !cell.as_ref().trim().is_empty())?;
    let cells: Vec<&str> = cells[..=last]
        .iter()
        .map(|cell| cell.as_ref().trim())
        .collect();
    Some(cells.join(" | "))
}

/// Whether there is a letter, a digit or a symbol that could mean something alone; bullets,
/// rules, arrows and permalink signs do not.
pub(super) fn has_words(text: &str) -> bool {
    text.chars()
        .any(|c| c.is_alphanumeric() || is_pictograph(c))
}

fn is_pictograph(c: char) -> bool {
    matches!(c, '\u{1F300}'..='\u{1FAFF}' | '\u{2600}'..='\u{26FF}')
}

fn clamp_heading(kind: BlockKind) -> BlockKind {
    match kind {
        BlockKind::Heading(level) => BlockKind::Heading(level.clamp(1, 6)),
        BlockKind::Paragraph
        | BlockKind::ListItem
        | BlockKind::TableRow
        | BlockKind::Preformatted => kind,
    }
}

fn clean(kind: BlockKind, raw: &str) -> String {
    match kind {
        BlockKind::Preformatted => clean_preformatted(raw),
        BlockKind::Heading(_)
        | BlockKind::Paragraph
        | BlockKind::ListItem
        | BlockKind::TableRow => clean_line(raw),
    }
}

/// Keeps line breaks and indentation; drops blank lines at both ends and all but one between.
fn clean_preformatted(raw: &str) -> String {
    let unified = raw
        .replace("\r\n", "\n")
        .replace(['\r', '\u{2028}', '\u{2029}'], "\n");
    let mut text = String::with_capacity(unified.len());
    let mut has_gap = false;
    for line in unified.split('\n') {
        let line = clean_preformatted_line(line);
        if line.is_empty() {
            has_gap = !text.is_empty();
            continue;
        }
        if !text.is_empty() {
            text.push_str(if has_gap { "\n\n" } else { "\n" });
        }
        has_gap = false;
        text.push_str(&line);
    }
    to_form_c(text)
}

fn clean_preformatted_line(raw: &str) -> String {
    let mut line = String::with_capacity(raw.len());
    for c in visible_chars(raw) {
        if c == '\t' {
            line.push_str(TAB);
        } else if c.is_whitespace() {
            line.push(' ');
        } else {
            line.push(c);
        }
    }
    line.truncate(line.trim_end().len());
    line
}

/// The characters worth keeping. Joiners stay between non-ASCII characters, where they carry
/// meaning (Persian, Indic scripts, emoji), and go elsewhere.
fn visible_chars(raw: &str) -> impl Iterator<Item = char> {
    let mut previous = ' ';
    let mut rest = raw.chars().peekable();
    std::iter::from_fn(move || {
        loop {
            let c = rest.next()?;
            let keeps = if matches!(c, '\u{200C}' | '\u{200D}') {
                is_joinable(previous) && rest.peek().copied().is_some_and(is_joinable)
            } else {
                !is_invisible(c)
            };
            if keeps {
                previous = c;
                return Some(c);
            }
        }
    })
}

fn is_joinable(c: char) -> bool {
    !c.is_ascii() && !c.is_whitespace() && !is_invisible(c) && !matches!(c, '\u{200C}' | '\u{200D}')
}

/// Control characters that are not white space, zero-width and direction marks, soft hyphens,
/// annotation and tag characters, private use (icon fonts) and noncharacters.
fn is_invisible(c: char) -> bool {
    match c {
        '\u{AD}'
        | '\u{34F}'
        | '\u{61C}'
        | '\u{115F}'
        | '\u{1160}'
        | '\u{17B4}'
        | '\u{17B5}'
        | '\u{180E}'
        | '\u{200B}'
        | '\u{200E}'
        | '\u{200F}'
        | '\u{202A}'..='\u{202E}'
        | '\u{2060}'..='\u{206F}'
        | '\u{3164}'
        | '\u{FEFF}'
        | '\u{FFA0}'
        | '\u{FFF0}'..='\u{FFFC}'
        | '\u{E000}'..='\u{F8FF}'
        | '\u{FDD0}'..='\u{FDEF}'
        | '\u{E0000}'..='\u{E0FFF}'
        | '\u{F0000}'.. => true,
        _ => (c.is_control() && !c.is_whitespace()) || (u32::from(c) & 0xFFFE) == 0xFFFE,
    }
}

fn to_form_c(text: String) -> String {
    if is_nfc(&text) {
        text
    } else {
        text.nfc().collect()
    }
}

/// At most `room` bytes, without a broken character and preferably without a broken word.
fn cut(text: &str, room: usize) -> &str {
    let head = &text[..text.floor_char_boundary(room)];
    match head.rfind(char::is_whitespace) {
        Some(space) if space > head.len() / 2 => head[..space].trim_end(),
        Some(_) | None => head.trim_end(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn built(pieces: &[(BlockKind, &str)]) -> Extracted {
        let mut builder = TextBuilder::default();
        for (kind, raw) in pieces {
            builder.push(*kind, raw, None);
        }
        builder.finish()
    }

    #[test]
    fn blocks_are_separated_by_their_kinds() {
        let extracted = built(&[
            (BlockKind::Heading(9), " A\ttitle "),
            (BlockKind::ListItem, "- one"),
            (BlockKind::ListItem, "- two"),
            (BlockKind::TableRow, "a | b"),
            (BlockKind::TableRow, "c | d"),
            (BlockKind::Paragraph, "line\n  break"),
            (BlockKind::Paragraph, " \u{200B} "),
            (BlockKind::Preformatted, "\n\nx:\r\n\ty  \n\n\n\nz\n"),
        ]);
        assert_eq!(
            extracted.text,
            "A title\n\n- one\n- two\n\na | b\nc | d\n\nline break\n\nx:\n    y\n\nz"
        );
        assert_eq!(extracted.blocks.len(), 7);
        assert_eq!(extracted.blocks[0].kind, BlockKind::Heading(6));
    }

    #[test]
    fn invisible_characters_go_and_meaningful_joiners_stay() {
        assert_eq!(
            clean_line("so\u{AD}lar\u{200B} \u{FEFF}pa\u{0}nel\u{200D}s\u{E001}"),
            "solar panels"
        );
        assert_eq!(clean_line("می\u{200C}خواهم"), "می\u{200C}خواهم");
        assert_eq!(clean_line("e\u{301}\u{A0}\u{2003}x"), "é x");
    }

    #[test]
    fn text_is_cut_at_the_limit_with_a_warning() {
        let mut builder = TextBuilder::new(12);
        builder.push(BlockKind::Paragraph, "warm homes for all", Some(3));
        builder.push(BlockKind::Paragraph, "lost", Some(4));
        assert!(builder.is_full());
        let extracted = builder.finish();
        assert_eq!(extracted.text, "warm homes");
        assert_eq!(extracted.blocks[0].page, Some(3));
        assert_eq!(
            extracted.warnings,
            [Warning::Truncated("12 bytes of text".into())]
        );
    }

    #[test]
    fn cells_are_joined_without_an_empty_tail() {
        assert_eq!(
            join_cells(&["a", "", "c", " "]).as_deref(),
            Some("a |  | c")
        );
        assert_eq!(join_cells(&["", " "]), None);
    }

    #[test]
    fn marks_alone_are_not_words() {
        assert!(!has_words("• ¶ # → *"));
        assert!(has_words("é") && has_words("7") && has_words("☀"));
    }

    fn any_kind() -> impl Strategy<Value = BlockKind> {
        prop_oneof![
            (0u8..9).prop_map(BlockKind::Heading),
            Just(BlockKind::Paragraph),
            Just(BlockKind::ListItem),
            Just(BlockKind::TableRow),
            Just(BlockKind::Preformatted),
        ]
    }

    fn any_text() -> impl Strategy<Value = String> {
        prop_oneof![
            any::<String>(),
            "[ \\n\\t\u{A0}\u{200B}\u{200D}e\u{301}a-z\u{E000}한]{0,40}",
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn the_contract_holds_for_any_input(
            pieces in proptest::collection::vec((any_kind(), any_text()), 0..12),
            limit in 0usize..200,
        ) {
            let mut builder = TextBuilder::new(limit);
            for (kind, raw) in &pieces {
                builder.push(*kind, raw, Some(1));
            }
            let extracted = builder.finish();
            prop_assert!(extracted.text.len() <= limit);
            let mut end = 0;
            for block in &extracted.blocks {
                prop_assert!(block.range.start >= end && block.range.start < block.range.end);
                prop_assert!(extracted.text[end..block.range.start].trim().is_empty());
                let inside = &extracted.text[block.range.clone()];
                prop_assert_eq!(inside.trim_end(), inside);
                prop_assert!(!inside.contains(|c: char| c.is_control() && c != '\n'));
                if block.kind != BlockKind::Preformatted {
                    prop_assert!(!inside.contains('\n') && !inside.contains("  "));
                    prop_assert_eq!(inside.trim(), inside);
                }
                end = block.range.end;
            }
            prop_assert!(extracted.text[end..].is_empty());
            prop_assert!(is_nfc(&extracted.text));
        }

        #[test]
        fn cleaning_twice_changes_nothing(raw in any_text()) {
            let once = clean_line(&raw);
            prop_assert_eq!(clean_line(&once), once);
        }
    }
}
