//! What is said of the heaviest units: the first of them, with what goes along.

use std::collections::HashSet;
use std::ops::Range;

use super::question::{Question, stems};
use super::units::{Form, Unit};
use super::weigh::Weighed;
use super::{Found, Piece, Section, Statement, Words, dates, statement, tables};
use crate::language::{extreme, forbids, joins};

/// Units of different documents that hold the same name are both answers where they weigh within this.
const AS_GOOD: f32 = 0.05;

/// Rows that all have what the question asks for are told up to this many.
const MOST_ROWS_ALIKE: usize = 6;

/// What forbids goes before the answer where its context answers with these log-odds …
const WARNS: f32 = -0.5;
/// … and this share of the answer's place is in it.
const SHARE_OF_WARNING: f32 = 0.1;

/// Units among which the structure of the sources does not choose.
pub(super) struct Choice<'a> {
    pub(super) question: Question,
    /// Heaviest first; not empty.
    pub(super) weighed: Vec<Weighed<'a>>,
    /// Whether they hold a name that the question gives.
    pub(super) is_named: bool,
}

impl<'a> Choice<'a> {
    /// What the first of the units says, with what goes along.
    pub(super) fn say(self, sections: &[Section<'_>]) -> Found {
        let Some(best) = self
            .weighed
            .get(dates::latest(&self.question, &self.weighed))
        else {
            return Found::Nothing;
        };
        let mut statements: Vec<Statement> = self.warning(best, sections).into_iter().collect();
        if let Some(statement) = self.of_rows(best, sections) {
            statements.push(statement);
        } else {
            let rows = self.rows_alike(best, sections);
            statements.extend(rows.iter().map(|found| self.state(found, sections)));
        }
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
            words: Words {
                is_sure: self.is_named || best.is_sure,
                of_row: (best.unit.form == Form::Row)
                    .then(|| best.holds / self.question.weight().max(f32::EPSILON)),
            },
        }
    }

    /// Of rows that are found alike the one at the end of a column, where the question asks for an end;
    /// the whole table where its values cannot be compared and no row has a word of the question.
    fn of_rows(&self, best: &Weighed<'_>, sections: &[Section<'_>]) -> Option<Statement> {
        let unit = &best.unit;
        let section = &sections[unit.section];
        if unit.form != Form::Row || extreme(&self.question.asking).is_none() {
            return None;
        }
        if best.adds <= 0.0 {
            let said = tables::list(&self.question, unit, section)?;
            return Some(statement::of_rows(&self.question, unit, said, true));
        }
        let alike: Vec<usize> = self
            .rows_alike(best, sections)
            .iter()
            .map(|found| found.unit.parts[0].range.start)
            .collect();
        let said = tables::at_the_end(&self.question, unit, section, Some(&alike))?;
        (alike.len() > 1).then(|| statement::of_rows(&self.question, unit, said, false))
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

    /// What forbids, or warns of, what the question asks to do: it comes first. It is what the reader
    /// takes for an answer too; where nothing was read it stands in the same section as the answer and
    /// has a word of the question.
    fn warning(&self, best: &Weighed<'_>, sections: &[Section<'_>]) -> Option<Statement> {
        if !self.question.asks_to_do {
            return None;
        }
        let others = self
            .weighed
            .iter()
            .filter(|other| other.unit.form != Form::Row && other.unit.parts != best.unit.parts);
        let is_read = sections.iter().any(|section| section.reading.is_some());
        for other in others {
            let section = &sections[other.unit.section];
            if forbids_above(&other.unit, section) && is_answer(section, &other.unit.range()) {
                return Some(self.state(other, sections));
            }
            let is_beside = other.unit.path == best.unit.path && other.unit.form == Form::Prose;
            for part in &other.unit.parts {
                let text = &section.text[part.range.clone()];
                let applies = if is_read {
                    is_answer(section, &part.range)
                } else {
                    is_beside && self.question.weight_in(&stems(text)) > 0.0
                };
                if applies && forbids(text) {
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

/// Whether the line or the heading above a unit forbids.
fn forbids_above(unit: &Unit<'_>, section: &Section<'_>) -> bool {
    let lead = unit.lead.clone();
    lead.is_some_and(|lead| forbids(&section.text[lead]))
        || unit.path.last().is_some_and(|heading| forbids(heading))
}

/// Whether the reader takes these bytes for the answer.
fn is_answer(section: &Section<'_>, range: &Range<usize>) -> bool {
    let answers = section
        .reading
        .as_ref()
        .is_some_and(|reading| reading.answers >= WARNS);
    answers
        && section
            .share(range)
            .is_some_and(|share| share >= SHARE_OF_WARNING)
}
