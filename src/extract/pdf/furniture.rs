//! Running heads and page numbers: found by repetition over pages, and dropped.
//!
//! A running head repeats word for word, or counts with the pages, and nothing else in it changes.
//! Where its place is known by that, the names of short chapters stand there too; they go only if
//! their words stand elsewhere in the text. Whatever goes is listed with its pages.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::frame::{Frame, MAX_ARRANGED_LINES};
use super::line::Line;

/// Share of the page height at either end in which furniture may stand.
const BAND: f32 = 0.15;
/// The same for the first and the last line of a page.
const OUTER_BAND: f32 = 0.25;
/// Furniture repeats on at least this many pages.
const MIN_PAGES: usize = 3;
/// Longer lines are text.
const MAX_CHARS: usize = 120;
/// Lines with more numbers than this are rows of a table.
const MAX_NUMBERS: usize = 4;
/// Heights within this many points are the same slot.
const SLOT: f32 = 4.0;
/// What is set this much larger than the text heads it.
const LARGER: f32 = 1.05;
/// The next line of a text is at most this many ems away.
const NEXT_LINE: f32 = 1.7;
/// What counts with the pages and has words is apart from the text by this many ems; a heading that
/// has a number of its own stands closer.
const APART: f32 = 2.2;

/// Where a line stands: the page it is on and its place among the page's lines.
type Place = (usize, usize);

/// How a number in a line changes from page to page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Number {
    /// It is always this one.
    Fixed(i64),
    /// It is this much more than the page's.
    Counts(i64),
}

/// What a line has in common with those it repeats.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Pattern {
    /// Its text with `#` for every number.
    shape: String,
    slot: i32,
    numbers: Vec<Number>,
}

/// A line that was left out: its text (that of its first page) and the positions of its pages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Dropped {
    /// What it said on the first of the pages.
    pub(super) text: String,
    /// Indices of the pages, in order.
    pub(super) pages: Vec<usize>,
}

/// Drops what repeats at the top and bottom of `pages` (the upright frame of each page).
pub(super) fn drop_furniture(pages: &mut [&mut Frame]) -> Vec<Dropped> {
    let candidates = candidates_of(pages);
    let mut doomed = repeated(pages, &candidates);
    let known: HashSet<Place> = doomed.values().flatten().copied().collect();
    for place in chapter_names(pages, &candidates, &known) {
        let line = line_at(pages, place);
        let pattern = Pattern {
            shape: line.text.clone(),
            slot: slot_of(line),
            numbers: Vec::new(),
        };
        doomed.entry(pattern).or_default().insert(place);
    }
    let gone: HashSet<Place> = doomed.values().flatten().copied().collect();
    let nothing_left = pages.iter().all(|page| page.tables.is_empty())
        && gone.len() == pages.iter().map(|page| page.lines.len()).sum::<usize>();
    if nothing_left {
        // Nothing but numbered pages: then the numbers are the text.
        return Vec::new();
    }
    let dropped = listed(pages, doomed);
    for (number, page) in pages.iter_mut().enumerate() {
        let mut index = 0;
        page.lines.retain(|_| {
            index += 1;
            !gone.contains(&(number, index - 1))
        });
    }
    dropped
}

fn listed(pages: &[&mut Frame], doomed: BTreeMap<Pattern, BTreeSet<Place>>) -> Vec<Dropped> {
    let mut listed: HashSet<Place> = HashSet::new();
    let mut dropped: Vec<Dropped> = doomed
        .into_values()
        .filter_map(|places| {
            let fresh: Vec<Place> = places
                .into_iter()
                .filter(|place| listed.insert(*place))
                .collect();
            let text = line_at(pages, *fresh.first()?).text.clone();
            let pages = fresh.iter().map(|place| place.0).collect();
            Some(Dropped { text, pages })
        })
        .collect();
    dropped.sort_by(|a, b| a.pages.cmp(&b.pages));
    dropped
}

fn candidates_of(pages: &[&mut Frame]) -> Vec<Place> {
    let mut candidates = Vec::new();
    let sparse = |page: &Frame| page.lines.len() <= MAX_ARRANGED_LINES;
    for (number, page) in pages.iter().enumerate().filter(|(_, page)| sparse(page)) {
        for (index, line) in page.lines.iter().enumerate() {
            let is_outer = index == 0 || index + 1 == page.lines.len();
            let band = page.height * if is_outer { OUTER_BAND } else { BAND };
            let at_edge = line.bottom() < band || line.top() > page.height - band;
            if at_edge && line.text.chars().count() <= MAX_CHARS {
                candidates.push((number, index));
            }
        }
    }
    candidates
}

