//! The choice among answers: what would be said of the heaviest units is read together with the
//! question, and what reads as its answer is said.

use std::collections::HashSet;
use std::ops::Range;

use super::extent::Extent;
use super::question::{Question, stems};
use super::units::Form;
use super::weigh::Weighed;
use super::{Found, Piece, Section, Statement, dates, statement, tables};
use crate::language::{forbids, joins};

/// Units of different documents that hold the same name are both answers where they weigh within this.
const AS_GOOD: f32 = 0.05;

/// Rows that all have what the question asks for are told up to this many.
const MOST_ROWS_ALIKE: usize = 6;

/// Up to this many words a unit is told whole: less would save little and may lose the answer.
const READ_AT_ONCE: usize = 40;

/// What decides among answers that are read. Set on passages of three fields that the reader does not
/// know; `docs/answers.md` has each left out in turn.
struct Settings {
    /// Units whose answers are read.
    units: usize,
    /// Answers that are read.
    offers: usize,
    /// What the log-odds that it answers weigh beside the weight of the unit.
    answers: f32,
    /// What a hundred words count against an answer: the shorter of two that answer is said.
    words: f32,
    /// Log-odds from which what forbids is said before the answer: those from which it would be said
    /// if it were all there is.
    warns: f32,
}

const SETTINGS: Settings = Settings {
    units: 4,
    offers: 10,
    answers: 0.12,
    words: 0.2,
    warns: -0.5,
};

/// Units among which the structure of the sources does not choose.
pub struct Choice<'a> {
    pub(super) question: Question,
    /// Heaviest first; not empty.
    pub(super) weighed: Vec<Weighed<'a>>,
    /// Whether they hold a name that the question gives.
    pub(super) is_named: bool,
    /// What was offered.
    pub(super) offered: Vec<Weighed<'a>>,
}

/// An answer as it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// What stands above it, outermost first.
    pub heading: String,
    /// What would be said.
    pub text: String,
}

impl<'a> Choice<'a> {
    /// What would be said, in the order of [`decide`](Self::decide): of the heaviest units, each as
    /// a whole and its most telling parts, and of the heaviest that forbids where that is asked.
    pub fn offers(&mut self, sections: &[Section<'_>]) -> Vec<Offer> {
        // Names are found by their form, which tells more than reading does.
        if self.is_named {
            return Vec::new();
        }
        // One row among others answers only what has a word of that row.
        let is_open = |found: &&Weighed<'a>| found.unit.form != Form::Row || found.adds > 0.0;
        let units = SETTINGS.units;
        let mut heaviest: Vec<&Weighed<'a>> =
            self.weighed.iter().filter(is_open).take(units).collect();
        if heaviest.is_empty() {
            heaviest.extend(self.weighed.iter().take(units));
        }
        let all: Vec<Vec<Weighed<'a>>> = heaviest
            .iter()
            .map(|found| extents(found, sections))
            .collect();
        // All units whole, then all by their most telling parts, then by others.
        let longest = all.iter().map(Vec::len).max().unwrap_or(0);
        let by_rank = (0..longest).flat_map(|rank| all.iter().filter_map(move |of| of.get(rank)));
        let mut offered: Vec<Weighed<'a>> = by_rank.take(SETTINGS.offers).cloned().collect();
        if self.question.asks_to_do {
            let mut rest = self.weighed.iter().skip(units);
            offered.extend(rest.find_map(|found| forbidding(found, sections)));
        }
        let read = offered.iter().map(|found| self.offer(found, sections));
        let offers = read.collect();
        self.offered = offered;
        offers
    }

    fn offer(&self, found: &Weighed<'_>, sections: &[Section<'_>]) -> Offer {
        let said = self.state(found, sections);
        let mut text: Vec<&str> = said
            .pieces
            .iter()
            .map(|piece| piece.text.as_str())
            .collect();
        if found.unit.form == Form::Row {
            text.insert(0, &said.subject);
        }
        Offer {
            heading: found.unit.path.join(" > "),
            text: text.join(" ").replace("**", ""),
        }
    }

