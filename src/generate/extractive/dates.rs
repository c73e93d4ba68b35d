//! Where sections or documents that are told apart by their dates alone say different things, the
//! latest answers.

use std::collections::HashSet;

use super::question::{Question, stems};
use super::weigh::Weighed;
use crate::language::month;

/// Units of other dates answer in place of the heaviest where they weigh this much less at most …
const WITHIN: f32 = 0.2;
/// … and hold this share of the words of the question that it holds.
const SHARE_HELD: f32 = 0.8;

/// Year, month and day; 0 for what is not said.
type Date = (u16, u8, u8);

/// The date in a heading: a year, with a month by name or number and a day beside it.
pub(super) fn date(heading: &str) -> Option<Date> {
    let words: Vec<String> = heading
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect();
    let number = |at: Option<usize>, most: u16| {
        let word = at.and_then(|at| words.get(at))?;
        word.parse::<u16>()
            .ok()
            .filter(|number| (1..=most).contains(number))
    };
    let at = words
        .iter()
        .position(|word| word.len() == 4 && (word.starts_with("19") || word.starts_with("20")))?;
    let year = number(Some(at), 2100)?;
    if let Some(position) = words.iter().position(|word| month(word).is_some()) {
        let day = number(position.checked_sub(1), 31).or_else(|| number(Some(position + 1), 31));
        return Some((year, month(&words[position])?, day.unwrap_or(0) as u8));
    }
    let (month, day) = (number(Some(at + 1), 12), number(Some(at + 2), 31));
    Some((year, month.unwrap_or(0) as u8, day.unwrap_or(0) as u8))
}

/// The position of the unit that answers: the first, or one that differs from it in the date of its
/// headings and is later, unless the question itself names a time.
pub(super) fn latest(question: &Question, weighed: &[Weighed<'_>]) -> usize {
    let Some(best) = weighed.first() else {
        return 0;
    };
    let dated = |found: &Weighed<'_>| {
        found
            .unit
            .path
            .iter()
            .rev()
            .find_map(|heading| date(heading))
    };
    // "May" at the beginning is no month, and neither is "may".
    let mut words = question.asking.split_whitespace().skip(1);
    let is_month = |word: &str| {
        let word = word.trim_end_matches(|c: char| !c.is_alphabetic());
        word.starts_with(char::is_uppercase) && month(&word.to_lowercase()).is_some()
    };
    let names_time = date(&question.asking).is_some() || words.any(is_month);
    let (Some(first), false) = (dated(best), names_time) else {
        return 0;
    };
    let path = undated(&best.unit.path);
    let others = weighed.iter().enumerate().filter(|(_, other)| {
        best.weight - other.weight <= WITHIN
            && other.holds >= SHARE_HELD * best.holds
            && undated(&other.unit.path) == path
    });
    others
        .filter_map(|(position, other)| Some((dated(other)?, position)))
        .filter(|(date, _)| *date > first)
        // Of one date the heavier.
        .max_by_key(|(date, position)| (*date, usize::MAX - position))
        .map_or(0, |(_, position)| position)
}

/// The words of a path without its dates.
fn undated(path: &[&str]) -> HashSet<String> {
    let words = path
        .iter()
        .flat_map(|heading| heading.split(|c: char| !c.is_alphanumeric()));
    let words = words.map(str::to_lowercase);
    let undated =
        words.filter(|word| month(word).is_none() && !word.chars().all(|c| c.is_ascii_digit()));
    undated.flat_map(|word| stems(&word)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_in_words_and_in_figures() {
        assert_eq!(date("Minutes of 17 September 2024"), Some((2024, 9, 17)));
        assert_eq!(date("March 12, 2024"), Some((2024, 3, 12)));
        assert_eq!(date("2024-03-12"), Some((2024, 3, 12)));
        assert_eq!(date("Parts list 2024"), Some((2024, 0, 0)));
        assert_eq!(date("Room 204"), None);
    }
}
