//! What is published, and which of it is live.

use super::layout::PARTED;
use super::publish::{begin, make_live};
use super::{TablesError, layout};
use crate::model::GenerationId;
use crate::postgres::{Database, Lease};

/// Generations in the tables.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Published {
    /// What answers.
    pub(super) live: Option<GenerationId>,
    /// All, newest first.
    pub(super) all: Vec<GenerationId>,
}

/// Looks once; [`TablesError::Nothing`] where there are no tables.
pub(super) async fn look(database: &Database) -> Result<Published, TablesError> {
    let mut lease = database.lease("see what is published").await?;
    layout::check(&mut lease, database.place()).await?;
    read(&mut lease).await
}

async fn read(lease: &mut Lease) -> Result<Published, TablesError> {
    let rows = lease
        .rows(
            "SELECT g.id, l.one IS NOT NULL FROM wattwise_index.generations g
             LEFT JOIN wattwise_index.live l ON l.generation = g.number ORDER BY g.id DESC",
            &[],
        )
        .await?;
    let mut published = Published::default();
    for row in rows {
        let (id, is_live): (&str, bool) = (row.get(0), row.get(1));
        let Some(id) = GenerationId::parse(id) else {
            continue;
        };
        if is_live {
            published.live = Some(id.clone());
        }
        published.all.push(id);
    }
    Ok(published)
}

/// That nobody has published since `seen` was live.
pub(super) async fn still_live(
    lease: &mut Lease,
    place: &str,
    seen: Option<&GenerationId>,
) -> Result<(), TablesError> {
    let now = read(lease).await?.live;
    match now {
        Some(now) if Some(&now) != seen => Err(TablesError::Moved {
            place: place.to_owned(),
            now: now.to_string(),
        }),
        _ => Ok(()),
    }
}

/// Makes a published generation the live one, for everybody.
pub(super) async fn roll_back(database: &Database, id: &GenerationId) -> Result<(), TablesError> {
    let mut lease = begin(database).await?;
    if !read(&mut lease).await?.all.contains(id) {
        return Err(TablesError::NoGeneration {
            place: database.place().to_owned(),
            generation: id.to_string(),
        });
    }
    make_live(&mut lease, id).await?;
    Ok(lease.commit().await?)
}

/// Deletes all but the live generation and the newest `keep` others. Says which.
pub(super) async fn prune(
    database: &Database,
    keep: usize,
) -> Result<Vec<GenerationId>, TablesError> {
    let mut lease = begin(database).await?;
    let published = read(&mut lease).await?;
    let others = published.all.iter();
    let others = others.filter(|id| Some(*id) != published.live.as_ref());
    let gone: Vec<GenerationId> = others.skip(keep).cloned().collect();
    for id in &gone {
        let row = lease
            .row(
                "DELETE FROM wattwise_index.generations WHERE id = $1 RETURNING number",
                &[&id.as_str()],
            )
            .await?;
        let Some(number) = row.map(|row| row.get::<_, i32>(0)) else {
            continue;
        };
        let tables = PARTED.map(|name| format!("wattwise_index.{name}_{number}"));
        let drop = format!("DROP TABLE IF EXISTS {}", tables.join(", "));
        lease.batch(&drop).await?;
    }
    lease.commit().await?;
    Ok(gone)
}
