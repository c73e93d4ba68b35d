//! Running headers, footers and page numbers: found by repetition over pages, and dropped.

use std::collections::{HashMap, HashSet};

use super::layout::{Frame, MAX_ARRANGED_LINES};
use super::line::Line;

/// Share of the page height at either end in which furniture may stand.
const BAND: f32 = 0.15;
/// Furniture repeats on at least this many pages.
const MIN_PAGES: usize = 3;
/// Longer lines are text.
const MAX_CHARS: usize = 120;
/// Numbers larger than the text by this factor count chapters or catch the eye.
const DISPLAY: f32 = 1.7;
/// Heights within this many points are the same slot.
const SLOT: f32 = 4.0;

/// Where a line stands: the page it is on and its place among the page's lines.
type Place = (usize, usize);

/// Drops what repeats at the top and bottom of `pages` (the upright frame of each page).
pub(super) fn drop_furniture(pages: &mut [&mut Frame]) {
    let candidates = candidates_of(pages);
    let usual = usual_size(pages);
    let mut doomed = repeated(pages, &candidates, usual);
    doomed.extend(slots(pages, &candidates, &doomed, usual));
    doomed.extend(page_numbers(pages, &candidates, usual));
    if doomed.len() == pages.iter().map(|page| page.lines.len()).sum::<usize>() {
        // Nothing but numbered pages: then the numbers are the text.
        return;
    }
    for (number, page) in pages.iter_mut().enumerate() {
        let mut index = 0;
        page.lines.retain(|_| {
            index += 1;
            !doomed.contains(&(number, index - 1))
        });
    }
}

