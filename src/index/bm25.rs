//! BM25 (Robertson and Zaragoza, "The Probabilistic Relevance Framework", 2009; the variant of
//! Lucene, whose inverse document frequency is never negative) of chunks and of whole documents.

use std::borrow::Cow;

use super::lexical::LexicalIndex;
use crate::language::terms;

/// How quickly a repeated word stops counting.
const K1: f32 = 1.0;
/// How much a long text is held against its words.
const B: f32 = 0.5;

/// Which rows belong to which document, and how long the documents are.
#[derive(Debug, Clone, PartialEq)]
pub struct DocumentWords {
    document_of: Vec<u32>,
    pub(super) lengths: Vec<f32>,
    mean_length: f32,
}

impl DocumentWords {
    /// `document_of` names the document of each row; rows of a document stand together.
    ///
    /// # Panics
    /// When there are not as many as rows in `index`.
    pub fn new(index: &LexicalIndex, document_of: Vec<u32>) -> Self {
        assert_eq!(index.len(), document_of.len(), "a document for each row");
        let count = document_of.iter().max().map_or(0, |last| last + 1);
        let mut lengths = vec![0.0; count as usize];
        for (document, length) in document_of.iter().zip(&index.lengths) {
            lengths[*document as usize] += *length as f32;
        }
        Self {
            mean_length: mean(&lengths).max(1.0) as f32,
            document_of,
            lengths,
        }
    }

    /// The document of a row.
    ///
    /// # Panics
    /// When there is no such row.
    pub fn document_of(&self, row: u32) -> u32 {
        self.document_of[row as usize]
    }

    /// The frequencies of a term by document, out of those by row, which ascend.
    pub(super) fn sum_up(
        &self,
        postings: impl Iterator<Item = (u32, f32)>,
        into: &mut Vec<(u32, f32)>,
    ) {
        for (row, frequency) in postings {
            let document = self.document_of(row);
            match into.last_mut() {
                Some((last, sum)) if *last == document => *sum += frequency,
                _ => into.push((document, frequency)),
            }
        }
    }

    /// How long a document is beside the mean.
    pub(super) fn relative_length(&self, document: u32) -> f32 {
        self.lengths[document as usize] / self.mean_length
    }
}

/// A question as an index sees it: its terms, in what rows they stand, and what they weigh.
pub struct LexicalQuery<'a> {
    /// Number of terms in each row.
    lengths: &'a [u32],
    terms: Vec<QueryTerm<'a>>,
}

/// A term of a question.
pub struct QueryTerm<'a> {
    /// The rows that hold it, ascending; none for a term that stands nowhere.
    rows: Cow<'a, [u32]>,
    /// How often it stands in each of them.
    frequencies: &'a [u16],
    /// How often the question says it, by the weight of where it does.
    repeats: f32,
    /// Inverse document frequency over rows.
    idf: f32,
}

impl QueryTerm<'_> {
    /// A term that was looked up elsewhere: those of the rows looked at that hold it, ascending, and in
    /// how many of `count` rows it stands.
    pub fn elsewhere(rows: Vec<u32>, repeats: f32, held_by: usize, count: usize) -> Self {
        Self {
            rows: Cow::Owned(rows),
            frequencies: &[],
            repeats,
            idf: idf(held_by as f32, count as f32),
        }
    }
}

/// The terms of several texts, sorted, each with the weights of those that have it.
pub fn weigh(texts: &[(&str, f32)]) -> Vec<(String, f32)> {
    let mut words: Vec<(String, f32)> = texts
        .iter()
        .flat_map(|(text, weight)| terms(text).map(|term| (term, *weight)))
        .collect();
    words.sort_by(|a, b| a.0.cmp(&b.0));
    words
        .chunk_by(|a, b| a.0 == b.0)
        .map(|same| {
            let repeats = same.iter().map(|(_, weight)| weight).sum();
            (same[0].0.clone(), repeats)
        })
        .collect()
}

/// The scores of all rows, or of all documents, for one query.
#[derive(Debug, Clone, PartialEq)]
pub struct LexicalScores {
    /// BM25 of each; zero where no word of the query stands.
    pub scores: Vec<f32>,
    /// Mean over all.
    pub mean: f32,
    /// Standard deviation over all.
    pub deviation: f32,
}

