//! Which line breaks of plain text a person meant, and joining the others.
//!
//! A break is a wrap when the sentence visibly goes on, or when the next word would not have fitted
//! into the width that the paragraph is set to. All other breaks are the writer's own: addresses,
//! verses, settings, short notes.

use std::collections::HashSet;

/// Nobody wraps running text to less than this many characters.
const LEAST_WIDTH: usize = 40;
/// More distinct words than this are not collected.
const MAX_WORDS: usize = 200_000;

/// The words of a text, to tell a compound's hyphen from one that only ends a line.
#[derive(Debug, Default)]
pub(super) struct Vocabulary<'a> {
    words: HashSet<&'a str>,
}

impl<'a> Vocabulary<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        let mut words = HashSet::new();
        let mut after_hyphen = false;
        for line in text.lines() {
            let mut pieces = line
                .split(|c: char| !c.is_alphanumeric() && c != '-')
                .filter(|word| !word.is_empty());
            // The rest of a word that the line before began is no word.
            if after_hyphen {
                pieces.next();
            }
            if words.len() < MAX_WORDS {
                words.extend(pieces.filter(|word| !word.ends_with('-')));
            }
            after_hyphen = line.trim_end().ends_with(HYPHENS);
        }
        Self { words }
    }
}

/// One line as it was meant, and whether it was put together from several.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Meant {
    pub(super) text: String,
    pub(super) was_wrapped: bool,
}

/// The lines of a paragraph as they were meant.
pub(super) fn meant_lines(group: &[&str], words: &Vocabulary<'_>) -> Vec<Meant> {
    let width = width_of(group);
    // One line that visibly goes on says that the paragraph is set to a width, however narrow.
    let is_low = |line: &&str| line.trim_start().starts_with(char::is_lowercase) && !is_field(line);
    let is_set = width >= LEAST_WIDTH || group.iter().skip(1).any(is_low);
    let mut meant: Vec<Meant> = Vec::new();
    let mut previous = "";
    for line in group.iter().map(|line| line.trim()) {
        match meant.last_mut() {
            Some(open) if goes_on(previous, line, width, is_set) => {
                join(&mut open.text, line, chars(previous), width, words);
                open.was_wrapped = true;
            }
            _ => meant.push(Meant {
                text: line.to_owned(),
                was_wrapped: false,
            }),
        }
        previous = line;
    }
    meant
}

/// Appends a line that continues `text`, whose own last line has `length` characters of `width`.
pub(super) fn join(
    text: &mut String,
    line: &str,
    length: usize,
    width: usize,
    words: &Vocabulary<'_>,
) {
    let next = first_word(line);
    let starts_low = next.starts_with(char::is_lowercase);
    if starts_low && breaks_a_word(text) {
        let first = last_word(text.trim_end_matches(HYPHENS)).to_owned();
        let second = next.trim_end_matches(|c: char| !c.is_alphanumeric());
        if length + chars(next) > width && is_one_word(&first, second, words) {
            text.pop();
        }
    } else if !(ends_unspaced(text) && line.starts_with(is_unspaced)) {
        text.push(' ');
    }
    text.push_str(line);
}

/// The longest line, in characters.
pub(super) fn width_of(group: &[&str]) -> usize {
    group
        .iter()
        .map(|line| chars(line.trim()))
        .max()
        .unwrap_or(0)
}

fn goes_on(previous: &str, line: &str, width: usize, is_set: bool) -> bool {
    let Some(first) = line.chars().next() else {
        return false;
    };
    if is_field(previous) && is_field(line) {
        return false;
    }
    let is_uncased = first.is_alphabetic() && !first.is_uppercase();
    is_uncased
        || breaks_a_word(previous)
        || (is_set && chars(previous) + 1 + chars(first_word(line)) > width)
}

/// `name: value` or `name = value`.
fn is_field(line: &str) -> bool {
    let mut words = line.split_whitespace();
    let name = words.next().unwrap_or_default();
    name.ends_with(':') || name.contains('=') || words.next() == Some("=")
}

const HYPHENS: [char; 3] = ['-', '\u{AD}', '\u{2010}'];

fn breaks_a_word(text: &str) -> bool {
    let before = text.strip_suffix(HYPHENS);
    before.is_some_and(|before| before.ends_with(char::is_alphabetic))
}

/// Whether the halves around a line's last hyphen are one word: the text has that word elsewhere, or
/// has neither the compound nor one of its halves.
fn is_one_word(first: &str, second: &str, words: &Vocabulary<'_>) -> bool {
    let has = |word: &str| words.words.contains(word);
    if has(&format!("{first}{second}")) {
        return true;
    }
    !has(&format!("{first}-{second}")) && !has(first) && !has(second) && !first.contains('-')
}

fn first_word(line: &str) -> &str {
    line.split_whitespace().next().unwrap_or_default()
}

fn last_word(text: &str) -> &str {
    text.rsplit(|c: char| !c.is_alphanumeric() && c != '-')
        .next()
        .unwrap_or_default()
}

fn chars(text: &str) -> usize {
    text.chars().count()
}

fn ends_unspaced(text: &str) -> bool {
    text.chars().next_back().is_some_and(is_unspaced)
}

/// Scripts that are written without spaces between words: Thai, Lao, Myanmar, Khmer, Chinese and
/// Japanese with their punctuation (Unicode blocks).
pub(super) fn is_unspaced(c: char) -> bool {
    matches!(c,
        '\u{0E00}'..='\u{0EFF}'
        | '\u{1000}'..='\u{109F}'
        | '\u{1780}'..='\u{17FF}'
        | '\u{2E80}'..='\u{30FF}'
        | '\u{31C0}'..='\u{9FFF}'
        | '\u{F900}'..='\u{FAFF}'
        | '\u{FF00}'..='\u{FF9F}'
        | '\u{20000}'..='\u{323AF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meant(text: &str) -> Vec<String> {
        let group: Vec<&str> = text.lines().collect();
        let lines = meant_lines(&group, &Vocabulary::of(text));
        lines.into_iter().map(|line| line.text).collect()
    }

    #[test]
    fn wrapped_prose_is_joined_and_own_lines_are_kept() {
        assert_eq!(
            meant(
                "The night tariff begins at half past ten in the eve-\nning and ends at six. It is\nlong-\nterm stable."
            ),
            [
                "The night tariff begins at half past ten in the evening and ends at six. It is long-term stable."
            ]
        );
        assert_eq!(
            meant("A full line of words that is set to the width\nThames Water of all the others."),
            ["A full line of words that is set to the width Thames Water of all the others."]
        );
        assert_eq!(meant("port: 8080\nhost: localhost").len(), 2);
        assert_eq!(meant("Port 8080\nHost local").len(), 2);
        assert_eq!(
            meant("the meeting is on\nMonday at ten, in\nthe hall").len(),
            1
        );
        assert_eq!(meant("Roses are red,\nViolets are blue,").len(), 2);
        assert_eq!(meant("12 High Street\nLeeds\nLS1 4AP").len(), 3);
        assert_eq!(
            meant("夜间电价从\n晚上十点开始"),
            ["夜间电价从晚上十点开始"]
        );
    }

    #[test]
    fn a_compound_keeps_its_hyphen_where_its_halves_are_words() {
        let text =
            "The contract is for a long term, and you will like that it is a long-\nterm contract.";
        assert!(meant(text)[0].contains("long-term contract"));
    }
}
