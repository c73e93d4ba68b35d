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

/// In how many rows each term stands, and what follows from that.
pub trait TermCounts: Send + Sync {
    /// How many rows there are.
    fn rows(&self) -> usize;

    /// In how many of them a term stands.
    fn held_by(&self, term: &str) -> usize;

    /// The share of the query's terms that stand in some row, each counting by its inverse
    /// document frequency; zero for a query without terms.
    fn known_share(&self, query: &str) -> f32 {
        let rows = self.rows() as f32;
        let (mut known, mut all) = (0.0, 0.0);
        for term in terms(query).collect::<HashSet<String>>() {
            let frequency = self.held_by(&term) as f32;
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
    fn rarity(&self, term: &str) -> f32 {
        let rows = self.rows() as f32;
        let frequency = self.held_by(term).max(1) as f32;
        ((rows + 1.0) / (frequency + 0.5)).ln().max(0.0)
    }

    /// Whether a term stands in any row.
    fn knows(&self, term: &str) -> bool {
        self.held_by(term) > 0
    }
}

impl TermCounts for LexicalIndex {
    fn rows(&self) -> usize {
        self.len()
    }

    fn held_by(&self, term: &str) -> usize {
        self.postings(term).len()
    }
}

/// A row, and how often the term stands in it.
type Posting = (u32, u16);

impl LexicalIndex {
    /// Indexes texts; the position of a text is its row.
    pub fn build<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> Self {
        Self::none().changed(&[], (0_u32..).zip(texts))
    }

    fn none() -> Self {
        Self {
            terms: Vec::new(),
            offsets: vec![0],
            rows: Vec::new(),
            frequencies: Vec::new(),
            lengths: Vec::new(),
        }
    }

    /// The index without the rows that are gone, with those that stay under their new numbers, and
    /// with new texts: the same that [`Self::build`] would make of all texts.
    ///
    /// `stays` has for each row its new number, if it stays; `new` are the texts of the other rows.
    /// Every number up to the highest must be one of either.
    #[must_use]
    pub fn changed<T: AsRef<str>>(
        &self,
        stays: &[Option<u32>],
        new: impl IntoIterator<Item = (u32, T)>,
    ) -> Self {
        let mut lengths: Vec<u32> = Vec::new();
        let mut put_length = |row: u32, length: u32| {
            if lengths.len() <= row as usize {
                lengths.resize(row as usize + 1, 0);
            }
            lengths[row as usize] = length;
        };
        for (length, row) in self.lengths.iter().zip(stays) {
            if let Some(row) = row {
                put_length(*row, *length);
            }
        }
        let mut added: HashMap<String, Vec<Posting>> = HashMap::new();
        for (row, text) in new {
            let mut length = 0;
            for term in terms(text.as_ref()) {
                length += 1;
                let list = added.entry(term).or_default();
                match list.last_mut() {
                    Some((last, frequency)) if *last == row => {
                        *frequency = frequency.saturating_add(1);
                    }
                    _ => list.push((row, 1)),
                }
            }
            put_length(row, length);
        }
        let mut added: Vec<_> = added.into_iter().collect();
        added.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        let mut index = Self {
            lengths,
            ..Self::none()
        };
        index.merge(self, stays, added);
        index
    }

    /// Puts the postings of `before` and the new ones together, term by term; new terms sorted.
    fn merge(&mut self, before: &Self, stays: &[Option<u32>], added: Vec<(String, Vec<Posting>)>) {
        self.rows.reserve(before.rows.len());
        self.frequencies.reserve(before.rows.len());
        let mut added = added.into_iter().peekable();
        let mut list: Vec<Posting> = Vec::new();
        for (position, term) in before.terms.iter().enumerate() {
            while let Some((new, mut postings)) = added.next_if(|(new, _)| new < term) {
                self.put(new, &mut postings);
            }
            let range = before.offsets[position] as usize..before.offsets[position + 1] as usize;
            let old = before.rows[range.clone()]
                .iter()
                .zip(&before.frequencies[range]);
            list.clear();
            list.extend(
                old.filter_map(|(row, frequency)| Some((stays[*row as usize]?, *frequency))),
            );
            if let Some((_, postings)) = added.next_if(|(new, _)| new == term) {
                list.extend(postings);
            }
            self.put(term.clone(), &mut list);
        }
        for (new, mut postings) in added {
            self.put(new, &mut postings);
        }
    }

    /// Puts a term behind all others; one that stands nowhere any more is none.
    fn put(&mut self, term: String, postings: &mut [Posting]) {
        if postings.is_empty() {
            return;
        }
        if !postings.is_sorted() {
            postings.sort_unstable();
        }
        self.terms.push(term);
        self.rows.extend(postings.iter().map(|(row, _)| *row));
        self.frequencies
            .extend(postings.iter().map(|(_, frequency)| *frequency));
        self.offsets
            .push(u32::try_from(self.rows.len()).expect("an index holds fewer than 2^32 postings"));
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.lengths.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.lengths.is_empty()
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
        self.find(term).0
    }

    /// The rows that hold a term, and how often it stands in each.
    pub(super) fn find(&self, term: &str) -> (&[u32], &[u16]) {
        let found = self
            .terms
            .binary_search_by(|known| known.as_str().cmp(term));
        let range = match found {
            Ok(at) => self.offsets[at] as usize..self.offsets[at + 1] as usize,
            Err(_) => 0..0,
        };
        (&self.rows[range.clone()], &self.frequencies[range])
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
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::Index;

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

    proptest! {
        /// Rows may go, move and come; what comes out is what all texts give at once.
        #[test]
        fn a_changed_index_is_the_one_that_all_texts_would_give(
            before in vec("[a-f ]{0,12}", 0..12),
            after in vec((any::<Index>(), any::<bool>(), "[c-h ]{0,12}"), 1..12),
        ) {
            let mut stays = vec![None; before.len()];
            let mut texts = Vec::new();
            let mut new = Vec::new();
            for (row, (from, is_old, text)) in (0_u32..).zip(after) {
                let from = if before.is_empty() { 0 } else { from.index(before.len()) };
                if is_old && !before.is_empty() && stays[from].is_none() {
                    stays[from] = Some(row);
                    texts.push(before[from].clone());
                } else {
                    new.push((row, text.clone()));
                    texts.push(text);
                }
            }
            let changed = LexicalIndex::build(&before).changed(&stays, new);
            prop_assert_eq!(changed, LexicalIndex::build(&texts));
        }
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
