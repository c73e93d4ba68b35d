//! `reStructuredText` (docutils), with the directives of Sphinx.

use std::collections::HashMap;

use super::super::ExtractError;
use super::super::limits::Limits;
use super::{Page, dedented, indent, linked, list_item, without_marks};
use crate::model::Extracted;

/// Directives inside directives, and no deeper.
const MAX_DEPTH: usize = 12;
/// Directives whose content is shown as it is written.
const VERBATIM: [&str; 6] = [
    "code",
    "code-block",
    "sourcecode",
    "parsed-literal",
    "math",
    "prompt",
];
/// Directives that a reader sees nothing of.
const UNSEEN: [&str; 12] = [
    "toctree",
    "contents",
    "include",
    "raw",
    "highlight",
    "index",
    "meta",
    "literalinclude",
    "default-role",
    "role",
    "currentmodule",
    "autosummary",
];

/// Reads a file.
pub(in crate::extract) fn extract(
    bytes: &[u8],
    charset: Option<&str>,
    limits: &Limits,
) -> Result<Extracted, ExtractError> {
    let (text, page) = Page::begin(bytes, charset, limits)?;
    let lines: Vec<&str> = text.lines().collect();
    let mut reader = Reader {
        page,
        targets: targets(&lines),
        adornments: Vec::new(),
    };
    reader.read(&lines, 0);
    reader.page.finish()
}

/// `.. _form: https://…`: names of addresses that the text refers to.
fn targets(lines: &[&str]) -> HashMap<String, String> {
    let named = lines.iter().filter_map(|line| {
        let (name, address) = line.trim().strip_prefix(".. _")?.split_once(": ")?;
        let name = name.trim_matches('`').to_lowercase();
        Some((name, address.trim().to_owned()))
    });
    named.collect()
}

struct Reader {
    page: Page,
    targets: HashMap<String, String>,
    /// Adornments of titles in the order in which they appeared: the first is the highest level.
    adornments: Vec<(u8, bool)>,
}

impl Reader {
    fn read(&mut self, lines: &[&str], depth: usize) {
        let mut at = 0;
        while let Some(line) = lines.get(at) {
            let rest = &lines[at..];
            if line.trim().is_empty() {
                self.page.end();
                at += 1;
            } else if let Some((taken, title, adornment)) = title(rest) {
                let level = self.level(adornment);
                let title = self.inline(title);
                self.page.heading(level, &title);
                at += taken;
            } else if line.trim_start().starts_with("..") && is_explicit(line) {
                at += self.explicit(rest, depth);
            } else if line.starts_with('+') && line.ends_with('+') && line.contains("--") {
                at += self.grid(rest);
            } else if let Some(taken) = self.simple_table(rest) {
                at += taken;
            } else {
                at += self.text(rest);
            }
            if self.page.builder.is_full() {
                return;
            }
        }
        self.page.end();
    }

    fn level(&mut self, adornment: (u8, bool)) -> u8 {
        let known = self.adornments.iter().position(|known| *known == adornment);
        let place = known.unwrap_or_else(|| {
            self.adornments.push(adornment);
            self.adornments.len() - 1
        });
        u8::try_from(place + 1).unwrap_or(6)
    }

