//! Accents drawn as glyphs of their own, put back on their letters.

use unicode_normalization::char::compose;

use super::glyph::Glyph;

/// Upright glyphs in drawing order, every spacing accent joined with the letter under it.
pub(super) fn with_accents(glyphs: Vec<Glyph>) -> Vec<Glyph> {
    if glyphs
        .iter()
        .all(|glyph| combining(glyph.character).is_none())
    {
        return glyphs;
    }
    let mut joined: Vec<Glyph> = Vec::with_capacity(glyphs.len());
    let mut waiting: Option<(char, Glyph)> = None;
    for glyph in glyphs {
        if let Some(mark) = combining(glyph.character) {
            if let Some(last) = joined.last_mut().filter(|last| is_under(last, &glyph)) {
                let marked = put_on(last, mark);
                joined.extend(marked);
                continue;
            }
            joined.extend(waiting.take().map(|(_, accent)| accent));
            waiting = Some((mark, glyph));
            continue;
        }
        let mut base = glyph;
        let mut marked = None;
        if let Some((mark, accent)) = waiting.take() {
            if is_under(&base, &accent) {
                marked = put_on(&mut base, mark);
            } else {
                joined.push(accent);
            }
        }
        joined.push(base);
        joined.extend(marked);
    }
    joined.extend(waiting.map(|(_, accent)| accent));
    joined
}

/// The combining mark for a spacing accent.
fn combining(character: char) -> Option<char> {
    Some(match character {
        '`' => '\u{300}',
        '´' => '\u{301}',
        'ˆ' => '\u{302}',
        '˜' => '\u{303}',
        '¯' => '\u{304}',
        '˘' => '\u{306}',
        '˙' => '\u{307}',
        '¨' => '\u{308}',
        '˚' => '\u{30A}',
        '˝' => '\u{30B}',
        'ˇ' => '\u{30C}',
        '¸' => '\u{327}',
        '˛' => '\u{328}',
        _ => return None,
    })
}

/// Whether the accent stands over (or under) this letter.
fn is_under(letter: &Glyph, accent: &Glyph) -> bool {
    let middle = accent.x + accent.advance / 2.0;
    letter.character.is_alphabetic()
        && middle > letter.x - letter.advance * 0.1
        && middle < letter.x + letter.advance * 1.1
        && (letter.y - accent.y).abs() < letter.size * 0.6
}

/// Composes letter and mark; returns the mark as a glyph of its own if there is no such letter.
fn put_on(letter: &mut Glyph, mark: char) -> Option<Glyph> {
    if let Some(composed) = compose(letter.character, mark) {
        letter.character = composed;
        return None;
    }
    Some(Glyph {
        character: mark,
        x: letter.x + letter.advance,
        advance: 0.0,
        ink: 0.0,
        ..letter.clone()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn glyph(character: char, x: f32, y: f32) -> Glyph {
        Glyph {
            character,
            x,
            y,
            advance: 5.0,
            size: 10.0,
            angle: 0,
            ink: 0.0,
        }
    }

    fn text(glyphs: Vec<Glyph>) -> String {
        with_accents(glyphs)
            .iter()
            .map(|glyph| glyph.character)
            .collect()
    }

    #[test]
    fn an_accent_before_or_after_its_letter_is_joined() {
        assert_eq!(text(vec![glyph('¨', 0.2, 0.0), glyph('u', 0.0, 0.0)]), "ü");
        assert_eq!(text(vec![glyph('u', 0.0, 0.0), glyph('¨', 0.2, 1.0)]), "ü");
        assert_eq!(
            text(vec![glyph('ˆ', 0.2, 0.0), glyph('P', 0.0, 0.0)]),
            "P\u{302}"
        );
    }

    #[test]
    fn an_accent_on_its_own_stays() {
        assert_eq!(
            text(vec![glyph('a', 0.0, 0.0), glyph('`', 20.0, 0.0)]),
            "a`"
        );
    }
}
