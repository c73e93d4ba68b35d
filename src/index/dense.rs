//! Nearest vectors: by the graph where that is quicker, and by looking at every row where it is
//! not.

use super::flat::FlatVectors;
use super::graph::Graph;
use super::parts::InParts;
use super::quantised::QuantisedVectors;
use super::{Hit, sort_best_first};
use crate::model::UnitVector;

/// One candidate of a search in the graph costs as much time as a look at this many rows
/// (`make bench-index`).
const ROWS_PER_CANDIDATE: usize = 160;

/// An exact search ranks by bytes first; of this many times the rows asked for, the true cosines
/// then decide.
const RESCORED: usize = 2;

/// What is searched: the vectors in bytes, and the graph over them.
pub struct DenseIndex {
    quantised: QuantisedVectors,
    /// Generations of older formats have none that this program reads.
    graph: Option<Graph>,
    width: usize,
}

impl DenseIndex {
    /// An index over vectors in bytes. `graph`, if there is one, was built over the same; `width` is
    /// the least number of candidates that a search in it keeps (ef).
    ///
    /// # Panics
    /// When the graph has not as many rows as there are vectors.
    pub fn new(quantised: QuantisedVectors, graph: Option<Graph>, width: usize) -> Self {
        if let Some(graph) = &graph {
            assert_eq!(graph.len(), quantised.len(), "a node for each row");
        }
        Self {
            quantised,
            graph,
            width,
        }
    }

    /// Up to `k` rows nearest to `query`, best first, with their true cosines, among those that
    /// `admitted` holds `true` for (all without it). A query of another dimension finds none.
    ///
    /// `vectors` are those that the index was made over.
    pub fn nearest(
        &self,
        vectors: &InParts<FlatVectors>,
        query: &UnitVector,
        k: usize,
        admitted: Option<&[bool]>,
    ) -> Vec<Hit> {
        if query.dimension() != vectors.dimension() {
            return Vec::new();
        }
        let all = vectors.len();
        let admits = |row: u32| admitted.is_none_or(|rows| rows[row as usize]);
        let left = admitted.map_or(all, |rows| rows.iter().filter(|row| **row).count());
        if left == 0 {
            return Vec::new();
        }
        // As many more as the filter is likely to take away.
        let width = self.width.max(k).saturating_mul(all).div_ceil(left);
        let bytes = self.quantised.query(query);
        let rows = match &self.graph {
            Some(graph) if left > width.saturating_mul(ROWS_PER_CANDIDATE) => {
                let mut rows = graph.search(&self.quantised, &bytes, width);
                rows.retain(|row| admits(*row));
                rows
            }
            _ => self
                .quantised
                .nearest(&bytes, k.saturating_mul(RESCORED), admits),
        };
        let mut hits: Vec<Hit> = rows
            .into_iter()
            .map(|row| Hit {
                row,
                score: query.cosine(&vectors.row(row)),
            })
            .collect();
        sort_best_first(&mut hits);
        hits.truncate(k);
        hits
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use super::super::hnsw::HnswParameters;
    use super::super::{directions, link};
    use super::*;

    const DIMENSION: usize = 16;

    fn index(count: usize, width: usize) -> (InParts<FlatVectors>, DenseIndex) {
        let vectors = FlatVectors::collect(DIMENSION, &directions(count, DIMENSION, 7)).unwrap();
        let pool = crate::runtime::cpu_pool::build("test", NonZeroUsize::new(2).unwrap());
        let bytes = QuantisedVectors::of(&vectors).unwrap();
        let graph = link::build(&bytes, HnswParameters::default(), &pool);
        let index = DenseIndex::new(bytes, Some(graph), width);
        (InParts::whole(vectors), index)
    }

    /// Share of the true ten nearest admitted rows that a search finds; checks its contract.
    fn recall(
        vectors: &InParts<FlatVectors>,
        index: &DenseIndex,
        admitted: Option<&[bool]>,
    ) -> f32 {
        let queries = directions(40, DIMENSION, 99);
        let (mut found, mut wanted) = (0, 0);
        for query in &queries {
            let hits = index.nearest(vectors, query, 10, admitted);
            let truth = vectors.find(0).unwrap().0.search_where(query, 10, |row| {
                admitted.is_none_or(|rows| rows[row as usize])
            });
            assert!(hits.len() <= 10 && hits.is_sorted_by(|a, b| a.score >= b.score));
            for (position, hit) in hits.iter().enumerate() {
                assert!(hits[..position].iter().all(|other| other.row != hit.row));
                assert!((hit.score - query.cosine(&vectors.row(hit.row))).abs() < 1e-6);
                assert!(admitted.is_none_or(|rows| rows[hit.row as usize]));
            }
            wanted += truth.len();
            found += hits.iter().filter(|hit| truth.contains(hit)).count();
        }
        found as f32 / wanted as f32
    }

    #[test]
    fn small_corpora_are_searched_exactly() {
        let (vectors, index) = index(1_000, 64);
        assert!((recall(&vectors, &index, None) - 1.0).abs() < f32::EPSILON);
        let few: Vec<bool> = (0..1_000).map(|row| row % 250 == 3).collect();
        assert!((recall(&vectors, &index, Some(&few)) - 1.0).abs() < f32::EPSILON);
        assert!(
            index
                .nearest(
                    &vectors,
                    &directions(1, DIMENSION, 1)[0],
                    5,
                    Some(&[false; 1_000])
                )
                .is_empty()
        );
        assert!(
            index
                .nearest(&vectors, &directions(1, 3, 1)[0], 5, None)
                .is_empty()
        );
    }

    /// A width of 20 makes the graph the quicker way from 3,200 rows on, and with a filter that
    /// lets half through from 12,800 on.
    #[test]
    fn large_corpora_are_searched_by_the_graph_also_through_a_filter() {
        let (vectors, index) = index(13_000, 20);
        assert!(recall(&vectors, &index, None) > 0.9);
        let most: Vec<bool> = (0..13_000).map(|row| row % 10 != 0).collect();
        assert!(recall(&vectors, &index, Some(&most)) > 0.9);
        let few: Vec<bool> = (0..13_000).map(|row| row % 100 == 0).collect();
        assert!((recall(&vectors, &index, Some(&few)) - 1.0).abs() < f32::EPSILON);
    }

    #[test]
    fn without_a_graph_every_row_is_looked_at() {
        let (vectors, _) = index(500, 64);
        let bytes = QuantisedVectors::of(vectors.find(0).unwrap().0).unwrap();
        let index = DenseIndex::new(bytes, None, 1);
        assert!((recall(&vectors, &index, None) - 1.0).abs() < f32::EPSILON);
    }
}
