//! How the items of a list are marked.

use dom_query::{Element, NodeRef};

use super::super::numerals::roman;
use super::element::attribute;

/// One open list.
#[derive(Debug, Default)]
pub(super) struct List {
    /// The next item's number, for ordered lists.
    number: Option<i64>,
    step: i64,
    style: Style,
}

/// How an ordered list counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Style {
    #[default]
    Decimal,
    Letters,
    Capitals,
    Roman,
    CapitalRoman,
}

impl Style {
    /// From the `type` attribute or the style sheet's word.
    fn of(element: &Element) -> Option<Self> {
        if let Some(kind) = attribute(element, "type") {
            return match kind.trim() {
                "a" => Some(Self::Letters),
                "A" => Some(Self::Capitals),
                "i" => Some(Self::Roman),
                "I" => Some(Self::CapitalRoman),
                _ => None,
            };
        }
        let style = attribute(element, "style")?;
        [
            ("lower-alpha", Self::Letters),
            ("lower-latin", Self::Letters),
            ("upper-alpha", Self::Capitals),
            ("upper-latin", Self::Capitals),
            ("lower-roman", Self::Roman),
            ("upper-roman", Self::CapitalRoman),
        ]
        .into_iter()
        .find(|(name, _)| {
            super::element::declares(style, "list-style-type", name)
                || super::element::declares(style, "list-style", name)
        })
        .map(|(_, style)| style)
    }

    fn write(self, number: i64) -> String {
        match self {
            Self::Letters => letters(number).unwrap_or_else(|| number.to_string()),
            Self::Capitals => {
                letters(number).map_or_else(|| number.to_string(), |text| text.to_uppercase())
            }
            Self::Roman => roman_of(number).unwrap_or_else(|| number.to_string()),
            Self::CapitalRoman => {
                roman_of(number).map_or_else(|| number.to_string(), |text| text.to_uppercase())
            }
            Self::Decimal => number.to_string(),
        }
    }
}

/// a, b, … z, aa, ab.
fn letters(number: i64) -> Option<String> {
    let mut rest = u32::try_from(number).ok().filter(|number| *number > 0)?;
    let mut text = Vec::new();
    while rest > 0 {
        rest -= 1;
        text.push(char::from(b'a' + u8::try_from(rest % 26).ok()?));
        rest /= 26;
    }
    Some(text.into_iter().rev().collect())
}

fn roman_of(number: i64) -> Option<String> {
    u32::try_from(number).ok().and_then(roman)
}

impl List {
    /// The list that an element opens; `name` is the element's.
    pub(super) fn of(node: &NodeRef<'_>, name: &str) -> Self {
        let Some(element) = node.element_ref().filter(|_| name == "ol") else {
            return Self::default();
        };
        let is_reversed = attribute(&element, "reversed").is_some();
        let first = number_attribute(&element, "start").unwrap_or_else(|| {
            let items = || node.children_it(false).filter(|child| child.has_name("li"));
            if is_reversed {
                i64::try_from(items().count()).unwrap_or(1)
            } else {
                1
            }
        });
        Self {
            number: Some(first),
            step: if is_reversed { -1 } else { 1 },
            style: Style::of(&element).unwrap_or_default(),
        }
    }

    /// What stands before the next item.
    pub(super) fn next_marker(&mut self, item: &NodeRef<'_>) -> String {
        let Some(number) = &mut self.number else {
            return "- ".to_owned();
        };
        let element = item.element_ref();
        let value = element
            .as_ref()
            .and_then(|element| number_attribute(element, "value"));
        let style = element.as_ref().and_then(|element| Style::of(element));
        let this = value.unwrap_or(*number);
        *number = this.saturating_add(self.step);
        format!("{}. ", style.unwrap_or(self.style).write(this))
    }
}

/// A whole number in an attribute, if it is none that would flood the text.
pub(super) fn number_attribute(element: &Element, name: &str) -> Option<i64> {
    let number = attribute(element, name)?.trim().parse().ok()?;
    (0..=1_000_000).contains(&number).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_and_roman_numbers_count_as_in_print() {
        let of = |style: Style, numbers: &[i64]| {
            numbers
                .iter()
                .map(|number| style.write(*number))
                .collect::<Vec<_>>()
        };
        assert_eq!(of(Style::Letters, &[1, 26, 27, 0]), ["a", "z", "aa", "0"]);
        assert_eq!(
            of(Style::CapitalRoman, &[4, 9, 1994, 5_000]),
            ["IV", "IX", "MCMXCIV", "5000"]
        );
    }
}
