//! The documents' texts in one compressed file.

use std::io::{Read, Write};
use std::ops::Range;

use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use serde::{Deserialize, Serialize};

/// Where a document's text lies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TextEntry {
    /// Bytes of the file: one zlib stream.
    compressed: Range<usize>,
    /// Length of the text in bytes.
    length: usize,
}

/// Compresses each text by itself, so that one can be read without the others.
pub(super) fn pack<'a>(
    texts: impl IntoIterator<Item = &'a str>,
) -> std::io::Result<(Vec<u8>, Vec<TextEntry>)> {
    let mut bytes = Vec::new();
    let mut entries = Vec::new();
    for text in texts {
        let start = bytes.len();
        let mut encoder = ZlibEncoder::new(bytes, Compression::default());
        encoder.write_all(text.as_bytes())?;
        bytes = encoder.finish()?;
        entries.push(TextEntry {
            compressed: start..bytes.len(),
            length: text.len(),
        });
    }
    Ok((bytes, entries))
}

/// Reads one text back. Never inflates beyond the length that its entry promises.
pub(super) fn unpack(file: &[u8], entry: &TextEntry) -> Result<Box<str>, String> {
    let compressed = file
        .get(entry.compressed.clone())
        .ok_or("an entry points beyond its end")?;
    let mut text = String::new();
    ZlibDecoder::new(compressed)
        .take((entry.length as u64).saturating_add(1))
        .read_to_string(&mut text)
        .map_err(|error| format!("a text does not inflate: {error}"))?;
    if text.len() == entry.length {
        Ok(text.into_boxed_str())
    } else {
        Err("a text has another length".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_come_back_one_by_one() {
        let texts = [
            "Lower the flow temperature.",
            "",
            "21 °C is plenty. ".repeat(1000).leak(),
        ];
        let (file, entries) = pack(texts).unwrap();
        assert!(file.len() < 1_000);
        for (text, entry) in texts.iter().zip(&entries) {
            assert_eq!(unpack(&file, entry).unwrap().as_ref(), *text);
        }
    }

    #[test]
    fn a_wrong_entry_is_an_error() {
        let (file, entries) = pack(["some text"]).unwrap();
        assert!(
            unpack(
                &file,
                &TextEntry {
                    compressed: 0..file.len() + 1,
                    ..entries[0].clone()
                }
            )
            .is_err()
        );
        assert!(
            unpack(
                &file,
                &TextEntry {
                    length: 3,
                    ..entries[0].clone()
                }
            )
            .is_err()
        );
        assert!(
            unpack(
                &file,
                &TextEntry {
                    length: usize::MAX,
                    ..entries[0].clone()
                }
            )
            .is_err()
        );
        assert!(
            unpack(
                &file[..4],
                &TextEntry {
                    compressed: 0..4,
                    ..entries[0].clone()
                }
            )
            .is_err()
        );
    }
}