impl<'a> LexicalQuery<'a> {
    /// Looks the terms of `text` up.
    pub fn new(index: &'a LexicalIndex, text: &str) -> Self {
        Self::weighted(index, &[(text, 1.0)])
    }

    /// Looks the terms of several texts up; a term counts by the weights of those that have it.
    pub fn weighted(index: &'a LexicalIndex, texts: &[(&str, f32)]) -> Self {
        let terms = weigh(texts)
            .into_iter()
            .map(|(term, repeats)| {
                let (rows, frequencies) = index.find(&term);
                QueryTerm {
                    repeats,
                    idf: idf(rows.len() as f32, index.len() as f32),
                    rows: Cow::Borrowed(rows),
                    frequencies,
                }
            })
            .collect();
        Self {
            lengths: &index.lengths,
            terms,
        }
    }

    /// Terms that were looked up, and scored, elsewhere: only [`Self::share`] is left to tell.
    pub fn elsewhere(terms: Vec<QueryTerm<'a>>) -> Self {
        Self {
            lengths: &[],
            terms,
        }
    }

    /// Scores every row.
    pub fn scores(&self) -> LexicalScores {
        let mean_length = mean_length(self.lengths);
        let mut scores = vec![0.0_f32; self.lengths.len()];
        for term in &self.terms {
            for (row, frequency) in term.postings() {
                let length = self.lengths[row as usize] as f32 / mean_length;
                scores[row as usize] += term.repeats * term.idf * saturate(frequency, length);
            }
        }
        LexicalScores::of(scores)
    }

    /// Scores every document by all its rows together.
    pub fn document_scores(&self, documents: &DocumentWords) -> LexicalScores {
        let count = documents.lengths.len() as f32;
        let mut scores = vec![0.0_f32; documents.lengths.len()];
        let mut frequencies: Vec<(u32, f32)> = Vec::new();
        for term in &self.terms {
            frequencies.clear();
            documents.sum_up(term.postings(), &mut frequencies);
            let weight = term.repeats * idf(frequencies.len() as f32, count);
            for (document, frequency) in &frequencies {
                let length = documents.relative_length(*document);
                scores[*document as usize] += weight * saturate(*frequency, length);
            }
        }
        LexicalScores::of(scores)
    }

    /// The share of the question's terms, by their weight, that stand in any of `rows`; 0 for a
    /// question without terms. A term that the whole index does not have weighs most.
    pub fn share(&self, rows: &[u32]) -> f32 {
        let (mut found, mut total) = (0.0, 0.0);
        for term in &self.terms {
            let weight = term.idf * term.repeats.min(1.0);
            total += weight;
            if rows.iter().any(|row| term.rows.binary_search(row).is_ok()) {
                found += weight;
            }
        }
        if total > 0.0 { found / total } else { 0.0 }
    }
}

impl QueryTerm<'_> {
    fn postings(&self) -> impl Iterator<Item = (u32, f32)> {
        self.rows
            .iter()
            .zip(self.frequencies)
            .map(|(row, frequency)| (*row, f32::from(*frequency)))
    }
}

/// The mean of all lengths, at least 1.
pub(super) fn mean_length(lengths: &[u32]) -> f32 {
    let total: f64 = lengths.iter().map(|length| f64::from(*length)).sum();
    (total / (lengths.len() as f64).max(1.0)).max(1.0) as f32
}

/// Inverse document frequency of a term that stands in `having` of `count` texts.
pub(super) fn idf(having: f32, count: f32) -> f32 {
    (1.0 + (count - having + 0.5) / (having + 0.5)).ln()
}

/// What a frequency is worth in a text of `length` times the mean length.
pub(super) fn saturate(frequency: f32, length: f32) -> f32 {
    frequency * (K1 + 1.0) / (frequency + K1 * (1.0 - B + B * length))
}

fn mean(values: &[f32]) -> f64 {
    values.iter().map(|value| f64::from(*value)).sum::<f64>() / (values.len() as f64).max(1.0)
}

