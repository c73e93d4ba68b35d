//! What postings are worth before any question: a term's part of the BM25 score of each text that
//! holds it, for engines that only add up. A question's score of a text is the sum of these, each as
//! often as the question says the term.

use super::bm25::{DocumentWords, idf, mean_length, saturate};
use super::lexical::LexicalIndex;

/// A term, where it stands, and what it is worth there.
#[derive(Debug, Clone, PartialEq)]
pub struct Impacts<'a> {
    /// The term.
    pub term: &'a str,
    /// The rows that hold it, ascending.
    pub rows: &'a [u32],
    /// Its part of the score of each of these rows.
    pub weights: Vec<f32>,
    /// The documents that hold it, ascending, with its part of the score of each.
    pub documents: Vec<(u32, f32)>,
}

/// All terms of an index in order.
pub fn impacts<'a>(
    index: &'a LexicalIndex,
    documents: &'a DocumentWords,
) -> impl Iterator<Item = Impacts<'a>> {
    let mean = mean_length(&index.lengths);
    let (rows_count, documents_count) = (index.len() as f32, documents.lengths.len() as f32);
    index.terms.iter().map(move |term| {
        let (rows, frequencies) = index.find(term);
        let frequencies = frequencies.iter().map(|often| f32::from(*often));
        let postings = rows.iter().copied().zip(frequencies);
        let row_idf = idf(rows.len() as f32, rows_count);
        let weights = postings.clone().map(|(row, frequency)| {
            let length = index.lengths[row as usize] as f32 / mean;
            row_idf * saturate(frequency, length)
        });
        let weights = weights.collect();
        let mut by_document = Vec::new();
        documents.sum_up(postings, &mut by_document);
        let document_idf = idf(by_document.len() as f32, documents_count);
        for (document, weight) in &mut by_document {
            *weight = document_idf * saturate(*weight, documents.relative_length(*document));
        }
        Impacts {
            term,
            rows,
            weights,
            documents: by_document,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::super::bm25::{LexicalQuery, weigh};
    use super::*;

    #[test]
    fn sums_of_impacts_are_the_scores_of_a_question() {
        let index = LexicalIndex::build([
            "Loft insulation: insulate the loft.",
            "A loft hatch.",
            "The pump of a boiler is not in the loft, the boiler is.",
            "Pipes.",
        ]);
        let documents = DocumentWords::new(&index, vec![0, 0, 1, 2]);
        let texts = [("loft boiler loft", 1.0), ("pump", 0.5)];
        let query = LexicalQuery::weighted(&index, &texts);
        let (mut rows, mut of_documents) = ([0.0_f32; 4], [0.0_f32; 3]);
        for (term, repeats) in weigh(&texts) {
            let all = impacts(&index, &documents);
            for found in all.filter(|found| found.term == term) {
                for (row, weight) in found.rows.iter().zip(&found.weights) {
                    rows[*row as usize] += repeats * weight;
                }
                for (document, weight) in &found.documents {
                    of_documents[*document as usize] += repeats * weight;
                }
            }
        }
        let near = |one: &[f32], other: &[f32]| {
            one.iter().zip(other).all(|(a, b)| (a - b).abs() < 1e-5) && one[0] > 0.0
        };
        assert!(near(&rows, &query.scores().scores), "{rows:?}");
        let expected = query.document_scores(&documents).scores;
        assert!(near(&of_documents, &expected), "{of_documents:?}");
    }
}
