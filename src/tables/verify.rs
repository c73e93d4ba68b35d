//! Whether the tables of a generation are what was published.

use super::TablesError;
use super::catalogue::{Entry, agree, damaged, each, entry, open, reading};
use super::digests::Running;
use super::layout::PARTED;
use crate::index::part_writer::PackedVectors;
use crate::model::{GenerationId, dot};
use crate::postgres::{Database, Lease};
use crate::snapshot::Manifest;

/// Vectors of half precision are as near as this to what they are rounded from.
const SAME: f32 = 0.999;

/// Reads every row and compares its tables' digests; says what was published, and in how many tables.
pub(super) async fn verify(
    database: &Database,
    id: &GenerationId,
) -> Result<(Manifest, usize), TablesError> {
    // Documents, chunks and terms are checked there.
    open(database, id).await?;
    let mut lease = reading(database).await?;
    let entry = entry(&mut lease, database.place(), id).await?;
    texts(&lease, id, &entry).await?;
    vectors(&lease, id, &entry).await?;
    postings(&lease, id, &entry).await?;
    let graph = "SELECT count(*) FROM pg_catalog.pg_index i
        JOIN pg_catalog.pg_class c ON c.oid = i.indrelid
        JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = 'wattwise_index' AND NOT i.indisvalid AND c.relname = ANY($1)";
    let tables: Vec<String> = PARTED
        .iter()
        .map(|name| format!("{name}_{}", entry.number))
        .collect();
    let row = lease.row(graph, &[&tables]).await?;
    if row.is_some_and(|row| row.get::<_, i64>(0) > 0) {
        return Err(damaged(
            id,
            "vectors",
            "an index of its tables is not valid; REINDEX it",
        ));
    }
    lease.commit().await?;
    Ok((entry.manifest, PARTED.len()))
}

async fn texts(lease: &Lease, id: &GenerationId, entry: &Entry) -> Result<(), TablesError> {
    let mut digest = Running::default();
    let statement = format!(
        "SELECT packed FROM wattwise_index.texts_{} ORDER BY position",
        entry.number
    );
    each(lease, &statement, |row| {
        digest.add(row.get(0));
        Ok(())
    })
    .await?;
    agree(id, "texts", &digest, &entry.digests.texts)
}

async fn vectors(lease: &Lease, id: &GenerationId, entry: &Entry) -> Result<(), TablesError> {
    let (mut digest, dimension) = (Running::default(), entry.manifest.embedder.dimension);
    let statement = format!(
        "SELECT x.vector, x.sentences, x.words, v.near::float4[]
         FROM wattwise_index.exact_{0} x LEFT JOIN wattwise_index.vectors_{0} v USING (row)
         ORDER BY row",
        entry.number
    );
    each(lease, &statement, |row| {
        let (vector, sentences, words): (&[u8], &[u8], &[u8]) =
            (row.get(0), row.get(1), row.get(2));
        for bytes in [vector, sentences, words] {
            digest.add(bytes);
        }
        let packed = PackedVectors::from_bytes(dimension, vector, sentences, words);
        let packed = packed.ok_or_else(|| damaged(id, "exact", "a row has another length"))?;
        let near: Vec<f32> = row.get::<_, Option<Vec<f32>>>(3).unwrap_or_default();
        if near.len() == dimension && dot(packed.vector(), &near) >= SAME {
            return Ok(());
        }
        Err(damaged(id, "vectors", "a vector is not the one of its row"))
    })
    .await?;
    agree(id, "exact", &digest, &entry.digests.exact)
}

async fn postings(lease: &Lease, id: &GenerationId, entry: &Entry) -> Result<(), TablesError> {
    let mut digest = Running::default();
    let statement = format!(
        "SELECT term, rows, weights, documents, document_weights
         FROM wattwise_index.postings_{} ORDER BY term",
        entry.number
    );
    each(lease, &statement, |row| {
        digest.add(row.get::<_, &str>(0).as_bytes());
        digest.numbers(&row.get::<_, Vec<i32>>(1));
        digest.values(&row.get::<_, Vec<f32>>(2));
        digest.numbers(&row.get::<_, Vec<i32>>(3));
        digest.values(&row.get::<_, Vec<f32>>(4));
        Ok(())
    })
    .await?;
    agree(id, "postings", &digest, &entry.digests.postings)
}
