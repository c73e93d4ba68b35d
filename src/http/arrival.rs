//! A request's body on its way. It takes none of the places for requests under way, and where too
//! much is on its way the slowest goes.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::body::{Body, BodyDataStream, Bytes, HttpBody as _};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Version, header};
use axum::response::Response;
use futures::{FutureExt as _, StreamExt as _};
use tokio::sync::Notify;

use super::budget::{Budget, Holder};
use super::error::ApiError;
use super::rate::Client;
use super::server::Line;
use super::{AppState, metrics};

/// A body over the limit is read and thrown away up to this many times the limit, so that a client
/// that sends before it listens gets to read the reply.
const DISCARDED_BODIES: usize = 16;

/// What a body on its way costs beside its bytes: the request's state. Measured, about.
const ARRIVAL_BYTES: usize = 16 << 10;

/// For a body that nobody reads: it is mostly on its way when its head is read.
const DISCARD_TIMEOUT: Duration = Duration::from_secs(1);

/// Waits, not long, until a body that nobody reads is past; whether it is. Requests of HTTP/2 have
/// a stream each.
pub(super) async fn is_past(state: &AppState, request: &mut Request, line: Option<&Line>) -> bool {
    if request.version() >= Version::HTTP_2 {
        return true;
    }
    let body = std::mem::take(request.body_mut());
    let max_bytes = state.limits().max_body_bytes;
    discard(body, request.headers(), max_bytes, line).await
}

/// Tells the client that its connection ends with this reply.
pub(super) fn last(mut response: Response) -> Response {
    let close = HeaderValue::from_static("close");
    response.headers_mut().insert(header::CONNECTION, close);
    response
}

/// Throws away a body that nobody reads, since over HTTP/1 the next request begins where it ends. False
/// if some of it is still to come: then no request can follow, and the reply must say so (RFC 9112,
/// section 9.3).
async fn discard(body: Body, headers: &HeaderMap, max_bytes: usize, line: Option<&Line>) -> bool {
    if body.is_end_stream() {
        return true;
    }
    let most = u64::try_from(max_bytes).unwrap_or(u64::MAX);
    // To read on would be to ask for it.
    if headers.contains_key(header::EXPECT) || body.size_hint().lower() > most {
        return false;
    }
    let _waits = line.map(Line::arriving);
    let mut chunks = body.into_data_stream();
    let rest = async {
        let mut left = max_bytes;
        while let Some(chunk) = chunks.next().await {
            match chunk.map(|bytes| left.checked_sub(bytes.len())) {
                Ok(Some(rest)) => left = rest,
                Ok(None) | Err(_) => return false,
            }
        }
        true
    };
    tokio::time::timeout(DISCARD_TIMEOUT, rest)
        .await
        .unwrap_or(false)
}

/// Waits until the body has come whole, within the limits of size and time, and gives the request
/// with it and its length.
pub(super) async fn arrive(
    request: Request,
    state: &AppState,
    client: Client,
    line: Option<&Line>,
) -> Result<(Request, usize), ApiError> {
    let limits = state.limits();
    let max_bytes = limits.max_body_bytes;
    let (head, body) = request.into_parts();
    if may_be_refused_unread(&head.headers, &body, max_bytes) {
        return Err(ApiError::BodyTooLarge { max_bytes });
    }
    let mut chunks = body.into_data_stream();
    let mut collected = Collected::new(max_bytes);
    // Most come in one packet with their head.
    while !collected.is_whole
        && let Some(chunk) = chunks.next().now_or_never()
    {
        collected.add(chunk)?;
    }
    if !collected.is_whole {
        let _waits = line.map(Line::arriving);
        let rest = collect_rest(&mut chunks, &mut collected, state.arriving(), client);
        tokio::time::timeout(limits.body_timeout, rest)
            .await
            .map_err(|_| ApiError::BodyTooSlow)??;
    }
    let bytes = collected.finish()?;
    let length = bytes.len();
    Ok((Request::from_parts(head, bytes.into()), length))
}

/// Waits for what is missing, unless others need the room.
async fn collect_rest(
    chunks: &mut BodyDataStream,
    collected: &mut Collected,
    budget: &Arc<Budget>,
    client: Client,
) -> Result<(), ApiError> {
    let arrival = Arc::new(Arrival::default());
    let holder = Arc::clone(&arrival) as Arc<dyn Holder>;
    let share = budget.open(client, holder, ARRIVAL_BYTES + collected.held());
    while !collected.is_whole {
        if !share.make_room() {
            metrics::shed("slow_body");
            return Err(ApiError::Busy);
        }
        let before = collected.held();
        tokio::select! {
            chunk = chunks.next() => collected.add(chunk)?,
            () = arrival.given_up.notified() => return Err(ApiError::BodyTooSlow),
        }
        arrival.goes_on();
        share.shrink(before);
        share.grow(collected.held());
    }
    Ok(())
}