    /// The answer, given the log-odds of each offer that it answers; nothing where none was read.
    pub fn decide(mut self, log_odds: &[f32], sections: &[Section<'_>]) -> Found {
        let offered = std::mem::take(&mut self.offered);
        let mut read: Vec<(Weighed<'a>, f32, f32)> = Vec::new();
        for (found, answers) in offered.into_iter().zip(log_odds) {
            let text = self.offer(&found, sections).text;
            let length = text.split_whitespace().count() as f32 / 100.0;
            let value = found.weight + SETTINGS.answers * answers - SETTINGS.words * length;
            read.push((found, *answers, value));
        }
        // A stable sort: equals stay as they weigh.
        read.sort_by(|a, b| b.2.total_cmp(&a.2));
        if read.is_empty() {
            return self.say(None, sections);
        }
        let (best, ..) = read.remove(0);
        let warns = |(other, answers, _): &&(Weighed<'a>, f32, f32)| {
            *answers >= SETTINGS.warns
                && other.unit.parts != best.unit.parts
                && forbids_at(other, sections)
        };
        let warning = read.iter().find(warns).filter(|_| self.question.asks_to_do);
        let warning = warning.map(|(other, ..)| self.state(other, sections));
        self.weighed
            .retain(|other| other.unit.parts != best.unit.parts);
        self.weighed.insert(0, best);
        self.say(warning, sections)
    }

    /// What the first of the units says, with what goes along.
    fn say(self, warning: Option<Statement>, sections: &[Section<'_>]) -> Found {
        let Some(best) = self
            .weighed
            .get(dates::latest(&self.question, &self.weighed))
        else {
            return Found::Nothing;
        };
        let warning = warning.or_else(|| self.warning(best, sections));
        let mut statements: Vec<Statement> = warning.into_iter().collect();
        let rows = self.rows_alike(best, sections);
        statements.extend(rows.iter().map(|found| self.state(found, sections)));
        if self.is_named {
            let as_good = |other: &&Weighed<'_>| best.weight - other.weight <= AS_GOOD;
            let others = self.weighed.iter().skip(1).take_while(as_good);
            let other = others
                .filter(|other| {
                    sections[other.unit.section].title != sections[best.unit.section].title
                })
                .find(|other| other.unit.form == best.unit.form);
            statements.extend(other.map(|other| self.state(other, sections)));
        }
        Found::Answer {
            statements,
            is_sure: self.is_named || best.is_sure,
        }
    }

    /// A unit, and where it is a row, the rows of its table that have as many of the question's
    /// words; in reading order.
    fn rows_alike<'w>(
        &'w self,
        best: &'w Weighed<'a>,
        sections: &[Section<'_>],
    ) -> Vec<&'w Weighed<'a>> {
        let table = |found: &Weighed<'_>| {
            (
                sections[found.unit.section].text.as_ptr(),
                found.unit.table.clone(),
            )
        };
        let is_row = best.unit.form == Form::Row && best.adds > 0.0;
        let alike = |other: &&Weighed<'_>| {
            is_row && table(other) == table(best) && (other.adds - best.adds).abs() < 1e-4
        };
        let mut rows: Vec<&Weighed<'_>> = self
            .weighed
            .iter()
            .filter(alike)
            .take(MOST_ROWS_ALIKE)
            .collect();
        if rows.len() < 2 {
            rows = self.rows_joined(best, |other| table(other) == table(best));
        }
        rows.sort_by_key(|found| found.unit.parts[0].range.start);
        rows
    }

    /// A row, and where the question joins several things, the rows of its table that its other words
    /// name by their first cells.
    fn rows_joined<'w>(
        &'w self,
        best: &'w Weighed<'a>,
        is_beside: impl Fn(&Weighed<'_>) -> bool,
    ) -> Vec<&'w Weighed<'a>> {
        let mut rows = vec![best];
        if best.unit.form != Form::Row || !joins(&self.question.asking) {
            return rows;
        }
        let key = |found: &Weighed<'_>| found.unit.key.map(stems).unwrap_or_default();
        let mut named = key(best);
        named.extend(best.unit.path.iter().flat_map(|heading| stems(heading)));
        while rows.len() < MOST_ROWS_ALIKE {
            let news = |found: &Weighed<'_>| {
                let news: HashSet<String> = key(found).difference(&named).cloned().collect();
                self.question.weight_in(&news)
            };
            let beside = self.weighed.iter().filter(|other| is_beside(other));
            let next = beside.max_by(|a, b| news(a).total_cmp(&news(b)));
            match next.filter(|other| news(other) > 0.0) {
                Some(next) => {
                    named.extend(key(next));
                    rows.push(next);
                }
                None => break,
            }
        }
        rows
    }