    /// A directive, a comment or a target with its indented content; returns how many lines it has.
    fn explicit(&mut self, lines: &[&str], depth: usize) -> usize {
        self.page.end();
        let taken = 1 + indented(&lines[1..], indent(lines[0]));
        let body = &lines[1..taken];
        let line = lines[0].trim_start().trim_start_matches("..").trim();
        // `.. |name| image:: …` names a picture.
        let directive = line
            .split_once("::")
            .filter(|(name, _)| !name.contains([' ', '`']) && !name.is_empty());
        let Some((name, argument)) = directive else {
            if let Some((_, note)) = line.split_once("] ").filter(|_| line.starts_with('[')) {
                self.page.line(note);
                self.read(&dedented(body), depth + 1);
            }
            return taken;
        };
        let options = body
            .iter()
            .take_while(|line| line.trim_start().starts_with(':'))
            .count();
        let (options, content) = body.split_at(options);
        if UNSEEN.contains(&name) || depth >= MAX_DEPTH {
            return taken;
        }
        match name {
            "image" | "figure" => {
                let alt = options
                    .iter()
                    .find_map(|line| line.trim().strip_prefix(":alt:"));
                self.page.line(alt.unwrap_or_default());
                self.page.end();
            }
            "csv-table" => {
                let header = options
                    .iter()
                    .find_map(|line| line.trim().strip_prefix(":header:"));
                for line in header.into_iter().chain(dedented(content)) {
                    let cells = line.split(',').map(|cell| cell.trim().trim_matches('"'));
                    self.page.row(&cells.collect::<Vec<_>>());
                }
                return taken;
            }
            "list-table" => {
                self.list_table(&dedented(content));
                return taken;
            }
            name if VERBATIM.contains(&name) => {
                self.page.code(content);
                return taken;
            }
            name => {
                let argument = self.inline(argument.trim());
                let mut letters = name.chars();
                let first = letters.next().into_iter().flat_map(char::to_uppercase);
                let name: String = first.chain(letters).collect();
                self.page.line(&format!("{name}: {argument}"));
                let goes_on = content.first().is_some_and(|line| !line.trim().is_empty());
                if !goes_on && !argument.is_empty() {
                    self.page.end();
                }
            }
        }
        let content = dedented(content);
        let first = content.iter().position(|line| !line.trim().is_empty());
        self.read(&content[first.unwrap_or(0)..], depth + 1);
        taken
    }

    /// Rows are `* - cell` with further cells as `- cell`.
    fn list_table(&mut self, lines: &[&str]) {
        let mut cells: Vec<String> = Vec::new();
        for line in lines {
            let (begins_row, rest) = match line.strip_prefix("* ") {
                Some(rest) => (true, rest.trim_start()),
                None => (false, line.trim_start()),
            };
            if begins_row {
                self.page.row(&std::mem::take(&mut cells));
            }
            let rest = self.inline(rest);
            match (rest.strip_prefix('-'), cells.last_mut()) {
                (Some(cell), _) => cells.push(cell.trim().to_owned()),
                (None, Some(cell)) if !rest.is_empty() => {
                    cell.push(' ');
                    cell.push_str(&rest);
                }
                _ => {}
            }
        }
        self.page.row(&cells);
    }

    /// A paragraph, list item or field; a line that ends with `::` is followed by code.
    fn text(&mut self, lines: &[&str]) -> usize {
        let line = lines[0];
        if let Some((name, value)) = field(line) {
            let value = self.inline(value);
            self.page.item("-", &format!("{name}: {value}"));
            return 1;
        }
        let is_literal = line.trim_end().ends_with("::");
        let kept = if line.trim() == "::" {
            ""
        } else if is_literal {
            &line.trim_end()[..line.trim_end().len() - 1]
        } else {
            line
        };
        // A line over an indented one is the term that it defines.
        let below = lines.get(1).filter(|below| !below.trim().is_empty());
        let is_term =
            !self.page.is_open() && below.is_some_and(|below| indent(below) > indent(line));
        if let Some((marker, rest)) = list_item(kept) {
            let rest = self.inline(rest);
            self.page.item(&marker, &rest);
        } else {
            let kept = self.inline(kept.strip_prefix("| ").unwrap_or(kept));
            self.page.line(&kept);
            if is_term && !kept.ends_with([':', '.', '?', '!']) {
                self.page.open.push(':');
            }
        }
        if !is_literal {
            return 1;
        }
        let blank = lines[1..]
            .iter()
            .take_while(|line| line.trim().is_empty())
            .count();
        let length = indented(&lines[1 + blank..], indent(line));
        if blank > 0 && length > 0 {
            self.page.code(&lines[1 + blank..1 + blank + length]);
            return 1 + blank + length;
        }
        1
    }

    /// A table drawn with `+---+` and `|`; lines between two rules are one row.
    fn grid(&mut self, lines: &[&str]) -> usize {
        let taken = lines
            .iter()
            .take_while(|line| line.trim_start().starts_with(['+', '|']))
            .count();
        let mut row: Vec<String> = Vec::new();
        for line in &lines[..taken] {
            let line = line.trim();
            if line.starts_with('+') {
                self.page.row(&std::mem::take(&mut row));
                continue;
            }
            let line = self.inline(line);
            for (column, cell) in line.trim_matches('|').split('|').enumerate() {
                if row.len() <= column {
                    row.push(String::new());
                }
                row[column].push(' ');
                row[column].push_str(cell.trim());
            }
        }
        self.page.row(&row);
        taken
    }

