//! Bytes to characters.
//!
//! The order of trust follows what browsers do: byte order mark, declared charset, the page's own
//! `<meta>`, then the bytes themselves. Decoding never fails; what cannot be read is replaced and
//! reported. This module does not know what the text is for.

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252, X_USER_DEFINED};

use super::ExtractError;
use crate::model::extracted::Warning;

/// How many bytes a page may take to name its charset, as in the HTML standard.
const PRESCAN_BYTES: usize = 1024;
/// How much of the file the guess looks at.
const DETECT_BYTES: usize = 256 * 1024;

/// In another charset than UTF-8, valid sequences are chance and broken ones the rule.
const SEQUENCES_PER_DAMAGE: usize = 50;
/// How many characters tell text from binary data.
const BINARY_SAMPLE: usize = 16 * 1024;

/// Whether the bytes may name their own charset in markup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Markup {
    /// Look for `<meta charset>` near the start.
    Html,
    /// Plain text: there is nothing to look for.
    None,
}

/// Decodes the bytes of a file that should be text, and refuses what is none.
pub(super) fn read(
    bytes: &[u8],
    declared: Option<&str>,
    markup: Markup,
) -> Result<(String, Option<Warning>), ExtractError> {
    let (text, warning) = decode(bytes, declared, markup);
    if is_binary(&text) {
        let reason = "the file holds binary data, not text".to_owned();
        return Err(ExtractError::NoText(reason));
    }
    Ok((text, warning))
}

/// Whether the beginning of a decoded file has more control characters than a text with a few stray
/// ones. Of compressed data every tenth byte is one.
fn is_binary(text: &str) -> bool {
    let is_foreign =
        |c: &char| c.is_ascii_control() && !matches!(c, '\t' | '\n' | '\r' | '\x0C' | '\x1B');
    let begin = || text.chars().take(BINARY_SAMPLE);
    let foreign = begin().filter(is_foreign).count();
    foreign > 8 && foreign * 50 > begin().count()
}

/// Decodes `bytes`; `declared` is the charset label of the Content-Type header or the header's
/// whole value.
pub(super) fn decode(
    bytes: &[u8],
    declared: Option<&str>,
    markup: Markup,
) -> (String, Option<Warning>) {
    if let Some(decoded) = decode_utf32(bytes) {
        return decoded;
    }
    let (encoding, body) = choose(bytes, declared, markup);
    let (text, had_errors) = encoding.decode_without_bom_handling(body);
    let warning = had_errors.then(|| Warning::BadEncoding(encoding.name().to_owned()));
    (text.into_owned(), warning)
}

/// The front of a file as text; `None` if it holds binary data.
pub(super) fn front_as_text(front: &[u8]) -> Option<String> {
    let (text, _) = decode(front, None, Markup::None);
    (!is_binary(&text)).then_some(text)
}

/// UTF-32, which `encoding_rs` leaves out as browsers do: known by its mark, or by the zeros that
/// every character has in it.
fn decode_utf32(bytes: &[u8]) -> Option<(String, Option<Warning>)> {
    let head = &bytes[..bytes.len().min(PRESCAN_BYTES) & !3];
    let (big, little) = ([0, 0, 0xFE, 0xFF], [0xFF, 0xFE, 0, 0]);
    let is_big = |unit: &[u8]| unit[0] == 0 && unit[1] <= 0x10 && unit[2..] != [0, 0];
    let is_little = |unit: &[u8]| unit[3] == 0 && unit[2] <= 0x10 && unit[..2] != [0, 0];
    let all = |fits: &dyn Fn(&[u8]) -> bool| head.len() >= 8 && head.chunks(4).all(fits);
    let read: fn([u8; 4]) -> u32 = if head.starts_with(&big) || all(&is_big) {
        u32::from_be_bytes
    } else if head.starts_with(&little) || all(&is_little) {
        u32::from_le_bytes
    } else {
        return None;
    };
    let (units, rest) = bytes.as_chunks::<4>();
    let mut is_damaged = !rest.is_empty();
    let decoded = units.iter().map(|unit| {
        char::from_u32(read(*unit)).unwrap_or_else(|| {
            is_damaged = true;
            char::REPLACEMENT_CHARACTER
        })
    });
    let text: String = decoded.filter(|c| *c != '\u{FEFF}').collect();
    let warning = is_damaged.then(|| Warning::BadEncoding("UTF-32".to_owned()));
    Some((text, warning))
}

