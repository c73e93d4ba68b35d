//! Whether a request may come in: who is calling, from what page, and what they may do, how often.
//! Nothing here waits. A place among the requests under way is taken later, when the body is there.

use std::time::Instant;

use axum::body::HttpBody as _;
use axum::extract::Request;
use axum::http::{HeaderMap, Method, header};
use axum::response::Response;

use super::auth::find_key;
use super::error::ApiError;
use super::host::lacks_its_host;
use super::rate::{Client, Verdict};
use super::route::{HEALTH_PATHS, Known, Takes};
use super::server::Peer;
use super::site::Site;
use super::{AppState, body, metrics};
use crate::assistant::access::Caller;
use crate::model::KeyId;
use crate::runtime::clock::now;

/// Routes that are open without a key only to callers of this machine.
const ADMIN: &str = "/admin/";

/// What is decided about a request before it is routed.
pub(super) struct Entry {
    /// Why it is turned away, if it is.
    pub(super) outcome: Result<(), ApiError>,
    /// Whom it is counted for.
    pub(super) client: Client,
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
    /// Looks at a request, and tells it who is calling. `route` is what it leads to. Health checks
    /// need no key and are not turned away.
    pub(super) fn of(state: &AppState, route: Option<&Known>, request: &mut Request) -> Self {
        let peer = request.extensions().get::<Peer>();
        let mut entry = Self {
            outcome: Ok(()),
            client: Client::at(peer.map(|peer| peer.address.ip())),
            marks: Marks::default(),
        };
        entry.outcome = if lacks_its_host(request) {
            Err(ApiError::NotOneHost)
        } else if HEALTH_PATHS.contains(&request.uri().path()) {
            Ok(())
        } else {
            check_page(state, route, request).and_then(|site| {
                if route.is_some_and(|route| route.is_open) {
                    return Ok(());
                }
                entry.identify(state, route, request)?;
                check_type(&site, route, request)
            })
        };
        entry
    }

    /// Who is calling, how often, and whether they may.
    fn identify(
        &mut self,
        state: &AppState,
        route: Option<&Known>,
        request: &mut Request,
    ) -> Result<(), ApiError> {
        let access = state.access();
        let caller = if access.needs_key() {
            find_key(request.headers(), |key| access.identify(key, now()))
        } else {
            Some(Caller::OPERATOR)
        };
        if let Some(caller) = caller.filter(|_| access.needs_key()) {
            self.client = Client::Holder(caller.owner);
        }
        self.marks = Marks {
            verdict: state
                .rate()
                .map(|rate| rate.take(self.client, Instant::now())),
            key: caller.and_then(|caller| caller.key),
        };
        if self.marks.verdict.is_some_and(|verdict| !verdict.allowed) {
            metrics::shed("rate");
            return Err(ApiError::TooManyRequests);
        }
        let caller = caller.ok_or(ApiError::NotAuthenticated)?;
        let is_admins = route.is_some_and(|route| route.path.starts_with(ADMIN));
        if is_admins && !access.needs_key() && state.known_hosts().is_none() {
            return Err(ApiError::AdminNeedsKey);
        }
        request.extensions_mut().insert(caller);
        match route.and_then(|route| route.scope) {
            Some(scope) if !caller.scopes.allow(scope) => {
                let scope = scope.as_str();
                Err(ApiError::Forbidden { scope })
            }
            Some(_) | None => Ok(()),
        }
    }
}

/// Whether a browser's page may have sent it: by which name it calls the server, and of which site
/// it is.
fn check_page(
    state: &AppState,
    route: Option<&Known>,
    request: &Request,
) -> Result<Site, ApiError> {
    let needs_key = state.access().needs_key();
    if !needs_key
        && let Some(hosts) = state.known_hosts()
        && let Some(host) = hosts.stranger(request)
    {
        return Err(ApiError::UnknownHost { host });
    }
    let is_page = route.is_some_and(|route| route.scope.is_none());
    match Site::of(request, state.cors(), is_page) {
        // A page knows no key; but a password of Basic is sent by the browser itself.
        Site::Foreign(origin)
            if (!needs_key || has_basic(request.headers())) && !brings_nothing(request) =>
        {
            Err(ApiError::ForeignSite { origin })
        }
        site @ (Site::Own | Site::Named | Site::Foreign(_)) => Ok(site),
    }
}

/// Whether a request could come from a program that names some origin, as the original application
/// lets it, and leaves nothing behind: a question about methods, or one without any content that no
/// browser marks as sent by a page.
fn brings_nothing(request: &Request) -> bool {
    let is_empty = request.uri().query().is_none() && request.body().is_end_stream();
    let is_marked = request.headers().contains_key("sec-fetch-site");
    request.method() == Method::OPTIONS
        || (request.method() == Method::POST && is_empty && !is_marked)
}

/// A page of any site can send a body without a type and is not stopped by its browser.
fn check_type(site: &Site, route: Option<&Known>, request: &Request) -> Result<(), ApiError> {
    let is_exempt = match route.map(|route| route.takes) {
        None | Some(Takes::Nothing) => true,
        Some(Takes::Json { untyped }) => untyped && *site == Site::Own,
    };
    if is_exempt || request.method() != Method::POST || body::is_said_to_be_json(request) {
        return Ok(());
    }
    Err(ApiError::NotJson)
}

fn has_basic(headers: &HeaderMap) -> bool {
    headers
        .get_all(header::AUTHORIZATION)
        .iter()
        .any(|value| matches!(value.as_bytes().get(..6), Some(scheme) if scheme.eq_ignore_ascii_case(b"basic ")))
}
