//! What a question asks of a generation, wherever its rows lie.
//!
//! A search has two steps: candidates with what was summed up over all rows ([`Search::gather`]), then
//! exact scores of the candidates out of their rows' vectors ([`RowVectors`]), which are computed by
//! the same code for every kind of index.

use std::borrow::Cow;

use super::records::Records;
use crate::index::Hit;
/// Why a generation was not searched.
pub use crate::index::IndexError;
use crate::index::bm25::{DocumentWords, LexicalQuery, LexicalScores};
use crate::index::dense::DenseIndex;
use crate::index::lexical::{LexicalIndex, TermCounts};
use crate::index::spelling::Spellings;
use crate::index::words::QueryTokens;
use crate::model::UnitVector;

/// What is searched for.
pub struct Sought<'a> {
    /// What the question means.
    pub vector: &'a UnitVector,
    /// What it says, each text with its weight.
    pub texts: &'a [(&'a str, f32)],
    /// The names in it, each as the ways to write it, each of these as terms that stand together.
    pub names: &'a [Vec<Vec<String>>],
    /// A name that stands in more rows than this is left out.
    pub most_named: usize,
    /// Candidates from each side.
    pub count: usize,
    /// The rows that may be found; all without it.
    pub admitted: Option<&'a [bool]>,
}

/// Candidates, and what speaks for them.
pub struct Gathered<'a> {
    /// Their rows, ascending.
    pub rows: Vec<u32>,
    /// The rows of each name that stands in few enough.
    pub named: Vec<Vec<u32>>,
    /// BM25 of the candidates by row, and its spread over all rows.
    pub chunks: LexicalScores,
    /// BM25 of the candidates' documents, and its spread over all documents.
    pub documents: LexicalScores,
    /// The terms of the question among the candidates.
    pub words: LexicalQuery<'a>,
    /// The vectors of the candidates and of the rows beside them.
    pub vectors: Box<dyn RowVectors + 'a>,
}

/// The vectors of rows.
pub trait RowVectors {
    /// The vector of a row; one of zeros, which is near to nothing, where it cannot be read, which the
    /// log tells.
    fn vector(&self, row: u32) -> Cow<'_, [f32]>;

    /// The cosines of `query` with each sentence of a row, in order; none without sentence vectors.
    fn sentence_cosines(&self, row: u32, query: &UnitVector) -> Result<Vec<f32>, IndexError>;

    /// How well the words of each row meet the tokens of a question; `None` for a row without words.
    fn meet(&self, query: &QueryTokens, rows: &[u32]) -> Result<Vec<Option<f32>>, IndexError>;
}

/// The half of a generation that finds.
pub trait Search: Send + Sync {
    /// In how many rows each term stands.
    fn terms(&self) -> &dyn TermCounts;

    /// The words of the texts as they are written.
    fn spellings(&self, records: &Records) -> Result<Spellings, IndexError>;

    /// The row of a chunk whose quoted text is exactly `text`, for an index that keeps no table of
    /// these in memory; `None` where the caller must make one.
    fn row_with_text(&self, text: &str) -> Option<Option<u32>>;

    /// Up to `k` rows whose vectors are nearest to `query`, best first, with their cosines.
    fn nearest(
        &self,
        records: &Records,
        query: &UnitVector,
        k: usize,
        admitted: Option<&[bool]>,
    ) -> Result<Vec<Hit>, IndexError>;

    /// Candidates for a question.
    fn gather<'a>(
        &'a self,
        records: &'a Records,
        sought: &Sought<'_>,
    ) -> Result<Gathered<'a>, IndexError>;

    /// That a question could be asked now.
    fn probe(&self) -> Result<(), IndexError> {
        Ok(())
    }

    /// The vectors of any rows.
    fn vectors<'a>(&'a self, records: &'a Records) -> &'a dyn RowVectors;
}

/// An index in files.
pub(super) struct InFiles {
    pub(super) lexical: LexicalIndex,
    pub(super) documents: DocumentWords,
    pub(super) dense: DenseIndex,
}

impl Search for InFiles {
    fn terms(&self) -> &dyn TermCounts {
        &self.lexical
    }

    fn spellings(&self, records: &Records) -> Result<Spellings, IndexError> {
        Ok(records.spellings())
    }

    fn row_with_text(&self, _: &str) -> Option<Option<u32>> {
        None
    }

    fn nearest(
        &self,
        records: &Records,
        query: &UnitVector,
        k: usize,
        admitted: Option<&[bool]>,
    ) -> Result<Vec<Hit>, IndexError> {
        Ok(self.dense.nearest(&records.vectors, query, k, admitted))
    }

    fn gather<'a>(
        &'a self,
        records: &'a Records,
        sought: &Sought<'_>,
    ) -> Result<Gathered<'a>, IndexError> {
        let words = LexicalQuery::weighted(&self.lexical, sought.texts);
        let chunks = words.scores();
        let admits = |row: u32| sought.admitted.is_none_or(|rows| rows[row as usize]);
        let near = self.nearest(records, sought.vector, sought.count, sought.admitted)?;
        let mut rows: Vec<u32> = near.into_iter().map(|hit| hit.row).collect();
        rows.extend(chunks.best(sought.count, admits));
        let named = sought.names.iter().map(|ways| {
            let rows = ways.iter().flat_map(|terms| self.lexical.rows_with(terms));
            rows.collect::<Vec<u32>>()
        });
        let named: Vec<_> = named
            .filter(|rows| rows.len() <= sought.most_named)
            .collect();
        rows.extend(named.iter().flatten().filter(|row| admits(**row)));
        rows.sort_unstable();
        rows.dedup();
        Ok(Gathered {
            rows,
            named,
            documents: words.document_scores(&self.documents),
            chunks,
            words,
            vectors: Box::new(records),
        })
    }

    fn vectors<'a>(&'a self, records: &'a Records) -> &'a dyn RowVectors {
        records
    }
}

impl RowVectors for Records {
    fn vector(&self, row: u32) -> Cow<'_, [f32]> {
        self.vectors.row(row)
    }

    fn sentence_cosines(&self, row: u32, query: &UnitVector) -> Result<Vec<f32>, IndexError> {
        self.spans.cosines(row, query)
    }

    fn meet(&self, query: &QueryTokens, rows: &[u32]) -> Result<Vec<Option<f32>>, IndexError> {
        self.words.meet(query, rows)
    }
}

impl<T: RowVectors + ?Sized> RowVectors for &T {
    fn vector(&self, row: u32) -> Cow<'_, [f32]> {
        (**self).vector(row)
    }

    fn sentence_cosines(&self, row: u32, query: &UnitVector) -> Result<Vec<f32>, IndexError> {
        (**self).sentence_cosines(row, query)
    }

    fn meet(&self, query: &QueryTokens, rows: &[u32]) -> Result<Vec<Option<f32>>, IndexError> {
        (**self).meet(query, rows)
    }
}
