//! Rich Text Format (specification 1.9.1): words, paragraphs, tables, lists.
//!
//! Read here because the crates at hand drop tables, notes and code pages. One pass over the bytes;
//! groups nest on a stack of our own.

use encoding_rs::{Encoding, WINDOWS_1252};

use super::ExtractError;
use super::builder::{TextBuilder, clean_line, has_words, join_cells};
use super::limits::Limits;
use crate::model::extracted::{BlockKind, Extracted};

/// Programs nest a few dozen groups.
const MAX_DEPTH: usize = 1_000;
/// Destinations that hold no text of the document.
const DROPPED: [&str; 18] = [
    "fonttbl",
    "colortbl",
    "stylesheet",
    "listtable",
    "listoverridetable",
    "pict",
    "object",
    "fldinst",
    "themedata",
    "datastore",
    "generator",
    "xmlnstbl",
    "rsidtbl",
    "latentstyles",
    "filetbl",
    "revtbl",
    "bkmkstart",
    "bkmkend",
];
/// Control words that stand for characters.
const CHARACTERS: [(&str, &str); 12] = [
    ("tab", " "),
    ("line", " "),
    ("emdash", "—"),
    ("endash", "–"),
    ("bullet", "•"),
    ("lquote", "‘"),
    ("rquote", "’"),
    ("ldblquote", "“"),
    ("rdblquote", "”"),
    ("emspace", " "),
    ("enspace", " "),
    ("qmspace", " "),
];

