//! The documents' texts in one compressed file, each by itself, so that one can be read without the
//! others.

use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::OnceLock;

use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use serde::{Deserialize, Serialize};

use crate::runtime::files;

/// Where a document's text lies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TextEntry {
    /// Bytes of the file: one zlib stream.
    compressed: Range<usize>,
    /// Length of the text in bytes.
    length: usize,
}

/// Where texts lie that are in no file here. Each is a zlib stream (RFC 1950).
pub trait TextSource: Send + Sync {
    /// The streams of these documents, in their order; or why they cannot be had.
    fn packed(&self, documents: &[u32]) -> Result<Vec<Vec<u8>>, String>;
}

/// The texts of a generation, each read when it is first asked for.
pub(super) struct Texts {
    source: Source,
    /// Where each lies; those that lie elsewhere have a length alone.
    entries: Vec<TextEntry>,
    read: Vec<OnceLock<Box<str>>>,
    /// What stands for a text that could not be read, until it can.
    blank: Vec<OnceLock<Box<str>>>,
}

enum Source {
    File(File),
    Elsewhere(Box<dyn TextSource>),
}

impl Texts {
    /// Opens a file whose texts lie where `entries` say, or says why it cannot be one.
    pub(super) fn open(path: &Path, entries: Vec<TextEntry>) -> Result<Self, String> {
        let file = files::open(path).map_err(|error| error.to_string())?;
        let length = file.metadata().map_err(|error| error.to_string())?.len();
        let lies_within = |entry: &TextEntry| {
            let Range { start, end } = entry.compressed;
            start <= end && end as u64 <= length
        };
        if !entries.iter().all(lies_within) {
            return Err("an entry points beyond its end".to_owned());
        }
        Ok(Self::new(Source::File(file), entries))
    }

    /// Texts of these lengths that lie elsewhere.
    pub(super) fn elsewhere(source: Box<dyn TextSource>, lengths: Vec<usize>) -> Self {
        let entries = lengths.into_iter().map(|length| TextEntry {
            compressed: 0..0,
            length,
        });
        Self::new(Source::Elsewhere(source), entries.collect())
    }

    fn new(source: Source, entries: Vec<TextEntry>) -> Self {
        let locks = || entries.iter().map(|_| OnceLock::new()).collect();
        Self {
            source,
            read: locks(),
            blank: locks(),
            entries,
        }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Length of a text in bytes.
    pub(super) fn length(&self, document: u32) -> usize {
        self.entries[document as usize].length
    }

    /// A text, which is kept. One that cannot be read now, which the log tells, is blank this time.
    pub(super) fn get(&self, document: u32) -> &str {
        let place = document as usize;
        if let Some(text) = self.read[place].get() {
            return text;
        }
        match self.read(document) {
            Ok(text) => self.read[place].get_or_init(|| text.into_boxed_str()),
            Err(reason) => {
                tracing::error!(%reason, "a text of the index cannot be read; nothing can be quoted from it");
                self.blank[place].get_or_init(|| " ".repeat(self.length(document)).into_boxed_str())
            }
        }
    }

    /// A text, for one who needs it once.
    pub(super) fn read(&self, document: u32) -> Result<String, String> {
        if let Some(text) = self.read[document as usize].get() {
            return Ok(text.to_string());
        }
        let bytes = self.packed(document)?;
        inflate(&bytes, self.length(document))
    }

    /// Has texts that lie elsewhere here at once, each in its turn; those of a file are read when they are asked for.
    pub(super) fn have(&self, documents: &[u32]) -> Result<(), String> {
        let Source::Elsewhere(source) = &self.source else {
            return Ok(());
        };
        let is_missing = |document: &&u32| self.read[**document as usize].get().is_none();
        let mut missing: Vec<u32> = documents.iter().filter(is_missing).copied().collect();
        missing.sort_unstable();
        missing.dedup();
        if missing.is_empty() {
            return Ok(());
        }
        for (document, bytes) in missing.iter().zip(source.packed(&missing)?) {
            let text = inflate(&bytes, self.length(*document))?;
            // Another request may have been quicker.
            let _ = self.read[*document as usize].set(text.into_boxed_str());
        }
        Ok(())
    }

    /// A text as it is stored: one zlib stream.
    pub(super) fn packed(&self, document: u32) -> Result<Vec<u8>, String> {
        match &self.source {
            Source::File(file) => {
                let range = self.entries[document as usize].compressed.clone();
                let mut bytes = vec![0; range.len()];
                let read = file.read_exact_at(&mut bytes, range.start as u64);
                read.map(|()| bytes).map_err(|error| error.to_string())
            }
            Source::Elsewhere(source) => {
                let found = source.packed(&[document])?.into_iter().next();
                found.ok_or_else(|| "there is no such text".to_owned())
            }
        }
    }
}

/// A file of texts that is being written.
pub(super) struct TextWriter {
    file: BufWriter<fs_err::File>,
    end: usize,
    entries: Vec<TextEntry>,
}

impl TextWriter {
    pub(super) fn create(path: &Path) -> std::io::Result<Self> {
        Ok(Self {
            file: BufWriter::with_capacity(1 << 18, fs_err::File::create_new(path)?),
            end: 0,
            entries: Vec::new(),
        })
    }

