//! Names in a question are conditions: what is quoted must hold them, or its headings, or its
//! document. Where nothing does, the answer says what there is.

use std::collections::BTreeSet;

use super::Section;
use super::question::{Question, above};
use super::units::Unit;
use crate::language::{Identifier, IdentifierKind, Runs};

/// Names of the same series that are told.
const MOST_SIBLINGS: usize = 8;
/// A document is about the names that its beginning has, up to this many bytes.
const BEGINNING_BYTES: usize = 2_000;

/// Where a unit has a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Holds {
    Nowhere,
    Document,
    Above,
    Itself,
}

/// What the conditions leave.
pub(super) enum Met<'a> {
    /// These units, and whether one of them has a name of the question in its own text.
    By(Vec<Unit<'a>>, bool),
    /// No unit has this name.
    Missing(String),
}

/// Keeps the units that hold the names of the question.
pub(super) fn keep<'a>(
    question: &Question,
    mut units: Vec<Unit<'a>>,
    sections: &[Section<'a>],
    knows: &dyn Fn(&str) -> bool,
) -> Met<'a> {
    let mut is_named = false;
    let mut held_before: Vec<&str> = Vec::new();
    for name in &question.names {
        let held: Vec<Holds> = units
            .iter()
            .map(|unit| holds(name, unit, sections))
            .collect();
        let best = held.iter().copied().max().unwrap_or(Holds::Nowhere);
        if best == Holds::Nowhere {
            let missing = missing(question, name, &held_before, sections, &units, knows);
            if let Some(missing) = missing {
                return Met::Missing(missing);
            }
            continue;
        }
        held_before.push(&name.written);
        is_named |= best == Holds::Itself && name.kind != IdentifierKind::Proper;
        // Where rows and headings have the name, the rest of the document is about others.
        let least = best.min(Holds::Above);
        let mut held = held.into_iter();
        units.retain(|_| held.next().is_some_and(|held| held >= least));
    }
    Met::By(units, is_named)
}

fn holds(name: &Identifier, unit: &Unit<'_>, sections: &[Section<'_>]) -> Holds {
    let section = &sections[unit.section];
    let in_text = |text: &str| Runs::of(text).find(name).is_some();
    if in_text(&section.text[unit.range()])
        || labelled_cells(unit, section).iter().any(|c| in_text(c))
    {
        Holds::Itself
    } else if in_text(&above(unit, section)) {
        Holds::Above
    } else if in_text(section.beginning(BEGINNING_BYTES)) {
        Holds::Document
    } else {
        Holds::Nowhere
    }
}

/// The cells of a row behind the names of their columns: "Exit code 12".
fn labelled_cells(unit: &Unit<'_>, section: &Section<'_>) -> Vec<String> {
    if unit.head.is_empty() {
        return Vec::new();
    }
    let row = crate::language::cells(&section.text[unit.parts[0].range.clone()]);
    let pairs = unit.head.iter().zip(row);
    pairs.map(|(name, cell)| format!("{name} {cell}")).collect()
}

/// What to say of a name that no unit holds; `None` where it is no condition.
fn missing(
    question: &Question,
    name: &Identifier,
    held_before: &[&str],
    sections: &[Section<'_>],
    units: &[Unit<'_>],
    knows: &dyn Fn(&str) -> bool,
) -> Option<String> {
    let siblings = siblings(name, sections, units);
    let is_condition = match name.kind {
        IdentifierKind::Code | IdentifierKind::Phrase => true,
        IdentifierKind::Label => !siblings.is_empty(),
        IdentifierKind::Version => false,
        // In a question of other languages any word may have a capital letter.
        IdentifierKind::Proper => !knows(&name.written) && question.is_known(knows),
    };
    if !is_condition {
        return None;
    }
    // Others of the names were found; this one may stand elsewhere.
    if !held_before.is_empty() && knows(&name.words().1) {
        let others = enumerate(held_before);
        return Some(format!(
            "The sources do not mention {} together with {others}.",
            name.written
        ));
    }
    let mut text = format!("The sources do not mention {}.", name.written);
    if !siblings.is_empty() {
        text.push_str(&format!(" They describe {}.", enumerate(&siblings)));
    }
    Some(text)
}

/// Names of the same series in what was found, without repeats.
fn siblings(name: &Identifier, sections: &[Section<'_>], units: &[Unit<'_>]) -> Vec<String> {
    let mut found: BTreeSet<String> = BTreeSet::new();
    let mut look = |text: &str| found.extend(Runs::of(text).siblings(name, text));
    for section in sections {
        // A number behind a word of running text counts something; one in a title or heading names.
        if name.kind == IdentifierKind::Code || name.is_dotted() {
            look(&section.text[section.near.clone()]);
        }
        look(section.title);
    }
    for unit in units {
        for heading in &unit.path {
            look(heading);
        }
        for cell in labelled_cells(unit, &sections[unit.section]) {
            look(&cell);
        }
    }
    let mut found: Vec<String> = found.into_iter().collect();
    found.sort_by_key(|name| (name.len(), name.to_lowercase()));
    found.dedup_by_key(|name| name.to_lowercase());
    found
}

/// "a, b and c"; of many only the first.
fn enumerate<N: AsRef<str>>(names: &[N]) -> String {
    let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
    let shown = &names[..names.len().min(MOST_SIBLINGS)];
    match (shown, names.len() - shown.len()) {
        ([], _) => String::new(),
        ([one], _) => (*one).to_owned(),
        ([all @ .., last], 0) => format!("{} and {last}", all.join(", ")),
        (_, 1) => format!("{} and another one", shown.join(", ")),
        (_, more) => format!("{} and {more} others", shown.join(", ")),
    }
}