    /// A table whose columns stand under rules of `=`.
    fn simple_table(&mut self, lines: &[&str]) -> Option<usize> {
        let is_rule = |line: &str| line.contains("= =") || line.contains("=  =");
        let is_rule =
            |line: &str| is_rule(line) && line.trim().bytes().all(|b| b == b'=' || b == b' ');
        let rule = lines.first().filter(|line| is_rule(line))?;
        let end = lines
            .iter()
            .enumerate()
            .skip(1)
            .filter(|(_, line)| is_rule(line));
        let blank = lines.iter().skip(1).position(|line| line.trim().is_empty());
        let end = end
            .map(|(place, _)| place)
            .take_while(|place| blank.is_none_or(|blank| *place <= blank + 1));
        let end = end.last()?;
        let starts: Vec<usize> = rule
            .char_indices()
            .filter(|(at, c)| *c == '=' && (*at == 0 || rule.as_bytes()[at - 1] == b' '))
            .map(|(at, _)| at)
            .collect();
        for line in lines[1..end].iter().filter(|line| !is_rule(line)) {
            let cells: Vec<String> = starts
                .iter()
                .enumerate()
                .map(|(column, start)| {
                    let cells: String = line.chars().skip(*start).collect();
                    let width = starts
                        .get(column + 1)
                        .map_or(usize::MAX, |next| next - start);
                    self.inline(cells.chars().take(width).collect::<String>().trim())
                })
                .collect();
            self.page.row(&cells);
        }
        Some(end + 1)
    }

    /// Text without its marks; references to addresses show them.
    fn inline(&self, text: &str) -> String {
        let mut plain = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find('`') {
            let before = &rest[..at];
            let ticks = rest[at..].bytes().take_while(|b| *b == b'`').count();
            let after = &rest[at + ticks..];
            let close = "`".repeat(ticks);
            let Some(end) = after.find(&close) else {
                break;
            };
            // `:role:` in front of the words.
            let role = before.rfind(" :").map_or(0, |place| place + 1);
            let is_role =
                before.ends_with(':') && before[role..].starts_with(':') && before.len() > role + 1;
            let before = if is_role { &before[..role] } else { before };
            plain.push_str(&self.marks(before));
            let inside = &after[..end];
            rest = &after[end + close.len()..];
            if ticks >= 2 {
                plain.push_str(inside);
                continue;
            }
            rest = rest.trim_start_matches('_');
            plain.push_str(&self.reference(inside));
        }
        plain.push_str(&self.marks(rest));
        plain
    }

    fn reference(&self, inside: &str) -> String {
        if let Some((words, target)) = inside
            .strip_suffix('>')
            .and_then(|inside| inside.rsplit_once('<'))
        {
            return linked(words.trim(), target);
        }
        let target = self.targets.get(&inside.to_lowercase());
        target.map_or_else(
            || inside.trim_start_matches(['~', '!']).to_owned(),
            |target| linked(inside, target),
        )
    }

    fn marks(&self, text: &str) -> String {
        let plain = without_marks(text, &[("**", ""), ("*", ""), ("|", "")]);
        if !plain.contains('_') {
            return plain;
        }
        let words = plain.split_inclusive(char::is_whitespace).map(|word| {
            let (name, tail) = word.split_once('_').unwrap_or((word, ""));
            let is_end = !tail.starts_with(char::is_alphanumeric) && !tail.starts_with('_');
            let target = self.targets.get(&name.to_lowercase()).filter(|_| is_end);
            target.map_or_else(|| word.to_owned(), |target| linked(name, target) + tail)
        });
        words.collect()
    }
}

/// `..` alone or before a space.
fn is_explicit(line: &str) -> bool {
    let rest = line.trim_start().strip_prefix("..").unwrap_or("x");
    rest.is_empty() || rest.starts_with(' ')
}

