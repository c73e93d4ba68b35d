//! Carries a graph on from one generation to the next: rows that are gone are taken out, new ones
//! are linked in, the others keep their links.
//!
//! Rows are linked in as Malkov and Yashunin do (2016, algorithms 1 and 4). For each link that led
//! to a row that is gone, those that this row had led to are looked at in its place, as
//! `FreshDiskANN` does (Singh et al., 2021), so that no search meets a row that is none. One row is
//! dealt with after the other and its level follows from its own bytes: the same change of the same
//! graph gives the same graph.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, HashSet};

use rten_simd::SimdOp as _;

use super::graph::{Graph, Layer};
use super::hnsw::HnswParameters;
use super::quantised::{Product, QuantisedVectors};

/// The highest layer that a row is put into, as when a graph is built whole.
const MOST_LEVELS: usize = 15;

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
    for row in (0_u32..).zip(is_there).filter(|(_, there)| !there) {
        links.insert(row.0);
    }
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
            self.relink(level, row, candidates);
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

    fn insert(&mut self, row: u32) {
        let level = self.level(row);
        let top = self.layers.len();
        while self.layers.len() <= level {
            self.layers.push(vec![None; self.vectors.len()]);
        }
        for layer in &mut self.layers[..=level] {
            layer[row as usize] = Some(Vec::new());
        }
        let Some(entry) = self.entry else {
            self.entry = Some(row);
            return;
        };
        let mut nearest = vec![(self.near(row, entry), entry)];
        for layer in (0..top).rev() {
            let width = if layer > level {
                1
            } else {
                self.parameters.construction_width
            };
            nearest = self.search(layer, row, &nearest, width);
            if layer <= level {
                let chosen = self.choose(row, &nearest, usize::from(self.parameters.connections));
                for other in &chosen {
                    let mut links: BTreeSet<u32> =
                        self.links(layer, *other).iter().copied().collect();
                    links.insert(row);
                    self.relink(layer, *other, links);
                }
                self.layers[layer][row as usize] = Some(chosen);
            }
        }
        if level >= top {
            self.entry = Some(row);
        }
    }

    /// Gives a row the best of some links, as many as the layer allows.
    fn relink(&mut self, layer: usize, row: u32, links: BTreeSet<u32>) {
        let most = usize::from(self.parameters.connections) * if layer == 0 { 2 } else { 1 };
        let mut links: Vec<Near> = links
            .into_iter()
            .map(|link| (self.near(row, link), link))
            .collect();
        links.sort_unstable_by_key(|link| Reverse(*link));
        let links = if links.len() > most {
            self.choose(row, &links, most)
        } else {
            links.into_iter().map(|(_, link)| link).collect()
        };
        self.layers[layer][row as usize] = Some(links);
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
        let mut seen: HashSet<u32> = from.iter().map(|(_, other)| *other).collect();
        seen.insert(row);
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

    use super::super::flat::FlatVectors;
    use super::super::{directions, hnsw};
    use super::*;
    use crate::model::UnitVector;

    const ROWS: usize = 3_000;

    fn bytes(vectors: &[UnitVector]) -> QuantisedVectors {
        QuantisedVectors::of(&FlatVectors::collect(32, vectors).unwrap()).unwrap()
    }

    fn built(bytes: &QuantisedVectors) -> Graph {
        let pool = crate::runtime::cpu_pool::build("test", NonZeroUsize::MIN);
        hnsw::build(bytes, HnswParameters::default(), &pool)
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
            let next = carry_on(&graph, &stays, &vectors, HnswParameters::default());
            assert_eq!(
                next,
                carry_on(&graph, &stays, &vectors, HnswParameters::default())
            );
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
        let grown = carry_on(&one, &stays, &vectors, HnswParameters::default());
        assert_eq!((grown.len(), found(&vectors, &grown)), (400, 500));
        stays = vec![None; 400];
        let others = bytes(&directions(300, 32, 6));
        let renewed = carry_on(&grown, &stays, &others, HnswParameters::default());
        assert_eq!((renewed.len(), found(&others, &renewed)), (300, 500));
    }
}
