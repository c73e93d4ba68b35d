//! Texts as `PostgreSQL` can hold them.
//!
//! Its `text` holds every character but U+0000. A noncharacter (Unicode 23.7) that no sensible text
//! holds stands in front of what takes that one's place, and of itself.

use std::borrow::Cow;

const ESCAPE: char = '\u{fdd0}';

/// For the database.
pub(super) fn stored(text: &str) -> Cow<'_, str> {
    if !text.contains(['\0', ESCAPE]) {
        return Cow::Borrowed(text);
    }
    let mut stored = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        match character {
            '\0' => stored.extend([ESCAPE, '0']),
            ESCAPE => stored.extend([ESCAPE, '1']),
            other => stored.push(other),
        }
    }
    Cow::Owned(stored)
}

/// As it was. A text that others have written, or that was cut off, is taken as it stands.
pub(super) fn read(stored: String) -> String {
    if !stored.contains(ESCAPE) {
        return stored;
    }
    let mut text = String::with_capacity(stored.len());
    let mut characters = stored.chars().peekable();
    while let Some(character) = characters.next() {
        let meant = match (character, characters.peek()) {
            (ESCAPE, Some('0')) => '\0',
            (ESCAPE, Some('1')) => ESCAPE,
            (other, _) => {
                text.push(other);
                continue;
            }
        };
        characters.next();
        text.push(meant);
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_text_comes_back(text in "[\0\u{fdd0}01aé😀]{0,12}") {
            let kept = stored(&text);
            prop_assert!(!kept.contains('\0'));
            prop_assert_eq!(read(kept.into_owned()), text);
        }
    }
}