fn line_at<'a>(pages: &'a [&mut Frame], place: Place) -> &'a Line {
    &pages[place.0].lines[place.1]
}

/// A slot: the height on the page, coarse enough to forgive rounding.
fn slot_of(line: &Line) -> i32 {
    (line.baseline / SLOT).round() as i32
}

/// The text with `#` for every number, and the numbers; Roman ones count if they stand alone.
fn shape_of(text: &str) -> Option<(String, Vec<i64>)> {
    let trimmed = text.trim_matches(|character: char| !character.is_alphanumeric());
    if let Some(number) = roman(trimmed) {
        return Some((text.replace(trimmed, "#"), vec![number]));
    }
    let mut shape = String::with_capacity(text.len());
    let mut numbers = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find(|character: char| character.is_ascii_digit()) {
        let length = rest[start..].bytes().take_while(u8::is_ascii_digit).count();
        let end = start + length;
        numbers.push(rest[start..end].parse().ok()?);
        shape.push_str(&rest[..start]);
        shape.push('#');
        rest = &rest[end..];
    }
    shape.push_str(rest);
    Some((shape, numbers))
}

/// Lines with the same pattern on several pages.
fn repeated(pages: &[&mut Frame], candidates: &[Place]) -> BTreeMap<Pattern, BTreeSet<Place>> {
    let mut found: BTreeMap<Pattern, BTreeSet<Place>> = BTreeMap::new();
    for &place in candidates {
        let line = line_at(pages, place);
        let Some((shape, numbers)) = shape_of(&line.text) else {
            continue;
        };
        if numbers.len() > MAX_NUMBERS {
            continue;
        }
        let page = i64::try_from(place.0).unwrap_or(i64::MAX);
        for ways in 0..1_u32 << numbers.len() {
            let numbers: Vec<Number> = numbers
                .iter()
                .enumerate()
                .map(|(index, &number)| match (ways >> index) & 1 {
                    0 => Number::Fixed(number),
                    _ => Number::Counts(number - page),
                })
                .collect();
            for slot in slot_of(line) - 1..=slot_of(line) + 1 {
                let pattern = Pattern {
                    shape: shape.clone(),
                    slot,
                    numbers: numbers.clone(),
                };
                found.entry(pattern).or_default().insert(place);
            }
        }
    }
    found.retain(|pattern, places| is_furniture(pages, pattern, places));
    keep_text_whole(pages, &mut found);
    found.retain(|pattern, places| is_furniture(pages, pattern, places));
    found
}

/// Takes back the lines that stand in a paragraph or under a heading of their own, though they
/// repeat: those with a neighbour that does not.
fn keep_text_whole(pages: &[&mut Frame], found: &mut BTreeMap<Pattern, BTreeSet<Place>>) {
    let usual = usual_size(pages);
    let nothing: HashSet<Place> = HashSet::new();
    let heads = |place: Place| line_at(pages, place).size > usual * LARGER;
    loop {
        let gone: HashSet<Place> = found.values().flatten().copied().collect();
        let changed = take_back(found, |pattern, place| {
            match (pattern.counts(), pattern.has_words()) {
                (true, false) => true,
                (true, true) => is_apart(pages, place, APART, &nothing) && !heads(place),
                (false, _) => is_apart(pages, place, NEXT_LINE, &gone),
            }
        });
        if changed {
            continue;
        }
        // What counts and has words, and is all that a page holds, is the page's text.
        let changed = take_back(found, |pattern, place| {
            let may_be_text = pattern.counts() && pattern.has_words();
            !(may_be_text && leaves_nothing(pages, place.0, &gone))
        });
        if !changed {
            return;
        }
    }
}

/// Takes back the lines for which `stays` says no; whether there were any.
fn take_back(
    found: &mut BTreeMap<Pattern, BTreeSet<Place>>,
    stays: impl Fn(&Pattern, Place) -> bool,
) -> bool {
    let mut changed = false;
    for (pattern, places) in found {
        let before = places.len();
        places.retain(|&place| stays(pattern, place));
        changed |= places.len() < before;
    }
    changed
}

