//! A generation into the tables, in one transaction.

use std::sync::Arc;
use std::time::Duration;

use super::copying::{Copying, Fields};
use super::digests::{Digests, Running};
use super::layout::{self, PARTED, PUBLISHER};
use super::{CHANNEL, TablesError};
use crate::codec;
use crate::index::impacts::impacts;
use crate::model::GenerationId;
use crate::postgres::{Database, Lease};
use crate::runtime::blocking;
use crate::snapshot::SnapshotError;
use crate::snapshot::elsewhere::Contents;

/// A step may take so long: a graph over millions of rows takes hours.
const LIMIT: Duration = Duration::from_hours(24);
/// Rows that are read from the folder at once.
const AT_ONCE: u32 = 256;
/// pgvector's own bound of a `halfvec` index.
const MOST_DIMENSIONS: usize = 4_000;
/// A graph that fits into memory while it is built is built ten times as fast: a row takes its values of
/// two bytes and, under the graph's usual parameters, so many bytes for its links.
const LINK_BYTES: usize = 500;
/// More memory is not asked for; the server's own setting may be higher.
const MOST_MEMORY: usize = 2 << 30;

/// A generation on its way. Whatever goes wrong before the commit leaves nothing.
struct Publishing {
    lease: Lease,
    contents: Arc<Contents>,
    number: i32,
    digests: Digests,
}

/// Copies a generation and makes it the live one. [`TablesError::Moved`] where another than `seen` is live.
pub(super) async fn publish(
    database: &Database,
    contents: Contents,
    manifest: (Vec<u8>, String),
    seen: Option<&GenerationId>,
) -> Result<(), TablesError> {
    let id = contents.records.manifest.generation.clone();
    let lease = begin(database).await?;
    let mut publishing = Publishing {
        lease,
        contents: Arc::new(contents),
        number: 0,
        digests: Digests::default(),
    };
    super::published::still_live(&mut publishing.lease, database.place(), seen).await?;
    let next = "SELECT nextval('wattwise_index.numbers')::int4";
    let row = publishing.lease.row(next, &[]).await?;
    publishing.number = row.map_or(0, |row| row.get(0));
    publishing.copy().await?;
    publishing.finish(&id, manifest).await
}

/// A transaction that holds the publisher's lock, with tables to write to.
pub(super) async fn begin(database: &Database) -> Result<Lease, TablesError> {
    let mut lease = database.lease_within("publish a generation", LIMIT).await?;
    lease.begin().await?;
    lease
        .batch("SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0; SET LOCAL lock_timeout = '10s'")
        .await?;
    let row = lease
        .row("SELECT pg_try_advisory_xact_lock($1)", &[&PUBLISHER])
        .await?;
    if !row.is_some_and(|row| row.get(0)) {
        return Err(TablesError::Busy {
            place: database.place().to_owned(),
        });
    }
    layout::ensure(&mut lease, database.place()).await?;
    Ok(lease)
}

/// Makes the tables where there are none.
pub async fn make(database: &Database) -> Result<(), TablesError> {
    Ok(begin(database).await?.commit().await?)
}

impl Publishing {
    fn table(&self, name: &str) -> String {
        format!("{name}_{}", self.number)
    }

    fn rows(&self) -> u32 {
        u32::try_from(self.contents.records.chunks().len()).unwrap_or(u32::MAX)
    }

