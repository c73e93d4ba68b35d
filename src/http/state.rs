//! What every handler can reach.

use std::sync::Arc;

use tokio::sync::Semaphore;

use super::{ApiKey, ServerLimits};
use crate::assistant::Assistant;

/// Shared by all requests; cheap to clone.
#[derive(Clone)]
pub struct AppState {
    shared: Arc<Shared>,
}

struct Shared {
    assistant: Arc<Assistant>,
    key: Option<ApiKey>,
    limits: ServerLimits,
    permits: Semaphore,
}

impl AppState {
    /// With a `key`, every route but the health checks asks for it.
    pub fn new(assistant: Arc<Assistant>, key: Option<ApiKey>, limits: ServerLimits) -> Self {
        Self {
            shared: Arc::new(Shared {
                assistant,
                key,
                limits,
                permits: Semaphore::new(limits.max_concurrent_requests),
            }),
        }
    }

    pub(super) fn assistant(&self) -> &Assistant {
        &self.shared.assistant
    }

    pub(super) fn key(&self) -> Option<&ApiKey> {
        self.shared.key.as_ref()
    }

    pub(super) fn limits(&self) -> &ServerLimits {
        &self.shared.limits
    }

    /// One for each request being worked on.
    pub(super) fn permits(&self) -> &Semaphore {
        &self.shared.permits
    }
}
