//! BM25 over the words of the chunks (Robertson and Zaragoza, "The Probabilistic Relevance
//! Framework", 2009; the variant of Lucene, whose inverse document frequency is never negative).
//!
//! Of our own because score fusion wants what a search engine does not give: the score of *every*
//! chunk, zeros included, so that mean and deviation are exact. The index is one file that is read
//! whole, incremental rebuilds are cheap, and it is verified like any other file of a generation.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{IndexError, wire};
use crate::codec;
use crate::language::terms;

/// How quickly a repeated word stops counting.
const K1: f32 = 1.2;
/// How much a long chunk is held against its words.
const B: f32 = 0.75;

/// An inverted index. Also the shape of its file.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub struct LexicalIndex {
    /// All terms, sorted.
    terms: Vec<String>,
    /// Where each term's postings begin; one more than there are terms.
    offsets: Vec<u32>,
    /// Rows of the postings, ascending within a term.
    rows: Vec<u32>,
    /// How often the term stands in that row.
    frequencies: Vec<u16>,
    /// Number of terms in each row.
    lengths: Vec<u32>,
}

/// The scores of all rows for one query.
#[derive(Debug, Clone, PartialEq)]
pub struct LexicalScores {
    /// BM25 of each row; zero where no word of the query stands.
    pub scores: Vec<f32>,
    /// Mean over all rows.
    pub mean: f32,
    /// Standard deviation over all rows.
    pub deviation: f32,
}

impl LexicalIndex {
    /// Indexes texts; the position of a text is its row.
    pub fn build<'a>(texts: impl IntoIterator<Item = &'a str>) -> Self {
        let mut postings: HashMap<String, Vec<(u32, u16)>> = HashMap::new();
        let mut lengths = Vec::new();
        for (row, text) in (0_u32..).zip(texts) {
            let mut length = 0;
            for term in terms(text) {
                length += 1;
                let list = postings.entry(term).or_default();
                match list.last_mut() {
                    Some((last, frequency)) if *last == row => {
                        *frequency = frequency.saturating_add(1);
                    }
                    _ => list.push((row, 1)),
                }
            }
            lengths.push(length);
        }
        let mut sorted: Vec<_> = postings.into_iter().collect();
        sorted.sort_unstable_by(|a, b| a.0.cmp(&b.0));

        let mut index = Self {
            terms: Vec::new(),
            offsets: vec![0],
            rows: Vec::new(),
            frequencies: Vec::new(),
            lengths,
        };
        for (term, list) in sorted {
            index.terms.push(term);
            for (row, frequency) in list {
                index.rows.push(row);
                index.frequencies.push(frequency);
            }
            index.offsets.push(
                u32::try_from(index.rows.len()).expect("an index holds fewer than 2^32 postings"),
            );
        }
        index
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.lengths.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.lengths.is_empty()
    }

    /// The share of the query's terms that stand in some row, each counting by its inverse
    /// document frequency; zero for a query without terms.
    pub fn known_share(&self, query: &str) -> f32 {
        let rows = self.len() as f32;
        let (mut known, mut all) = (0.0, 0.0);
        for term in terms(query).collect::<HashSet<String>>() {
            let frequency = match self.terms.binary_search(&term) {
                Ok(position) => (self.offsets[position + 1] - self.offsets[position]) as f32,
                Err(_) => 0.0,
            };
            let weight = ((rows + 1.0) / (frequency + 0.5)).ln();
            all += weight;
            if frequency > 0.0 {
                known += weight;
            }
        }
        if all > 0.0 { known / all } else { 0.0 }
    }

    /// Scores every row for `query`.
    pub fn score(&self, query: &str) -> LexicalScores {
        let count = self.len() as f32;
        let mean_length = (self
            .lengths
            .iter()
            .map(|length| f64::from(*length))
            .sum::<f64>()
            / f64::from(count).max(1.0))
        .max(1.0) as f32;
        let mut scores = vec![0.0_f32; self.len()];
        for term in terms(query) {
            let Ok(position) = self.terms.binary_search(&term) else {
                continue;
            };
            let span = self.offsets[position] as usize..self.offsets[position + 1] as usize;
            let document_frequency = span.len() as f32;
            let idf = (1.0 + (count - document_frequency + 0.5) / (document_frequency + 0.5)).ln();
            for (row, frequency) in self.rows[span.clone()].iter().zip(&self.frequencies[span]) {
                let frequency = f32::from(*frequency);
                let length = self.lengths[*row as usize] as f32 / mean_length;
                scores[*row as usize] +=
                    idf * frequency * (K1 + 1.0) / (frequency + K1 * (1.0 - B + B * length));
            }
        }
        LexicalScores::of(scores)
    }

    /// Writes the file.
    pub fn write(&self, path: &Path) -> Result<(), IndexError> {
        let bytes = codec::encode(self).map_err(|error| IndexError::Damaged {
            path: path.to_owned(),
            reason: error.to_string(),
        })?;
        wire::write(path, &bytes)
    }

    /// Reads what [`Self::write`] wrote and checks that its parts fit each other, so that no query
    /// can reach beyond them.
    pub fn open(path: &Path) -> Result<Self, IndexError> {
        let damaged = |reason: String| IndexError::Damaged {
            path: path.to_owned(),
            reason,
        };
        let index: Self =
            codec::decode(&wire::read(path)?).map_err(|error| damaged(error.to_string()))?;
        let fits = index.offsets.len() == index.terms.len() + 1
            && index.offsets.first() == Some(&0)
            && index.offsets.is_sorted()
            && index
                .offsets
                .last()
                .is_some_and(|end| *end as usize == index.rows.len())
            && index.rows.len() == index.frequencies.len()
            && index
                .rows
                .iter()
                .all(|row| (*row as usize) < index.lengths.len())
            && index.terms.is_sorted();
        if fits {
            Ok(index)
        } else {
            Err(damaged("its tables do not fit each other".to_owned()))
        }
    }
}

