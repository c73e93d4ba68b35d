//! From a body's bytes to text, by the rules of Python's `json.loads`.

use std::borrow::Cow;

/// Unpaired surrogates, which Python keeps and a Rust string cannot hold, become this.
const STAND_IN: char = char::REPLACEMENT_CHARACTER;

/// Finds out which UTF the bytes are and decodes them; `None` if they are not that.
pub(super) fn decode(bytes: &[u8]) -> Option<Cow<'_, str>> {
    match detect(bytes) {
        Encoding::Utf8 { skip } => decode_utf8(&bytes[skip..]),
        Encoding::Utf16 { skip, big_endian } => {
            decode_utf16(&bytes[skip..], big_endian).map(Cow::Owned)
        }
        Encoding::Utf32 { skip, big_endian } => {
            decode_utf32(&bytes[skip..], big_endian).map(Cow::Owned)
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Encoding {
    Utf8 { skip: usize },
    Utf16 { skip: usize, big_endian: bool },
    Utf32 { skip: usize, big_endian: bool },
}

/// By byte order mark, else by where the zero bytes of the first character stand.
fn detect(bytes: &[u8]) -> Encoding {
    match bytes {
        [0, 0, 0xfe, 0xff, ..] => Encoding::Utf32 {
            skip: 4,
            big_endian: true,
        },
        [0xff, 0xfe, 0, 0, ..] => Encoding::Utf32 {
            skip: 4,
            big_endian: false,
        },
        [0xfe, 0xff, ..] => Encoding::Utf16 {
            skip: 2,
            big_endian: true,
        },
        [0xff, 0xfe, ..] => Encoding::Utf16 {
            skip: 2,
            big_endian: false,
        },
        [0xef, 0xbb, 0xbf, ..] => Encoding::Utf8 { skip: 3 },
        [0, 0, _, _, ..] => Encoding::Utf32 {
            skip: 0,
            big_endian: true,
        },
        [0, _, _, _, ..] | [0, _] => Encoding::Utf16 {
            skip: 0,
            big_endian: true,
        },
        [_, 0, 0, 0, ..] => Encoding::Utf32 {
            skip: 0,
            big_endian: false,
        },
        [_, 0, _, _, ..] | [_, 0] => Encoding::Utf16 {
            skip: 0,
            big_endian: false,
        },
        _ => Encoding::Utf8 { skip: 0 },
    }
}

fn decode_utf8(bytes: &[u8]) -> Option<Cow<'_, str>> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Some(Cow::Borrowed(text));
    }
    // Surrogates in their three-byte form are as long as the stand-in.
    let mut patched = bytes.to_vec();
    let mut index = 0;
    while let Some(bytes) = patched.get_mut(index..index + 3) {
        if let [0xed, 0xa0..=0xbf, 0x80..=0xbf] = bytes {
            let _ = STAND_IN.encode_utf8(bytes);
        }
        index += 1;
    }
    String::from_utf8(patched).ok().map(Cow::Owned)
}

fn decode_utf16(bytes: &[u8], big_endian: bool) -> Option<String> {
    let (units, rest) = bytes.as_chunks::<2>();
    let read = if big_endian {
        u16::from_be_bytes
    } else {
        u16::from_le_bytes
    };
    let characters = char::decode_utf16(units.iter().map(|unit| read(*unit)));
    rest.is_empty().then(|| {
        characters
            .map(|character| character.unwrap_or(STAND_IN))
            .collect()
    })
}

fn decode_utf32(bytes: &[u8], big_endian: bool) -> Option<String> {
    let (units, rest) = bytes.as_chunks::<4>();
    let read = if big_endian {
        u32::from_be_bytes
    } else {
        u32::from_le_bytes
    };
    if !rest.is_empty() {
        return None;
    }
    units
        .iter()
        .map(|unit| match read(*unit) {
            0xd800..=0xdfff => Some(STAND_IN),
            scalar => char::from_u32(scalar),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf16(text: &str, to_bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(to_bytes).collect()
    }

    fn utf32(text: &str, to_bytes: fn(u32) -> [u8; 4]) -> Vec<u8> {
        text.chars()
            .flat_map(|character| to_bytes(u32::from(character)))
            .collect()
    }

    #[test]
    fn every_utf_is_recognised_with_and_without_a_mark() {
        for text in ["{\"a\":\"é😀\"}", "\u{feff}{}", "[]", "1", "\u{feff}"] {
            let wanted = text.trim_start_matches('\u{feff}');
            for bytes in [
                text.as_bytes().to_vec(),
                utf16(text, u16::to_le_bytes),
                utf16(text, u16::to_be_bytes),
                utf32(text, u32::to_le_bytes),
                utf32(text, u32::to_be_bytes),
            ] {
                // One character in UTF-32 without a mark looks like nothing else.
                assert_eq!(decode(&bytes).as_deref(), Some(wanted), "{bytes:x?}");
            }
        }
    }

    #[test]
    fn lone_surrogates_become_one_stand_in_each() {
        assert_eq!(
            decode(b"\"\xed\xa0\x80\xed\xb0\x80\"").as_deref(),
            Some("\"\u{fffd}\u{fffd}\"")
        );
        assert_eq!(decode(b"\"\0\x00\xd8\"\0").as_deref(), Some("\"\u{fffd}\""));
        assert_eq!(
            decode(b"\"\0\0\0\x00\xd8\0\0").as_deref(),
            Some("\"\u{fffd}")
        );
    }

    #[test]
    fn anything_else_is_refused() {
        for bytes in [
            &b"\"\xff\""[..],
            b"\xc3",
            b"\"\0a\0b",
            b"{\0}\0\"",
            b"\xff\xfe\0\0\xff\xff\xff\xff",
            b"\xed\xa0",
        ] {
            assert_eq!(decode(bytes), None, "{bytes:x?}");
        }
    }
}
