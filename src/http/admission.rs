//! Whether a request may come in: who is calling and what they may do, how often, and how many at
//! once. Nothing here waits.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::Request;
use axum::response::Response;
use tokio::sync::OwnedSemaphorePermit;

use super::auth::find_key;
use super::error::ApiError;
use super::host::lacks_its_host;
use super::middleware::Peer;
use super::rate::{Client, Verdict};
use super::router::HEALTH_PATHS;
use super::{AppState, metrics};
use crate::assistant::access::Caller;
use crate::assistant::upkeep::now;
use crate::model::{KeyId, Scope};

/// What is decided about a request before it is routed.
pub(super) struct Entry {
    /// The permit to work on it; without one where none is needed. Else why it is turned away.
    pub(super) outcome: Result<Option<OwnedSemaphorePermit>, ApiError>,
    /// What its reply carries, whatever it is.
    pub(super) marks: Marks,
}

/// What the caller has to do with the reply.
#[derive(Default)]
pub(super) struct Marks {
    verdict: Option<Verdict>,
    key: Option<KeyId>,
}

/// The stored key that a request showed, for the log.
#[derive(Debug, Clone, Copy)]
pub(super) struct ShownKey(pub(super) KeyId);

impl Marks {
    pub(super) fn add(self, response: &mut Response) {
        if let Some(verdict) = self.verdict {
            verdict.add_headers(response.headers_mut());
        }
        if let Some(key) = self.key {
            response.extensions_mut().insert(ShownKey(key));
        }
    }
}

impl Entry {
    /// Looks at a request, and tells it who is calling. `route` is what it leads to, and what that
    /// asks of a key. Health checks need no key and are not turned away.
    pub(super) fn of(
        state: &AppState,
        route: Option<(&'static str, Option<Scope>)>,
        request: &mut Request,
    ) -> Self {
        if lacks_its_host(request) {
            return Self::refused(ApiError::NotOneHost);
        }
        if HEALTH_PATHS.contains(&request.uri().path()) {
            return Self {
                outcome: Ok(None),
                marks: Marks::default(),
            };
        }
        let access = state.access();
        if !access.needs_key()
            && let Some(hosts) = state.known_hosts()
            && let Some(host) = hosts.stranger(request)
        {
            return Self::refused(ApiError::UnknownHost { host });
        }
        let caller = if access.needs_key() {
            find_key(request.headers(), |key| access.identify(key, now()))
        } else {
            Some(Caller::OPERATOR)
        };
        let client = match caller {
            Some(caller) if access.needs_key() => Client::Holder(caller.owner),
            Some(_) | None => {
                let peer = request.extensions().get::<Peer>();
                Client::at(peer.map(|peer| peer.address.ip()))
            }
        };
        let verdict = state.rate().map(|rate| rate.take(client, Instant::now()));
        let outcome = match caller {
            _ if verdict.is_some_and(|verdict| !verdict.allowed) => {
                metrics::shed("rate");
                Err(ApiError::TooManyRequests)
            }
            None => Err(ApiError::NotAuthenticated),
            Some(caller) => {
                request.extensions_mut().insert(caller);
                admit(state, caller, route.and_then(|(_, scope)| scope)).map(Some)
            }
        };
        let key = caller.and_then(|caller| caller.key);
        Self {
            outcome,
            marks: Marks { verdict, key },
        }
    }

    fn refused(reason: ApiError) -> Self {
        Self {
            outcome: Err(reason),
            marks: Marks::default(),
        }
    }
}

fn admit(
    state: &AppState,
    caller: Caller,
    asked: Option<Scope>,
) -> Result<OwnedSemaphorePermit, ApiError> {
    if let Some(scope) = asked
        && !caller.scopes.allow(scope)
    {
        let scope = scope.as_str();
        return Err(ApiError::Forbidden { scope });
    }
    let permit = Arc::clone(state.permits()).try_acquire_owned();
    permit.map_err(|_| {
        metrics::shed("concurrency");
        ApiError::Busy
    })
}
