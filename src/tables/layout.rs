//! The tables, and what the database must have for them.

use super::TablesError;
use crate::postgres::{Database, DatabaseError, Lease};

/// Version of the tables. An index can always be made again, so there are no steps between versions.
const LAYOUT: i32 = 1;

/// The oldest pgvector that goes on looking while a filter takes hits away.
const VECTOR_NEEDED: (u32, u32) = (0, 8);
const VECTOR_NEEDED_WORDS: &str = "0.8";

/// Tables that have a partition for each generation.
pub(super) const PARTED: [&str; 7] = [
    "documents",
    "texts",
    "chunks",
    "vectors",
    "exact",
    "postings",
    "spellings",
];

/// `near` is searched, `exact` is computed with. Values that do not get smaller are stored as they are.
const TABLES: &str = "
    CREATE TABLE wattwise_index.generations (
        number int4 PRIMARY KEY,
        id text NOT NULL UNIQUE,
        manifest bytea NOT NULL,
        manifest_digest text NOT NULL,
        moments bytea NOT NULL,
        digests text NOT NULL,
        published_at timestamptz NOT NULL DEFAULT clock_timestamp()
    );
    CREATE SEQUENCE wattwise_index.numbers AS int4;
    CREATE TABLE wattwise_index.live (
        one int4 PRIMARY KEY CHECK (one = 1),
        generation int4 NOT NULL REFERENCES wattwise_index.generations
    );
    CREATE TABLE wattwise_index.notes (
        name text PRIMARY KEY,
        bytes bytea NOT NULL,
        written_at timestamptz NOT NULL
    );
    CREATE TABLE wattwise_index.documents (
        generation int4 NOT NULL, position int4 NOT NULL, id text NOT NULL, source text NOT NULL,
        record bytea NOT NULL, text_bytes int8 NOT NULL
    ) PARTITION BY LIST (generation);
    CREATE TABLE wattwise_index.texts (
        generation int4 NOT NULL, position int4 NOT NULL, packed bytea NOT NULL
    ) PARTITION BY LIST (generation);
    CREATE TABLE wattwise_index.chunks (
        generation int4 NOT NULL, row int4 NOT NULL, id text NOT NULL, document int4 NOT NULL,
        record bytea NOT NULL, digest bytea NOT NULL
    ) PARTITION BY LIST (generation);
    CREATE TABLE wattwise_index.vectors (
        generation int4 NOT NULL, row int4 NOT NULL, near halfvec NOT NULL
    ) PARTITION BY LIST (generation);
    CREATE TABLE wattwise_index.exact (
        generation int4 NOT NULL, row int4 NOT NULL, document int4 NOT NULL,
        vector bytea NOT NULL, sentences bytea NOT NULL,
        words bytea NOT NULL
    ) PARTITION BY LIST (generation);
    CREATE TABLE wattwise_index.postings (
        generation int4 NOT NULL, term text COLLATE \"C\" NOT NULL, held int4 NOT NULL,
        rows int4[] NOT NULL, weights float4[] NOT NULL,
        documents int4[] NOT NULL, document_weights float4[] NOT NULL
    ) PARTITION BY LIST (generation);
    CREATE TABLE wattwise_index.spellings (
        generation int4 NOT NULL, word text NOT NULL, often int4 NOT NULL
    ) PARTITION BY LIST (generation);
    ALTER TABLE wattwise_index.texts ALTER packed SET STORAGE EXTERNAL;
    ALTER TABLE wattwise_index.exact ALTER vector SET STORAGE EXTERNAL,
        ALTER sentences SET STORAGE EXTERNAL, ALTER words SET STORAGE EXTERNAL;
    ALTER TABLE wattwise_index.postings ALTER rows SET STORAGE EXTERNAL,
        ALTER weights SET STORAGE EXTERNAL, ALTER documents SET STORAGE EXTERNAL,
        ALTER document_weights SET STORAGE EXTERNAL;
";

/// The number under which one run at a time publishes: "Watt" in the upper half, apart from those of the
/// state.
pub(super) const PUBLISHER: i64 = (0x5761_7474 << 32) | 0x11;