/// How many of the lines are blank or indented more than `least`, without blank ones at the end.
fn indented(lines: &[&str], least: usize) -> usize {
    let inside = lines
        .iter()
        .take_while(|line| line.trim().is_empty() || indent(line) > least);
    let inside = inside.count();
    let last = lines[..inside]
        .iter()
        .rposition(|line| !line.trim().is_empty());
    last.map_or(0, |last| last + 1)
}

/// `:name: value`.
fn field(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.trim_start().strip_prefix(':')?.split_once(':')?;
    let is_name =
        !name.is_empty() && !name.contains('`') && (value.is_empty() || value.starts_with(' '));
    is_name.then_some((name, value.trim()))
}

/// A title with its underline and perhaps its overline: the lines taken, the words, the adornment.
fn title<'a>(lines: &[&'a str]) -> Option<(usize, &'a str, (u8, bool))> {
    let adornment = |line: &&str| -> Option<u8> {
        let line = line.trim_end();
        let first = *line.as_bytes().first()?;
        let is_rule =
            first.is_ascii_punctuation() && line.len() >= 3 && line.bytes().all(|b| b == first);
        is_rule.then_some(first)
    };
    if let (Some(over), Some(words), Some(under)) = (
        lines.first().and_then(adornment),
        lines.get(1),
        lines.get(2).and_then(adornment),
    ) && over == under
        && !words.trim().is_empty()
    {
        return Some((3, words.trim(), (over, true)));
    }
    let words = lines.first()?;
    let under = lines.get(1).and_then(adornment)?;
    let is_title = indent(words) == 0
        && adornment(words).is_none()
        && lines[1].trim_end().len() >= words.trim_end().chars().count().min(4);
    is_title.then_some((2, words.trim(), (under, false)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> String {
        extract(text.as_bytes(), None, &Limits::default())
            .unwrap()
            .text
    }

    #[test]
    fn titles_directives_and_code_are_read() {
        assert_eq!(
            read(
                "Tariff\n======\n\nThe *night* tariff\nbegins at ``22:30``.\n\n.. note:: Never cover lamps.\n\n.. warning::\n\n   Hot.\n\n.. code-block:: bash\n   :linenos:\n\n   meterd --reset\n\n.. a comment\n   goes on\n\nRun::\n\n   make\n     all\n\nCosts\n-----\n\nx"
            ),
            "Tariff\n\nThe night tariff begins at 22:30.\n\nNote: Never cover lamps.\n\nWarning: Hot.\n\nmeterd --reset\n\nRun:\n\nmake\n  all\n\nCosts\n\nx"
        );
    }

    #[test]
    fn links_lists_and_fields_are_read() {
        assert_eq!(
            read(
                "See `the form <https://e.org/a>`_ and form_, :ref:`costs <c>`.\n\n.. _form: https://e.org/b\n\n- one\n  more\n- two\n\nEPC\n  A certificate.\n\n1. first\n\n:Author: Ann"
            ),
            "See the form (https://e.org/a) and form (https://e.org/b), costs.\n\n- one more\n- two\n\nEPC: A certificate.\n\n1. first\n- Author: Ann"
        );
    }

    #[test]
    fn tables_of_every_drawing_are_rows() {
        let rows = "Model | Price\nB-20 | 410";
        assert_eq!(
            read(
                "+-------+-------+\n| Model | Price |\n+=======+=======+\n| B-20  | 410   |\n+-------+-------+\n"
            ),
            rows
        );
        assert_eq!(
            read("===== =====\nModel Price\n===== =====\nB-20  410\n===== =====\n"),
            rows
        );
        assert_eq!(
            read(".. csv-table::\n   :header: \"Model\", \"Price\"\n\n   B-20, 410\n"),
            rows
        );
        assert_eq!(
            read(".. list-table::\n\n   * - Model\n     - Price\n   * - B-20\n     - 410\n"),
            rows
        );
    }

    #[test]
    fn hostile_files_end() {
        for text in [
            ".. note::\n".repeat(20_000),
            "`".repeat(50_000) + "a",
            "a `".repeat(30_000),
            "===\n".repeat(20_000),
            (0..400).fold(String::new(), |text, depth| {
                text + &" ".repeat(depth) + ".. note:: x\n\n"
            }),
        ] {
            let _ = extract(text.as_bytes(), None, &Limits::default());
        }
    }
}
