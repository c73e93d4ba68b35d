//! The parts of a generation: those that it shares with the one before are linked, not copied.

use std::path::Path;
use std::sync::Arc;

use super::SnapshotError;
use super::damage::damaged;
use super::generation::{self, Records, part_file};
use super::manifest::Manifest;
use super::synced::io;
use crate::index::IndexError;
use crate::index::flat::FlatVectors;
use crate::index::part_writer::PartFiles;
use crate::index::parts::{InParts, Slots};
use crate::index::quantised::QuantisedVectors;
use crate::index::spans::SpanVectors;
use crate::index::words::WordVectors;

pub(super) const VECTORS: &str = "vectors";
pub(super) const SPANS: &str = "spans";
pub(super) const WORDS: &str = "words";
pub(super) const BYTES: &str = "bytes";
/// All files of a part; those of older formats may lack the last two.
pub(super) const KINDS: [&str; 4] = [VECTORS, SPANS, WORDS, BYTES];

/// Where the files of a part lie that is written.
pub(super) fn files(directory: &Path, part: usize) -> PartFiles {
    let path = |kind| directory.join(part_file(kind, part));
    PartFiles {
        vectors: path(VECTORS),
        spans: path(SPANS),
        words: path(WORDS),
    }
}

/// The vectors of `rows` rows.
#[expect(clippy::type_complexity, reason = "three kinds of one thing")]
pub(super) fn open(
    directory: &Path,
    manifest: &Manifest,
    rows: usize,
) -> Result<
    (
        InParts<FlatVectors>,
        InParts<SpanVectors>,
        InParts<WordVectors>,
    ),
    SnapshotError,
> {
    let (mut vectors, mut spans, mut words) = (Vec::new(), Vec::new(), Vec::new());
    for part in 0.. {
        let files = files(directory, part);
        if part > 0 && !manifest.has_file(&part_file(VECTORS, part)) {
            break;
        }
        vectors.push(FlatVectors::open(&files.vectors)?);
        spans.push(SpanVectors::open(&files.spans)?);
        words.push(if manifest.has_file(&part_file(WORDS, part)) {
            WordVectors::open(&files.words)?
        } else {
            WordVectors::none(rows)
        });
    }
    if vectors
        .iter()
        .any(|part| part.dimension() != manifest.embedder.dimension)
    {
        let reason = "its vectors have another dimension than the embedder".to_owned();
        return Err(damaged(manifest, super::manifest::FILE, reason));
    }
    let count: usize = vectors.iter().map(FlatVectors::len).sum();
    let slots = Arc::new(if manifest.has_file(generation::ROWS) {
        Slots::open(&directory.join(generation::ROWS), count)?
    } else {
        Slots::Same(u32::try_from(count).unwrap_or(u32::MAX))
    });
    Ok((
        InParts::new(vectors, Arc::clone(&slots)),
        InParts::new(spans, Arc::clone(&slots)),
        InParts::new(words, slots),
    ))
}

/// The vectors of all rows in bytes. A generation of before format 5 has them rounded here.
pub(super) fn bytes_of(records: &Records) -> Result<QuantisedVectors, SnapshotError> {
    if records.manifest.format < 5 {
        let (whole, _) = records
            .vectors
            .find_slot(0)
            .expect("a generation has a vector");
        return Ok(QuantisedVectors::of(whole)?);
    }
    bytes(&records.directory, &records.vectors)
}

/// The bytes that lie beside `vectors`.
pub(super) fn bytes(
    directory: &Path,
    vectors: &InParts<FlatVectors>,
) -> Result<QuantisedVectors, SnapshotError> {
    let path = |part| directory.join(part_file(BYTES, part));
    let mut parts = (0..vectors.part_count())
        .map(|part| QuantisedVectors::open(&path(part)))
        .collect::<Result<Vec<_>, _>>()?;
    let slots = |row: usize| vectors.slot_of(row as u32).unwrap_or(0);
    let count: usize = parts.iter().map(QuantisedVectors::len).sum();
    let (dimension, scale) = (vectors.dimension(), parts[0].scale().to_bits());
    let is_alike =
        |part: &QuantisedVectors| part.dimension() == dimension && part.scale().to_bits() == scale;
    if count != vectors.slot_count() || !parts.iter().all(is_alike) {
        return Err(IndexError::Damaged {
            path: path(0),
            reason: "its parts do not fit each other".to_owned(),
        }
        .into());
    }
    let is_plain = parts.len() == 1 && (0..vectors.len()).all(|row| slots(row) as usize == row);
    if is_plain && count == vectors.len() {
        return Ok(parts.remove(0));
    }
    Ok(QuantisedVectors::gathered(
        &parts,
        (0..vectors.len()).map(slots),
    ))
}

/// What a byte of 1 stands for in a generation.
pub(super) fn bytes_scale(records: &Records) -> Result<f32, SnapshotError> {
    let path = records.directory.join(part_file(BYTES, 0));
    Ok(QuantisedVectors::scale_of(&path)?)
}

/// Puts a file of another generation into this one. It becomes another name of the same file where
/// the file system can do that; no generation ever changes its files.
pub(super) fn link(from: &Path, to: &Path) -> Result<(), SnapshotError> {
    if fs_err::hard_link(from, to).is_err() {
        fs_err::copy(from, to).map_err(io("copy", from))?;
        let file = fs_err::File::open(to).map_err(io("open", to))?;
        file.sync_all().map_err(io("sync", to))?;
    }
    Ok(())
}
