//! From a unit to what is said of it: its subject, and its words.

use std::ops::Range;

use super::dates::date;
use super::question::{Question, stems};
use super::tables::Said;
use super::units::{Form, SHORT_SECTION_WORDS, Unit};
use super::weigh::{Weighed, term};
use super::{Piece, Section, Statement};
use crate::language::points_back;

/// A list is quoted whole up to this many words.
const WHOLE_LIST_WORDS: usize = 130;
/// An answer shorter than this takes the sentence before its most telling one along.
const FEW_WORDS: usize = 20;

/// A unit as an answer: whole where it is short, else from its most telling part on.
pub(super) fn of(question: &Question, found: &Weighed<'_>, sections: &[Section<'_>]) -> Statement {
    let unit = &found.unit;
    let section = &sections[unit.section];
    let pieces = match unit.form {
        Form::Prose | Form::Row => vec![prose(found, section)],
        Form::List => list(found, section),
    };
    let body: String = pieces.iter().map(|piece| piece.text.as_str()).collect();
    Statement {
        subject: subject(question, unit, &body, true).join(" \u{203a} "),
        pieces,
        section: unit.section,
    }
}

/// A row or rows as an answer.
pub(super) fn of_rows(
    question: &Question,
    unit: &Unit<'_>,
    said: Said,
    is_list: bool,
) -> Statement {
    let body = format!("{}\n{}", said.subject.join("\n"), said.text);
    let mut subject: Vec<String> = subject(question, unit, &body, is_list)
        .into_iter()
        .map(str::to_owned)
        .collect();
    subject.extend(said.subject);
    Statement {
        subject: subject.join(" \u{203a} "),
        pieces: vec![Piece {
            text: said.text,
            range: said.range,
        }],
        section: unit.section,
    }
}

/// What stands above a unit and must be said: its headings (where `headings` says so) as far as its
/// text does not say the same, and of its title, or of the headings of a row, what the question names.
fn subject<'a>(question: &Question, unit: &Unit<'a>, body: &str, headings: bool) -> Vec<&'a str> {
    let mut said = stems(body);
    let mut subject = Vec::new();
    let titles = titles(&unit.path);
    for (level, heading) in unit.path.iter().enumerate().rev() {
        let mut news = stems(heading);
        news.retain(|stem| !said.contains(stem));
        let is_dated = headings && date(heading).is_some();
        let is_heading = headings && level >= titles && !news.is_empty() || is_dated;
        if is_heading || question.weight_in(&news) > 0.0 {
            said.extend(news);
            subject.push(*heading);
        }
    }
    subject.reverse();
    subject
}

/// How many of a path are the title of the document: it, and a first heading that says it again.
fn titles(path: &[&str]) -> usize {
    let again = path.get(1).filter(|_| path.len() > 2);
    1 + usize::from(again.is_some_and(|heading| !stems(heading).is_disjoint(&stems(path[0]))))
}

fn prose(found: &Weighed<'_>, section: &Section<'_>) -> Piece {
    let parts = &found.unit.parts;
    let words = |part: usize| {
        section.text[parts[part].range.clone()]
            .split_whitespace()
            .count()
    };
    let all: usize = (0..parts.len()).map(words).sum();
    let (mut first, mut last) = (0, parts.len() - 1);
    if all > SHORT_SECTION_WORDS {
        first = found.telling;
        last = first;
        let mut length = words(first);
        while last + 1 < parts.len() && length + words(last + 1) <= SHORT_SECTION_WORDS {
            last += 1;
            length += words(last);
        }
        let leans = |part: usize| points_back(&section.text[parts[part].range.clone()]);
        if first > 0 && (length < FEW_WORDS || leans(first)) {
            first -= 1;
        }
    }
    let range = parts[first].range.start..parts[last].range.end;
    let telling = &parts[found.telling].range;
    let mut text = section.text[range.clone()].to_owned();
    let stands_first = telling.start == range.start;
    // Preformatted text keeps its own lines, which marks would break.
    if !stands_first && !section.text[telling.clone()].contains('\n') {
        text = mark(section, &range, telling);
    }
    Piece { text, range }
}

/// `range` with `telling` in bold.
fn mark(section: &Section<'_>, range: &Range<usize>, telling: &Range<usize>) -> String {
    format!(
        "{}**{}**{}",
        &section.text[range.start..telling.start],
        &section.text[telling.clone()],
        &section.text[telling.end..range.end],
    )
}

fn list(found: &Weighed<'_>, section: &Section<'_>) -> Vec<Piece> {
    let unit = &found.unit;
    let words = |range: &Range<usize>| section.text[range.clone()].split_whitespace().count();
    let whole = unit.range();
    let entry = unit.lead.is_none() && found.adds > 0.0 && stands_out(found, section);
    if words(&whole) <= WHOLE_LIST_WORDS && !entry {
        return vec![piece(section, whole)];
    }
    let mut last = found.telling;
    let mut length = words(&unit.parts[last].range);
    while !entry
        && last + 1 < unit.parts.len()
        && length + words(&unit.parts[last + 1].range) <= SHORT_SECTION_WORDS
    {
        last += 1;
        length += words(&unit.parts[last].range);
    }
    let range = unit.parts[found.telling].range.start..unit.parts[last].range.end;
    let lead = unit.lead.clone().map(|lead| piece(section, lead));
    lead.into_iter().chain([piece(section, range)]).collect()
}

/// Whether the most telling item is an entry of its own, a term with its text: items that are
/// steps or examples belong together.
fn stands_out(found: &Weighed<'_>, section: &Section<'_>) -> bool {
    let has_term = |range: &Range<usize>| term(&found.unit, &section.text[range.clone()]).is_some();
    found.unit.parts.iter().all(|part| has_term(&part.range))
}

/// A lone item goes without the marker that only its place among others explains.
fn piece(section: &Section<'_>, range: Range<usize>) -> Piece {
    let text = &section.text[range.clone()];
    let alone = !text.contains('\n');
    Piece {
        text: text
            .strip_prefix("- ")
            .filter(|_| alone)
            .unwrap_or(text)
            .to_owned(),
        range,
    }
}
