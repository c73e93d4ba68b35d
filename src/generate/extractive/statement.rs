//! From a unit to what is said of it: its subject, and its words.

use std::ops::Range;

use super::dates::date;
use super::extent::told;
use super::question::{Question, stems};
use super::tables::Said;
use super::units::{Form, Unit};
use super::weigh::{Weighed, term};
use super::{Piece, Section, Statement};

/// The most telling item of a list is marked where the next one weighs this much less.
const STANDS_OUT: f32 = 0.1;

/// A unit as an answer.
pub(super) fn of(question: &Question, found: &Weighed<'_>, sections: &[Section<'_>]) -> Statement {
    let unit = &found.unit;
    let section = &sections[unit.section];
    let pieces = match unit.form {
        Form::Prose | Form::Row => vec![prose(found, section)],
        Form::List => list(question, found, section),
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
    let told = told(&found.unit, section, found.telling);
    let range = parts[told.start].range.start..parts[told.end - 1].range.end;
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

fn list(question: &Question, found: &Weighed<'_>, section: &Section<'_>) -> Vec<Piece> {
    let unit = &found.unit;
    let item = &section.text[unit.parts[found.telling].range.clone()];
    let is_named = term(unit, item).is_some_and(|term| question.names(term));
    let entry = unit.lead.is_none() && (is_named || found.adds > 0.0 && stands_out(found, section));
    let told = if entry {
        found.telling..found.telling + 1
    } else {
        told(unit, section, found.telling)
    };
    if told.len() == unit.parts.len() {
        let mut whole = piece(section, unit.range());
        if found.margin >= STANDS_OUT && unit.parts.len() > 1 {
            let item = &section.text[unit.parts[found.telling].range.clone()];
            let (sign, words) = item.split_at(sign_of(item));
            let marked = format!("{sign}**{words}**");
            // Marks would break lines of an item's own.
            if !item.contains('\n') {
                whole.text = whole.text.replacen(item, &marked, 1);
            }
        }
        return vec![whole];
    }
    let range = unit.parts[told.start].range.start..unit.parts[told.end - 1].range.end;
    let lead = unit.lead.clone().map(|lead| piece(section, lead));
    lead.into_iter().chain([piece(section, range)]).collect()
}

/// Whether the most telling item is an entry of its own, a term with its text: items that are
/// steps or examples belong together.
fn stands_out(found: &Weighed<'_>, section: &Section<'_>) -> bool {
    let has_term = |range: &Range<usize>| term(&found.unit, &section.text[range.clone()]).is_some();
    found.unit.parts.iter().all(|part| has_term(&part.range))
}

/// A lone item goes without the sign that only its place among others explains.
fn piece(section: &Section<'_>, range: Range<usize>) -> Piece {
    let text = &section.text[range.clone()];
    let sign = if text.contains('\n') {
        0
    } else {
        sign_of(text)
    };
    Piece {
        text: text[sign..].to_owned(),
        range,
    }
}

/// The bytes of the sign that an item begins with: a dash or its number.
fn sign_of(item: &str) -> usize {
    let number = item.trim_start_matches(|c: char| c.is_ascii_digit());
    let rest = if number.len() < item.len() {
        number
            .strip_prefix(". ")
            .or_else(|| number.strip_prefix(") "))
    } else {
        item.strip_prefix("- ")
    };
    rest.map_or(0, |rest| item.len() - rest.len())
}
