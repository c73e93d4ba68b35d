//! Which language a text is in.

use unicode_segmentation::UnicodeSegmentation as _;

/// Fewer words are in no language for certain.
const LEAST_WORDS: usize = 4;

/// The English name of the language of `text`; `None` where it is short or the trigrams of its
/// letters do not tell. Letters that are not Latin tell enough: of languages that share them the
/// likeliest is named.
pub fn detect_language(text: &str) -> Option<&'static str> {
    if text.unicode_words().take(LEAST_WORDS).count() < LEAST_WORDS {
        return None;
    }
    let found = whatlang::detect(text)
        .filter(|found| found.is_reliable() || found.script() != whatlang::Script::Latin)?;
    Some(found.lang().eng_name())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_are_told_apart_where_that_is_sure() {
        let german = "Wie dick soll die Dämmung unter dem Dach meines Hauses sein?";
        assert_eq!(detect_language(german), Some("German"));
        let english = "How thick should the insulation below the roof of my house be?";
        assert_eq!(detect_language(english), Some("English"));
        let arabic = "\u{645}\u{627} \u{647}\u{648} \u{627}\u{644}\u{639}\u{645}\u{642} \u{627}\u{644}\u{645}\u{639}\u{62a}\u{627}\u{62f}";
        assert_eq!(detect_language(arabic), Some("Arabic"));
        assert_eq!(detect_language("E-133?"), None);
        assert_eq!(detect_language("Wie dick?"), None);
    }
}
