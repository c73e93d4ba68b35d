//! The words of the chunks, and where they stand. Scores are in [`super::bm25`].
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

/// An inverted index. Also the shape of its file.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub struct LexicalIndex {
    /// All terms, sorted.
    pub(super) terms: Vec<String>,
    /// Where each term's postings begin; one more than there are terms.
    pub(super) offsets: Vec<u32>,
    /// Rows of the postings, ascending within a term.
    pub(super) rows: Vec<u32>,
    /// How often the term stands in that row.
    pub(super) frequencies: Vec<u16>,
    /// Number of terms in each row.
    pub(super) lengths: Vec<u32>,
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
            let frequency = self.postings(&term).len() as f32;
            let weight = ((rows + 1.0) / (frequency + 0.5)).ln();
            all += weight;
            if frequency > 0.0 {
                known += weight;
            }
        }
        if all > 0.0 { known / all } else { 0.0 }
    }

    /// What a term weighs: its inverse document frequency over rows; that of a term of one row for one
    /// that stands nowhere.
    pub fn rarity(&self, term: &str) -> f32 {
        let rows = self.len() as f32;
        let frequency = self.postings(term).len().max(1) as f32;
        ((rows + 1.0) / (frequency + 0.5)).ln().max(0.0)
    }

    /// Whether a term stands in any row.
    pub fn knows(&self, term: &str) -> bool {
        !self.postings(term).is_empty()
    }

    /// The rows that hold all of `terms`, ascending; none for no terms.
    pub fn rows_with(&self, terms: &[String]) -> Vec<u32> {
        let mut postings: Vec<&[u32]> = terms.iter().map(|term| self.postings(term)).collect();
        postings.sort_by_key(|rows| rows.len());
        let Some((rarest, others)) = postings.split_first() else {
            return Vec::new();
        };
        let in_all = |row: &&u32| others.iter().all(|rows| rows.binary_search(row).is_ok());
        rarest.iter().filter(in_all).copied().collect()
    }

    fn postings(&self, term: &str) -> &[u32] {
        match self
            .terms
            .binary_search_by(|known| known.as_str().cmp(term))
        {
            Ok(at) => &self.rows[self.offsets[at] as usize..self.offsets[at + 1] as usize],
            Err(_) => &[],
        }
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
    fn rows_are_found_by_all_of_their_terms() {
        let index = sample();
        let rows = |words: &str| index.rows_with(&terms(words).collect::<Vec<_>>());
        assert_eq!(rows("loft heat"), [1]);
        assert_eq!(rows("heat"), [1, 2]);
        assert_eq!(rows("heat zeppelin"), [0_u32; 0]);
        assert_eq!(rows(""), [0_u32; 0]);
        assert!(index.rarity("wool") > index.rarity("heat"));
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
