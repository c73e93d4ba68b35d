//! Single characters: which are readable, and what typographic forms stand for.

use unicode_normalization::UnicodeNormalization;

/// Whether a character says something to a reader (private use, controls and U+FFFD do not).
pub(super) fn is_readable(character: char) -> bool {
    !matches!(character,
        '\u{0}'..='\u{8}'
        | '\u{B}'..='\u{1F}'
        | '\u{7F}'..='\u{9F}'
        | '\u{E000}'..='\u{F8FF}'
        | '\u{FFF0}'..='\u{FFFF}'
        | '\u{FEFF}'
        | '\u{F0000}'..='\u{10FFFF}')
}

/// Appends what `character` stands for: ligatures and presentation forms in full, spaces plain.
pub(super) fn expand(character: char, into: &mut Vec<char>) {
    match character {
        character if character.is_whitespace() => into.push(' '),
        '\u{FB00}'..='\u{FB06}' | '\u{132}' | '\u{133}' => into.extend(character.nfkc()),
        // Presentation forms are right-to-left; what stands for a ligature is laid out visually.
        '\u{FB1D}'..='\u{FDFF}' | '\u{FE70}'..='\u{FEFC}' => {
            let start = into.len();
            into.extend(character.nfkc());
            into[start..].reverse();
        }
        // Bullets of symbol fonts, where they have been mapped to the private use area.
        '\u{F0B7}' | '\u{F0A7}' | '\u{F0D8}' | '\u{F076}' => into.push('•'),
        '\u{F0FC}' => into.push('✓'),
        '\u{2010}' | '\u{2011}' => into.push('-'),
        // Tall brackets are drawn in pieces, the upper end first: that one stands for all.
        '\u{239B}' | '\u{F8EB}' => into.push('('),
        '\u{239E}' | '\u{F8F6}' => into.push(')'),
        '\u{23A1}' | '\u{F8EE}' => into.push('['),
        '\u{23A4}' | '\u{F8F9}' => into.push(']'),
        '\u{23A7}' | '\u{F8F1}' => into.push('{'),
        '\u{23AB}' | '\u{F8FC}' => into.push('}'),
        // The other pieces, and characters without width, say nothing.
        '\u{239C}'..='\u{23AD}'
        | '\u{F8E5}'..='\u{F8E7}'
        | '\u{F8EC}'..='\u{F8FE}'
        | '\u{200B}'..='\u{200F}'
        | '\u{202A}'..='\u{202E}'
        | '\u{2060}'..='\u{2069}' => {}
        other => into.push(other),
    }
}

/// Whether words of this character's script are written without spaces.
pub(super) fn is_unspaced_script(character: char) -> bool {
    matches!(character,
        '\u{2E80}'..='\u{30FF}' | '\u{3400}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}'
        | '\u{FF00}'..='\u{FFEF}' | '\u{20000}'..='\u{3FFFF}')
}

/// Whether a character is written from right to left.
pub(super) fn is_right_to_left(character: char) -> bool {
    matches!(character,
        '\u{590}'..='\u{8FF}' | '\u{FB1D}'..='\u{FDFF}' | '\u{FE70}'..='\u{FEFC}'
        | '\u{10800}'..='\u{10FFF}' | '\u{1E800}'..='\u{1EFFF}')
}

/// Whether a character marks a list item.
pub(super) fn is_bullet(character: char) -> bool {
    matches!(
        character,
        '•' | '‣'
            | '◦'
            | '▪'
            | '▫'
            | '■'
            | '□'
            | '●'
            | '○'
            | '◆'
            | '◇'
            | '►'
            | '▶'
            | '➢'
            | '➤'
            | '✓'
            | '✔'
            | '⁃'
            | '∙'
            | '❖'
            | '·'
            | '❑'
            | '❏'
            | '☐'
            | '➔'
            | '→'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(character: char) -> String {
        let mut into = Vec::new();
        expand(character, &mut into);
        into.into_iter().collect()
    }

    #[test]
    fn ligatures_are_spelled_out() {
        assert_eq!(expanded('ﬁ'), "fi");
        assert_eq!(expanded('ﬄ'), "ffl");
    }

    #[test]
    fn superscripts_and_fractions_stay() {
        assert_eq!(expanded('²'), "²");
        assert_eq!(expanded('½'), "½");
    }

    #[test]
    fn spaces_become_plain() {
        assert_eq!(expanded('\u{A0}'), " ");
        assert_eq!(expanded('\u{2009}'), " ");
    }

    #[test]
    fn a_tall_bracket_is_one_sign() {
        let pieces = ['\u{239B}', '\u{239C}', '\u{239D}'];
        assert_eq!(pieces.map(expanded).concat(), "(");
        assert_eq!(
            ['\u{F8F1}', '\u{F8F2}', '\u{F8F3}'].map(expanded).concat(),
            "{"
        );
    }

    #[test]
    fn private_use_says_nothing() {
        assert!(!is_readable('\u{E012}'));
        assert!(!is_readable('\u{FFFD}'));
        assert!(is_readable('é'));
    }
}