    async fn copy(&mut self) -> Result<(), TablesError> {
        for name in PARTED {
            let make = format!(
                "CREATE TABLE wattwise_index.{table} (
                     LIKE wattwise_index.{name} INCLUDING STORAGE INCLUDING DEFAULTS,
                     CHECK (generation = {number})
                 );
                 ALTER TABLE wattwise_index.{table} ALTER generation SET DEFAULT {number}",
                table = self.table(name),
                number = self.number,
            );
            self.lease.batch(&make).await?;
        }
        // Rows of some kilobytes stay in one piece.
        let whole = format!(
            "ALTER TABLE wattwise_index.{} SET (toast_tuple_target = 8160)",
            self.table("exact")
        );
        self.lease.batch(&whole).await?;
        self.copy_documents().await?;
        self.copy_texts().await?;
        self.copy_chunks().await?;
        self.copy_vectors().await?;
        self.copy_postings().await?;
        self.copy_spellings().await
    }

    async fn copy_documents(&mut self) -> Result<(), TablesError> {
        let columns = "position, id, source, record, text_bytes";
        let mut copying = Copying::begin(&self.lease, &self.table("documents"), columns).await?;
        let mut digest = Running::default();
        for (position, document) in (0_u32..).zip(self.contents.records.documents()) {
            let record = encode(document)?;
            let length = self.contents.text_length(position);
            digest.add(&record);
            digest.count(length);
            let row = Fields::default()
                .number(position)
                .bytes(document.id.as_str().as_bytes())
                .bytes(&without_nul(&document.source))
                .bytes(&record)
                .long(length as u64);
            copying.push(&row).await?;
        }
        copying.finish().await?;
        self.digests.documents = digest.hex();
        Ok(())
    }

    async fn copy_texts(&mut self) -> Result<(), TablesError> {
        let mut copying =
            Copying::begin(&self.lease, &self.table("texts"), "position, packed").await?;
        let mut digest = Running::default();
        let count = u32::try_from(self.contents.records.documents().len()).unwrap_or(u32::MAX);
        for first in (0..count).step_by(AT_ONCE as usize) {
            let contents = Arc::clone(&self.contents);
            let some = first..count.min(first + AT_ONCE);
            let read = move || -> Result<Vec<_>, SnapshotError> {
                let texts = some.map(|at| Ok((at, contents.packed_text(at)?)));
                texts.collect()
            };
            for (position, packed) in blocking::run(read).await? {
                digest.add(&packed);
                let row = Fields::default().number(position).bytes(&packed);
                copying.push(&row).await?;
            }
        }
        copying.finish().await?;
        self.digests.texts = digest.hex();
        Ok(())
    }

    async fn copy_chunks(&mut self) -> Result<(), TablesError> {
        let columns = "row, id, document, record, digest";
        let mut copying = Copying::begin(&self.lease, &self.table("chunks"), columns).await?;
        let mut digest = Running::default();
        let documents = u32::try_from(self.contents.records.documents().len()).unwrap_or(u32::MAX);
        for document in 0..documents {
            let contents = Arc::clone(&self.contents);
            let read = move || contents.records.read_text(document);
            let text = blocking::run(read).await?;
            for row in self.contents.records.rows_of(document) {
                let chunk = &self.contents.records.chunks()[row as usize];
                let record = encode(chunk)?;
                digest.add(&record);
                let quoted = text.get(chunk.range.clone()).unwrap_or_default();
                let fields = Fields::default()
                    .number(row)
                    .bytes(chunk.id.as_str().as_bytes())
                    .number(document)
                    .bytes(&record)
                    .bytes(blake3::hash(quoted.as_bytes()).as_bytes());
                copying.push(&fields).await?;
            }
        }
        copying.finish().await?;
        self.digests.chunks = digest.hex();
        Ok(())
    }

    async fn copy_vectors(&mut self) -> Result<(), TablesError> {
        let mut digest = Running::default();
        // Both tables from one reading would take two connections, and then two transactions.
        for table in ["exact", "vectors"] {
            let columns = match table {
                "exact" => "row, document, vector, sentences, words",
                _ => "row, near",
            };
            let mut copying = Copying::begin(&self.lease, &self.table(table), columns).await?;
            for first in (0..self.rows()).step_by(AT_ONCE as usize) {
                let contents = Arc::clone(&self.contents);
                let some = first..self.rows().min(first + AT_ONCE);
                let read = move || -> Result<Vec<_>, SnapshotError> {
                    some.map(|row| Ok((row, contents.vectors(row)?))).collect()
                };
                for (row, packed) in blocking::run(read).await? {
                    let fields = Fields::default().number(row);
                    let fields = if table == "vectors" {
                        fields.half_vector(packed.vector())
                    } else {
                        let (vector, sentences) = (packed.vector_bytes(), packed.sentence_bytes());
                        for bytes in [&vector, &sentences, packed.word_bytes()] {
                            digest.add(bytes);
                        }
                        fields
                            .number(self.contents.records.chunks()[row as usize].document)
                            .bytes(&vector)
                            .bytes(&sentences)
                            .bytes(packed.word_bytes())
                    };
                    copying.push(&fields).await?;
                }
            }
            copying.finish().await?;
        }
        self.digests.exact = digest.hex();
        Ok(())
    }

    async fn copy_postings(&mut self) -> Result<(), TablesError> {
        let columns = "term, held, rows, weights, documents, document_weights";
        let mut copying = Copying::begin(&self.lease, &self.table("postings"), columns).await?;
        let (mut terms, mut postings) = (Running::default(), Running::default());
        for found in impacts(&self.contents.lexical, &self.contents.document_words) {
            // No text of the database holds a NUL, and no term of ours should.
            if found.term.contains('\0') {
                continue;
            }
            let held = u32::try_from(found.rows.len()).unwrap_or(u32::MAX);
            let (documents, document_weights): (Vec<u32>, Vec<f32>) =
                found.documents.iter().copied().unzip();
            terms.add(found.term.as_bytes());
            terms.number(held.into());
            let signed =
                |rows: &[u32]| rows.iter().map(|row| row.cast_signed()).collect::<Vec<_>>();
            postings.add(found.term.as_bytes());
            postings.numbers(&signed(found.rows));
            postings.values(&found.weights);
            postings.numbers(&signed(&documents));
            postings.values(&document_weights);
            let row = Fields::default()
                .bytes(found.term.as_bytes())
                .number(held)
                .numbers(found.rows.iter().copied())
                .values(found.weights.iter().copied())
                .numbers(documents.iter().copied())
                .values(document_weights.iter().copied());
            copying.push(&row).await?;
        }
        copying.finish().await?;
        self.digests.terms = terms.hex();
        self.digests.postings = postings.hex();
        Ok(())
    }

    async fn copy_spellings(&mut self) -> Result<(), TablesError> {
        let contents = Arc::clone(&self.contents);
        let collected = blocking::run(move || contents.records.spellings()).await;
        let mut copying =
            Copying::begin(&self.lease, &self.table("spellings"), "word, often").await?;
        for (word, often) in collected.counts() {
            let row = Fields::default()
                .bytes(word.as_bytes())
                .number(often.min(i32::MAX.unsigned_abs()));
            copying.push(&row).await?;
        }
        copying.finish().await?;
        Ok(())
    }

    /// Indexes and partitions.
    fn steps(&self) -> String {
        let dimension = self.contents.records.manifest.embedder.dimension;
        let memory = (self.rows() as usize) * (2 * dimension + LINK_BYTES);
        let number = self.number;
        let mut steps = format!(
            "SELECT set_config('maintenance_work_mem', greatest({memory},
                 pg_size_bytes(current_setting('maintenance_work_mem')))::text || 'B', true);
             ALTER TABLE wattwise_index.documents_{number} ADD PRIMARY KEY (position);
             ALTER TABLE wattwise_index.texts_{number} ADD PRIMARY KEY (position);
             ALTER TABLE wattwise_index.chunks_{number} ADD PRIMARY KEY (row);
             CREATE INDEX ON wattwise_index.chunks_{number} (digest);
             ALTER TABLE wattwise_index.vectors_{number} ADD PRIMARY KEY (row);
             ALTER TABLE wattwise_index.exact_{number} ADD PRIMARY KEY (row);
             ALTER TABLE wattwise_index.postings_{number} ADD PRIMARY KEY (term);",
            memory = memory.min(MOST_MEMORY),
        );
        if dimension <= MOST_DIMENSIONS {
            steps.push_str(&format!(
                "CREATE INDEX ON wattwise_index.vectors_{number} USING hnsw
                     ((near::halfvec({dimension})) halfvec_ip_ops);"
            ));
        } else {
            tracing::warn!(
                dimension,
                "vectors of so many values get no graph in the database: every question looks at every row"
            );
        }
        for name in PARTED {
            steps.push_str(&format!(
                "ANALYZE wattwise_index.{name}_{number};
                 ALTER TABLE wattwise_index.{name} ATTACH PARTITION wattwise_index.{name}_{number}
                     FOR VALUES IN ({number});"
            ));
        }
        steps
    }

    /// What is left once the rows are there: the word that it is live, and the commit.
    async fn finish(
        mut self,
        id: &GenerationId,
        (manifest, manifest_digest): (Vec<u8>, String),
    ) -> Result<(), TablesError> {
        let steps = self.steps();
        self.lease.batch(&steps).await?;
        let digests = serde_json::to_string(&self.digests).expect("digests are plain text");
        self.lease
            .execute(
                "INSERT INTO wattwise_index.generations
                     (number, id, manifest, manifest_digest, moments, digests)
                 VALUES ($1, $2, $3, $4, $5, $6)",
                &[
                    &self.number,
                    &id.as_str(),
                    &manifest,
                    &manifest_digest,
                    &self.contents.moments,
                    &digests,
                ],
            )
            .await?;
        make_live(&mut self.lease, id).await?;
        Ok(self.lease.commit().await?)
    }
}

/// Makes a generation that is there the live one, and says so, once the transaction ends.
pub(super) async fn make_live(lease: &mut Lease, id: &GenerationId) -> Result<(), TablesError> {
    lease
        .execute(
            "INSERT INTO wattwise_index.live
             SELECT 1, number FROM wattwise_index.generations WHERE id = $1
             ON CONFLICT (one) DO UPDATE SET generation = excluded.generation",
            &[&id.as_str()],
        )
        .await?;
    lease
        .execute("SELECT pg_notify($1, $2)", &[&CHANNEL, &id.as_str()])
        .await?;
    Ok(())
}

fn encode<T: serde::Serialize>(value: &T) -> Result<Vec<u8>, SnapshotError> {
    codec::encode(value).map_err(|error| {
        SnapshotError::Index(crate::index::IndexError::Away {
            reason: error.to_string(),
        })
    })
}

/// A text of the database holds no NUL.
fn without_nul(text: &str) -> Vec<u8> {
    text.bytes().filter(|byte| *byte != 0).collect()
}
