//! The graph (Malkov and Yashunin, "Efficient and robust approximate nearest neighbor search using
//! Hierarchical Navigable Small World graphs", 2016). The only file that names `hnsw_rs`.
//!
//! **Invariant**: the loader of `hnsw_rs` ends the process, aborts or reads wrong vectors when its
//! files are damaged. [`HnswGraph::open`] must therefore be called only on files whose digests have
//! been checked; `snapshot::open` is the only caller.

use std::panic::AssertUnwindSafe;
use std::path::Path;

use hnsw_rs::hnswio::HnswIo;
use hnsw_rs::prelude::{AnnT, Hnsw};
use self_cell::self_cell;
use serde::{Deserialize, Serialize};

use super::distance::UnitCosineDistance;
use super::flat::FlatVectors;
use super::{Hit, IndexError, VectorIndex, sort_best_first};
use crate::model::UnitVector;

/// Base name of the two files that the crate writes: `graph.hnsw.graph` and `graph.hnsw.data`.
pub const BASE_NAME: &str = "graph";

/// `hnsw_rs` writes a dump only if the graph was made with its own limit of layers.
const LAYERS: usize = 16;

type Graph<'a> = Hnsw<'a, f32, UnitCosineDistance>;

/// How the graph is built. Part of a generation's manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct HnswParameters {
    /// Links of a node per layer (M); at most 255.
    pub connections: u8,
    /// Candidates kept while a node is linked in (`ef_construction`).
    pub construction_width: usize,
}

impl Default for HnswParameters {
    fn default() -> Self {
        Self {
            connections: 16,
            construction_width: 200,
        }
    }
}

/// Builds a graph over all rows of `vectors` on `pool` and writes its two files into `directory`,
/// which must exist. Returns the files' names.
pub fn build(
    vectors: &FlatVectors,
    parameters: HnswParameters,
    pool: &rayon::ThreadPool,
    directory: &Path,
) -> Result<[String; 2], IndexError> {
    let graph = Graph::new(
        usize::from(parameters.connections),
        vectors.len(),
        LAYERS,
        parameters.construction_width,
        UnitCosineDistance,
    );
    let rows: Vec<(&[f32], usize)> = vectors
        .rows()
        .enumerate()
        .map(|(row, vector)| (vector, row))
        .collect();
    // The first node is the way into the graph; it must be there before others look for it.
    let (first, rest) = rows.split_first().ok_or(IndexError::Empty)?;
    graph.insert_slice(*first);
    let rest = rest.to_vec();
    pool.install(|| graph.parallel_insert_slice(&rest));
    let failed = |reason: String| IndexError::Io {
        action: "write",
        path: directory.join(BASE_NAME),
        source: std::io::Error::other(reason),
    };
    // The crate panics when it cannot create its files, on a full disk for instance.
    let dumped =
        std::panic::catch_unwind(AssertUnwindSafe(|| graph.file_dump(directory, BASE_NAME)));
    let written = dumped
        .map_err(|_| failed("the files cannot be created".to_owned()))?
        .map_err(|error| failed(error.to_string()))?;
    Ok([
        format!("{written}.hnsw.graph"),
        format!("{written}.hnsw.data"),
    ])
}

self_cell!(
    /// A loaded graph borrows its loader for as long as it lives.
    struct Loaded {
        owner: HnswIo,
        #[not_covariant]
        dependent: Graph,
    }
);

/// A graph read back from its files. It is never inserted into.
pub struct HnswGraph {
    loaded: Loaded,
    count: usize,
    dimension: usize,
    search_width: usize,
}

