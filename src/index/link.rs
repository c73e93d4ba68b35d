//! Builds a graph, and carries one on from one generation to the next: rows that are gone are taken
//! out, new ones are linked in, the others keep their links.
//!
//! Rows are linked in as Malkov and Yashunin do (2016, algorithms 1 and 4), 512 at a time: all
//! threads look for the neighbours of the rows of a batch, in the graph as it stood and, one by one,
//! among the batch itself; then each row that was chosen takes the links back, once. No thread
//! writes what another reads, so that the same rows give the same graph on any number of threads. For
//! each link that led to a row that is gone, those that this row had led to are looked at in its
//! place, as `FreshDiskANN` does (Singh et al., 2021), so that no search meets a row that is none.
//! A row's level follows from its own bytes.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};

use rayon::prelude::*;
use rten_simd::SimdOp as _;

use super::graph::{Graph, Layer, Seen};
use super::hnsw::{self, HnswParameters};
use super::quantised::{Product, QuantisedVectors};

/// The highest layer that a row is put into, as when a graph is built whole.
const MOST_LEVELS: usize = 15;
/// Rows that are linked in at once. Each is compared with all others of its batch, which costs a
/// sixth of what its search costs.
const BATCH: usize = 512;
/// Rows that `hnsw_rs` links in. Its nodes take 2 KB a row while it builds, which a large index would feel.
const FIRST_ROWS: usize = 10_000;

/// The graph over all of `vectors`, of which there must be at least one.
pub fn build(
    vectors: &QuantisedVectors,
    parameters: HnswParameters,
    pool: &rayon::ThreadPool,
) -> Graph {
    let first = vectors.len().min(FIRST_ROWS);
    let graph = hnsw::build(vectors, first, parameters);
    if first == vectors.len() {
        return graph;
    }
    let stays: Vec<Option<u32>> = (0..first as u32).map(Some).collect();
    carry_on(&graph, &stays, vectors, parameters, pool)
}

/// A graph in which links can be changed.
struct Links<'a> {
    vectors: &'a QuantisedVectors,
    parameters: HnswParameters,
    entry: Option<u32>,
    /// For each layer, lowest first, the links of each row; `None` for those that it does not hold.
    layers: Vec<Vec<Option<Vec<u32>>>>,
}

/// How near a row is, and which.
type Near = (i32, u32);

/// The graph over `vectors`. `stays` has for each row of `before` its new number, if it is still
/// there; all other rows are linked in.
pub fn carry_on(
    before: &Graph,
    stays: &[Option<u32>],
    vectors: &QuantisedVectors,
    parameters: HnswParameters,
    pool: &rayon::ThreadPool,
) -> Graph {
    let mut links = Links {
        vectors,
        parameters,
        entry: None,
        layers: Vec::new(),
    };
    let mut is_there = vec![false; vectors.len()];
    for row in stays.iter().flatten() {
        is_there[*row as usize] = true;
    }
    for layer in before.layers() {
        links.take_over(layer, stays);
    }
    links.choose_entry(stays.get(before.entry() as usize).copied().flatten());
    let new = (0_u32..).zip(is_there).filter(|(_, there)| !there);
    let new: Vec<u32> = new.map(|(row, _)| row).collect();
    pool.install(|| new.chunks(BATCH).for_each(|batch| links.insert(batch)));
    links.into_graph()
}

