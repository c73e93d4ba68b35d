//! Rows that are read when they are asked for.

use std::borrow::Cow;
use std::sync::Arc;

use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::bridge::Bridge;
use super::statement::Vectors;
use crate::index::IndexError;
use crate::index::part_writer::PackedVectors;
use crate::index::spelling::Spellings;
use crate::index::words::QueryTokens;
use crate::model::UnitVector;
use crate::postgres::{Database, DatabaseError};
use crate::runtime::recent::Recent;
use crate::snapshot::TextSource;
use crate::snapshot::search::RowVectors;

/// Bytes of rows that are remembered, those of some dozen questions: an answer looks at the rows that its
/// search has found.
const MOST_BYTES: usize = 32 << 20;

/// The values of a statement, which go to another thread.
pub(super) type Values = Vec<Box<dyn ToSql + Send + Sync>>;

/// The tables of one generation.
#[derive(Clone)]
pub(super) struct Remote(Arc<Parts>);

struct Parts {
    database: Database,
    bridge: Bridge,
    number: i32,
    dimension: usize,
    recent: Recent<u32, Arc<PackedVectors>>,
}

impl Remote {
    pub(super) fn new(database: Database, bridge: Bridge, number: i32, dimension: usize) -> Self {
        Self(Arc::new(Parts {
            database,
            bridge,
            number,
            dimension,
            recent: Recent::of_bytes(MOST_BYTES),
        }))
    }

    /// Which vectors it has.
    pub(super) fn vectors(&self) -> Vectors {
        Vectors {
            number: self.0.number,
            dimension: self.0.dimension,
        }
    }

    /// The rows of a statement, in one round trip once it is prepared.
    pub(super) fn ask(
        &self,
        action: &'static str,
        statement: String,
        values: Values,
    ) -> Result<Vec<Row>, IndexError> {
        let database = self.0.database.clone();
        let work = async move {
            let mut lease = database.lease(action).await?;
            let values: Vec<&(dyn ToSql + Sync)> = values
                .iter()
                .map(|value| &**value as &(dyn ToSql + Sync))
                .collect();
            lease.rows(&statement, &values).await
        };
        let away = |reason: String| IndexError::Away { reason };
        match self.0.bridge.wait(work) {
            Some(rows) => rows.map_err(|error: DatabaseError| away(error.to_string())),
            None => Err(away("the program is ending".to_owned())),
        }
    }

    /// A row's vectors as they came, remembered from now on unless they are a part of what there is.
    pub(super) fn packed(
        &self,
        row: u32,
        (vector, sentences, words): (&[u8], Option<&[u8]>, Option<&[u8]>),
    ) -> Result<Arc<PackedVectors>, IndexError> {
        let is_whole = sentences.is_some();
        let (sentences, words) = (sentences.unwrap_or_default(), words.unwrap_or_default());
        let packed = PackedVectors::from_bytes(self.0.dimension, vector, sentences, words);
        let packed = Arc::new(packed.ok_or_else(|| IndexError::Away {
            reason: format!("row {row} of table exact has another length"),
        })?);
        if is_whole {
            let bytes = packed.bytes();
            self.0.recent.insert(row, Arc::clone(&packed), bytes);
        }
        Ok(packed)
    }

    fn row(&self, row: u32) -> Result<Arc<PackedVectors>, IndexError> {
        if let Some(packed) = self.0.recent.find(&row) {
            return Ok(packed);
        }
        let statement = format!(
            "SELECT vector, sentences, words FROM wattwise_index.exact_{} WHERE row = $1",
            self.0.number
        );
        let rows = self.ask("read a row", statement, vec![Box::new(row.cast_signed())])?;
        let found = rows.first().ok_or_else(|| IndexError::Away {
            reason: format!("there is no row {row}"),
        })?;
        self.packed(row, (found.get(0), found.get(1), found.get(2)))
    }

    /// That the tables are there and can be read.
    pub(super) fn probe(&self) -> Result<(), IndexError> {
        let statement = format!(
            "SELECT 1 FROM wattwise_index.exact_{} LIMIT 1",
            self.0.number
        );
        self.ask("look at the index", statement, Vec::new())
            .map(|_| ())
    }

    /// The words of the texts as they are written.
    pub(super) fn spellings(&self) -> Result<Spellings, IndexError> {
        let statement = format!(
            "SELECT word, often FROM wattwise_index.spellings_{}",
            self.0.number
        );
        let rows = self.ask("read the spellings", statement, Vec::new())?;
        let counts = rows.iter().map(|row| {
            let (word, often): (&str, i32) = (row.get(0), row.get(1));
            (word.into(), often.cast_unsigned())
        });
        Ok(Spellings::from_counts(counts))
    }

    /// The row of a chunk whose text is exactly this.
    pub(super) fn row_with_text(&self, text: &str) -> Result<Option<u32>, IndexError> {
        let statement = format!(
            "SELECT row FROM wattwise_index.chunks_{} WHERE digest = $1 ORDER BY row DESC LIMIT 1",
            self.0.number
        );
        let digest = blake3::hash(text.as_bytes()).as_bytes().to_vec();
        let rows = self.ask("find a chunk", statement, vec![Box::new(digest)])?;
        Ok(rows.first().map(|row| row.get::<_, i32>(0).cast_unsigned()))
    }
}

impl RowVectors for Remote {
    fn vector(&self, row: u32) -> Cow<'_, [f32]> {
        match self.row(row) {
            Ok(packed) => Cow::Owned(packed.vector().to_vec()),
            Err(error) => {
                tracing::warn!(%error, "a vector cannot be read; its chunk is found by words alone");
                Cow::Owned(vec![0.0; self.0.dimension])
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

impl TextSource for Remote {
    fn packed(&self, documents: &[u32]) -> Result<Vec<Vec<u8>>, String> {
        let statement = format!(
            "SELECT t.packed FROM unnest($1::int4[]) WITH ORDINALITY a(position, place)
             JOIN wattwise_index.texts_{} t USING (position) ORDER BY a.place",
            self.0.number
        );
        let positions: Vec<i32> = documents.iter().map(|at| at.cast_signed()).collect();
        let rows = self
            .ask("read texts", statement, vec![Box::new(positions)])
            .map_err(|error| error.to_string())?;
        if rows.len() != documents.len() {
            return Err("a text is not in its table".to_owned());
        }
        Ok(rows.iter().map(|row| row.get(0)).collect())
    }
}