impl LexicalScores {
    /// Scores that were summed elsewhere: those of the positions that are looked at, among `count` of
    /// which all others count as zero, and the sums over all of them of the scores and their squares.
    pub fn elsewhere(found: &[(u32, f32)], count: usize, sums: (f64, f64)) -> Self {
        // Pages of zeros are given out by the system without being written.
        let mut scores = vec![0.0_f32; count];
        for (position, score) in found {
            if let Some(place) = scores.get_mut(*position as usize) {
                *place = *score;
            }
        }
        let count = (count as f64).max(1.0);
        let mean = sums.0 / count;
        Self {
            scores,
            mean: mean as f32,
            deviation: (sums.1 / count - mean * mean).max(0.0).sqrt() as f32,
        }
    }

    fn of(scores: Vec<f32>) -> Self {
        let mean = mean(&scores);
        let variance = scores
            .iter()
            .map(|score| (f64::from(*score) - mean).powi(2))
            .sum::<f64>()
            / (scores.len() as f64).max(1.0);
        Self {
            scores,
            mean: mean as f32,
            deviation: variance.sqrt() as f32,
        }
    }

    /// The rows with the `k` highest scores above zero among those that `keep` lets through, in no
    /// particular order.
    pub fn best(&self, k: usize, keep: impl Fn(u32) -> bool) -> Vec<u32> {
        let mut rows: Vec<u32> = (0_u32..)
            .zip(&self.scores)
            .filter(|(row, score)| **score > 0.0 && keep(*row))
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

    fn near(found: f32, expected: f32) {
        assert!((found - expected).abs() < 1e-5, "{found}, not {expected}");
    }

    /// Row 0 has the terms insul, loft, miner, wool; row 1 loft, hatch, leak, heat, insul, hatch,
    /// help; row 2 heat, pump, heat, water: 4, 7 and 4 terms, 5 on average.
    #[test]
    fn scores_agree_with_the_formula_worked_by_hand() {
        let index = sample();
        let scores = LexicalQuery::new(&index, "wool").scores().scores;
        let idf = (1.0_f32 + 2.5 / 1.5).ln();
        near(scores[0], idf * 2.0 / (1.0 + (0.5 + 0.5 * 4.0 / 5.0)));
        near(scores[1], 0.0);
        near(scores[2], 0.0);
    }

    /// Rows 0 and 1 are one document of 11 terms that says "heat" once; the other has 4 terms and
    /// says it twice.
    #[test]
    fn documents_are_scored_by_all_their_rows() {
        let index = sample();
        let documents = DocumentWords::new(&index, vec![0, 0, 1]);
        let query = LexicalQuery::new(&index, "loft heat");
        let scores = query.document_scores(&documents).scores;
        let (both, one) = ((1.0_f32 + 0.5 / 2.5).ln(), (1.0_f32 + 1.5 / 1.5).ln());
        let (long, short) = (0.5 + 0.5 * 11.0 / 7.5, 0.5 + 0.5 * 4.0 / 7.5);
        near(
            scores[0],
            one * 2.0 * 2.0 / (2.0 + long) + both * 2.0 / (1.0 + long),
        );
        near(scores[1], both * 2.0 * 2.0 / (2.0 + short));
    }

    #[test]
    fn words_match_by_stem() {
        let index = sample();
        let scores = LexicalQuery::new(&index, "insulation of lofts").scores();
        assert_eq!(scores.best(1, |_| true), [0]);
        assert_eq!(scores.best(1, |row| row != 0), [1]);
        near(scores.scores[2], 0.0);
    }

    #[test]
    fn the_share_counts_rare_and_missing_terms_most() {
        let index = sample();
        near(LexicalQuery::new(&index, "loft").share(&[1]), 1.0);
        near(LexicalQuery::new(&index, "the").share(&[1]), 0.0);
        let half = LexicalQuery::new(&index, "loft zeppelin").share(&[0, 1]);
        assert!(half > 0.0 && half < 0.5, "{half}");
    }

    #[test]
    fn the_best_rows_are_those_of_a_full_sort() {
        let scores = LexicalScores::of(vec![0.0, 3.0, 1.0, 2.0, 0.5]);
        let mut best = scores.best(3, |_| true);
        best.sort_unstable();
        assert_eq!(best, [1, 2, 3]);
        assert!((scores.mean - 1.3).abs() < 1e-6);
    }
}
