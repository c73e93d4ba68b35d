//! What a server does beside answering.

use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use tokio::task::JoinHandle;

use crate::assistant::access::Access;
use crate::assistant::answer_cache::AnswerCache;
use crate::assistant::upkeep::{Retention, count_servers, delete_old, follow};
use crate::store::shared::StateStore;

/// Tasks that go on until they are aborted.
pub(super) struct Upkeep {
    pub(super) tasks: [JoinHandle<()>; 3],
    /// How many servers share the store.
    pub(super) servers: Arc<AtomicU32>,
}

impl Upkeep {
    /// Deletes what is old, follows what others change, and counts the servers.
    pub(super) fn begin(
        store: &Arc<dyn StateStore>,
        access: &Arc<Access>,
        answers: Option<&Arc<AnswerCache>>,
        retention: Retention,
    ) -> Self {
        let servers = Arc::new(AtomicU32::new(1));
        let answers = answers.cloned();
        let deletion = delete_old(
            Arc::clone(store) as _,
            Arc::clone(store) as _,
            answers.clone(),
            retention,
        );
        let changes = follow(Arc::clone(access), answers, Arc::clone(store) as _);
        let counting = count_servers(Arc::clone(store) as _, Arc::clone(&servers));
        Self {
            tasks: [
                tokio::spawn(deletion),
                tokio::spawn(changes),
                tokio::spawn(counting),
            ],
            servers,
        }
    }
}
