//! A search in the tables: the same candidates and sums as in files, so that the same code scores them.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use tokio_postgres::Row;

use super::dictionary::Dictionary;
use super::rows::{Remote, Values};
use super::statement::{self, TERMS_IN_A_NUMBER, Way};
use crate::index::bm25::{LexicalQuery, LexicalScores, QueryTerm, weigh};
use crate::index::lexical::TermCounts;
use crate::index::part_writer::PackedVectors;
use crate::index::spelling::Spellings;
use crate::index::words::QueryTokens;
use crate::index::{Hit, IndexError, sort_best_first};
use crate::model::UnitVector;
use crate::snapshot::Records;
use crate::snapshot::search::{Gathered, RowVectors, Search, Sought};

/// An index in tables.
pub(super) struct InTables {
    remote: Remote,
    dictionary: Dictionary,
}

impl InTables {
    pub(super) fn new(remote: Remote, dictionary: Dictionary) -> Self {
        Self { remote, dictionary }
    }

    /// Rows that a filter admits, as bits and, where they are few, by number.
    fn admitted(way: Way, admitted: Option<&[bool]>) -> (Option<Vec<u8>>, Option<Vec<i32>>) {
        let Some(admitted) = admitted else {
            return (None, None);
        };
        let mut bits = vec![0_u8; admitted.len().div_ceil(8)];
        let mut rows = Vec::new();
        for (row, _) in admitted.iter().enumerate().filter(|(_, admits)| **admits) {
            // The lowest bit of a byte is its first (PostgreSQL manual, `get_bit` of a bytea).
            bits[row / 8] |= 1 << (row % 8);
            if way == Way::Few {
                rows.push(i32::try_from(row).unwrap_or(i32::MAX));
            }
        }
        (Some(bits), (way == Way::Few).then_some(rows))
    }

    fn way(&self, admitted: Option<&[bool]>) -> Option<Way> {
        let count = |rows: &[bool]| rows.iter().filter(|admits| **admits).count();
        let left = admitted.map(count);
        (left != Some(0)).then(|| Way::of(self.dictionary.rows(), left))
    }
}

impl Search for InTables {
    fn terms(&self) -> &dyn TermCounts {
        &self.dictionary
    }

    fn spellings(&self, _: &Records) -> Result<Spellings, IndexError> {
        self.remote.spellings()
    }

    fn row_with_text(&self, text: &str) -> Option<Option<u32>> {
        let found = self.remote.row_with_text(text);
        Some(found.unwrap_or_else(|error| {
            tracing::warn!(%error, "a text was not looked up among the chunks");
            None
        }))
    }

    fn nearest(
        &self,
        _: &Records,
        query: &UnitVector,
        k: usize,
        admitted: Option<&[bool]>,
    ) -> Result<Vec<Hit>, IndexError> {
        let Some(way) = self.way(admitted) else {
            return Ok(Vec::new());
        };
        let vectors = self.remote.vectors();
        let asked = format!(
            "WITH dense AS MATERIALIZED ({nearest})
             SELECT d.row, x.vector, x.sentences, x.words FROM dense d
             JOIN wattwise_index.exact_{number} x ON x.row = d.row",
            nearest = statement::nearest(vectors, way, k, 2),
            number = vectors.number,
        );
        let mut values: Values = vec![Box::new(query.as_slice().to_vec())];
        match Self::admitted(way, admitted) {
            (_, Some(rows)) => values.push(Box::new(rows)),
            (Some(bits), None) => values.push(Box::new(bits)),
            (None, None) => {}
        }
        let mut hits = Vec::new();
        for found in self.remote.ask("find what is near", asked, values)? {
            let row = found.get::<_, i32>(0).cast_unsigned();
            let bytes = (found.get(1), found.get(2), found.get(3));
            let score = query.cosine(self.remote.packed(row, bytes)?.vector());
            hits.push(Hit { row, score });
        }
        sort_best_first(&mut hits);
        Ok(hits)
    }

    fn gather<'a>(
        &'a self,
        records: &'a Records,
        sought: &Sought<'_>,
    ) -> Result<Gathered<'a>, IndexError> {
        let asked = Asked::of(sought, &self.dictionary);
        let Some(way) = self.way(sought.admitted) else {
            return Ok(self.told(records, &asked, &[], Found::default()));
        };
        let (bits, rows) = Self::admitted(way, sought.admitted);
        let vectors = self.remote.vectors();
        let statement = statement::question(vectors, way, sought.count, asked.terms.len());
        let values = asked.values(sought.vector, bits, rows);
        let rows = self.remote.ask("search", statement, values)?;
        let mut found = Found::default();
        for row in &rows {
            found.take(row, &self.remote, asked.terms.len())?;
        }
        Ok(self.told(records, &asked, &rows, found))
    }

    fn probe(&self) -> Result<(), IndexError> {
        self.remote.probe()
    }

    fn vectors<'a>(&'a self, _: &'a Records) -> &'a dyn RowVectors {
        &self.remote
    }
}

impl InTables {
    fn told<'a>(
        &'a self,
        records: &'a Records,
        asked: &Asked,
        rows: &[Row],
        found: Found,
    ) -> Gathered<'a> {
        let sums = |at: usize| match rows.first() {
            Some(row) => {
                let sum = |at| row.get::<_, Option<f64>>(at).unwrap_or(0.0);
                (sum(at), sum(at + 1))
            }
            None => (0.0, 0.0),
        };
        let count = self.dictionary.rows();
        // As `DocumentWords` counts them.
        let last = records.chunks().last();
        let documents = last.map_or(0, |chunk| chunk.document as usize + 1);
        let mut holding = found.holding;
        holding.resize_with(asked.terms.len(), Vec::new);
        let terms = asked.terms.iter().zip(&asked.repeats).zip(holding);
        let terms = terms.map(|((term, repeats), rows)| {
            QueryTerm::elsewhere(rows, *repeats, self.dictionary.held_by(term), count)
        });
        Gathered {
            rows: found.rows,
            named: found.named.into_values().collect(),
            chunks: LexicalScores::elsewhere(&found.chunks, count, sums(10)),
            documents: LexicalScores::elsewhere(&found.documents, documents, sums(12)),
            words: LexicalQuery::elsewhere(terms.collect()),
            vectors: Box::new(found.vectors),
        }
    }
}