fn candidates_of(pages: &[&mut Frame]) -> Vec<Place> {
    let mut candidates = Vec::new();
    let sparse = |page: &Frame| page.lines.len() <= MAX_ARRANGED_LINES;
    for (number, page) in pages.iter().enumerate().filter(|(_, page)| sparse(page)) {
        let band = page.height * BAND;
        for (index, line) in page.lines.iter().enumerate() {
            let outermost = index == 0 || index + 1 == page.lines.len();
            let band = if outermost { band * 1.7 } else { band };
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

/// The text with every number made alike, so that page numbers do not tell headers apart.
fn shape_of(text: &str) -> String {
    let mut shape = String::with_capacity(text.len());
    for character in text.chars() {
        if !character.is_ascii_digit() {
            shape.extend(character.to_lowercase());
        } else if !shape.ends_with('#') {
            shape.push('#');
        }
    }
    shape
}

/// A slot: the height on the page, coarse enough to forgive rounding.
fn slot_of(line: &Line) -> i32 {
    (line.baseline / SLOT).round() as i32
}

/// The size under which half of all characters stand.
fn usual_size(pages: &[&mut Frame]) -> f32 {
    let mut sizes: Vec<(f32, usize)> = pages
        .iter()
        .flat_map(|page| &page.lines)
        .map(|line| (line.size, line.text.len()))
        .collect();
    sizes.sort_by(|a, b| a.0.total_cmp(&b.0));
    let half = sizes.iter().map(|&(_, length)| length).sum::<usize>() / 2;
    let mut seen = 0;
    sizes
        .iter()
        .find(|&&(_, length)| {
            seen += length;
            seen >= half
        })
        .map_or(0.0, |&(size, _)| size)
}

/// Whether a line is a bare number in type much larger than the `usual` size.
fn is_chapter_number(line: &Line, usual: f32) -> bool {
    line.size > usual * DISPLAY && !line.text.chars().any(char::is_alphabetic)
}

/// Lines with the same shape at the same height on several pages.
fn repeated(pages: &[&mut Frame], candidates: &[Place], usual: f32) -> HashSet<Place> {
    let mut seen: HashMap<(String, i32), HashSet<usize>> = HashMap::new();
    for &place in candidates {
        let line = line_at(pages, place);
        for slot in around(slot_of(line)) {
            seen.entry((shape_of(&line.text), slot))
                .or_default()
                .insert(place.0);
        }
    }
    let chapters: HashSet<(usize, &str)> = candidates
        .iter()
        .filter(|&&place| is_chapter_number(line_at(pages, place), usual))
        .map(|&place| (place.0, line_at(pages, place).text.as_str()))
        .collect();
    let is_repeated = |place: &Place| {
        let line = line_at(pages, *place);
        let has_words = line.text.chars().any(char::is_alphabetic);
        // `02` in large type heads a chapter, wherever its designer likes to put it; on the pages
        // that follow it is furniture.
        if is_chapter_number(line, usual) {
            let before = place.0.checked_sub(1);
            return before.is_some_and(|page| chapters.contains(&(page, line.text.as_str())));
        }
        around(slot_of(line)).any(|slot| {
            seen.get(&(shape_of(&line.text), slot))
                .is_some_and(|found| found.len() >= MIN_PAGES && (has_words || is_regular(found)))
        })
    };
    candidates.iter().copied().filter(is_repeated).collect()
}

/// Whether pages follow each other closely; bare numbers are dropped only then.
fn is_regular(found: &HashSet<usize>) -> bool {
    let (first, last) = (found.iter().min(), found.iter().max());
    match (first, last) {
        (Some(first), Some(last)) => (last - first) < found.len() * 4,
        _ => false,
    }
}

fn around(slot: i32) -> impl Iterator<Item = i32> {
    slot.saturating_sub(1)..=slot.saturating_add(1)
}

/// Everything else in slots where most lines repeat: chapter names change, their place does not.
fn slots(
    pages: &[&mut Frame],
    candidates: &[Place],
    repeated: &HashSet<Place>,
    usual: f32,
) -> HashSet<Place> {
    let mut by_slot: HashMap<i32, Vec<Place>> = HashMap::new();
    for &place in candidates {
        for slot in around(slot_of(line_at(pages, place))) {
            by_slot.entry(slot).or_default().push(place);
        }
    }
    let mut doomed = HashSet::new();
    for places in by_slot.values() {
        let gone: Vec<&Place> = places
            .iter()
            .filter(|place| repeated.contains(place))
            .collect();
        if gone.len() < MIN_PAGES || gone.len() * 2 < places.len() {
            continue;
        }
        let size = gone
            .iter()
            .map(|place| line_at(pages, **place).size)
            .fold(0.0, f32::max);
        let alike = |place: &&Place| {
            let line = line_at(pages, **place);
            line.size <= size * 1.15 && !is_chapter_number(line, usual) && is_apart(pages, **place)
        };
        doomed.extend(places.iter().filter(alike));
    }
    doomed
}

/// Whether nothing but furniture can be so far from the text.
fn is_apart(pages: &[&mut Frame], place: Place) -> bool {
    let page = &pages[place.0];
    let line = &page.lines[place.1];
    page.lines.iter().enumerate().all(|(index, other)| {
        let distance = (other.baseline - line.baseline).abs();
        index == place.1 || distance < line.size * 0.5 || distance > line.size * 1.7
    })
}

/// Numbers that count along with the pages.
fn page_numbers(pages: &[&mut Frame], candidates: &[Place], usual: f32) -> HashSet<Place> {
    let mut by_offset: HashMap<(i64, bool), Vec<Place>> = HashMap::new();
    for &place in candidates {
        if let Some(number) = page_number(&line_at(pages, place).text) {
            let page = i64::try_from(place.0).unwrap_or(i64::MAX);
            let large = is_chapter_number(line_at(pages, place), usual);
            by_offset
                .entry((number - page, large))
                .or_default()
                .push(place);
        }
    }
    let counting = |((_, large), places): &((i64, bool), Vec<Place>)| {
        let counted: HashSet<usize> = places.iter().map(|place| place.0).collect();
        // Short chapters count along with the pages too, but not through half of a file.
        let least = if *large { pages.len() / 2 } else { 0 };
        counted.len() >= MIN_PAGES.min(pages.len().max(2)).max(least)
    };
    by_offset
        .into_iter()
        .filter(counting)
        .flat_map(|(_, places)| places)
        .collect()
}

/// The number in `12`, `- 12 -`, `Page 12`, `12 / 30`, `xii`.
fn page_number(text: &str) -> Option<i64> {
    let text = text.trim_matches(|character: char| !character.is_alphanumeric());
    let words: Vec<&str> = text
        .split(|character: char| character.is_whitespace() || character == '/' || character == '|')
        .filter(|word| !word.is_empty())
        .collect();
    let number = match words.as_slice() {
        [only] => only,
        [label, number] if label.chars().all(char::is_alphabetic) && label.len() <= 6 => number,
        [number, total] if total.bytes().all(|byte| byte.is_ascii_digit()) => number,
        [number, "of" | "von" | "de" | "sur" | "di" | "van", _] => number,
        [label, number, "of" | "von" | "de" | "sur" | "di" | "van", _]
            if label.chars().all(char::is_alphabetic) =>
        {
            number
        }
        _ => return None,
    };
    if number.len() <= 5 && number.bytes().all(|byte| byte.is_ascii_digit()) {
        return number.parse().ok();
    }
    roman(number)
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

    fn line(text: &str, baseline: f32) -> Line {
        Line {
            text: text.to_owned(),
            left: 50.0,
            right: 300.0,
            baseline,
            size: 10.0,
            weight: None,
            first_word: 20.0,
            spaced: false,
            drawn: 0,
            gaps: Vec::new(),
        }
    }

    fn kept(pages: Vec<Vec<Line>>) -> Vec<Vec<String>> {
        let mut frames: Vec<Frame> = pages
            .into_iter()
            .map(|lines| Frame {
                lines,
                rules: Vec::new(),
                height: 800.0,
            })
            .collect();
        drop_furniture(&mut frames.iter_mut().collect::<Vec<_>>());
        frames
            .into_iter()
            .map(|frame| frame.lines.into_iter().map(|line| line.text).collect())
            .collect()
    }

    #[test]
    fn headers_and_page_numbers_go_and_text_stays() {
        let pages = (0..4)
            .map(|page| {
                vec![
                    line(&format!("Warm home hacks {page}"), 30.0),
                    line(&format!("The text of page number {page}"), 400.0),
                    line(&(page + 11).to_string(), 780.0),
                ]
            })
            .collect();
        for (page, lines) in kept(pages).into_iter().enumerate() {
            assert_eq!(lines, [format!("The text of page number {page}")]);
        }
    }

    #[test]
    fn chapter_names_in_the_header_go_too() {
        let names = ["Heating", "Heating", "Heating", "Water", "Light", "Water"];
        let pages = names
            .map(|name| vec![line(name, 30.0), line("Text", 400.0)])
            .to_vec();
        for lines in kept(pages) {
            assert_eq!(lines, ["Text"]);
        }
    }

    #[test]
    fn numbers_of_chapters_in_large_type_stay() {
        let large = |chapter: u8| Line {
            size: 61.0,
            ..line(&format!("0{chapter}"), 68.0)
        };
        let pages = (0..4)
            .map(|chapter| {
                vec![
                    large(chapter),
                    line("The text of a chapter, long enough to be the usual", 400.0),
                ]
            })
            .flat_map(|page| {
                let next = vec![page[0].clone(), line("More of the same chapter", 400.0)];
                [page, next]
            })
            .collect();
        let numbers: Vec<String> = kept(pages)
            .concat()
            .into_iter()
            .filter(|line| line.starts_with('0'))
            .collect();
        assert_eq!(numbers, ["00", "01", "02", "03"]);
    }

    #[test]
    fn what_stands_once_or_in_the_middle_stays() {
        let pages = vec![
            vec![line("A title", 30.0), line("same", 400.0)],
            vec![line("Another", 30.0), line("same", 400.0)],
            vec![line("A third", 30.0), line("same", 400.0)],
        ];
        assert_eq!(
            kept(pages.clone()).concat(),
            ["A title", "same", "Another", "same", "A third", "same"]
        );
    }

    #[test]
    fn page_numbers_are_known_in_their_usual_clothes() {
        for (text, number) in [
            ("12", 12),
            ("- 12 -", 12),
            ("Page 12", 12),
            ("12 of 30", 12),
            ("Seite 3 von 9", 3),
            ("xiv", 14),
        ] {
            assert_eq!(page_number(text), Some(number), "{text}");
        }
        assert_eq!(page_number("12 apples a day"), None);
    }
}