/// The encoding and the bytes without their byte order mark.
fn choose<'a>(
    bytes: &'a [u8],
    declared: Option<&str>,
    markup: Markup,
) -> (&'static Encoding, &'a [u8]) {
    if let Some((encoding, mark_len)) = Encoding::for_bom(bytes) {
        return (encoding, &bytes[mark_len..]);
    }
    let named = declared
        .and_then(declared_encoding)
        .or_else(|| match markup {
            Markup::Html => meta_encoding(bytes),
            Markup::None => None,
        });
    let encoding = match named {
        // With its zeros it may be valid UTF-8 too.
        named
            if named.is_none_or(|named| named == UTF_8)
                && let Some(wide) = unmarked_utf16(bytes) =>
        {
            wide
        }
        // A label is often a server's or an editor's default. Bytes that are valid UTF-8 with
        // multi-byte sequences are practically never anything else.
        Some(named) if named != UTF_8 && is_multibyte_utf8(bytes) => UTF_8,
        Some(named) if named == UTF_8 && std::str::from_utf8(bytes).is_err() => {
            mislabelled_utf8(bytes)
        }
        Some(named) => named,
        None if std::str::from_utf8(bytes).is_ok() => UTF_8,
        None => guess(bytes),
    };
    (encoding, bytes)
}

/// The encoding of a header value such as `text/html; charset="utf-8"` or of a bare label.
fn declared_encoding(declared: &str) -> Option<&'static Encoding> {
    let label = charset_parameter(declared).unwrap_or(declared);
    usable(Encoding::for_label(label.as_bytes())?)
}

fn charset_parameter(value: &str) -> Option<&str> {
    value.split(';').find_map(|part| {
        let (name, label) = part.split_once('=')?;
        let is_charset = name.trim().eq_ignore_ascii_case("charset");
        is_charset.then(|| label.trim().trim_matches(['"', '\'']))
    })
}

/// `replacement` would throw the whole text away; a guess serves the reader better.
fn usable(encoding: &'static Encoding) -> Option<&'static Encoding> {
    (encoding != encoding_rs::REPLACEMENT).then_some(encoding)
}

/// What the first `<meta>` that speaks of a charset says.
fn meta_encoding(bytes: &[u8]) -> Option<&'static Encoding> {
    let head = &bytes[..bytes.len().min(PRESCAN_BYTES)];
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    let head = without_comments(&head);
    let mut tags = head.split("<meta").skip(1);
    let label = tags.find_map(|rest| meta_label(rest.split('>').next()?))?;
    let encoding = usable(Encoding::for_label(label.as_bytes())?)?;
    // Markup that could be read this far is not UTF-16, whatever it says.
    if encoding == UTF_16LE || encoding == UTF_16BE {
        return Some(UTF_8);
    }
    Some(if encoding == X_USER_DEFINED {
        WINDOWS_1252
    } else {
        encoding
    })
}

fn without_comments(head: &str) -> String {
    let mut kept = String::with_capacity(head.len());
    let mut rest = head;
    while let Some((before, after)) = rest.split_once("<!--") {
        kept.push_str(before);
        rest = after.split_once("-->").map_or("", |(_, tail)| tail);
    }
    kept.push_str(rest);
    kept
}

/// The label in `charset=x` or in `content="…; charset=x"`, both of which hold `charset=`.
fn meta_label(attributes: &str) -> Option<&str> {
    let (_, after) = attributes.split_once("charset")?;
    let value = after.trim_start().strip_prefix('=')?.trim_start();
    let value = value.trim_start_matches(['"', '\'']).trim_start();
    let end = value.find(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ';' | '/'));
    Some(&value[..end.unwrap_or(value.len())])
}

