//! Writes one part of the vectors, passage by passage, so that a run of any size holds those of a
//! few passages at a time.
//!
//! The tables of a file stand in front of its values and are known last: values wait in files of
//! their own until then.

use std::io::{BufWriter, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use super::IndexError;
use super::flat::FlatVectors;
use super::quantised::LARGEST_BYTE;
use super::spans::{self, SpanVectors};
use super::stored::Groups;
use super::words::{self, WordVectors};
use crate::model::{UnitVector, WordCodes};

/// Where the files of a part lie.
#[derive(Debug, Clone)]
pub struct PartFiles {
    /// One vector for each passage, in full.
    pub vectors: PathBuf,
    /// The vectors of its sentences.
    pub spans: PathBuf,
    /// The codes of its words.
    pub words: PathBuf,
}

/// The vectors of one passage as they are stored.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PackedVectors {
    pub(super) whole: Vec<f32>,
    /// Of each sentence, what its bytes are to be multiplied with.
    pub(super) scales: Vec<f32>,
    /// Of all sentences, as signed bytes.
    pub(super) spans: Vec<u8>,
    pub(super) words: WordCodes,
}

impl PackedVectors {
    /// Rounds the vectors of the sentences to bytes.
    pub fn of(whole: &UnitVector, sentences: &[UnitVector], words: WordCodes) -> Self {
        let mut packed = Self {
            whole: whole.as_slice().to_vec(),
            words,
            ..Self::default()
        };
        for sentence in sentences {
            let scale = quantise(sentence.as_slice(), &mut packed.spans);
            packed.scales.push(scale);
        }
        packed
    }

    /// As they lie in a part.
    pub fn stored(
        vectors: &FlatVectors,
        spans: &SpanVectors,
        words: &WordVectors,
        slot: u32,
    ) -> Result<Self, IndexError> {
        let (scales, bytes) = spans.sentences(slot)?;
        Ok(Self {
            whole: vectors.read_row(slot)?.into_owned(),
            scales: scales.to_vec(),
            spans: bytes.into_owned(),
            words: words.codes(slot)?,
        })
    }
}

/// A part that is being written.
#[derive(Debug)]
pub struct PartWriter {
    files: PartFiles,
    dimension: usize,
    vectors: Spool,
    spans: Spool,
    words: Spool,
    scales: Vec<f32>,
    /// For each passage, how many sentences and words it has.
    counts: Vec<(usize, usize)>,
}

impl PartWriter {
    /// Begins files that are not there yet.
    pub fn create(files: PartFiles, dimension: usize) -> Result<Self, IndexError> {
        let mut vectors = Spool::create(files.vectors.clone())?;
        vectors.write(&FlatVectors::front(dimension, 0))?;
        Ok(Self {
            dimension,
            vectors,
            spans: Spool::create(files.spans.with_extension("values"))?,
            words: Spool::create(files.words.with_extension("values"))?,
            files,
            scales: Vec::new(),
            counts: Vec::new(),
        })
    }

    /// How many passages were written.
    pub fn len(&self) -> usize {
        self.counts.len()
    }

    /// Whether nothing was written.
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// Adds a passage and returns its place.
    pub fn push(&mut self, packed: &PackedVectors) -> Result<u32, IndexError> {
        let row = self.counts.len();
        let per_word = WordCodes::bytes_per_word(self.dimension);
        let (sentences, words) = (packed.scales.len(), packed.words.as_bytes());
        let found = packed.whole.len();
        if found != self.dimension
            || packed.spans.len() != sentences * self.dimension
            || words.len() % per_word != 0
        {
            return Err(IndexError::Dimension {
                row,
                found: if sentences == 0 || found != self.dimension {
                    found
                } else {
                    packed.spans.len() / sentences
                },
                expected: self.dimension,
            });
        }
        let values: Vec<u8> = packed.whole.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.vectors.write(&values)?;
        self.spans.write(&packed.spans)?;
        self.words.write(words)?;
        self.scales.extend_from_slice(&packed.scales);
        self.counts.push((sentences, words.len() / per_word));
        Ok(u32::try_from(row).expect("an index holds fewer than 2^32 rows"))
    }

    /// Completes the files and returns how many passages they hold; without any, there are no files.
    pub fn finish(self) -> Result<usize, IndexError> {
        let count = self.counts.len();
        let (sentences, words): (Vec<usize>, Vec<usize>) = self.counts.into_iter().unzip();
        self.vectors
            .patch(&FlatVectors::front(self.dimension, count))?;
        let mut front = Groups::of(self.dimension, sentences).front(spans::MAGIC);
        front.extend(self.scales.iter().flat_map(|scale| scale.to_le_bytes()));
        self.spans.follow(&front, &self.files.spans)?;
        let front = Groups::of(self.dimension, words).front(words::MAGIC);
        self.words.follow(&front, &self.files.words)?;
        if count == 0 {
            for path in [&self.files.vectors, &self.files.spans, &self.files.words] {
                fs_err::remove_file(path).map_err(io("delete", path))?;
            }
        }
        Ok(count)
    }
}

/// A file that grows.
#[derive(Debug)]
struct Spool {
    path: PathBuf,
    file: BufWriter<fs_err::File>,
}

impl Spool {
    fn create(path: PathBuf) -> Result<Self, IndexError> {
        let mut options = fs_err::OpenOptions::new();
        let file = options.read(true).write(true).create_new(true).open(&path);
        Ok(Self {
            file: BufWriter::with_capacity(1 << 18, file.map_err(io("write", &path))?),
            path,
        })
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), IndexError> {
        self.file.write_all(bytes).map_err(io("write", &self.path))
    }

    /// Replaces the front by another of its length.
    fn patch(mut self, front: &[u8]) -> Result<(), IndexError> {
        let written = self.file.seek(SeekFrom::Start(0));
        let written = written.and_then(|_| self.file.write_all(front));
        written
            .and_then(|()| self.file.flush())
            .map_err(io("write", &self.path))
    }

    /// Moves what was written behind `front` in another file.
    fn follow(self, front: &[u8], path: &Path) -> Result<(), IndexError> {
        let values = self.file.into_inner();
        let values = values.map_err(std::io::IntoInnerError::into_error);
        let copy = |mut values: fs_err::File| -> std::io::Result<()> {
            values.seek(SeekFrom::Start(0))?;
            let mut file = fs_err::File::create_new(path)?;
            file.write_all(front)?;
            // The system copies between its own files.
            std::io::copy(&mut values.file(), &mut file.file())?;
            fs_err::remove_file(&self.path)
        };
        values.and_then(copy).map_err(io("write", path))
    }
}

fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> IndexError {
    let path = path.to_owned();
    move |source| IndexError::Io {
        action,
        path,
        source,
    }
}

/// Puts a vector behind `values` as signed bytes; the scale that they are to be multiplied with.
fn quantise(vector: &[f32], values: &mut Vec<u8>) -> f32 {
    let largest = vector
        .iter()
        .fold(0.0_f32, |largest, value| largest.max(value.abs()))
        .max(f32::MIN_POSITIVE);
    let scale = largest / LARGEST_BYTE;
    values.extend(vector.iter().map(|value| {
        // The quotient lies within -127 and 127.
        ((value / scale).round() as i8).cast_unsigned()
    }));
    scale
}
