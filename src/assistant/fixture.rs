//! A whole assistant over a tiny generation and a fake embedder, for tests of the layers above.

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures::executor::block_on;

use super::admin::{Admin, AdminParts};
use super::{Assistant, AssistantParts};
use crate::embed::Embedder;
use crate::index::hnsw::HnswParameters;
use crate::retrieve::RetrievalParameters;
use crate::runtime::cpu_pool;
use crate::snapshot::live::Live;
use crate::snapshot::write::write;
use crate::snapshot::{current, open};
use crate::store::questions::QuestionStore;
use crate::store::sqlite::SqliteStore;
use crate::store::{SessionLimits, SessionStore};

#[path = "../../tests/it/fake_embedder.rs"]
pub(crate) mod fake_embedder;
#[path = "../../tests/it/tiny_generation.rs"]
pub(crate) mod tiny_generation;

/// An operator's view of what [`assistant`] made in `directory`.
pub(crate) fn admin(directory: &Path, assistant: &Assistant, store: &Arc<SqliteStore>) -> Admin {
    Admin::new(AdminParts {
        published_at: None,
        index: directory.join("index"),
        live: Arc::clone(&assistant.search.live),
        reload_now: Arc::default(),
        questions: Arc::clone(store) as Arc<dyn QuestionStore>,
        question_log: Some(Duration::from_hours(24)),
    })
}

/// An assistant that keeps its index and its state below `directory`, and its store.
pub(crate) fn assistant(directory: &Path) -> (Arc<Assistant>, Arc<SqliteStore>) {
    let embedder = Arc::new(fake_embedder::HashEmbedder::named("fake"));
    assistant_with(directory, embedder)
}

/// The same with an embedder of the test's own.
pub(crate) fn assistant_with(
    directory: &Path,
    embedder: Arc<dyn Embedder>,
) -> (Arc<Assistant>, Arc<SqliteStore>) {
    let (parts, store) = parts_with(directory, embedder);
    (Arc::new(Assistant::new(parts)), store)
}

/// What such an assistant is made of.
pub(crate) fn parts_with(
    directory: &Path,
    embedder: Arc<dyn Embedder>,
) -> (AssistantParts, Arc<SqliteStore>) {
    let index = directory.join("index");
    let contents = block_on(tiny_generation::contents(6, embedder.as_ref()));
    let pool = cpu_pool::build("fixture", NonZeroUsize::MIN);
    let id = write(&index, &contents, HnswParameters::default(), &pool).unwrap();
    current::publish(&index, &id).unwrap();
    let (generation, _) = open::open_usable(&index, 64).unwrap();
    let store =
        Arc::new(SqliteStore::open(&directory.join("state"), SessionLimits::default()).unwrap());
    let parts = AssistantParts::new(
        Arc::clone(&store) as Arc<dyn SessionStore>,
        Arc::new(Live::new(generation)),
        embedder,
        RetrievalParameters::default(),
    );
    (parts, store)
}
