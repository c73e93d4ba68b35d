//! What a new generation is searched by: vectors, words and graph, carried on from the generation
//! before as far as it has them.

use std::path::Path;
use std::sync::Arc;

use super::SnapshotError;
use super::draft::{Draft, Origin, WordsOf};
use super::generation::{self, Records, part_file};
use super::manifest::{FORMAT, FileEntry};
use super::parts::{self, BYTES, KINDS, link};
use super::synced::io;
use crate::index::IndexError;
use crate::index::flat::FlatVectors;
use crate::index::graph::Graph;
use crate::index::hnsw::HnswParameters;
use crate::index::lexical::LexicalIndex;
use crate::index::link;
use crate::index::moments::Moments;
use crate::index::part_writer::{PackedVectors, PartFiles, PartWriter};
use crate::index::parts::{InParts, Slots};
use crate::index::quantised::QuantisedVectors;
use crate::index::spans::SpanVectors;
use crate::index::words::WordVectors;

/// With more parts than this, all vectors are written into one: a run writes little, a search looks
/// into few files.
const MOST_PARTS: usize = 16;
/// And so they are when one in so many places holds the vectors of no chunk any more.
const ONE_DEAD_IN: usize = 5;
/// The graph is built whole, and the moments are summed again, when one row in so many has gone or
/// come since that was done last.
const ONE_CARRIED_IN: usize = 4;

/// What a generation is written from.
pub(super) struct Basis<'a> {
    pub(super) directory: &'a Path,
    pub(super) draft: &'a Draft,
    pub(super) before: Option<&'a Records>,
    /// Where the vectors lie that were pushed.
    pub(super) new_part: PartFiles,
    /// How many.
    pub(super) pushed: usize,
    pub(super) graph: HnswParameters,
    pub(super) pool: &'a rayon::ThreadPool,
}

/// What was written.
#[derive(Default)]
pub(super) struct Search {
    /// Names of new files.
    pub(super) written: Vec<String>,
    /// Files of the generation before.
    pub(super) linked: Vec<FileEntry>,
    /// Rows that went or came since the graph was built whole.
    pub(super) carried: usize,
    /// Sentence vectors.
    pub(super) sentences: usize,
}

/// The vectors of the new generation.
struct Vectors {
    full: InParts<FlatVectors>,
    bytes: QuantisedVectors,
}

/// Writes everything that is searched.
pub(super) fn write_search(basis: &Basis<'_>, words: WordsOf<'_>) -> Result<Search, SnapshotError> {
    if basis.draft.chunks.is_empty() {
        return Err(IndexError::Empty.into());
    }
    let mut search = Search::default();
    basis.write_words(words, &mut search)?;
    let vectors = basis.write_vectors(&mut search)?;
    basis.write_graph(&vectors, &mut search)?;
    Ok(search)
}

