//! What a server holds of a generation, read when it is opened.

use std::path::Path;
use std::time::Duration;

use futures::TryStreamExt as _;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::TablesError;
use super::bridge::Bridge;
use super::dictionary::Dictionary;
use super::digests::{Digests, Running};
use super::rows::Remote;
use super::search::InTables;
use crate::codec;
use crate::index::moments::Moments;
use crate::model::{Chunk, Document, GenerationId};
use crate::postgres::{Database, Lease};
use crate::snapshot::elsewhere::Catalogue;
use crate::snapshot::{Generation, Manifest, SnapshotError};

/// A table may take so long to be read whole.
pub(super) const LIMIT: Duration = Duration::from_mins(30);

/// A generation's number, and what its row says.
pub(super) struct Entry {
    pub(super) number: i32,
    pub(super) manifest: Manifest,
    pub(super) moments: Vec<u8>,
    pub(super) digests: Digests,
}

/// What is wrong with a table of a generation.
pub(super) fn damaged(id: &GenerationId, table: &str, reason: &str) -> TablesError {
    SnapshotError::Damaged {
        generation: id.to_string(),
        file: format!("table {table}"),
        reason: reason.to_owned(),
    }
    .into()
}

/// Finds a generation and reads what is said of it.
pub(super) async fn entry(
    lease: &mut Lease,
    place: &str,
    id: &GenerationId,
) -> Result<Entry, TablesError> {
    let row = lease
        .row(
            "SELECT number, manifest, manifest_digest, moments, digests
             FROM wattwise_index.generations WHERE id = $1",
            &[&id.as_str()],
        )
        .await?;
    let row = row.ok_or_else(|| TablesError::NoGeneration {
        place: place.to_owned(),
        generation: id.to_string(),
    })?;
    let (json, digest): (&[u8], &str) = (row.get(1), row.get(2));
    let manifest = crate::snapshot::open::parse_manifest(id, json, digest)?;
    let digests = serde_json::from_str(row.get(4))
        .map_err(|error| damaged(id, "generations", &error.to_string()))?;
    Ok(Entry {
        number: row.get(0),
        manifest,
        moments: row.get(3),
        digests,
    })
}

/// A transaction that reads one moment, in which a statement may take long.
pub(super) async fn reading(database: &Database) -> Result<Lease, TablesError> {
    let mut lease = database.lease_within("read a generation", LIMIT).await?;
    lease.begin_reading().await?;
    lease
        .batch("SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = '30min'")
        .await?;
    Ok(lease)
}

/// All rows of a statement, one after the other.
pub(super) async fn each(
    lease: &Lease,
    statement: &str,
    mut each: impl FnMut(&Row) -> Result<(), TablesError>,
) -> Result<(), TablesError> {
    let none: [&(dyn ToSql + Sync); 0] = [];
    let rows = lease.query_raw(statement, none).await;
    let rows = rows.map_err(|error| lease.failed(&error))?;
    futures::pin_mut!(rows);
    while let Some(row) = rows
        .try_next()
        .await
        .map_err(|error| lease.failed(&error))?
    {
        each(&row)?;
    }
    Ok(())
}

/// Opens a generation: its catalogue is read and checked against its digests.
pub(super) async fn open(
    database: &Database,
    id: &GenerationId,
) -> Result<Generation, TablesError> {
    let mut lease = reading(database).await?;
    let entry = entry(&mut lease, database.place(), id).await?;
    let documents = documents(&lease, id, &entry).await?;
    let chunks = chunks(&lease, id, &entry).await?;
    let dictionary = dictionary(&lease, id, &entry, chunks.len()).await?;
    lease.commit().await?;
    let Entry {
        number,
        manifest,
        moments,
        ..
    } = entry;
    let moments = Moments::parse(Path::new("moments"), &moments)
        .map_err(|error| damaged(id, "generations", &error.to_string()))?;
    let dimension = manifest.embedder.dimension;
    let remote = Remote::new(database.clone(), Bridge::here(), number, dimension);
    let catalogue = Catalogue {
        manifest,
        documents,
        chunks,
    };
    let records = catalogue.into_records(Box::new(remote.clone()))?;
    let search = InTables::new(remote, dictionary);
    Ok(Generation::elsewhere(records, moments, Box::new(search)))
}

async fn documents(
    lease: &Lease,
    id: &GenerationId,
    entry: &Entry,
) -> Result<Vec<(Document, usize)>, TablesError> {
    const TABLE: &str = "documents";
    let (mut found, mut digest) = (Vec::new(), Running::default());
    let statement = format!(
        "SELECT record, text_bytes FROM wattwise_index.documents_{} ORDER BY position",
        entry.number
    );
    each(lease, &statement, |row| {
        let (record, length): (&[u8], i64) = (row.get(0), row.get(1));
        digest.add(record);
        digest.number(length);
        let document = codec::decode(record);
        let document = document.map_err(|error| damaged(id, TABLE, &error.to_string()))?;
        found.push((document, usize::try_from(length).unwrap_or(0)));
        Ok(())
    })
    .await?;
    agree(id, TABLE, &digest, &entry.digests.documents)?;
    Ok(found)
}

async fn chunks(
    lease: &Lease,
    id: &GenerationId,
    entry: &Entry,
) -> Result<Vec<Chunk>, TablesError> {
    const TABLE: &str = "chunks";
    let mut found = Vec::with_capacity(entry.manifest.counts.chunks.min(1 << 24));
    let mut digest = Running::default();
    let statement = format!(
        "SELECT record FROM wattwise_index.chunks_{} ORDER BY row",
        entry.number
    );
    each(lease, &statement, |row| {
        let record: &[u8] = row.get(0);
        digest.add(record);
        let chunk = codec::decode(record);
        found.push(chunk.map_err(|error| damaged(id, TABLE, &error.to_string()))?);
        Ok(())
    })
    .await?;
    agree(id, TABLE, &digest, &entry.digests.chunks)?;
    Ok(found)
}

async fn dictionary(
    lease: &Lease,
    id: &GenerationId,
    entry: &Entry,
    rows: usize,
) -> Result<Dictionary, TablesError> {
    const TABLE: &str = "postings";
    let (mut dictionary, mut digest) = (Dictionary::new(rows), Running::default());
    let statement = format!(
        "SELECT term, held FROM wattwise_index.postings_{} ORDER BY term",
        entry.number
    );
    each(lease, &statement, |row| {
        let (term, held): (&str, i32) = (row.get(0), row.get(1));
        digest.add(term.as_bytes());
        digest.number(held.into());
        dictionary.push(term, held.cast_unsigned());
        Ok(())
    })
    .await?;
    agree(id, TABLE, &digest, &entry.digests.terms)?;
    if !dictionary.is_sorted() {
        return Err(damaged(id, TABLE, "its terms are not in order"));
    }
    Ok(dictionary)
}

/// That what was read is what was published.
pub(super) fn agree(
    id: &GenerationId,
    table: &str,
    found: &Running,
    expected: &str,
) -> Result<(), TablesError> {
    if found.hex() == expected {
        return Ok(());
    }
    Err(damaged(id, table, "its BLAKE3 digest does not match"))
}
