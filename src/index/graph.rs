//! The graph as it lies on disk and as it is searched: lists of links in a few flat arrays.
//!
//! The search is that of Malkov and Yashunin, "Efficient and robust approximate nearest neighbor
//! search using Hierarchical Navigable Small World graphs" (2016), algorithms 2 and 5: greedy down
//! the upper layers, then best first in the lowest. It looks at [`QuantisedVectors`], so that a
//! step reads a quarter of the memory that the full vectors would take.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::path::Path;

use rten_simd::{Isa, SimdOp};

use super::quantised::{QuantisedVectors, product};
use super::{IndexError, wire};

const MAGIC: [u8; 8] = *b"WWHNSW01";

/// More layers than any graph over 2^32 rows has.
const MOST_LAYERS: u32 = 64;

/// Links between rows, in layers; the lowest holds every row.
#[derive(Debug, Clone, PartialEq)]
pub struct Graph {
    /// Where every search begins: a row of the highest layer.
    entry: u32,
    /// Lowest first; never empty.
    layers: Vec<Layer>,
}

/// The links of one layer.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Layer {
    /// The rows that the layer holds, ascending.
    rows: Vec<u32>,
    /// Where each row's links begin; one more than there are rows.
    offsets: Vec<u32>,
    links: Vec<u32>,
}

impl Layer {
    /// Collects the rows of a layer with their links; rows ascending.
    pub(super) fn collect(nodes: impl IntoIterator<Item = (u32, Vec<u32>)>) -> Self {
        let mut layer = Self {
            rows: Vec::new(),
            offsets: vec![0],
            links: Vec::new(),
        };
        for (row, links) in nodes {
            layer.rows.push(row);
            layer.links.extend(links);
            layer.offsets.push(
                u32::try_from(layer.links.len()).expect("a graph holds fewer than 2^32 links"),
            );
        }
        layer
    }

    /// All rows with their links.
    pub(super) fn nodes(&self) -> impl Iterator<Item = (u32, &[u32])> {
        let ranges = self.offsets.windows(2);
        self.rows
            .iter()
            .zip(ranges)
            .map(|(row, range)| (*row, &self.links[range[0] as usize..range[1] as usize]))
    }

    /// The links of a row; none if the layer does not hold it.
    #[inline]
    pub(super) fn links_of(&self, row: u32) -> &[u32] {
        // The lowest layer holds every row, each at its own position.
        let position = match self.rows.get(row as usize) {
            Some(found) if *found == row => row as usize,
            _ => match self.rows.binary_search(&row) {
                Ok(position) => position,
                Err(_) => return &[],
            },
        };
        &self.links[self.offsets[position] as usize..self.offsets[position + 1] as usize]
    }

    /// Whether the arrays fit each other and name only rows below `count`.
    fn is_sound(&self, count: usize) -> bool {
        let below = |rows: &[u32]| rows.iter().all(|row| (*row as usize) < count);
        self.rows.is_sorted_by(|a, b| a < b)
            && below(&self.rows)
            && below(&self.links)
            && self.offsets.first() == Some(&0)
            && self.offsets.is_sorted()
            && self.offsets.last().map(|end| *end as usize) == Some(self.links.len())
    }
}

impl Graph {
    /// A graph of layers, lowest first, which must not be empty.
    pub(super) fn new(entry: u32, layers: Vec<Layer>) -> Self {
        assert!(!layers.is_empty(), "a graph has a lowest layer");
        Self { entry, layers }
    }

    /// Where every search begins.
    pub(super) fn entry(&self) -> u32 {
        self.entry
    }

    /// The layers, lowest first.
    pub(super) fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.layers[0].rows.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes in memory.
    pub fn bytes(&self) -> usize {
        self.layers
            .iter()
            .map(|layer| 4 * (layer.rows.len() + layer.offsets.len() + layer.links.len()))
            .sum()
    }

    /// Up to `width` rows (ef) that lie near to a query, nearest first.
    ///
    /// `vectors` are those that the graph was built over.
    pub fn search(&self, vectors: &QuantisedVectors, query: &[i8], width: usize) -> Vec<u32> {
        Walk {
            graph: self,
            vectors,
            query,
            width: width.max(1),
        }
        .dispatch()
    }

    /// Writes the file. All numbers are little-endian `u32`: magic, entry row, number of layers,
    /// then for each layer, lowest first, the numbers of rows and links, the rows, their offsets
    /// (one more than rows) and the links.
    pub fn write(&self, path: &Path) -> Result<(), IndexError> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&self.entry.to_le_bytes());
        bytes.extend_from_slice(&wire::count(self.layers.len()));
        for layer in &self.layers {
            bytes.extend_from_slice(&wire::count(layer.rows.len()));
            bytes.extend_from_slice(&wire::count(layer.links.len()));
            for value in layer.rows.iter().chain(&layer.offsets).chain(&layer.links) {
                bytes.extend_from_slice(&value.to_le_bytes());
            }
        }
        wire::write(path, &bytes)
    }

    /// Reads what [`Self::write`] wrote for `count` rows.
    pub fn open(path: &Path, count: usize) -> Result<Self, IndexError> {
        let bytes = wire::read(path)?;
        let mut reader = wire::Reader::new(path, &bytes, MAGIC)?;
        let (entry, depth) = (reader.u32()?, reader.u32()?);
        if depth == 0 || depth > MOST_LAYERS {
            return Err(reader.damaged("it has no sensible number of layers"));
        }
        let mut layers = Vec::new();
        for _ in 0..depth {
            let (rows, links) = (reader.u32()? as usize, reader.u32()? as usize);
            let layer = Layer {
                rows: reader.u32s(rows)?,
                offsets: reader.u32s(rows.saturating_add(1))?,
                links: reader.u32s(links)?,
            };
            if !layer.is_sound(count) {
                return Err(reader.damaged("its tables do not fit each other"));
            }
            layers.push(layer);
        }
        let graph = Self { entry, layers };
        if graph.len() != count || entry as usize >= count {
            return Err(reader.damaged("it holds another number of rows"));
        }
        reader.finish()?;
        Ok(graph)
    }
}