impl Basis<'_> {
    fn write_words(&self, words: WordsOf<'_>, search: &mut Search) -> Result<(), SnapshotError> {
        let mut stays = vec![None; self.before.map_or(0, |before| before.chunks.len())];
        let mut new = Vec::new();
        for (row, origin) in (0_u32..).zip(&self.draft.origins) {
            match origin {
                Origin::Kept(old) if stays[*old as usize].is_none() => {
                    stays[*old as usize] = Some(row);
                }
                Origin::Kept(_) | Origin::Recalled(_) | Origin::New(_) => new.push(row),
            }
        }
        let texts = new
            .into_iter()
            .map(|row| (row, words(self.draft, row as usize)));
        let index = match self.before {
            Some(before) if stays.iter().any(Option::is_some) => {
                LexicalIndex::open(&before.directory.join(generation::LEXICAL))?
                    .changed(&stays, texts)
            }
            _ => LexicalIndex::build(texts.map(|(_, text)| text)),
        };
        index.write(&self.directory.join(generation::LEXICAL))?;
        search.written.push(generation::LEXICAL.to_owned());
        Ok(())
    }

    /// Writes the vectors, or links those that are there.
    fn write_vectors(&self, search: &mut Search) -> Result<Vectors, SnapshotError> {
        let shared = self.before.filter(|before| self.may_share(before));
        let scale = match shared {
            Some(before) => Some(parts::bytes_scale(before)?),
            None => None,
        };
        let vectors = match (shared, scale) {
            (Some(before), Some(scale)) if self.new_fit(scale)? => {
                self.share_parts(before, scale, search)?
            }
            _ => self.write_one_part(search)?,
        };
        let slots = |row: u32| vectors.full.slot_of(row);
        let is_plain = (0_u32..self.rows()).all(|row| slots(row) == Some(row))
            && vectors.full.slot_count() == self.rows() as usize;
        if !is_plain {
            let table: Vec<u32> = (0..self.rows()).filter_map(slots).collect();
            Slots::write(&self.directory.join(generation::ROWS), &table)?;
            search.written.push(generation::ROWS.to_owned());
        }
        Ok(vectors)
    }

    fn rows(&self) -> u32 {
        u32::try_from(self.draft.chunks.len()).expect("an index holds fewer than 2^32 rows")
    }

    /// Whether the parts of the generation before are worth keeping.
    fn may_share(&self, before: &Records) -> bool {
        let is_used = self
            .draft
            .origins
            .iter()
            .any(|origin| !matches!(origin, Origin::New(_)));
        let parts = before.vectors.part_count() + usize::from(self.pushed > 0);
        let slots = before.vectors.slot_count() + self.pushed;
        let dead = slots.saturating_sub(self.draft.chunks.len());
        is_used
            && before.manifest.format == FORMAT
            && parts <= MOST_PARTS
            && dead * ONE_DEAD_IN <= slots
    }

    /// Whether the new vectors can be told in bytes of a scale.
    fn new_fit(&self, scale: f32) -> Result<bool, SnapshotError> {
        if self.pushed == 0 {
            return Ok(true);
        }
        let new = FlatVectors::open(&self.new_part.vectors)?;
        Ok(QuantisedVectors::fits(&new, scale)?)
    }

    fn share_parts(
        &self,
        before: &Records,
        scale: f32,
        search: &mut Search,
    ) -> Result<Vectors, SnapshotError> {
        let mut parts = before.vectors.part_count();
        for part in 0..parts {
            for kind in KINDS {
                let name = part_file(kind, part);
                if let Some(entry) = before.manifest.entry(&name) {
                    link(&before.directory.join(&name), &self.directory.join(&name))?;
                    search.linked.push(entry.clone());
                }
            }
        }
        if self.pushed > 0 {
            self.name_new_part(parts, search)?;
            let new = FlatVectors::open(&parts::files(self.directory, parts).vectors)?;
            let name = part_file(BYTES, parts);
            QuantisedVectors::scaled(&new, scale)?.write(&self.directory.join(&name))?;
            search.written.push(name);
            parts += 1;
        }
        let first_new = before.vectors.slot_count() as u32;
        let slots: Vec<u32> = self
            .draft
            .origins
            .iter()
            .map(|origin| match origin {
                Origin::Kept(row) | Origin::Recalled(row) => before
                    .vectors
                    .slot_of(*row)
                    .expect("origins are rows of it"),
                Origin::New(number) => first_new + number,
            })
            .collect();
        let spans =
            (0..parts).map(|part| SpanVectors::open(&parts::files(self.directory, part).spans));
        let spans = spans.collect::<Result<Vec<_>, _>>()?;
        let slots = Arc::new(Slots::Table(slots));
        let spans = InParts::new(spans, Arc::clone(&slots));
        search.sentences = (0..self.rows())
            .filter_map(|row| spans.find(row))
            .map(|(part, at)| part.count(at))
            .sum();
        let full =
            (0..parts).map(|part| FlatVectors::open(&parts::files(self.directory, part).vectors));
        let full = InParts::new(full.collect::<Result<Vec<_>, _>>()?, slots);
        Ok(Vectors {
            bytes: parts::bytes(self.directory, &full)?,
            full,
        })
    }

    fn name_new_part(&self, part: usize, search: &mut Search) -> Result<(), SnapshotError> {
        let to = parts::files(self.directory, part);
        for (from, to) in [
            (&self.new_part.vectors, &to.vectors),
            (&self.new_part.spans, &to.spans),
            (&self.new_part.words, &to.words),
        ] {
            fs_err::rename(from, to).map_err(io("rename", from))?;
            let name = to.file_name().unwrap_or_default().to_string_lossy();
            search.written.push(name.into_owned());
        }
        Ok(())
    }

    /// All vectors in one part, in the order of the rows.
    fn write_one_part(&self, search: &mut Search) -> Result<Vectors, SnapshotError> {
        let is_in_order = (0_u32..)
            .zip(&self.draft.origins)
            .all(|(row, origin)| *origin == Origin::New(row));
        if is_in_order && self.pushed == self.draft.chunks.len() {
            self.name_new_part(0, search)?;
        } else {
            self.gather_part(search)?;
        }
        let files = parts::files(self.directory, 0);
        let vectors = FlatVectors::open(&files.vectors)?;
        let bytes = QuantisedVectors::of(&vectors)?;
        let name = part_file(BYTES, 0);
        bytes.write(&self.directory.join(&name))?;
        search.written.push(name);
        let spans = SpanVectors::open(&files.spans)?;
        search.sentences = (0..self.rows()).map(|row| spans.count(row)).sum();
        Ok(Vectors {
            full: InParts::whole(vectors),
            bytes,
        })
    }

    /// Copies the vectors of each row from where they lie.
    fn gather_part(&self, search: &mut Search) -> Result<(), SnapshotError> {
        let new = if self.pushed > 0 {
            Some((
                FlatVectors::open(&self.new_part.vectors)?,
                SpanVectors::open(&self.new_part.spans)?,
                WordVectors::open(&self.new_part.words)?,
            ))
        } else {
            None
        };
        let dimension = self.draft.embedder.dimension;
        let mut writer = PartWriter::create(parts::files(self.directory, 0), dimension)?;
        for origin in &self.draft.origins {
            let packed = match (origin, &new, self.before) {
                (Origin::New(number), Some((vectors, spans, words)), _) => {
                    PackedVectors::stored(vectors, spans, words, *number)?
                }
                (Origin::Kept(row) | Origin::Recalled(row), _, Some(before)) => {
                    before.packed(*row)?
                }
                _ => return Err(IndexError::Empty.into()),
            };
            writer.push(&packed)?;
        }
        writer.finish()?;
        for path in [
            &self.new_part.vectors,
            &self.new_part.spans,
            &self.new_part.words,
        ] {
            if new.is_some() {
                fs_err::remove_file(path).map_err(io("delete", path))?;
            }
        }
        let kinds = [parts::VECTORS, parts::SPANS, parts::WORDS];
        search.written.extend(kinds.map(|kind| part_file(kind, 0)));
        Ok(())
    }

    /// Writes the graph and the moments: those of before, carried on, or new ones.
    fn write_graph(&self, vectors: &Vectors, search: &mut Search) -> Result<(), SnapshotError> {
        let (stays, came) = self.stays();
        let gone: Vec<u32> = (0_u32..)
            .zip(&stays)
            .filter(|(_, to)| to.is_none())
            .map(|(row, _)| row)
            .collect();
        let carried = self.before.map_or(0, |before| before.manifest.carried);
        let carried = carried + gone.len() + came.len();
        let before = self.before.filter(|before| {
            before.manifest.format == FORMAT
                && before.manifest.graph == self.graph
                && carried * ONE_CARRIED_IN <= self.draft.chunks.len()
        });
        let (graph, moments) = if let Some(before) = before {
            search.carried = carried;
            let graph = Graph::open(&before.directory.join(generation::GRAPH), stays.len())?;
            let moments = Moments::open(&before.directory.join(generation::MOMENTS))?;
            let moments = moments.changed(
                stays.len(),
                gone.iter().map(|row| before.vectors.read_row(*row)),
                came.iter().map(|row| vectors.full.read_row(*row)),
            )?;
            (
                link::carry_on(&graph, &stays, &vectors.bytes, self.graph, self.pool),
                moments,
            )
        } else {
            let rows = (0..self.rows()).map(|row| vectors.full.read_row(row));
            let moments = Moments::of(self.draft.embedder.dimension, rows)?;
            (link::build(&vectors.bytes, self.graph, self.pool), moments)
        };
        graph.write(&self.directory.join(generation::GRAPH))?;
        moments.write(&self.directory.join(generation::MOMENTS))?;
        search.written.push(generation::GRAPH.to_owned());
        search.written.push(generation::MOMENTS.to_owned());
        Ok(())
    }

    /// For each row of before, the new row that has its vectors; and the rows that have none of before.
    fn stays(&self) -> (Vec<Option<u32>>, Vec<u32>) {
        let mut stays = vec![None; self.before.map_or(0, |before| before.chunks.len())];
        let mut came = Vec::new();
        for (row, origin) in (0_u32..).zip(&self.draft.origins) {
            match origin {
                Origin::Kept(old) | Origin::Recalled(old) if stays[*old as usize].is_none() => {
                    stays[*old as usize] = Some(row);
                }
                Origin::Kept(_) | Origin::Recalled(_) | Origin::New(_) => came.push(row),
            }
        }
        (stays, came)
    }
}

impl Records {
    /// The vectors of a row as they are stored.
    pub(super) fn packed(&self, row: u32) -> Result<PackedVectors, SnapshotError> {
        let slot = self
            .vectors
            .slot_of(row)
            .expect("the row is one of the generation");
        let missing = || IndexError::Empty;
        let (vectors, at) = self.vectors.find_slot(slot).ok_or_else(missing)?;
        let (spans, _) = self.spans.find_slot(slot).ok_or_else(missing)?;
        let (words, _) = self.words.find_slot(slot).ok_or_else(missing)?;
        Ok(PackedVectors::stored(vectors, spans, words, at)?)
    }
}
