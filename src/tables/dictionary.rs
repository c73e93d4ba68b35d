//! The terms of a generation in memory, without where they stand: what spelling, names and the rarity
//! of words ask for. Their bytes and eight more each.

use crate::index::lexical::TermCounts;

/// All terms, sorted, with in how many rows each stands.
#[derive(Debug)]
pub(super) struct Dictionary {
    rows: usize,
    letters: String,
    /// Where each term ends.
    ends: Vec<u32>,
    held: Vec<u32>,
}

impl Dictionary {
    /// Of an index of so many rows.
    pub(super) fn new(rows: usize) -> Self {
        Self {
            rows,
            letters: String::new(),
            ends: Vec::new(),
            held: Vec::new(),
        }
    }

    /// Adds a term behind all others.
    pub(super) fn push(&mut self, term: &str, held: u32) {
        self.letters.push_str(term);
        let end = u32::try_from(self.letters.len());
        self.ends
            .push(end.expect("the terms of an index are less than 4 GiB"));
        self.held.push(held);
    }

    /// Done adding; whether the terms are in order.
    pub(super) fn is_sorted(&mut self) -> bool {
        self.letters.shrink_to_fit();
        (1..self.ends.len()).all(|at| self.term(at - 1) < self.term(at))
    }

    fn term(&self, at: usize) -> &str {
        let start = at.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.letters[start as usize..self.ends[at] as usize]
    }
}

impl TermCounts for Dictionary {
    fn rows(&self) -> usize {
        self.rows
    }

    fn held_by(&self, term: &str) -> usize {
        let (mut low, mut high) = (0, self.ends.len());
        while low < high {
            let middle = low.midpoint(high);
            match self.term(middle).cmp(term) {
                std::cmp::Ordering::Equal => return self.held[middle] as usize,
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_term_is_found_and_no_other() {
        let mut dictionary = Dictionary::new(9);
        for (held, term) in (1..).zip(["boil", "boiler", "loft", "é"]) {
            dictionary.push(term, held);
        }
        assert!(dictionary.is_sorted() && dictionary.rows() == 9);
        let held = |term| dictionary.held_by(term);
        assert_eq!(
            (held("boil"), held("boiler"), held("loft"), held("é")),
            (1, 2, 3, 4)
        );
        assert_eq!((held(""), held("boile"), held("z")), (0, 0, 0));
        dictionary.push("a", 1);
        assert!(!dictionary.is_sorted());
        assert_eq!(Dictionary::new(0).held_by("a"), 0);
    }
}