/// What goes into a statement.
#[derive(Default)]
struct Asked {
    terms: Vec<String>,
    repeats: Vec<f32>,
    names: Vec<i32>,
    ways: Vec<i32>,
    name_terms: Vec<String>,
    sizes: Vec<i64>,
    most_named: usize,
}

impl Asked {
    /// A name that stands in too many rows, as far as that is known beforehand, is not asked for, nor is
    /// a way of writing one that stands nowhere.
    fn of(sought: &Sought<'_>, dictionary: &Dictionary) -> Self {
        let (terms, repeats) = weigh(sought.texts).into_iter().unzip();
        let mut asked = Self {
            terms,
            repeats,
            most_named: sought.most_named,
            ..Self::default()
        };
        let is_common = |way: &Vec<String>| matches!(&way[..], [term] if dictionary.held_by(term) > sought.most_named);
        for (name, ways) in (0..).zip(sought.names) {
            if ways.iter().any(is_common) {
                continue;
            }
            for (way, terms) in (0..).zip(ways) {
                let mut terms = terms.clone();
                terms.sort_unstable();
                terms.dedup();
                if !terms.iter().all(|term| dictionary.knows(term)) {
                    continue;
                }
                let size = i64::try_from(terms.len()).unwrap_or(i64::MAX);
                for term in terms {
                    asked.names.push(name);
                    asked.ways.push(way);
                    asked.name_terms.push(term);
                    asked.sizes.push(size);
                }
            }
        }
        asked
    }

    fn values(&self, query: &UnitVector, bits: Option<Vec<u8>>, rows: Option<Vec<i32>>) -> Values {
        let mut values: Values = vec![
            Box::new(query.as_slice().to_vec()),
            Box::new(self.terms.clone()),
            Box::new(self.repeats.clone()),
            Box::new(self.names.clone()),
            Box::new(self.ways.clone()),
            Box::new(self.name_terms.clone()),
            Box::new(self.sizes.clone()),
            Box::new(i64::try_from(self.most_named).unwrap_or(i64::MAX)),
        ];
        if let Some(bits) = bits {
            values.push(Box::new(bits));
        }
        if let Some(rows) = rows {
            values.push(Box::new(rows));
        }
        values
    }
}

/// What came back.
#[derive(Default)]
struct Found {
    rows: Vec<u32>,
    named: HashMap<i32, Vec<u32>>,
    chunks: Vec<(u32, f32)>,
    documents: Vec<(u32, f32)>,
    /// By term.
    holding: Vec<Vec<u32>>,
    vectors: Fetched,
}

impl Found {
    fn take(&mut self, found: &Row, remote: &Remote, terms: usize) -> Result<(), IndexError> {
        self.holding.resize_with(terms, Vec::new);
        let row = found.get::<_, i32>(0).cast_unsigned();
        let packed = remote.packed(row, (found.get(2), found.get(3), found.get(4)))?;
        self.vectors.0.insert(row, packed);
        if !found.get::<_, bool>(1) {
            return Ok(());
        }
        self.rows.push(row);
        if let Some(score) = found.get::<_, Option<f32>>(5) {
            self.chunks.push((row, score));
        }
        for (word, bits) in found
            .get::<_, Option<Vec<i64>>>(6)
            .iter()
            .flatten()
            .enumerate()
        {
            for bit in (0..TERMS_IN_A_NUMBER).filter(|bit| bits >> bit & 1 == 1) {
                if let Some(rows) = self.holding.get_mut(word * TERMS_IN_A_NUMBER + bit) {
                    rows.push(row);
                }
            }
        }
        if let Some(score) = found.get::<_, Option<f32>>(8) {
            let document = found.get::<_, i32>(7).cast_unsigned();
            self.documents.push((document, score));
        }
        for name in found.get::<_, Vec<i32>>(9) {
            self.named.entry(name).or_default().push(row);
        }
        Ok(())
    }
}

/// Rows that came with a question.
#[derive(Default)]
struct Fetched(HashMap<u32, Arc<PackedVectors>>);

impl Fetched {
    fn row(&self, row: u32) -> Result<&PackedVectors, IndexError> {
        let found = self.0.get(&row);
        found.map(Arc::as_ref).ok_or_else(|| IndexError::Away {
            reason: format!("row {row} of table exact is not there"),
        })
    }
}

impl RowVectors for Fetched {
    fn vector(&self, row: u32) -> Cow<'_, [f32]> {
        match self.row(row) {
            Ok(packed) => Cow::Borrowed(packed.vector()),
            Err(error) => {
                tracing::warn!(%error, "a vector cannot be read; its chunk is found by words alone");
                Cow::Owned(Vec::new())
            }
        }
    }

    fn sentence_cosines(&self, row: u32, query: &UnitVector) -> Result<Vec<f32>, IndexError> {
        Ok(self.row(row)?.sentence_cosines(query))
    }

    fn meet(&self, query: &QueryTokens, rows: &[u32]) -> Result<Vec<Option<f32>>, IndexError> {
        let meet = |row: &u32| Ok(self.row(*row)?.meet(query));
        rows.iter().map(meet).collect()
    }
}