/// How a body comes.
struct Arrival {
    last: Mutex<Instant>,
    given_up: Notify,
}

impl Default for Arrival {
    fn default() -> Self {
        Self {
            last: Mutex::new(Instant::now()),
            given_up: Notify::new(),
        }
    }
}

impl Arrival {
    fn goes_on(&self) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }
}

impl Holder for Arrival {
    fn idle_since(&self) -> Option<Instant> {
        Some(*self.last.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn give_up(&self) {
        self.given_up.notify_one();
    }
}

/// As much of a body as has come.
struct Collected {
    max_bytes: usize,
    first: Bytes,
    all: Vec<u8>,
    length: usize,
    is_whole: bool,
}

impl Collected {
    fn new(max_bytes: usize) -> Self {
        Self {
            max_bytes,
            first: Bytes::new(),
            all: Vec::new(),
            length: 0,
            is_whole: false,
        }
    }

    /// Takes the next part; none is the end.
    fn add(&mut self, chunk: Option<Result<Bytes, axum::Error>>) -> Result<(), ApiError> {
        let Some(chunk) = chunk else {
            self.is_whole = true;
            return Ok(());
        };
        // The client has gone or broke the framing; nobody may be there to read the reply.
        let chunk = chunk.map_err(|_| ApiError::UnreadableBody)?;
        self.length = self.length.saturating_add(chunk.len());
        if self.length > self.max_bytes {
            (self.first, self.all) = (Bytes::new(), Vec::new());
            let most = self.max_bytes.saturating_mul(DISCARDED_BODIES);
            self.is_whole = self.length > most;
        } else if self.length == chunk.len() {
            // One part, as most have, is not copied.
            self.first = chunk;
        } else {
            self.all.extend_from_slice(&std::mem::take(&mut self.first));
            self.all.extend_from_slice(&chunk);
        }
        Ok(())
    }

    /// Bytes of memory.
    fn held(&self) -> usize {
        self.first.len() + self.all.capacity()
    }

    fn finish(self) -> Result<Bytes, ApiError> {
        if self.length > self.max_bytes {
            let max_bytes = self.max_bytes;
            return Err(ApiError::BodyTooLarge { max_bytes });
        }
        Ok(if self.all.is_empty() {
            self.first
        } else {
            self.all.into()
        })
    }
}

/// A body declared too long need not be waited for if the client asked first, or if it is beyond
/// what would be thrown away.
fn may_be_refused_unread(headers: &HeaderMap, body: &Body, max_bytes: usize) -> bool {
    let declared = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    let asked_first = headers.contains_key(header::EXPECT);
    declared > max_bytes && (asked_first || declared > max_bytes.saturating_mul(DISCARDED_BODIES))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_declared_too_long_is_not_waited_for() {
        let unread = |length: usize, asked_first: bool| {
            let mut headers = HeaderMap::new();
            if asked_first {
                headers.insert(header::EXPECT, "100-continue".parse().unwrap());
            }
            may_be_refused_unread(&headers, &Body::from(vec![0; length]), 100)
        };
        assert!(!unread(100, true));
        assert!(unread(101, true));
        assert!(!unread(1600, false));
        assert!(unread(1601, false));
    }

    #[test]
    fn a_body_over_the_limit_is_refused_however_it_comes() {
        let collected = |chunks: usize| {
            let mut collected = Collected::new(100);
            for _ in 0..chunks {
                let chunk = Ok(Bytes::from_static(&[b' '; 10]));
                collected.add(Some(chunk)).unwrap();
            }
            collected
        };
        assert_eq!(collected(1).finish().unwrap(), [b' '; 10][..]);
        assert_eq!(collected(10).finish().unwrap(), [b' '; 100][..]);
        for (chunks, is_given_up) in [(11, false), (500, true)] {
            let collected = collected(chunks);
            assert_eq!((collected.is_whole, collected.held()), (is_given_up, 0));
            assert!(matches!(
                collected.finish(),
                Err(ApiError::BodyTooLarge { max_bytes: 100 })
            ));
        }
    }
}