/// Whether there are multi-byte sequences of UTF-8, and next to no damage among them.
fn is_multibyte_utf8(bytes: &[u8]) -> bool {
    let (good, bad) = utf8_sequences(bytes);
    good > 0 && bad * SEQUENCES_PER_DAMAGE <= good
}

/// How many characters beyond ASCII are valid UTF-8, and how many sequences are not.
fn utf8_sequences(bytes: &[u8]) -> (usize, usize) {
    let (mut good, mut bad) = (0usize, 0usize);
    for chunk in bytes.utf8_chunks() {
        good += chunk.valid().chars().filter(|c| !c.is_ascii()).count();
        bad += usize::from(!chunk.invalid().is_empty());
    }
    (good, bad)
}

/// Says UTF-8 and is not. A few broken sequences are damage in UTF-8; many mean another charset.
fn mislabelled_utf8(bytes: &[u8]) -> &'static Encoding {
    let (good, bad) = utf8_sequences(bytes);
    if good >= bad { UTF_8 } else { guess(bytes) }
}

fn guess(bytes: &[u8]) -> &'static Encoding {
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(
        &bytes[..bytes.len().min(DETECT_BYTES)],
        bytes.len() <= DETECT_BYTES,
    );
    detector.guess(None, Utf8Detection::Allow)
}