/// One search.
struct Walk<'a> {
    graph: &'a Graph,
    vectors: &'a QuantisedVectors,
    query: &'a [i8],
    width: usize,
}

impl SimdOp for Walk<'_> {
    type Output = Vec<u32>;

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "see `product`")]
    fn eval<I: Isa>(self, _: I) -> Vec<u32> {
        let near = |row: u32| product(self.query, self.vectors.row(row));
        let (lowest, upper) = self
            .graph
            .layers
            .split_first()
            .expect("a graph has a lowest layer");

        let mut nearest = (near(self.graph.entry), self.graph.entry);
        for layer in upper.iter().rev() {
            loop {
                let before = nearest.1;
                for row in layer.links_of(before) {
                    let here = near(*row);
                    if here > nearest.0 {
                        nearest = (here, *row);
                    }
                }
                if nearest.1 == before {
                    break;
                }
            }
        }

        // Rows whose links are yet to be followed, nearest first; and the nearest rows so far,
        // farthest first.
        let mut open = BinaryHeap::from([nearest]);
        let mut found = BinaryHeap::from([Reverse(nearest)]);
        let mut seen = Seen::of(lowest.rows.len());
        seen.insert(nearest.1);
        let mut farthest = nearest.0;
        while let Some((distance, row)) = open.pop() {
            if found.len() >= self.width && distance < farthest {
                break;
            }
            for row in lowest.links_of(row) {
                if !seen.insert(*row) {
                    continue;
                }
                let here = (near(*row), *row);
                if found.len() >= self.width {
                    if here.0 <= farthest {
                        continue;
                    }
                    found.pop();
                }
                open.push(here);
                found.push(Reverse(here));
                farthest = found.peek().map_or(here.0, |Reverse(last)| last.0);
            }
        }
        found
            .into_sorted_vec()
            .into_iter()
            .map(|Reverse((_, row))| row)
            .collect()
    }
}

/// A set of rows, a bit for each.
pub(super) struct Seen(Vec<u64>);

impl Seen {
    pub(super) fn of(count: usize) -> Self {
        Self(vec![0; count.div_ceil(64)])
    }

    /// Adds a row; whether it is new.
    #[inline]
    pub(super) fn insert(&mut self, row: u32) -> bool {
        let (word, bit) = (&mut self.0[row as usize / 64], 1 << (row % 64));
        let new = *word & bit == 0;
        *word |= bit;
        new
    }
}

#[cfg(test)]
mod tests {
    use super::super::directions;
    use super::super::flat::FlatVectors;
    use super::*;

    /// Ten rows in a ring, each linked to its neighbours; rows 0 and 5 also in a layer above.
    fn ring() -> Graph {
        let lowest = Layer::collect((0..10).map(|row| (row, vec![(row + 1) % 10, (row + 9) % 10])));
        let upper = Layer::collect([(0, vec![5]), (5, vec![0])]);
        Graph::new(0, vec![lowest, upper])
    }

    #[test]
    fn a_wide_search_finds_every_row_in_order() {
        let vectors = FlatVectors::collect(8, &directions(10, 8, 1)).unwrap();
        let bytes = QuantisedVectors::of(&vectors).unwrap();
        let query = bytes.query(&directions(1, 8, 2)[0]);
        let found = ring().search(&bytes, &query, 10);
        let mut expected: Vec<u32> = (0..10).collect();
        expected.sort_by_key(|row| Reverse((product(&query, bytes.row(*row)), *row)));
        assert_eq!(found, expected);
        assert_eq!(ring().search(&bytes, &query, 3).len(), 3);
    }

    #[test]
    fn a_file_comes_back_whole_and_no_damage_goes_unseen_or_panics() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("graph");
        ring().write(&path).unwrap();
        assert_eq!(Graph::open(&path, 10).unwrap(), ring());
        assert!(Graph::open(&path, 9).is_err() && Graph::open(&path, 11).is_err());

        let vectors = FlatVectors::collect(8, &directions(10, 8, 1)).unwrap();
        let bytes = QuantisedVectors::of(&vectors).unwrap();
        let query = bytes.query(&directions(1, 8, 2)[0]);
        let whole = fs_err::read(&path).unwrap();
        for length in 0..whole.len() {
            fs_err::write(&path, &whole[..length]).unwrap();
            assert!(Graph::open(&path, 10).is_err(), "cut to {length} bytes");
        }
        for position in 0..whole.len() {
            let mut changed = whole.clone();
            changed[position] ^= 0x81;
            fs_err::write(&path, &changed).unwrap();
            // A link to another row cannot be told from a true one here; digests tell it before.
            if let Ok(graph) = Graph::open(&path, 10) {
                assert!(graph.search(&bytes, &query, 10).len() <= 10);
            }
        }
    }
}
