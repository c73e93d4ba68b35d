//! Joining lines: hyphens at line ends, dashes, soft hyphens.

use std::collections::HashSet;

use super::characters::is_unspaced_script;
use super::line::Line;
use crate::language::lists;

/// More distinct words than this are not collected.
const MAX_WORDS: usize = 500_000;

/// The words of a file as they stand inside lines, to tell compounds from hyphenation.
#[derive(Debug, Default)]
pub(super) struct Vocabulary {
    words: HashSet<String>,
}

impl Vocabulary {
    /// Adds the words of a line; a broken word at its end is no word.
    pub(super) fn learn(&mut self, line: &Line) {
        for word in line.text.split_whitespace() {
            let word = word
                .trim_matches(|character: char| !character.is_alphanumeric() && character != '-');
            if !word.is_empty() && !word.ends_with('-') && self.words.len() < MAX_WORDS {
                self.words.insert(word.to_lowercase());
            }
        }
    }

    fn knows(&self, word: &str) -> bool {
        self.words.contains(&word.to_lowercase())
    }
}

/// Appends the next line to a paragraph's text.
pub(super) fn join_line(text: &mut String, next: &str, words: &Vocabulary) {
    let (body, soft_end) = match next.strip_suffix('\u{AD}') {
        Some(body) => (body, true),
        None => (next, false),
    };
    let mut clean: String = body
        .chars()
        .filter(|&character| character != '\u{AD}')
        .collect();
    if soft_end {
        clean.push('\u{AD}');
    }
    match seam(text, &clean, words) {
        Seam::Space => text.push(' '),
        Seam::Nothing => {}
        Seam::DropHyphen => {
            text.pop();
        }
    }
    text.push_str(&clean);
}

/// What stands between two lines of a paragraph.
#[derive(Debug, PartialEq, Eq)]
enum Seam {
    Space,
    Nothing,
    DropHyphen,
}

fn seam(text: &str, next: &str, words: &Vocabulary) -> Seam {
    let (Some(end), Some(start)) = (text.chars().next_back(), next.chars().next()) else {
        return Seam::Nothing;
    };
    match end {
        '\u{AD}' => Seam::DropHyphen,
        '-' => hyphen_seam(text, next, words),
        '—' if !text.ends_with(" —") => Seam::Nothing,
        '–' if !text.ends_with(" –") && start.is_alphanumeric() => Seam::Nothing,
        '/' if is_inside_address(text) => Seam::Nothing,
        _ if is_unspaced_script(end) && is_unspaced_script(start) => Seam::Nothing,
        _ => Seam::Space,
    }
}

fn is_inside_address(text: &str) -> bool {
    let last = text.rsplit(' ').next().unwrap_or(text);
    last.contains("www.") || last.contains("://") || last.contains(".gov") || last.contains(".com")
}

fn hyphen_seam(text: &str, next: &str, words: &Vocabulary) -> Seam {
    let before = text.trim_end_matches('-');
    let first = trailing_word(before);
    let second = leading_word(next);
    if first.is_empty() {
        return Seam::Space;
    }
    if second.is_empty() || !second.chars().next().is_some_and(char::is_lowercase) {
        return Seam::Nothing;
    }
    // `pre- and post-war`: the hyphen stands for what comes later.
    if lists().layout.compound_joins.has(second) {
        return Seam::Space;
    }
    if !first.chars().next_back().is_some_and(char::is_alphabetic) {
        return Seam::Nothing;
    }
    let last_part = first.rsplit('-').next().unwrap_or(first);
    if words.knows(&format!("{last_part}{second}")) {
        return Seam::DropHyphen;
    }
    if words.knows(&format!("{first}-{second}"))
        || words.knows(&format!("{first}-{}", leading_compound(next)))
    {
        return Seam::Nothing;
    }
    let compound = lists()
        .layout
        .compound_starts
        .has(&last_part.to_lowercase())
        || first.contains('-')
        || (lists().layout.compound_ends.has(second) && last_part.len() >= 4)
        || (last_part.len() >= 4
            && second.len() >= 4
            && words.knows(last_part)
            && words.knows(second));
    if compound {
        Seam::Nothing
    } else {
        Seam::DropHyphen
    }
}

/// The last word, with the hyphens inside it.
fn trailing_word(text: &str) -> &str {
    let start = text
        .char_indices()
        .rev()
        .take_while(|&(_, character)| character.is_alphanumeric() || character == '-')
        .last()
        .map_or(text.len(), |(index, _)| index);
    &text[start..]
}

/// The first word, with the hyphens inside it.
fn leading_compound(text: &str) -> &str {
    let end = text
        .char_indices()
        .find(|&(_, character)| !character.is_alphanumeric() && character != '-')
        .map_or(text.len(), |(index, _)| index);
    text[..end].trim_end_matches('-')
}

fn leading_word(text: &str) -> &str {
    let end = text
        .char_indices()
        .find(|&(_, character)| !character.is_alphanumeric())
        .map_or(text.len(), |(index, _)| index);
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(lines: &[&str], known: &[&str]) -> String {
        let mut words = Vocabulary::default();
        words
            .words
            .extend(known.iter().map(|&word| word.to_owned()));
        let mut text = String::new();
        for line in lines {
            join_line(&mut text, line, &words);
        }
        text
    }

    #[test]
    fn hyphenation_is_undone() {
        assert_eq!(
            joined(&["heating, land-", "scaping and"], &[]),
            "heating, landscaping and"
        );
        assert_eq!(
            joined(&["soft hy\u{AD}phen effi\u{AD}", "ciency"], &[]),
            "soft hyphen efficiency"
        );
    }

    #[test]
    fn compounds_keep_their_hyphen() {
        let known = ["energy-efficient"];
        assert_eq!(
            joined(&["an energy-", "efficient home"], &known),
            "an energy-efficient home"
        );
        assert_eq!(
            joined(&["a self-", "contained flat"], &[]),
            "a self-contained flat"
        );
        assert_eq!(joined(&["Lennard-", "Jones"], &[]), "Lennard-Jones");
        assert_eq!(joined(&["foam-in-", "place"], &[]), "foam-in-place");
        assert_eq!(joined(&["R-", "30"], &[]), "R-30");
    }

    #[test]
    fn a_hyphen_that_stands_for_a_word_keeps_its_space() {
        assert_eq!(
            joined(&["south-", "and west-facing"], &[]),
            "south- and west-facing"
        );
    }

    #[test]
    fn dashes_and_scripts_without_spaces_join_closely() {
        assert_eq!(joined(&["money—", "and time"], &[]), "money—and time");
        assert_eq!(joined(&["this –", "and that"], &[]), "this – and that");
        assert_eq!(joined(&["日本", "語"], &[]), "日本語");
    }
}