/// UTF-16 of mostly Latin text has a zero in every other byte.
fn unmarked_utf16(bytes: &[u8]) -> Option<&'static Encoding> {
    let head = &bytes[..bytes.len().min(PRESCAN_BYTES)];
    let zeros = |offset: usize| {
        head.iter()
            .skip(offset)
            .step_by(2)
            .filter(|b| **b == 0)
            .count()
    };
    let (even, odd) = (zeros(0), zeros(1));
    let many = head.len() / 2 * 7 / 10;
    if many == 0 {
        None
    } else if odd > many && even * 20 < odd {
        Some(UTF_16LE)
    } else if even > many && odd * 20 < even {
        Some(UTF_16BE)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn html(bytes: &[u8], declared: Option<&str>) -> String {
        decode(bytes, declared, Markup::Html).0
    }

    #[test]
    fn a_byte_order_mark_beats_every_label() {
        let little: Vec<u8> = "\u{FEFF}café"
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        assert_eq!(html(&little, Some("windows-1252")), "café");
        let big: Vec<u8> = "\u{FEFF}café"
            .encode_utf16()
            .flat_map(u16::to_be_bytes)
            .collect();
        assert_eq!(html(&big, None), "café");
        assert_eq!(html(b"\xEF\xBB\xBFcaf\xC3\xA9", Some("shift_jis")), "café");
    }

    #[test]
    fn utf16_without_a_mark_is_recognised() {
        let bytes: Vec<u8> = "A long enough line of Latin text"
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        // Zeros are valid UTF-8, so only a broken byte sends the text to the guess.
        let with_accent: Vec<u8> = bytes.iter().copied().chain([0xE9, 0]).collect();
        assert_eq!(
            html(&with_accent, None),
            "A long enough line of Latin texté"
        );
    }

    #[test]
    fn utf32_is_read_with_and_without_a_mark() {
        for (mark, expected) in [("\u{FEFF}", "Tariff – 20 €"), ("", "Tariff – 20 €")] {
            let text = format!("{mark}{expected}");
            let little: Vec<u8> = text
                .chars()
                .flat_map(|c| (c as u32).to_le_bytes())
                .collect();
            let big: Vec<u8> = text
                .chars()
                .flat_map(|c| (c as u32).to_be_bytes())
                .collect();
            for bytes in [little, big] {
                let (read, warning) = read(&bytes, None, Markup::None).unwrap();
                assert_eq!((read.as_str(), warning), (expected, None));
            }
        }
    }

    #[test]
    fn the_declared_charset_is_used() {
        let (bytes, _, _) = encoding_rs::SHIFT_JIS.encode("日本語のページ");
        assert_eq!(html(&bytes, Some("Shift_JIS")), "日本語のページ");
        assert_eq!(
            html(&bytes, Some("text/html; charset=\"shift_jis\"")),
            "日本語のページ"
        );
    }

    #[test]
    fn the_pages_own_meta_is_used_in_both_spellings() {
        assert_eq!(
            html(b"<meta charset=windows-1251>\xCF\xF0", None),
            "<meta charset=windows-1251>Пр"
        );
        let page = b"<meta http-equiv='Content-Type' content='text/html; charset=iso-8859-2'>\xB1";
        assert!(html(page, None).ends_with('ą'));
        let commented = b"<!-- <meta charset=koi8-r> --><meta charset='windows-1252'>\x80";
        assert!(html(commented, None).ends_with('€'));
    }

    #[test]
    fn a_meta_in_plain_text_or_past_the_first_kilobyte_says_nothing() {
        let (text, _) = decode(b"<meta charset=koi8-r> caf\xE9 au lait", None, Markup::None);
        assert!(text.ends_with("café au lait"), "{text}");
        let mut late = vec![b' '; PRESCAN_BYTES];
        late.extend_from_slice(b"<meta charset=koi8-r> caf\xE9 au lait");
        assert!(html(&late, None).ends_with("café au lait"));
    }

    #[test]
    fn binary_data_is_not_text() {
        // A multiplicative generator: every byte is as likely as another.
        let noise = (0..5000u32).map(|place| (place.wrapping_mul(2_654_435_761) >> 13) as u8);
        let noise: Vec<u8> = noise.collect();
        for markup in [Markup::Html, Markup::None] {
            for declared in [None, Some("utf-8"), Some("windows-1252")] {
                let refused = read(&noise, declared, markup);
                assert!(
                    matches!(refused, Err(ExtractError::NoText(_))),
                    "{declared:?}"
                );
            }
            let stray = format!("{}\0\x01\x02", "Close the curtains. ".repeat(9));
            assert!(read(stray.as_bytes(), None, markup).is_ok());
        }
        let wide: Vec<u8> = "Close the curtains"
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        for declared in [None, Some("utf-8")] {
            let (text, _) = read(&wide, declared, Markup::None).unwrap();
            assert_eq!(text, "Close the curtains");
        }
    }

    #[test]
    fn windows_1252_is_guessed() {
        let text = html(b"The \x93best\x94 caf\xE9 \x96 50 \x80", None);
        assert_eq!(text, "The “best” café – 50 €");
    }

    #[test]
    fn wrong_labels_are_corrected_where_the_bytes_prove_it() {
        assert_eq!(
            html("café – 20 °C".as_bytes(), Some("iso-8859-1")),
            "café – 20 °C"
        );
        assert_eq!(
            html(b"caf\xE9 \x96 cr\xE8me", Some("utf-8")),
            "café – crème"
        );
        assert_eq!(html(b"plain", Some("no-such-charset")), "plain");
        assert_eq!(
            html(b"<meta charset=utf-16le>plain", None),
            "<meta charset=utf-16le>plain"
        );
    }

    #[test]
    fn replaced_bytes_are_reported() {
        let (text, warning) = decode("ééé\u{e9}".as_bytes(), Some("utf-8"), Markup::None);
        assert_eq!((text.as_str(), warning), ("éééé", None));
        let mut damaged = "éééé".as_bytes().to_vec();
        damaged.push(0xFF);
        let (text, warning) = decode(&damaged, Some("utf-8"), Markup::None);
        assert_eq!(text, "éééé\u{FFFD}");
        assert_eq!(warning, Some(Warning::BadEncoding("UTF-8".into())));
    }

    #[test]
    fn nothing_panics_on_odd_input() {
        for bytes in [
            &b""[..],
            b"\xFF",
            b"<meta",
            b"<meta charset",
            b"<meta charset=",
            b"<!--",
        ] {
            let _ = decode(bytes, Some(";charset="), Markup::Html);
        }
    }
}
