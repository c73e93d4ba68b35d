//! Numbers with what they count, so that a model's figures can be looked up in its sources.

use crate::language::lists;

/// A number and what it counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quantity {
    value: String,
    scale: Option<&'static str>,
    unit: Option<&'static str>,
}

impl Quantity {
    /// Whether `other` says as much: the same number, of the same unit if this one has one.
    pub fn is_in(&self, other: &[Self]) -> bool {
        other.iter().any(|other| {
            self.value == other.value
                && self.scale == other.scale
                && (self.unit.is_none() || self.unit == other.unit)
        })
    }
}

/// The digits of a number word.
pub fn digits_of(word: &str) -> Option<&'static str> {
    // The first, "one", seldom counts: "the one to the left".
    let found = lists()
        .units
        .numbers
        .iter()
        .skip(1)
        .find(|(name, _)| name == word);
    found.map(|(_, digits)| digits.as_str())
}

/// The quantities in a text, in order.
///
/// ```
/// use wattwise::generate::quantities::quantities;
///
/// let source = quantities("It takes 1,200 watts for two hours.");
/// assert!(quantities("1200 W")[0].is_in(&source));
/// assert!(!quantities("1300 W")[0].is_in(&source));
/// ```
pub fn quantities(text: &str) -> Vec<Quantity> {
    // Lower case may change a letter's length, so everything happens on one copy.
    let text = text.to_lowercase().replace(['\u{a0}', '\u{202f}'], " ");
    let mut found: Vec<(Quantity, usize, usize)> = Vec::new();
    let mut at = 0;
    while let Some(letter) = text[at..].chars().next() {
        let begins_word = !text[..at].ends_with(char::is_alphanumeric);
        let number = if begins_word {
            number(&text[at..])
        } else {
            None
        };
        let Some((value, length)) = number else {
            at += letter.len_utf8();
            continue;
        };
        let (start, mut end) = (at, at + length);
        let mut unit = currency_before(&text[..start]);
        let scale = one_of(&lists().units.scales, &text[end..]);
        end += scale.map_or(0, |(_, length)| length);
        if let Some((name, length)) = one_of(&lists().units.units, &text[end..]) {
            unit = unit.or(Some(name));
            end += length;
        }
        // "One" is a number only where it counts something.
        if unit.is_some() || letter.is_ascii_digit() {
            let quantity = Quantity {
                value,
                scale: scale.map(|(name, _)| name),
                unit,
            };
            found.push((quantity, start, end));
        }
        at = end;
    }
    share_units(&text, &mut found);
    found.into_iter().map(|(quantity, _, _)| quantity).collect()
}

/// In "5 to 10 °C" and "£5-10" both ends have the unit.
fn share_units(text: &str, found: &mut [(Quantity, usize, usize)]) {
    for right in (1..found.len()).rev() {
        let between = text[found[right - 1].2..found[right].1].trim();
        let between = between.trim_end_matches(['£', '$', '€']).trim();
        if !lists().units.between.has(between) {
            continue;
        }
        match (found[right - 1].0.unit, found[right].0.unit) {
            (None, unit) => found[right - 1].0.unit = unit,
            (unit, None) => found[right].0.unit = unit,
            (Some(_), Some(_)) => {}
        }
    }
}

/// A number at the start, in digits or as a word: its plain form and its length.
fn number(text: &str) -> Option<(String, usize)> {
    if !text.starts_with(|c: char| c.is_ascii_digit()) {
        return lists().units.numbers.iter().find_map(|(word, value)| {
            let rest = text.strip_prefix(word.as_str())?;
            let ends = !rest.starts_with(char::is_alphanumeric);
            ends.then(|| (value.clone(), word.len()))
        });
    }
    let bytes = text.as_bytes();
    let digits = |from: usize| {
        bytes[from..]
            .iter()
            .take_while(|b| b.is_ascii_digit())
            .count()
    };
    let mut end = digits(0);
    let mut value = text[..end].to_owned();
    while bytes.get(end) == Some(&b',') && digits(end + 1) == 3 {
        value.push_str(&text[end + 1..end + 4]);
        end += 4;
    }
    let whole = value.trim_start_matches('0');
    let mut value = if whole.is_empty() { "0" } else { whole }.to_owned();
    if bytes.get(end) == Some(&b'.') {
        let decimals = digits(end + 1);
        let kept = text[end + 1..end + 1 + decimals].trim_end_matches('0');
        if !kept.is_empty() {
            value.push('.');
            value.push_str(kept);
        }
        end += if decimals > 0 { decimals + 1 } else { 0 };
    }
    Some((value, end))
}

fn currency_before(text: &str) -> Option<&'static str> {
    let text = text.trim_end_matches(' ');
    ["£", "$", "€"]
        .into_iter()
        .find(|sign| text.ends_with(sign))
}

/// Which group has a word that the text begins with, after a space or a hyphen, and how many bytes
/// that is.
fn one_of(groups: &'static [Vec<String>], text: &str) -> Option<(&'static str, usize)> {
    let skipped = usize::from(text.starts_with([' ', '-']));
    let rest = &text[skipped..];
    groups
        .iter()
        .flat_map(|group| group.iter().map(|word| (group[0].as_str(), word.as_str())))
        .filter(|(_, word)| {
            rest.strip_prefix(word).is_some_and(|after| {
                !word.ends_with(char::is_alphanumeric)
                    || !after.starts_with(|c: char| c.is_alphanumeric() || c == '²' || c == '³')
            })
        })
        .max_by_key(|(_, word)| word.len())
        .map(|(name, word)| (name, skipped + word.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all_in(claim: &str, source: &str) -> bool {
        let source = quantities(source);
        quantities(claim).iter().all(|one| one.is_in(&source))
    }

    #[test]
    fn the_same_figure_in_other_clothes_is_the_same() {
        for (claim, source) in [
            ("It saves 10 percent.", "You save 10% of it"),
            ("It saves ten per cent.", "10 % less"),
            ("£1,200", "costs 1200 pounds"),
            ("a 270mm layer", "a 270-mm layer"),
            ("18 degrees", "set it to 18\u{a0}°C"),
            ("from 5 °C", "5–10 °C outside"),
            ("up to £10", "costs £5-10 more"),
            ("0.50 kWh", "0.5 kWh"),
            ("£1.2 million", "£1.2 million in all"),
            ("in 2 hours", "two hours"),
            ("there are 3 ways", "3 °C"),
            ("no figures, one hopes", ""),
        ] {
            assert!(
                all_in(claim, source),
                "{claim} / {source}: {:?} {:?}",
                quantities(claim),
                quantities(source)
            );
        }
    }

    #[test]
    fn another_number_unit_or_scale_is_another_figure() {
        for (claim, source) in [
            ("It saves 15 %.", "You save 10 %"),
            ("100 mm", "1000 mm"),
            ("10 cm", "10 mm"),
            ("£10", "10 %"),
            ("£1.2 million", "£1.2"),
            ("5 kW", "5 kWh"),
            ("50 m²", "50 m"),
            ("10.5p", "105p"),
            ("2 hours", "R2 hours CO2"),
            ("7 °C", "7 and a coat"),
        ] {
            assert!(!all_in(claim, source), "{claim} / {source}");
        }
    }
}
