//! What every handler can reach.

use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use super::ServerLimits;
use super::budget::Budget;
use super::cors::Cors;
use super::host::KnownHosts;
use super::permits::Permits;
use super::rate::RateLimiter;
use crate::assistant::Assistant;
use crate::assistant::access::Access;
use crate::assistant::admin::Admin;
use crate::mcp::Endpoint;
use crate::runtime::trace::TraceSink;

/// Gives the figures of operation as Prometheus text.
pub(super) type Figures = Arc<dyn Fn() -> String + Send + Sync>;

/// What the application is made of.
pub(crate) struct Parts {
    /// The use cases.
    pub assistant: Arc<Assistant>,
    /// Who may call.
    pub access: Arc<Access>,
    /// What callers may cost.
    pub limits: ServerLimits,
    /// Other sites whose pages may call, as browsers write them: `https://app.example.org`.
    pub cors_origins: Vec<String>,
    /// By what names the server may be called while it asks for no key; by any without them.
    pub known_hosts: Option<KnownHosts>,
    /// The operator's view; without it there is nothing under `/admin`.
    pub admin: Option<Admin>,
    /// Whether texts under `/v1` end with a list of their sources, where a request does not say.
    pub lists_sources: bool,
    /// Without them `/metrics` tells of the generation alone.
    pub figures: Option<Figures>,
    /// Who is told of each request that has ended.
    pub traces: Option<TraceSink>,
    /// How many servers share the state, and what each client may send.
    pub servers: Arc<AtomicU32>,
}

/// Shared by all requests; cheap to clone.
#[derive(Clone)]
pub(crate) struct AppState {
    shared: Arc<Shared>,
}

struct Shared {
    mcp: Endpoint,
    parts: Parts,
    permits: Arc<Permits>,
    arriving: Arc<Budget>,
    unread: Arc<Budget>,
    rate: Option<RateLimiter>,
    cors: Option<Cors>,
}

impl AppState {
    /// Puts the parts together.
    pub(crate) fn new(parts: Parts) -> Self {
        let limits = &parts.limits;
        Self {
            shared: Arc::new(Shared {
                mcp: Endpoint::new(Arc::clone(&parts.assistant), limits.max_body_bytes),
                permits: Permits::new(limits.max_concurrent_requests),
                arriving: Budget::new(limits.max_arriving_bytes, "slow_body"),
                unread: Budget::new(limits.max_unread_bytes, "unread_reply"),
                rate: RateLimiter::new(limits.requests_per_minute, Arc::clone(&parts.servers)),
                cors: Cors::new(&parts.cors_origins),
                parts,
            }),
        }
    }

    pub(super) fn assistant(&self) -> &Arc<Assistant> {
        &self.shared.parts.assistant
    }

    pub(super) fn access(&self) -> &Access {
        &self.shared.parts.access
    }

    pub(super) fn admin(&self) -> Option<&Admin> {
        self.shared.parts.admin.as_ref()
    }

    pub(super) fn limits(&self) -> &ServerLimits {
        &self.shared.parts.limits
    }

    /// Whether texts under `/v1` end with a list of their sources.
    pub(super) fn lists_sources(&self) -> bool {
        self.shared.parts.lists_sources
    }

    pub(super) fn traces(&self) -> Option<&TraceSink> {
        self.shared.parts.traces.as_ref()
    }

    pub(super) fn figures(&self) -> Option<&Figures> {
        self.shared.parts.figures.as_ref()
    }

    /// The Model Context Protocol.
    pub(super) fn mcp(&self) -> &Endpoint {
        &self.shared.mcp
    }

    /// Places for requests being worked on.
    pub(super) fn permits(&self) -> &Arc<Permits> {
        &self.shared.permits
    }

    /// Bodies on their way.
    pub(super) fn arriving(&self) -> &Arc<Budget> {
        &self.shared.arriving
    }

    /// Replies that wait for their clients.
    pub(super) fn unread(&self) -> &Arc<Budget> {
        &self.shared.unread
    }

    /// By what names the server may be called while it asks for no key.
    pub(super) fn known_hosts(&self) -> Option<&KnownHosts> {
        self.shared.parts.known_hosts.as_ref()
    }

    /// Which other sites' pages may call.
    pub(super) fn cors(&self) -> Option<&Cors> {
        self.shared.cors.as_ref()
    }

    /// How often each client may come.
    pub(super) fn rate(&self) -> Option<&RateLimiter> {
        self.shared.rate.as_ref()
    }
}
