//! The files of a generation, for `fuzzing`: what their digests keep from the parsers, given
//! to them all the same.

use std::path::Path;

use super::Manifest;
use super::texts::{TextEntry, unpack};
use crate::codec;
use crate::index::flat::FlatVectors;
use crate::index::graph::Graph;
use crate::index::lexical::LexicalIndex;
use crate::index::moments::Moments;
use crate::index::parts::Slots;
use crate::index::quantised::QuantisedVectors;
use crate::index::spans::SpanVectors;
use crate::index::words::WordVectors;
use crate::model::{Chunk, Document, UnitVector};

/// Rows that a graph is said to have.
const ROWS: usize = 8;

/// One file, whose first byte tells which it is; the rest is written to `path` and read from there.
pub fn file(bytes: &[u8], path: &Path) {
    let Some((kind, rest)) = bytes.split_first() else {
        return;
    };
    if fs_err::write(path, rest).is_err() {
        return;
    }
    match kind % 11 {
        0 => drop(FlatVectors::open(path)),
        1 => drop(Moments::open(path)),
        2 => drop(SpanVectors::open(path).map(|spans| spans.cosines(0, &direction()))),
        3 => drop(WordVectors::open(path).map(|words| words.codes(0))),
        4 => drop(LexicalIndex::open(path)),
        5 => drop(Graph::open(path, ROWS)),
        6 => {
            let decoded = codec::decode::<(Vec<Document>, Vec<TextEntry>)>(rest);
            for entry in decoded.iter().flat_map(|(_, entries)| entries) {
                let _ = unpack(rest, entry);
            }
        }
        7 => drop(codec::decode::<Vec<Chunk>>(rest)),
        8 => drop(QuantisedVectors::open(path)),
        9 => drop(Slots::open(path, ROWS)),
        _ => drop(serde_json::from_slice::<Manifest>(rest)),
    }
}

fn direction() -> UnitVector {
    UnitVector::normalize(vec![1.0; 4]).expect("it has a length")
}
