//! Answers as a terminal shows them: no marks of Markdown, no longer lines than it has room for.

use std::io::{self, IsTerminal as _};

use unicode_width::UnicodeWidthStr as _;

/// Lines longer than this are hard to read.
const WIDEST: usize = 100;
/// Narrower than this, the terminal breaks lines itself.
const NARROWEST: usize = 20;

/// Columns for an answer on standard output; `None` where it goes to a program or a file.
pub(super) fn width() -> Option<usize> {
    let size = terminal_size::terminal_size_of(io::stdout());
    let columns = size.map(|(columns, _)| usize::from(columns.0));
    let is_terminal = io::stdout().is_terminal();
    columns
        .filter(|columns| is_terminal && *columns >= NARROWEST)
        .map(|columns| columns.min(WIDEST))
}

/// `answer` without marks, wrapped at `width` columns. Nothing but marks and white space changes.
pub(super) fn plain(answer: &str, width: Option<usize>) -> String {
    let answer = without_marks(answer);
    let lines = answer.lines().map(|line| match width {
        Some(width) => wrap(line, width),
        None => line.to_owned(),
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Takes out the stars of `**words**`. Stars within a word, as in a formula, are the source's own.
fn without_marks(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("**") {
        let opens =
            !before.ends_with(char::is_alphanumeric) && !after.starts_with(char::is_whitespace);
        let marked = after.split_once("**").filter(|(inner, behind)| {
            opens
                && !inner.is_empty()
                && !inner.ends_with(char::is_whitespace)
                && !inner.contains("\n\n")
                && !behind.starts_with(char::is_alphanumeric)
        });
        plain.push_str(before);
        if let Some((inner, behind)) = marked {
            plain.push_str(inner);
            rest = behind;
        } else {
            plain.push_str("**");
            rest = after;
        }
    }
    plain + rest
}

/// Breaks a line at its spaces; what follows a list item's mark stands under its first word.
fn wrap(line: &str, width: usize) -> String {
    let text = line.trim_start();
    let start = line.len() - text.len();
    let mark = text.split_once(' ').map_or(0, |(first, _)| {
        let is_number = first
            .strip_suffix(['.', ')'])
            .is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()));
        let is_mark = is_number || matches!(first, "-" | "*" | "•" | "–");
        if is_mark { first.width() + 1 } else { 0 }
    });
    let indent = (start + mark).min(width / 2);
    let mut wrapped = line[..start].to_owned();
    let mut column = wrapped.width();
    for (position, word) in text.split(' ').enumerate() {
        let needed = word.width() + usize::from(position > 0);
        if position > 0 && column + needed > width {
            wrapped.push('\n');
            wrapped.push_str(&" ".repeat(indent));
            column = indent;
        } else if position > 0 {
            wrapped.push(' ');
            column += 1;
        }
        wrapped.push_str(word);
        column += word.width();
    }
    wrapped
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn marks_go_and_what_the_source_says_stays() {
        for (marked, expected) in [
            (
                "**Turn it down** to 18 °C. [1]",
                "Turn it down to 18 °C. [1]",
            ),
            ("Say (**twice**), **then** go.", "Say (twice), then go."),
            ("2**3**4 and x ** y ** z", "2**3**4 and x ** y ** z"),
            ("**open", "**open"),
            (
                "# Not a heading\n1. a_b_c *d*",
                "# Not a heading\n1. a_b_c *d*",
            ),
        ] {
            assert_eq!(plain(marked, None), expected);
        }
    }

    #[test]
    fn lines_fit_and_lists_hang() {
        let text = "- one two three four\n\n日本語 日本語 日本語";
        assert_eq!(
            plain(text, Some(14)),
            "- one two\n  three four\n\n日本語 日本語\n日本語"
        );
    }

    proptest! {
        #[test]
        fn wrapping_changes_white_space_alone(line in "[ a-zé日.\\-1]{0,80}", width in 20_usize..60) {
            let wrapped = wrap(&line, width);
            prop_assert_eq!(
                wrapped.split_whitespace().collect::<Vec<_>>(),
                line.split_whitespace().collect::<Vec<_>>()
            );
        }
    }
}