/// Whether a page has nothing but what is `gone`.
fn leaves_nothing(pages: &[&mut Frame], page: usize, gone: &HashSet<Place>) -> bool {
    let frame = &pages[page];
    frame.tables.is_empty() && (0..frame.lines.len()).all(|index| gone.contains(&(page, index)))
}

/// The size in which the middle one of all lines is set.
fn usual_size(pages: &[&mut Frame]) -> f32 {
    let mut sizes: Vec<f32> = pages
        .iter()
        .flat_map(|page| page.lines.iter().map(|line| line.size))
        .collect();
    sizes.sort_by(f32::total_cmp);
    sizes.get(sizes.len() / 2).copied().unwrap_or_default()
}

impl Pattern {
    fn counts(&self) -> bool {
        let counts = |number: &Number| matches!(number, Number::Counts(_));
        self.numbers.iter().any(counts)
    }

    fn has_words(&self) -> bool {
        self.shape.chars().any(char::is_alphabetic)
    }
}

fn is_furniture(pages: &[&mut Frame], pattern: &Pattern, places: &BTreeSet<Place>) -> bool {
    let on: BTreeSet<usize> = places.iter().map(|place| place.0).collect();
    let (Some(first), Some(last)) = (on.first(), on.last()) else {
        return false;
    };
    if !pattern.counts() {
        // A bare number that does not count is one of the text, or the name of a part.
        return pattern.has_words() && on.len() >= MIN_PAGES;
    }
    // Every page, or every other one, has its number.
    let is_dense = last - first < on.len() * 2;
    on.len() >= MIN_PAGES.min(pages.len().max(2)) && is_dense
}

/// Whether nothing but what is `gone` stands within `gap` ems above or below.
fn is_apart(pages: &[&mut Frame], place: Place, gap: f32, gone: &HashSet<Place>) -> bool {
    let page = &pages[place.0];
    let line = &page.lines[place.1];
    let near = |top: f32, bottom: f32| {
        let room = line.size * gap;
        line.baseline - room < bottom && line.baseline + room > top
    };
    page.tables
        .iter()
        .all(|table| !near(table.top, table.bottom))
        && page.lines.iter().enumerate().all(|(index, other)| {
            let distance = (other.baseline - line.baseline).abs();
            distance < line.size * 0.5
                || distance > line.size * gap
                || gone.contains(&(place.0, index))
        })
}

/// What stands where furniture does and says what is said elsewhere: names of chapters.
fn chapter_names(pages: &[&mut Frame], candidates: &[Place], known: &HashSet<Place>) -> Vec<Place> {
    let mut slots: HashMap<i32, Vec<Place>> = HashMap::new();
    for &place in candidates {
        for slot in slot_of(line_at(pages, place)) - 1..=slot_of(line_at(pages, place)) + 1 {
            slots.entry(slot).or_default().push(place);
        }
    }
    slots.retain(|_, places| {
        let gone = places.iter().filter(|place| known.contains(place)).count();
        gone >= MIN_PAGES && gone * 2 >= places.len()
    });
    let in_slot = |place: &Place| {
        !known.contains(place) && slots.contains_key(&slot_of(line_at(pages, *place)))
    };
    let names: Vec<Place> = candidates
        .iter()
        .copied()
        .filter(|place| in_slot(place) && is_apart(pages, *place, NEXT_LINE, known))
        .collect();
    let mut elsewhere: HashSet<String> = HashSet::new();
    for (number, page) in pages.iter().enumerate() {
        for (index, line) in page.lines.iter().enumerate() {
            if !names.contains(&(number, index)) {
                elsewhere.insert(words_of(&line.text));
            }
        }
    }
    names
        .into_iter()
        .filter(|&place| elsewhere.contains(&words_of(&line_at(pages, place).text)))
        .collect()
}

/// The letters of a text, in small ones.
fn words_of(text: &str) -> String {
    text.chars()
        .filter(|character| character.is_alphabetic())
        .flat_map(char::to_lowercase)
        .collect()
}

