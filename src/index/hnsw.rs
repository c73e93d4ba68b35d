//! Building a graph of few rows. The only file that names `hnsw_rs`.
//!
//! The crate links the rows; what is kept of its work is the links, as a [`Graph`]. Its own files
//! and its own search are not used: its loader ends the process or reads wrong vectors when a file
//! is damaged, its files hold all vectors once more, and its nodes lie scattered in memory.

use hnsw_rs::prelude::{Distance, Hnsw};
use rten_simd::SimdOp as _;
use serde::{Deserialize, Serialize};

use super::graph::{Graph, Layer};
use super::quantised::{Product, QuantisedVectors};

/// The crate's own limit of layers.
const LAYERS: usize = 16;

/// How the graph is built. Part of a generation's manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct HnswParameters {
    /// Links of a node per layer (M), at most 255; twice as many in the lowest layer.
    pub connections: u8,
    /// Candidates kept while a node is linked in (`ef_construction`).
    pub construction_width: usize,
}

impl Default for HnswParameters {
    fn default() -> Self {
        Self {
            connections: 16,
            construction_width: 100,
        }
    }
}

/// One minus the cosine.
struct ByteDistance {
    cosine_per_product: f32,
}

impl Distance<i8> for ByteDistance {
    fn eval(&self, a: &[i8], b: &[i8]) -> f32 {
        let cosine = Product(a, b).dispatch() as f32 * self.cosine_per_product;
        // Rounding can carry a cosine past 1; the crate asserts that distances are not negative.
        (1.0 - cosine).max(0.0)
    }
}

/// Links the first `count` rows of `vectors`, of which there must be at least one, one after the
/// other: the same rows give the same graph.
pub(super) fn build(vectors: &QuantisedVectors, count: usize, parameters: HnswParameters) -> Graph {
    let built = Hnsw::new(
        usize::from(parameters.connections),
        count,
        LAYERS,
        parameters.construction_width,
        ByteDistance {
            cosine_per_product: vectors.cosine_per_product(),
        },
    );
    for row in vectors.rows().zip(0..).take(count) {
        built.insert_slice(row);
    }
    flatten(&built)
}

/// Takes the links out of the crate's nodes.
fn flatten(built: &Hnsw<'_, i8, ByteDistance>) -> Graph {
    let top = usize::from(built.get_max_level_observed());
    let mut entry = 0;
    let mut nodes: Vec<Vec<(u32, Vec<u32>)>> = vec![Vec::new(); top + 1];
    for level in 0..=top {
        // A node stands in the list of its highest layer and belongs to all below.
        for node in built.get_point_indexation().get_layer_iterator(level) {
            let row = row(node.get_origin_id());
            if level == top {
                entry = row;
            }
            let links = node.get_neighborhood_id();
            for (layer, links) in nodes.iter_mut().zip(links).take(level + 1) {
                let links = links.iter().map(|link| self::row(link.d_id)).collect();
                layer.push((row, links));
            }
        }
    }
    let layers = nodes
        .into_iter()
        .map(|mut nodes| {
            nodes.sort_unstable_by_key(|(row, _)| *row);
            Layer::collect(nodes)
        })
        .collect();
    Graph::new(entry, layers)
}

fn row(id: usize) -> u32 {
    u32::try_from(id).expect("rows were numbered from a u32's range")
}

#[cfg(test)]
mod tests {
    use super::super::directions;
    use super::super::flat::FlatVectors;
    use super::*;

    #[test]
    fn the_first_rows_are_linked_and_the_same_rows_give_the_same_graph() {
        let vectors = FlatVectors::collect(32, &directions(500, 32, 7)).unwrap();
        let bytes = QuantisedVectors::of(&vectors).unwrap();
        let graph = build(&bytes, 400, HnswParameters::default());
        assert_eq!(graph.len(), 400);
        assert_eq!(graph, build(&bytes, 400, HnswParameters::default()));
        let one = build(&bytes, 1, HnswParameters::default());
        assert_eq!(one.search(&bytes, bytes.row(0), 5), [0]);
    }
}
