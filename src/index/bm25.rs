//! BM25 (Robertson and Zaragoza, "The Probabilistic Relevance Framework", 2009; the variant of
//! Lucene, whose inverse document frequency is never negative) of chunks and of whole documents.

use std::ops::Range;

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
    lengths: Vec<f32>,
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
}

/// A question as an index sees it: its terms, in what rows they stand, and what they weigh.
pub struct LexicalQuery<'a> {
    index: &'a LexicalIndex,
    terms: Vec<QueryTerm>,
}

struct QueryTerm {
    /// Its postings; empty for a term that stands nowhere.
    postings: Range<usize>,
    /// How often the question says it, by the weight of where it does.
    repeats: f32,
    /// Inverse document frequency over rows.
    idf: f32,
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
        let mut words: Vec<(String, f32)> = texts
            .iter()
            .flat_map(|(text, weight)| terms(text).map(|term| (term, *weight)))
            .collect();
        words.sort_by(|a, b| a.0.cmp(&b.0));
        let terms = words
            .chunk_by(|a, b| a.0 == b.0)
            .map(|same| {
                let postings = match index.terms.binary_search(&same[0].0) {
                    Ok(position) => {
                        index.offsets[position] as usize..index.offsets[position + 1] as usize
                    }
                    Err(_) => 0..0,
                };
                QueryTerm {
                    repeats: same.iter().map(|(_, weight)| weight).sum(),
                    idf: idf(postings.len() as f32, index.len() as f32),
                    postings,
                }
            })
            .collect();
        Self { index, terms }
    }

    /// Scores every row.
    pub fn scores(&self) -> LexicalScores {
        let index = self.index;
        let total: f64 = index.lengths.iter().map(|length| f64::from(*length)).sum();
        let mean_length = (total / (index.len() as f64).max(1.0)).max(1.0) as f32;
        let mut scores = vec![0.0_f32; index.len()];
        for term in &self.terms {
            for (row, frequency) in self.postings(term) {
                let length = index.lengths[row as usize] as f32 / mean_length;
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
            for (row, frequency) in self.postings(term) {
                let document = documents.document_of(row);
                match frequencies.last_mut() {
                    Some((last, sum)) if *last == document => *sum += frequency,
                    _ => frequencies.push((document, frequency)),
                }
            }
            let weight = term.repeats * idf(frequencies.len() as f32, count);
            for (document, frequency) in &frequencies {
                let length = documents.lengths[*document as usize] / documents.mean_length;
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
            let having = &self.index.rows[term.postings.clone()];
            if rows.iter().any(|row| having.binary_search(row).is_ok()) {
                found += weight;
            }
        }
        if total > 0.0 { found / total } else { 0.0 }
    }

    fn postings(&self, term: &QueryTerm) -> impl Iterator<Item = (u32, f32)> {
        let rows = &self.index.rows[term.postings.clone()];
        let frequencies = &self.index.frequencies[term.postings.clone()];
        rows.iter()
            .zip(frequencies)
            .map(|(row, frequency)| (*row, f32::from(*frequency)))
    }
}

/// Inverse document frequency of a term that stands in `having` of `count` texts.
fn idf(having: f32, count: f32) -> f32 {
    (1.0 + (count - having + 0.5) / (having + 0.5)).ln()
}

/// What a frequency is worth in a text of `length` times the mean length.
fn saturate(frequency: f32, length: f32) -> f32 {
    frequency * (K1 + 1.0) / (frequency + K1 * (1.0 - B + B * length))
}

fn mean(values: &[f32]) -> f64 {
    values.iter().map(|value| f64::from(*value)).sum::<f64>() / (values.len() as f64).max(1.0)
}

impl LexicalScores {
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