pub(super) fn extract(bytes: &[u8], limits: &Limits) -> Result<Extracted, ExtractError> {
    if !bytes.starts_with(b"{\\rtf") {
        return Err(ExtractError::malformed(
            "rtf",
            "it does not begin with {\\rtf",
        ));
    }
    let mut reader = Reader::new(limits);
    reader.read(bytes)?;
    reader.end_paragraph();
    reader.end_row();
    if reader.builder.is_empty() {
        return Err(ExtractError::NoText("the document has no words".to_owned()));
    }
    let mut extracted = reader.builder.finish();
    extracted.title = Some(clean_line(&reader.title)).filter(|title| !title.is_empty());
    Ok(extracted)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Destination {
    Body,
    Dropped,
    /// The document's title among its properties.
    Title,
    /// The marker of a list item, as readers without lists show it.
    Marker,
}

/// What a group inherits from the group around it.
#[derive(Clone, Copy)]
struct Group {
    destination: Destination,
    /// Bytes that stand in for one `\u` character.
    stand_ins: usize,
    is_hidden: bool,
    is_struck: bool,
}

struct Reader {
    builder: TextBuilder,
    groups: Vec<Group>,
    group: Group,
    encoding: &'static Encoding,
    /// Bytes of the document's code page that wait to be decoded.
    raw: Vec<u8>,
    text: String,
    marker: String,
    title: String,
    heading: Option<u8>,
    in_table: bool,
    cells: Vec<String>,
    cell: String,
    /// Stand-ins that are still to be passed over.
    to_skip: usize,
    /// The first half of a character beyond 16 bits.
    surrogate: Option<u16>,
}

impl Reader {
    fn new(limits: &Limits) -> Self {
        Self {
            builder: TextBuilder::new(limits.max_text_bytes),
            groups: Vec::new(),
            group: Group {
                destination: Destination::Body,
                stand_ins: 1,
                is_hidden: false,
                is_struck: false,
            },
            encoding: WINDOWS_1252,
            raw: Vec::new(),
            text: String::new(),
            marker: String::new(),
            title: String::new(),
            heading: None,
            in_table: false,
            cells: Vec::new(),
            cell: String::new(),
            to_skip: 0,
            surrogate: None,
        }
    }

    fn read(&mut self, bytes: &[u8]) -> Result<(), ExtractError> {
        let mut at = 0;
        while let Some(byte) = bytes.get(at) {
            at += 1;
            match byte {
                b'{' => {
                    self.decode();
                    if self.groups.len() >= MAX_DEPTH {
                        let reason = format!("more than {MAX_DEPTH} nested groups");
                        return Err(ExtractError::OverLimit(reason));
                    }
                    self.groups.push(self.group);
                    self.to_skip = 0;
                }
                b'}' => {
                    self.decode();
                    self.strike(false);
                    if let Some(group) = self.groups.pop() {
                        self.group = group;
                    }
                    self.to_skip = 0;
                }
                b'\\' => at = self.control(bytes, at),
                b'\r' | b'\n' => {}
                byte => self.byte(*byte),
            }
            if self.builder.is_full() {
                break;
            }
        }
        self.decode();
        Ok(())
    }

    /// A control word or symbol; returns where the text goes on.
    fn control(&mut self, bytes: &[u8], at: usize) -> usize {
        let Some(first) = bytes.get(at) else {
            return at;
        };
        if !first.is_ascii_alphabetic() {
            return self.symbol(*first, bytes, at + 1);
        }
        let letters = bytes[at..]
            .iter()
            .take(32)
            .take_while(|b| b.is_ascii_alphabetic())
            .count();
        let word = std::str::from_utf8(&bytes[at..at + letters]).unwrap_or_default();
        let mut end = at + letters;
        let sign = usize::from(bytes.get(end) == Some(&b'-'));
        let digits = bytes[end + sign..]
            .iter()
            .take(10)
            .take_while(|b| b.is_ascii_digit())
            .count();
        let number = (digits > 0).then(|| {
            let text = std::str::from_utf8(&bytes[end..end + sign + digits]).unwrap_or_default();
            text.parse::<i64>().unwrap_or(0)
        });
        end += if digits > 0 { sign + digits } else { 0 };
        end += usize::from(bytes.get(end) == Some(&b' '));
        if word == "bin" {
            return end.saturating_add(usize::try_from(number.unwrap_or(0)).unwrap_or(0));
        }
        self.word(word, number);
        end
    }

    fn symbol(&mut self, symbol: u8, bytes: &[u8], at: usize) -> usize {
        match symbol {
            b'\'' => {
                let digits = bytes
                    .get(at..at + 2)
                    .and_then(|digits| std::str::from_utf8(digits).ok());
                if let Some(byte) = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
                    self.byte(byte);
                }
                return at + 2;
            }
            // A destination that a reader may not know.
            b'*' => {
                self.decode();
                self.group.destination = Destination::Dropped;
            }
            b'~' => self.byte(b' '),
            b'_' => self.byte(b'-'),
            b'\\' | b'{' | b'}' => self.byte(symbol),
            b'\r' | b'\n' => self.word("par", None),
            _ => {}
        }
        at
    }

    fn word(&mut self, word: &str, number: Option<i64>) {
        self.decode();
        if DROPPED.contains(&word) {
            self.group.destination = Destination::Dropped;
            return;
        }
        let is_on = number != Some(0);
        match word {
            "ansicpg" => {
                let label = format!("windows-{}", number.unwrap_or(1252));
                self.encoding = Encoding::for_label(label.as_bytes()).unwrap_or(WINDOWS_1252);
            }
            "info" => self.group.destination = Destination::Dropped,
            "title" if self.group.destination == Destination::Dropped => {
                self.group.destination = Destination::Title;
            }
            "listtext" | "pntext" => self.group.destination = Destination::Marker,
            "uc" => self.group.stand_ins = usize::try_from(number.unwrap_or(1)).unwrap_or(1).min(8),
            "u" => self.unicode(number.unwrap_or(0)),
            "v" | "deleted" => self.group.is_hidden = is_on,
            "strike" | "striked" => self.strike(is_on),
            "plain" => self.strike(false),
            "outlinelevel" => {
                let level = number.and_then(|level| u8::try_from(level).ok());
                self.heading = level.filter(|level| *level < 9).map(|level| level + 1);
            }
            "pard" => {
                self.heading = None;
                self.in_table = false;
            }
            "intbl" => self.in_table = true,
            "par" | "sect" | "page" => self.end_paragraph(),
            "cell" | "nestcell" => self.end_cell(),
            "row" | "nestrow" => self.end_row(),
            word => {
                if let Some((_, text)) = CHARACTERS.iter().find(|(name, _)| *name == word) {
                    self.push(text);
                }
            }
        }
    }

    fn strike(&mut self, is_on: bool) {
        let before = self.groups.last().is_some_and(|group| group.is_struck);
        // The end of a group gives back what held before it.
        let is_on = is_on || (before && self.group.is_struck);
        if is_on != self.group.is_struck && self.group.destination == Destination::Body {
            self.group.is_struck = is_on;
            self.push("~~");
        }
    }

    fn unicode(&mut self, number: i64) {
        // Numbers above 32,767 are written as negative ones.
        let unit = u16::try_from(number.rem_euclid(65_536)).unwrap_or(0);
        let units: Vec<u16> = self.surrogate.take().into_iter().chain([unit]).collect();
        match char::decode_utf16(units.iter().copied()).next() {
            Some(Ok(letter)) => self.push(&letter.to_string()),
            _ => self.surrogate = Some(unit).filter(|_| units.len() == 1),
        }
        self.to_skip = self.group.stand_ins;
    }

    fn byte(&mut self, byte: u8) {
        if self.to_skip > 0 {
            self.to_skip -= 1;
        } else {
            self.raw.push(byte);
        }
    }

    fn decode(&mut self) {
        if !self.raw.is_empty() {
            let raw = std::mem::take(&mut self.raw);
            let (text, _) = self.encoding.decode_without_bom_handling(&raw);
            self.push(&text);
        }
    }

    fn push(&mut self, text: &str) {
        if self.group.is_hidden {
            return;
        }
        match self.group.destination {
            Destination::Body => self.text.push_str(text),
            Destination::Marker => self.marker.push_str(text),
            Destination::Title => self.title.push_str(text),
            Destination::Dropped => {}
        }
    }

    fn end_paragraph(&mut self) {
        if self.in_table {
            self.text.push(' ');
            return;
        }
        self.end_row();
        let text = std::mem::take(&mut self.text).replace("~~~~", "");
        let marker = clean_line(&std::mem::take(&mut self.marker));
        if !has_words(&text) {
            return;
        }
        if let Some(level) = self.heading {
            self.builder
                .push(BlockKind::Heading(level), &format!("{marker} {text}"), None);
        } else if marker.is_empty() {
            self.builder.push(BlockKind::Paragraph, &text, None);
        } else {
            let marker = if has_words(&marker) {
                marker.as_str()
            } else {
                "-"
            };
            self.builder
                .push(BlockKind::ListItem, &format!("{marker} {text}"), None);
        }
    }

    fn end_cell(&mut self) {
        let marker = std::mem::take(&mut self.marker);
        self.cell = format!("{marker}{}", std::mem::take(&mut self.text));
        self.cells.push(clean_line(&self.cell));
    }

    fn end_row(&mut self) {
        let cells = std::mem::take(&mut self.cells);
        if let Some(line) = join_cells(&cells) {
            self.builder.push(BlockKind::TableRow, &line, None);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> String {
        let file = format!("{{\\rtf1\\ansi\\ansicpg1252{{\\fonttbl{{\\f0 Arial;}}}}{body}}}");
        extract(file.as_bytes(), &Limits::default()).unwrap().text
    }

    #[test]
    fn words_of_every_spelling_are_read() {
        assert_eq!(
            read(
                "\\pard Caf\\'e9 \\u8364?12 \\{x\\}\\~y\\par{\\*\\nobody z}Next \\b bold\\b0  one."
            ),
            "Café €12 {x} y\n\nNext bold one."
        );
        assert_eq!(
            read("{\\field{\\*\\fldinst HYPERLINK \"x\"}{\\fldrslt the form}}"),
            "the form"
        );
        assert_eq!(read("\\u-10179?\\u-8704? on"), "😀 on");
        assert_eq!(read("Was {\\strike 60} 48"), "Was ~~60~~ 48");
    }

    #[test]
    fn tables_lists_and_headings_keep_their_form() {
        let table = "\\pard\\outlinelevel0 Prices\\par\\trowd\\pard\\intbl Model\\cell Price\\cell\\row\\trowd\\pard\\intbl B-20\\cell 410\\cell\\row\\pard{\\listtext\\'b7\\tab}One\\par{\\listtext 2.\\tab}Two\\par";
        assert_eq!(
            read(table),
            "Prices\n\nModel | Price\nB-20 | 410\n\n- One\n2. Two"
        );
    }

    #[test]
    fn hostile_files_end() {
        let deep = format!("{{\\rtf1 {}", "{".repeat(100_000));
        assert!(matches!(
            extract(deep.as_bytes(), &Limits::default()),
            Err(ExtractError::OverLimit(_))
        ));
        for body in [
            "{\\rtf1 a\\bin9999999999 ",
            "{\\rtf1 a\\u",
            "{\\rtf1 a\\'",
            "{\\rtf1 a\\",
            "{\\rtf1 a}}}}",
        ] {
            assert!(
                extract(body.as_bytes(), &Limits::default()).is_ok(),
                "{body}"
            );
        }
        assert!(
            extract(b"{\\rtg", &Limits::default())
                .unwrap_err()
                .to_string()
                .contains("rtf")
        );
    }
}