/// Makes the tables where there are none, inside the transaction of `lease`. The publisher's lock is held.
pub(super) async fn ensure(lease: &mut Lease, place: &str) -> Result<(), TablesError> {
    if let Err(error) = check_extension(lease, place).await {
        if !matches!(error, TablesError::NoExtension { .. }) {
            return Err(error);
        }
        let has = "SELECT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'vector')";
        if !lease.row(has, &[]).await?.is_some_and(|row| row.get(0)) {
            return Err(error);
        }
        match lease.batch("CREATE EXTENSION vector").await {
            Err(DatabaseError::NoRight { .. }) => return Err(error),
            made => made?,
        }
        check_extension(lease, place).await?;
    }
    match version(lease).await? {
        None => {
            let is_there = "SELECT EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = 'wattwise_index')";
            let row = lease.row(is_there, &[]).await?;
            if !row.is_some_and(|row| row.get(0)) {
                lease.batch("CREATE SCHEMA wattwise_index").await?;
            }
            let layout = format!(
                "{TABLES}
                 CREATE TABLE wattwise_index.layout (
                     one int4 PRIMARY KEY CHECK (one = 1), version int4 NOT NULL
                 );
                 INSERT INTO wattwise_index.layout VALUES (1, {LAYOUT})"
            );
            Ok(lease.batch(&layout).await?)
        }
        Some(found) => known(found, place),
    }
}

/// That there are tables which this program knows; [`TablesError::Nothing`] where there are none.
pub(super) async fn check(lease: &mut Lease, place: &str) -> Result<(), TablesError> {
    match version(lease).await? {
        None => Err(TablesError::Nothing {
            place: place.to_owned(),
        }),
        Some(found) => known(found, place),
    }
}

fn known(found: i32, place: &str) -> Result<(), TablesError> {
    if found == LAYOUT {
        return Ok(());
    }
    Err(TablesError::Layout {
        place: place.to_owned(),
        found,
        known: LAYOUT,
    })
}

async fn version(lease: &mut Lease) -> Result<Option<i32>, DatabaseError> {
    let there = "SELECT EXISTS (SELECT FROM pg_catalog.pg_class c
        JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = 'wattwise_index' AND c.relname = 'layout')";
    if !lease.row(there, &[]).await?.is_some_and(|row| row.get(0)) {
        return Ok(None);
    }
    let row = lease
        .row("SELECT version FROM wattwise_index.layout", &[])
        .await?;
    Ok(row.map(|row| row.get(0)))
}

async fn check_extension(lease: &mut Lease, place: &str) -> Result<(), TablesError> {
    let asked = "SELECT extversion FROM pg_catalog.pg_extension WHERE extname = 'vector'";
    let (place, needed) = (place.to_owned(), VECTOR_NEEDED_WORDS);
    let Some(row) = lease.row(asked, &[]).await? else {
        return Err(TablesError::NoExtension { place, needed });
    };
    let found: String = row.get(0);
    if is_new_enough(&found) {
        return Ok(());
    }
    Err(TablesError::OldExtension {
        place,
        found,
        needed,
    })
}

fn is_new_enough(version: &str) -> bool {
    let mut numbers = version
        .split('.')
        .map(|part| part.parse::<u32>().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) >= VECTOR_NEEDED
}

/// Gives a role what a server needs to answer: it may read what is published, now and later, and write
/// nothing.
pub async fn grant(database: &Database, role: &str) -> Result<(), TablesError> {
    let role = format!("\"{}\"", role.replace('"', "\"\""));
    let mut lease = database.lease("grant rights").await?;
    check(&mut lease, database.place()).await?;
    let all = format!(
        "BEGIN;
         GRANT USAGE ON SCHEMA wattwise_index TO {role};
         GRANT SELECT ON ALL TABLES IN SCHEMA wattwise_index TO {role};
         ALTER DEFAULT PRIVILEGES IN SCHEMA wattwise_index GRANT SELECT ON TABLES TO {role};
         COMMIT"
    );
    Ok(lease.batch(&all).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        for (version, expected) in [
            ("0.8.0", true),
            ("0.10", true),
            ("1.0", true),
            ("0.7.4", false),
            ("x", false),
        ] {
            assert_eq!(is_new_enough(version), expected, "{version}");
        }
    }
}