impl LexicalScores {
    fn of(scores: Vec<f32>) -> Self {
        let count = (scores.len() as f64).max(1.0);
        let mean = scores.iter().map(|score| f64::from(*score)).sum::<f64>() / count;
        let variance = scores
            .iter()
            .map(|score| (f64::from(*score) - mean).powi(2))
            .sum::<f64>()
            / count;
        Self {
            scores,
            mean: mean as f32,
            deviation: variance.sqrt() as f32,
        }
    }

    /// The rows with the `k` highest scores above zero, in no particular order.
    pub fn best(&self, k: usize) -> Vec<u32> {
        let mut rows: Vec<u32> = (0_u32..)
            .zip(&self.scores)
            .filter(|(_, score)| **score > 0.0)
            .map(|(row, _)| row)
            .collect();
        if rows.len() > k && k > 0 {
            rows.select_nth_unstable_by(k - 1, |a, b| {
                self.scores[*b as usize]
                    .total_cmp(&self.scores[*a as usize])
                    .then(a.cmp(b))
            });
        }
        rows.truncate(k);
        rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> LexicalIndex {
        LexicalIndex::build([
            "Insulate the loft with mineral wool.",
            "Loft hatches leak heat; insulating the hatch helps.",
            "A heat pump heats water.",
        ])
    }

    #[test]
    fn scores_agree_with_the_formula_worked_by_hand() {
        // Row 0 has the terms insul, loft, miner, wool; row 1 loft, hatch, leak, heat, insul, hatch,
        // help; row 2 heat, pump, heat, water: 4, 7 and 4 terms, 5 on average. "wool" stands in one
        // of three rows.
        let scores = sample().score("wool").scores;
        let idf = (1.0_f32 + 2.5 / 1.5).ln();
        let expected = idf * 2.2 / (1.0 + 1.2 * (0.25 + 0.75 * 4.0 / 5.0));
        assert!(
            (scores[0] - expected).abs() < 1e-5,
            "{} against {expected}",
            scores[0]
        );
        assert!(scores[1].abs() < f32::EPSILON && scores[2].abs() < f32::EPSILON);
    }

    #[test]
    fn words_match_by_stem() {
        let scores = sample().score("insulation of lofts");
        assert_eq!(scores.best(1), [0]);
        assert!(scores.scores[2].abs() < f32::EPSILON);
    }

    #[test]
    fn the_best_rows_are_those_of_a_full_sort() {
        let scores = LexicalScores::of(vec![0.0, 3.0, 1.0, 2.0, 0.5]);
        let mut best = scores.best(3);
        best.sort_unstable();
        assert_eq!(best, [1, 2, 3]);
        assert!((scores.mean - 1.3).abs() < 1e-6);
    }

    #[test]
    fn a_file_comes_back_and_a_damaged_one_does_not() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("lexical.bin");
        let index = sample();
        index.write(&path).unwrap();
        assert_eq!(LexicalIndex::open(&path).unwrap(), index);
        let broken = LexicalIndex {
            rows: vec![9; index.rows.len()],
            ..sample()
        };
        broken.write(&path).unwrap();
        assert!(matches!(
            LexicalIndex::open(&path),
            Err(IndexError::Damaged { .. })
        ));
    }
}