impl HnswGraph {
    /// Opens the files that [`build`] wrote. Their digests must have been verified (see the module).
    ///
    /// `search_width` is the number of candidates kept during a search (ef).
    pub fn open(
        directory: &Path,
        count: usize,
        dimension: usize,
        search_width: usize,
    ) -> Result<Self, IndexError> {
        let damaged = |reason: String| IndexError::Damaged {
            path: directory.join(BASE_NAME),
            reason,
        };
        let loader = HnswIo::new(directory, BASE_NAME);
        let loaded = Loaded::try_new(loader, |loader| {
            loader.load_hnsw_with_dist(UnitCosineDistance)
        })
        .map_err(|error| damaged(error.to_string()))?;
        let found = loaded.with_dependent(|_, graph| graph.get_nb_point());
        if found != count {
            return Err(damaged(format!(
                "it holds {found} nodes, the manifest says {count}"
            )));
        }
        Ok(Self {
            loaded,
            count,
            dimension,
            search_width,
        })
    }
}

impl VectorIndex for HnswGraph {
    fn len(&self) -> usize {
        self.count
    }

    fn search(&self, query: &UnitVector, k: usize) -> Vec<Hit> {
        if query.dimension() != self.dimension {
            return Vec::new();
        }
        let width = self.search_width.max(k);
        let neighbours = self
            .loaded
            .with_dependent(|_, graph| graph.search(query.as_slice(), k, width));
        let mut hits: Vec<Hit> = neighbours
            .into_iter()
            .filter_map(|neighbour| {
                Some(Hit {
                    row: u32::try_from(neighbour.d_id).ok()?,
                    score: 1.0 - neighbour.distance,
                })
            })
            .collect();
        sort_best_first(&mut hits);
        hits
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use super::*;
    use crate::index::flat::FlatVectors;

    /// Deterministic directions (xorshift), so that a failure can be repeated.
    fn directions(count: usize, dimension: usize, seed: u64) -> Vec<UnitVector> {
        let mut state = seed | 1;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            f32::from(i16::from_le_bytes([
                state.to_le_bytes()[2],
                state.to_le_bytes()[5],
            ])) / 32_768.0
        };
        (0..count)
            .map(|_| UnitVector::normalize((0..dimension).map(|_| next()).collect()).unwrap())
            .collect()
    }

    fn contract(index: &dyn VectorIndex, vectors: &FlatVectors, queries: &[UnitVector]) {
        assert_eq!(index.len(), vectors.len());
        for query in queries {
            let hits = index.search(query, 10);
            assert!(hits.len() <= 10 && !hits.is_empty());
            assert!(hits.is_sorted_by(|a, b| a.score >= b.score));
            let mut rows: Vec<u32> = hits.iter().map(|hit| hit.row).collect();
            rows.sort_unstable();
            rows.dedup();
            assert_eq!(rows.len(), hits.len(), "rows are distinct");
            for hit in hits {
                assert!(
                    (hit.score - query.cosine(vectors.row(hit.row))).abs() < 1e-4,
                    "scores are cosines"
                );
            }
        }
        assert!(
            index
                .search(&UnitVector::normalize(vec![1.0]).unwrap(), 3)
                .is_empty()
        );
    }

    #[test]
    fn both_indexes_keep_the_contract_and_the_graph_finds_nearly_all() {
        let vectors = FlatVectors::collect(32, &directions(3_000, 32, 7)).unwrap();
        let queries = directions(50, 32, 99);
        let directory = tempfile::tempdir().unwrap();
        let pool = crate::runtime::cpu_pool::build("test", NonZeroUsize::new(2).unwrap());
        build(&vectors, HnswParameters::default(), &pool, directory.path()).unwrap();
        let graph = HnswGraph::open(directory.path(), 3_000, 32, 128).unwrap();
        contract(&vectors, &vectors, &queries);
        contract(&graph, &vectors, &queries);

        let found: usize = queries
            .iter()
            .map(|query| {
                let exact: Vec<u32> = vectors
                    .search(query, 10)
                    .iter()
                    .map(|hit| hit.row)
                    .collect();
                graph
                    .search(query, 10)
                    .iter()
                    .filter(|hit| exact.contains(&hit.row))
                    .count()
            })
            .sum();
        assert!(
            found >= 475,
            "recall@10 is {found} of 500 on random directions, the hardest case"
        );
    }

    #[test]
    fn an_empty_graph_is_refused() {
        assert!(matches!(
            FlatVectors::collect(4, &[]),
            Err(IndexError::Empty)
        ));
    }
}