impl Links<'_> {
    /// Takes the links of a layer over, and mends those that led to rows that are gone.
    fn take_over(&mut self, layer: &Layer, stays: &[Option<u32>]) {
        let level = self.layers.len();
        let mut nodes: Vec<Option<Vec<u32>>> = vec![None; self.vectors.len()];
        let mut broken = Vec::new();
        for (old, old_links) in layer.nodes() {
            let Some(row) = stays[old as usize] else {
                continue;
            };
            let (mut links, mut lost) = (Vec::with_capacity(old_links.len()), Vec::new());
            for link in old_links {
                match stays[*link as usize] {
                    Some(link) => links.push(link),
                    None => lost.push(*link),
                }
            }
            nodes[row as usize] = Some(links);
            if !lost.is_empty() {
                broken.push((row, lost));
            }
        }
        self.layers.push(nodes);
        for (row, lost) in broken {
            let around = lost.iter().flat_map(|gone| layer.links_of(*gone));
            let around = around.filter_map(|link| stays[*link as usize]);
            let mut candidates: BTreeSet<u32> = around.filter(|other| *other != row).collect();
            candidates.extend(self.links(level, row));
            let links = self.best(level, row, candidates);
            self.layers[level][row as usize] = Some(links);
        }
    }

    /// Begins where `kept` is or, if that row is gone, at one of the highest layer that holds any.
    fn choose_entry(&mut self, kept: Option<u32>) {
        while self
            .layers
            .last()
            .is_some_and(|layer| layer.iter().all(Option::is_none))
        {
            self.layers.pop();
        }
        let in_top = |row: &u32| {
            self.layers
                .last()
                .is_some_and(|top| top[*row as usize].is_some())
        };
        self.entry = kept.filter(in_top).or_else(|| {
            let first = self.layers.last()?.iter().position(Option::is_some)?;
            u32::try_from(first).ok()
        });
    }

    /// Links rows in that are not there yet.
    fn insert(&mut self, batch: &[u32]) {
        let batch: Vec<(u32, usize)> = batch
            .par_iter()
            .map(|row| (*row, self.level(*row)))
            .collect();
        let chosen: Vec<Vec<Vec<u32>>> = batch
            .par_iter()
            .map(|(row, level)| self.neighbours(*row, *level, &batch))
            .collect();
        let (row, level) = *batch
            .iter()
            .reduce(|best, other| if other.1 > best.1 { other } else { best })
            .expect("a batch is not empty");
        if level >= self.layers.len() {
            self.entry = Some(row);
        }
        while self.layers.len() <= level {
            self.layers.push(vec![None; self.vectors.len()]);
        }
        let mut back: Vec<(usize, u32, u32)> = Vec::new();
        for ((row, _), chosen) in batch.iter().zip(chosen) {
            for (layer, links) in chosen.into_iter().enumerate() {
                back.extend(links.iter().map(|other| (layer, *other, *row)));
                self.layers[layer][*row as usize] = Some(links);
            }
        }
        back.sort_unstable();
        let targets: Vec<_> = back.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)).collect();
        let links: Vec<Vec<u32>> = targets
            .par_iter()
            .map(|target| {
                let (layer, row, _) = target[0];
                let mut links: BTreeSet<u32> = self.links(layer, row).iter().copied().collect();
                links.extend(target.iter().map(|(_, _, from)| *from));
                self.best(layer, row, links)
            })
            .collect();
        for (target, links) in targets.iter().zip(links) {
            let (layer, row, _) = target[0];
            self.layers[layer][row as usize] = Some(links);
        }
    }

    /// For each layer up to `level`, whom a row is linked to: rows of the graph, or of its batch.
    fn neighbours(&self, row: u32, level: usize, batch: &[(u32, usize)]) -> Vec<Vec<u32>> {
        let width = self.parameters.construction_width;
        let others = batch.iter().filter(|(other, _)| *other != row);
        let mut mates: Vec<(Near, usize)> = others
            .map(|(other, level)| ((self.near(row, *other), *other), *level))
            .collect();
        mates.sort_unstable_by_key(|(near, _)| Reverse(*near));
        let entry = self.entry.map(|entry| (self.near(row, entry), entry));
        let mut nearest: Vec<Near> = entry.into_iter().collect();
        let mut chosen = vec![Vec::new(); level + 1];
        for layer in (0..self.layers.len().max(level + 1)).rev() {
            if layer < self.layers.len() {
                let width = if layer > level { 1 } else { width };
                nearest = self.search(layer, row, &nearest, width);
            }
            if layer <= level {
                let mates = mates.iter().filter(|(_, reaches)| *reaches >= layer);
                let mut candidates = nearest.clone();
                candidates.extend(mates.take(width).map(|(near, _)| *near));
                candidates.sort_unstable_by_key(|near| Reverse(*near));
                candidates.truncate(width);
                chosen[layer] = self.choose(row, &candidates, self.most_links(layer));
            }
        }
        chosen
    }

    fn most_links(&self, layer: usize) -> usize {
        usize::from(self.parameters.connections) * if layer == 0 { 2 } else { 1 }
    }

    /// The best of some links of a row, as many as the layer allows.
    fn best(&self, layer: usize, row: u32, links: BTreeSet<u32>) -> Vec<u32> {
        let most = self.most_links(layer);
        if links.len() <= most {
            return links.into_iter().collect();
        }
        let links = links.into_iter();
        let mut links: Vec<Near> = links.map(|link| (self.near(row, link), link)).collect();
        links.sort_unstable_by_key(|link| Reverse(*link));
        self.choose(row, &links, most)
    }

    /// Of rows sorted by nearness, up to `most` that are nearer to `row` than to each other, so that
    /// links lead in all directions.
    fn choose(&self, row: u32, sorted: &[Near], most: usize) -> Vec<u32> {
        let mut chosen: Vec<u32> = Vec::with_capacity(most);
        for (near, other) in sorted.iter().filter(|(_, other)| *other != row) {
            if chosen.len() == most {
                break;
            }
            if chosen
                .iter()
                .all(|before| self.near(*before, *other) < *near)
            {
                chosen.push(*other);
            }
        }
        chosen
    }

    /// The `width` rows of a layer that are nearest to `row`, nearest first, found from `from` on.
    fn search(&self, layer: usize, row: u32, from: &[Near], width: usize) -> Vec<Near> {
        let mut seen = Seen::of(self.vectors.len());
        for (_, other) in from {
            seen.insert(*other);
        }
        let mut open: BinaryHeap<Near> = from.iter().copied().collect();
        let mut found: BinaryHeap<Reverse<Near>> = from.iter().copied().map(Reverse).collect();
        while let Some(here) = open.pop() {
            let farthest = |found: &BinaryHeap<Reverse<Near>>| found.peek().map(|last| last.0.0);
            if found.len() >= width && farthest(&found).is_some_and(|last| here.0 < last) {
                break;
            }
            for other in self.links(layer, here.1) {
                if !seen.insert(*other) {
                    continue;
                }
                let near = (self.near(row, *other), *other);
                if found.len() < width || farthest(&found).is_some_and(|last| near.0 > last) {
                    open.push(near);
                    found.push(Reverse(near));
                    if found.len() > width {
                        found.pop();
                    }
                }
            }
        }
        found
            .into_sorted_vec()
            .into_iter()
            .map(|near| near.0)
            .collect()
    }

    fn links(&self, layer: usize, row: u32) -> &[u32] {
        self.layers[layer][row as usize]
            .as_deref()
            .unwrap_or_default()
    }

    fn near(&self, a: u32, b: u32) -> i32 {
        Product(self.vectors.row(a), self.vectors.row(b)).dispatch()
    }

    /// The highest layer of a row: with M links a row, one row of M reaches the next layer.
    fn level(&self, row: u32) -> usize {
        let bytes: Vec<u8> = self
            .vectors
            .row(row)
            .iter()
            .map(|v| v.cast_unsigned())
            .collect();
        let digest = blake3::hash(&bytes);
        let drawn = u32::from_le_bytes([0, 1, 2, 3].map(|at| digest.as_bytes()[at]));
        let share = (f64::from(drawn) + 1.0) / (f64::from(u32::MAX) + 2.0);
        let rarer = f64::from(self.parameters.connections.max(2));
        let shares = std::iter::successors(Some(1.0 / rarer), |share| Some(share / rarer));
        let levels = shares.take(MOST_LEVELS);
        levels.take_while(|reached| share < *reached).count()
    }

    fn into_graph(self) -> Graph {
        let layers = self.layers.into_iter().map(|layer| {
            let nodes = (0_u32..).zip(layer);
            Layer::collect(nodes.filter_map(|(row, links)| Some((row, links?))))
        });
        Graph::new(self.entry.unwrap_or(0), layers.collect())
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use super::super::directions;
    use super::super::flat::FlatVectors;
    use super::*;
    use crate::model::UnitVector;

    const ROWS: usize = 3_000;

    fn bytes(vectors: &[UnitVector]) -> QuantisedVectors {
        QuantisedVectors::of(&FlatVectors::collect(32, vectors).unwrap()).unwrap()
    }

    fn pool(threads: usize) -> rayon::ThreadPool {
        crate::runtime::cpu_pool::build("test", NonZeroUsize::new(threads).unwrap())
    }

    fn built(bytes: &QuantisedVectors) -> Graph {
        hnsw::build(bytes, bytes.len(), HnswParameters::default())
    }

    fn carried_on(before: &Graph, stays: &[Option<u32>], vectors: &QuantisedVectors) -> Graph {
        carry_on(before, stays, vectors, HnswParameters::default(), &pool(2))
    }

    #[test]
    fn rows_linked_in_batches_are_found_as_well_and_threads_do_not_matter() {
        let vectors = bytes(&directions(ROWS, 32, 7));
        let first = hnsw::build(&vectors, 100, HnswParameters::default());
        let stays: Vec<Option<u32>> = (0..100).map(Some).collect();
        let batched = carried_on(&first, &stays, &vectors);
        let alone = carry_on(
            &first,
            &stays,
            &vectors,
            HnswParameters::default(),
            &pool(1),
        );
        assert_eq!(batched, alone);
        let (batched, one_by_one) = (found(&vectors, &batched), found(&vectors, &built(&vectors)));
        assert!(
            batched + 1 >= one_by_one,
            "{batched} of 500, one by one {one_by_one}"
        );
    }

    /// How many of the 500 true ten nearest of 50 questions are found.
    fn found(bytes: &QuantisedVectors, graph: &Graph) -> usize {
        let questions = directions(50, 32, 99);
        questions
            .iter()
            .map(|question| {
                let question = bytes.query(question);
                let exact = bytes.nearest(&question, 10, |_| true);
                let found = graph.search(bytes, &question, 192);
                assert!(found.iter().all(|row| (*row as usize) < bytes.len()));
                found[..10].iter().filter(|row| exact.contains(row)).count()
            })
            .sum()
    }

    /// Ten times a fortieth of the rows goes and as many come: a quarter in all.
    #[test]
    fn a_graph_that_is_carried_on_finds_as_much_as_one_that_is_built() {
        let all = directions(ROWS + 10 * 75, 32, 7);
        let mut rows: Vec<UnitVector> = all[..ROWS].to_vec();
        let mut graph = built(&bytes(&rows));
        for time in 0..10 {
            let mut stays = Vec::new();
            let mut kept = Vec::new();
            for (at, row) in rows.iter().enumerate() {
                let goes = at % 40 == time;
                stays.push((!goes).then(|| u32::try_from(kept.len() + 20).unwrap()));
                if !goes {
                    kept.push(row.clone());
                }
            }
            let new = &all[ROWS + time * 75..ROWS + (time + 1) * 75];
            // Some of the new rows stand before the old ones.
            rows = [&new[..20], &kept, &new[20..]].concat();
            let vectors = bytes(&rows);
            let next = carried_on(&graph, &stays, &vectors);
            assert_eq!(next, carried_on(&graph, &stays, &vectors));
            graph = next;
        }
        let vectors = bytes(&rows);
        let (carried, fresh) = (found(&vectors, &graph), found(&vectors, &built(&vectors)));
        assert!(
            carried + 1 >= fresh,
            "{carried} of 500, built whole {fresh}"
        );
    }

    #[test]
    fn a_graph_may_lose_all_its_rows_and_grow_from_one() {
        let all = directions(400, 32, 5);
        let one = built(&bytes(&all[..1]));
        let vectors = bytes(&all);
        let mut stays = vec![Some(399)];
        let grown = carried_on(&one, &stays, &vectors);
        assert_eq!((grown.len(), found(&vectors, &grown)), (400, 500));
        stays = vec![None; 400];
        let others = bytes(&directions(300, 32, 6));
        let renewed = carried_on(&grown, &stays, &others);
        assert_eq!((renewed.len(), found(&others, &renewed)), (300, 500));
    }
}