    /// What a unit says.
    fn state(&self, found: &Weighed<'_>, sections: &[Section<'_>]) -> Statement {
        let unit = &found.unit;
        let section = &sections[unit.section];
        if unit.form != Form::Row {
            return statement::of(&self.question, found, sections);
        }
        let said = tables::row(&self.question, unit, section);
        statement::of_rows(&self.question, unit, said, false)
    }

    /// What forbids, or warns of, what the question asks to do: it comes first. It stands in the same
    /// section as the answer, and has a word of the question.
    fn warning(&self, best: &Weighed<'_>, sections: &[Section<'_>]) -> Option<Statement> {
        if !self.question.asks_to_do {
            return None;
        }
        let beside = self.weighed.iter().filter(|other| {
            other.unit.parts != best.unit.parts
                && other.unit.path == best.unit.path
                && other.unit.form == Form::Prose
        });
        for other in beside {
            let section = &sections[other.unit.section];
            for part in &other.unit.parts {
                let text = &section.text[part.range.clone()];
                if forbids(text) && self.question.weight_in(&stems(text)) > 0.0 {
                    return Some(Statement {
                        subject: String::new(),
                        pieces: vec![Piece {
                            text: text.to_owned(),
                            range: part.range.clone(),
                        }],
                        section: other.unit.section,
                    });
                }
            }
        }
        None
    }
}

/// A unit as it may be told: whole, and its most telling parts where that is much shorter. A list that
/// a line announces, steps, and what answers a question of its author are told whole.
fn extents<'a>(found: &Weighed<'a>, sections: &[Section<'_>]) -> Vec<Weighed<'a>> {
    let mut all = vec![found.clone()];
    let unit = &found.unit;
    let text = |part: usize| &sections[unit.section].text[unit.parts[part].range.clone()];
    let is_steps = unit.form == Form::List && text(0).starts_with(|c: char| c.is_ascii_digit());
    let asked = unit.path.last().is_some_and(|above| above.ends_with('?'));
    let length: usize = (0..unit.parts.len())
        .map(|part| text(part).split_whitespace().count())
        .sum();
    if unit.form == Form::Row || unit.lead.is_some() || asked || length <= READ_AT_ONCE {
        return all;
    }
    let parts = [(found.telling, 0.0)].into_iter();
    for (telling, less) in parts.chain(found.others.iter().copied()) {
        if !is_steps || forbids(text(telling)) {
            all.push(Weighed {
                extent: Extent::Part,
                telling,
                weight: found.weight - less,
                ..found.clone()
            });
        }
    }
    all
}

/// A unit that forbids or warns, told from there.
fn forbidding<'a>(found: &Weighed<'a>, sections: &[Section<'_>]) -> Option<Weighed<'a>> {
    let section = &sections[found.unit.section];
    let text = |range: &Range<usize>| &section.text[range.clone()];
    let mut parts = found.unit.parts.iter();
    if let Some(telling) = parts.position(|part| forbids(text(&part.range))) {
        return Some(Weighed {
            telling,
            extent: Extent::Part,
            ..found.clone()
        });
    }
    forbids_above(found, sections).then(|| found.clone())
}

fn forbids_above(found: &Weighed<'_>, sections: &[Section<'_>]) -> bool {
    let unit = &found.unit;
    let lead = unit.lead.clone();
    lead.is_some_and(|lead| forbids(&sections[unit.section].text[lead]))
        || unit.path.last().is_some_and(|heading| forbids(heading))
}

/// Whether the part that tells most, or what stands above it, forbids.
fn forbids_at(found: &Weighed<'_>, sections: &[Section<'_>]) -> bool {
    let range = found.unit.parts[found.telling].range.clone();
    forbids(&sections[found.unit.section].text[range]) || forbids_above(found, sections)
}