    pub(super) fn push(&mut self, text: &str) -> std::io::Result<()> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text.as_bytes())?;
        self.push_packed(&encoder.finish()?, text.len())
    }

    /// Takes a text over as it lies in another file.
    pub(super) fn copy(&mut self, texts: &Texts, document: u32) -> std::io::Result<()> {
        let packed = texts.packed(document).map_err(std::io::Error::other)?;
        self.push_packed(&packed, texts.length(document))
    }

    fn push_packed(&mut self, bytes: &[u8], length: usize) -> std::io::Result<()> {
        self.file.write_all(bytes)?;
        let start = self.end;
        self.end += bytes.len();
        self.entries.push(TextEntry {
            compressed: start..self.end,
            length,
        });
        Ok(())
    }

    /// Where the texts lie, once all are in the file.
    pub(super) fn finish(mut self) -> std::io::Result<Vec<TextEntry>> {
        self.file.flush()?;
        Ok(self.entries)
    }
}

/// Reads one text out of a file's bytes.
#[cfg(any(test, feature = "fuzzing"))]
pub(super) fn unpack(file: &[u8], entry: &TextEntry) -> Result<String, String> {
    let compressed = file
        .get(entry.compressed.clone())
        .ok_or("an entry points beyond its end")?;
    inflate(compressed, entry.length)
}

/// Reads one text back. Never inflates beyond the length that it should have.
fn inflate(compressed: &[u8], length: usize) -> Result<String, String> {
    let mut text = String::new();
    ZlibDecoder::new(compressed)
        .take((length as u64).saturating_add(1))
        .read_to_string(&mut text)
        .map_err(|error| format!("a text does not inflate: {error}"))?;
    if text.len() == length {
        Ok(text)
    } else {
        Err("a text has another length".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_come_back_one_by_one_and_are_taken_over_as_they_lie() {
        let long = "21 °C is plenty. ".repeat(1000);
        let texts = ["Lower the flow temperature.", "", long.as_str()];
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("texts");
        let mut writer = TextWriter::create(&path).unwrap();
        for text in texts {
            writer.push(text).unwrap();
        }
        let entries = writer.finish().unwrap();
        assert!(fs_err::metadata(&path).unwrap().len() < 1_000);
        let first = Texts::open(&path, entries).unwrap();

        let other = directory.path().join("others");
        let mut writer = TextWriter::create(&other).unwrap();
        for document in [2, 0, 1] {
            writer.copy(&first, document).unwrap();
        }
        let second = Texts::open(&other, writer.finish().unwrap()).unwrap();
        for (at, document) in [2_usize, 0, 1].into_iter().enumerate() {
            let text = texts[document];
            assert_eq!(second.read(at as u32).unwrap(), text);
            assert_eq!(second.get(at as u32), text);
            assert_eq!(second.length(at as u32), text.len());
        }
        fs_err::write(&path, "").unwrap();
        assert_eq!(
            first.get(0),
            " ".repeat(texts[0].len()),
            "blank, not a panic"
        );
    }

    #[test]
    fn a_wrong_entry_is_an_error() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("texts");
        let mut writer = TextWriter::create(&path).unwrap();
        writer.push("some text").unwrap();
        let entry = writer.finish().unwrap().remove(0);
        let file = fs_err::read(&path).unwrap();
        assert_eq!(unpack(&file, &entry).unwrap(), "some text");
        let beyond = TextEntry {
            compressed: 0..file.len() + 1,
            ..entry.clone()
        };
        assert!(unpack(&file, &beyond).is_err());
        assert!(Texts::open(&path, vec![beyond]).is_err());
        for length in [3, usize::MAX] {
            let wrong = TextEntry {
                length,
                ..entry.clone()
            };
            assert!(unpack(&file, &wrong).is_err());
        }
        let cut = TextEntry {
            compressed: 0..4,
            ..entry
        };
        assert!(unpack(&file[..4], &cut).is_err());
    }
}