fn roman(text: &str) -> Option<i64> {
    let mut total = 0_i64;
    let mut last = 0_i64;
    if text.is_empty() || text.len() > 8 {
        return None;
    }
    for letter in text.chars().rev() {
        let value = match letter.to_ascii_lowercase() {
            'i' => 1,
            'v' => 5,
            'x' => 10,
            'l' => 50,
            'c' => 100,
            _ => return None,
        };
        total += if value < last { -value } else { value };
        last = last.max(value);
    }
    Some(total)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extract::pdf::line::set;

    fn line(text: &str, baseline: f32) -> Line {
        set(text, 50.0, baseline, 0)
    }

    fn kept(pages: Vec<Vec<Line>>) -> (Vec<Vec<String>>, Vec<Dropped>) {
        let mut frames: Vec<Frame> = pages
            .into_iter()
            .map(|lines| Frame {
                lines,
                height: 800.0,
                ..Frame::default()
            })
            .collect();
        let dropped = drop_furniture(&mut frames.iter_mut().collect::<Vec<_>>());
        let texts = frames
            .into_iter()
            .map(|frame| frame.lines.into_iter().map(|line| line.text).collect())
            .collect();
        (texts, dropped)
    }

    #[test]
    fn headers_and_page_numbers_go_and_are_listed() {
        let pages = (0..4)
            .map(|page| {
                vec![
                    line("Warm home hacks 2024", 30.0),
                    line("a guide by the council", 42.0),
                    line(&format!("The text of page number {page}"), 400.0),
                    line(&format!("Page {} of 4", page + 1), 780.0),
                ]
            })
            .collect();
        let (texts, dropped) = kept(pages);
        for (page, lines) in texts.into_iter().enumerate() {
            assert_eq!(lines, [format!("The text of page number {page}")]);
        }
        let texts: Vec<&str> = dropped.iter().map(|one| one.text.as_str()).collect();
        assert_eq!(
            texts,
            [
                "Page 1 of 4",
                "Warm home hacks 2024",
                "a guide by the council"
            ]
        );
        assert!(dropped.iter().all(|one| one.pages == [0, 1, 2, 3]));
    }

    #[test]
    fn a_line_of_a_paragraph_stays_though_it_repeats() {
        let pages: Vec<Vec<Line>> = (0..5)
            .map(|page| {
                vec![
                    line(
                        &format!("Part {}. The hatch is", ["A", "B", "C", "D", "E"][page]),
                        40.0,
                    ),
                    line("the first place to look when", 52.0),
                    line("rooms upstairs are cold.", 64.0),
                ]
            })
            .collect();
        assert_eq!(kept(pages).0.concat().len(), 15);
    }

    #[test]
    fn rows_totals_and_numbered_headings_stay() {
        // Alike but for digits, and one heading a page that even counts with the pages.
        let pages: Vec<Vec<Line>> = (0..6)
            .map(|page| {
                vec![
                    line(&format!("Article {}", page + 4), 30.0),
                    line(
                        ["Sales", "Rent", "Loans", "Gifts", "Work", "Hire"][page],
                        48.0,
                    ),
                    line(
                        &format!("0{}.01.2024 Transfer -{}", page + 1, page * 37),
                        730.0,
                    ),
                    line(&format!("Total {}", page * page * 100 + 7), 780.0),
                ]
            })
            .collect();
        let all: usize = pages.iter().map(Vec::len).sum();
        let (texts, dropped) = kept(pages);
        assert_eq!(texts.concat().len(), all, "{dropped:?}");
    }

    #[test]
    fn names_of_chapters_go_where_the_text_has_them_too() {
        let names = ["Heating", "Heating", "Heating", "Water", "Light", "Heating"];
        let mut pages: Vec<Vec<Line>> = names
            .map(|name| vec![line(name, 30.0), line("Text", 400.0)])
            .to_vec();
        pages[3].push(line("1 Water", 420.0));
        let (texts, _) = kept(pages);
        assert_eq!(texts[3], ["Text", "1 Water"]);
        // What is said nowhere else is never lost.
        assert_eq!(texts[4], ["Light", "Text"]);
        assert_eq!(texts[5], ["Text"]);
    }

    #[test]
    fn what_stands_once_or_in_the_middle_stays() {
        let pages = vec![
            vec![line("A title", 30.0), line("same", 400.0)],
            vec![line("Another", 30.0), line("same", 400.0)],
            vec![line("A third", 30.0), line("same", 400.0)],
        ];
        assert_eq!(
            kept(pages).0.concat(),
            ["A title", "same", "Another", "same", "A third", "same"]
        );
    }

    #[test]
    fn roman_page_numbers_count_too() {
        let pages = ["xii", "xiii", "xiv"]
            .map(|number| vec![line("Text of a preface", 400.0), line(number, 780.0)])
            .to_vec();
        assert_eq!(kept(pages).0.concat().len(), 3);
    }
}
