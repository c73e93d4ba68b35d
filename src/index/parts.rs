//! Vectors in parts, so that a run writes those of new chunks alone.
//!
//! A part is a set of files with a place (a slot) for each passage that one run embedded. It is
//! never changed; the generations that follow share it, as the segments of Lucene are shared. Which
//! slot a row has is told by a table; a generation of one part needs none, its rows are its slots.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;

use super::flat::FlatVectors;
use super::spans::SpanVectors;
use super::words::{QueryTokens, WordVectors};
use super::{IndexError, wire};
use crate::model::{UnitVector, WordCodes};

const MAGIC: [u8; 8] = *b"WWROWS01";

/// Which slot each row has, over all parts one behind the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Slots {
    /// Each row has the slot of its own number.
    Same(u32),
    /// By row.
    Table(Vec<u32>),
}

impl Slots {
    /// How many rows there are.
    pub fn len(&self) -> usize {
        match self {
            Self::Same(count) => *count as usize,
            Self::Table(slots) => slots.len(),
        }
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The slot of a row; `None` where there is no such row.
    pub fn of(&self, row: u32) -> Option<u32> {
        match self {
            Self::Same(count) => (row < *count).then_some(row),
            Self::Table(slots) => slots.get(row as usize).copied(),
        }
    }

    /// Writes a table: magic, rows (little-endian `u32`), the slot of each row (`u32`).
    pub fn write(path: &Path, slots: &[u32]) -> Result<(), IndexError> {
        let mut bytes = Vec::from(MAGIC);
        bytes.extend_from_slice(&wire::count(slots.len()));
        bytes.extend(slots.iter().flat_map(|slot| slot.to_le_bytes()));
        wire::write(path, &bytes)
    }

    /// Reads what [`Self::write`] wrote; all slots must lie below `count`.
    pub fn open(path: &Path, count: usize) -> Result<Self, IndexError> {
        let bytes = wire::read(path)?;
        let mut reader = wire::Reader::new(path, &bytes, MAGIC)?;
        let rows = reader.u32()? as usize;
        let slots = reader.u32s(rows)?;
        if slots.iter().any(|slot| *slot as usize >= count) {
            return Err(reader.damaged("it names a place that no part has"));
        }
        reader.finish()?;
        Ok(Self::Table(slots))
    }
}

/// One kind of vectors of all rows.
#[derive(Debug)]
pub struct InParts<T> {
    parts: Vec<T>,
    /// The first slot of each part, and behind them their number.
    starts: Vec<u32>,
    slots: Arc<Slots>,
}

/// How many slots a part has.
pub trait Part {
    /// How many.
    fn slots(&self) -> usize;
}

impl Part for FlatVectors {
    fn slots(&self) -> usize {
        self.len()
    }
}

impl Part for SpanVectors {
    fn slots(&self) -> usize {
        self.len()
    }
}

impl Part for WordVectors {
    fn slots(&self) -> usize {
        self.len()
    }
}

impl<T: Part> InParts<T> {
    /// Parts in their order. `slots` lie below the sum of their sizes.
    pub fn new(parts: Vec<T>, slots: Arc<Slots>) -> Self {
        let mut starts = vec![0];
        let mut end = 0;
        for part in &parts {
            end += part.slots();
            starts.push(u32::try_from(end).expect("an index holds fewer than 2^32 of anything"));
        }
        Self {
            parts,
            starts,
            slots,
        }
    }

    /// One part whose rows are its slots.
    pub fn whole(part: T) -> Self {
        let count = u32::try_from(part.slots()).expect("an index holds fewer than 2^32 rows");
        Self::new(vec![part], Arc::new(Slots::Same(count)))
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many slots there are, those of no row too.
    pub fn slot_count(&self) -> usize {
        self.starts.last().map_or(0, |end| *end as usize)
    }

    /// How many parts there are.
    pub fn part_count(&self) -> usize {
        self.parts.len()
    }

    /// The slot of a row.
    pub fn slot_of(&self, row: u32) -> Option<u32> {
        self.slots.of(row)
    }

    /// The part that holds a row, and its place there.
    pub fn find(&self, row: u32) -> Option<(&T, u32)> {
        self.find_slot(self.slots.of(row)?)
    }

    /// The part that holds a slot, and its place there.
    pub fn find_slot(&self, slot: u32) -> Option<(&T, u32)> {
        let part = self.starts.partition_point(|start| *start <= slot) - 1;
        Some((self.parts.get(part)?, slot - self.starts[part]))
    }
}

impl InParts<FlatVectors> {
    /// Values in a row.
    pub fn dimension(&self) -> usize {
        self.parts.first().map_or(0, FlatVectors::dimension)
    }

    /// One row.
    ///
    /// # Panics
    /// When there is no such row.
    pub fn row(&self, row: u32) -> Cow<'_, [f32]> {
        let (part, at) = self.find(row).expect("the row is one of the index");
        part.row(at)
    }

    /// One row, for one who computes with it what is written.
    ///
    /// # Panics
    /// When there is no such row.
    pub fn read_row(&self, row: u32) -> Result<Cow<'_, [f32]>, IndexError> {
        let (part, at) = self.find(row).expect("the row is one of the index");
        part.read_row(at)
    }
}

impl InParts<SpanVectors> {
    /// The cosines of `query` with each sentence of `row`, in order; none if the row has no
    /// sentence vectors or the query another dimension.
    pub fn cosines(&self, row: u32, query: &UnitVector) -> Result<Vec<f32>, IndexError> {
        match self.find(row) {
            Some((part, at)) => part.cosines(at, query),
            None => Ok(Vec::new()),
        }
    }
}

impl InParts<WordVectors> {
    /// The codes of a row's words; none where it has no words or there is no such row.
    pub fn codes(&self, row: u32) -> Result<WordCodes, IndexError> {
        match self.find(row) {
            Some((part, at)) => part.codes(at),
            None => Ok(WordCodes::default()),
        }
    }

    /// How well each of `rows` meets the tokens of a question, as [`WordVectors::meet`] tells.
    pub fn meet(&self, query: &QueryTokens, rows: &[u32]) -> Result<Vec<Option<f32>>, IndexError> {
        let meet = |row: &u32| match self.find(*row) {
            Some((part, at)) => part.meet(query, at),
            None => Ok(None),
        };
        rows.iter().map(meet).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::directions;
    use super::*;

    #[test]
    fn rows_are_found_in_the_part_that_has_them() {
        let all = directions(5, 8, 3);
        let parts = vec![
            FlatVectors::collect(8, &all[..2]).unwrap(),
            FlatVectors::collect(8, &all[2..]).unwrap(),
        ];
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("rows.bin");
        Slots::write(&path, &[4, 0, 2]).unwrap();
        assert!(Slots::open(&path, 4).is_err(), "slot 4 is beyond the end");
        let slots = Slots::open(&path, 5).unwrap();
        let vectors = InParts::new(parts, Arc::new(slots));
        assert_eq!((vectors.len(), vectors.slot_count()), (3, 5));
        for (row, slot) in [(0, 4), (1, 0), (2, 2)] {
            assert_eq!(*vectors.row(row), *all[slot].as_slice());
        }
        assert!(vectors.find(3).is_none());
        let bytes = fs_err::read(&path).unwrap();
        for length in 0..bytes.len() {
            fs_err::write(&path, &bytes[..length]).unwrap();
            assert!(Slots::open(&path, 5).is_err(), "cut to {length} bytes");
        }
    }
}
