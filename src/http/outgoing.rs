//! A reply on its way to a client that may not read it.
//!
//! What waits is counted to the byte: each piece that is given out keeps its count until nobody
//! holds it any more, in whatever buffer it lies. A reply that is made while it is sent takes a
//! place among the requests under way only while a part of it is being made.

use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes, HttpBody};
use axum::response::Response;
use hyper::body::{Frame, SizeHint};
use tokio::sync::oneshot;

use super::AppState;
use super::budget::{Holder, Share};
use super::permits::Permit;
use super::rate::Client;
use super::server::Line;
use super::trace::Trace;

/// Bytes given out at once: what fills a frame of HTTP/2.
const PIECE_BYTES: usize = 16 << 10;

/// What a reply costs beside its body: the request's and the stream's state. Measured, about.
const REPLY_BYTES: usize = 16 << 10;

/// Marks a reply whose body lies in the program once for all.
#[derive(Debug, Clone, Copy)]
pub(super) struct SharedBody;

/// Counts the reply as waiting for its client until it is taken. `permit` is the place on which it
/// was made.
pub(super) fn watch(
    state: &AppState,
    client: Client,
    line: Option<&Arc<Line>>,
    permit: Option<Permit>,
    mut response: Response,
) -> Response {
    let length = response.body().size_hint().exact();
    let is_shared = response.extensions().get::<SharedBody>().is_some();
    let counted = length.filter(|_| !is_shared).unwrap_or(0);
    let counted = usize::try_from(counted).unwrap_or(usize::MAX);
    let taking = Arc::new(Taking::begin(line.cloned()));
    let holder = Arc::clone(&taking) as Arc<dyn Holder>;
    let share = state.unread().open(client, holder, REPLY_BYTES + counted);
    // What is larger than all that may wait is sent all the same, alone.
    share.make_room();
    let waiting = Arc::new(Waiting { taking, share });
    waiting.taking.count(REPLY_BYTES + counted);
    let trace = response.extensions_mut().remove::<Arc<Trace>>();
    response.map(|body| {
        Body::new(Outgoing {
            body,
            rest: Bytes::new(),
            counted,
            is_shared,
            waiting,
            _trace: trace,
            work: length.is_none().then(|| Work {
                state: state.clone(),
                client,
                permit,
                next: None,
            }),
        })
    })
}

/// How a client takes a reply.
struct Taking {
    line: Option<Arc<Line>>,
    /// Milliseconds from the first reply of all to when this one last went on, and once more where
    /// it is being made.
    last: AtomicU64,
    counted: std::sync::atomic::AtomicUsize,
}

/// For time in an atomic.
static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// In the place of a time: the client waits for us.
const AT_WORK: u64 = u64::MAX;

impl Taking {
    fn begin(line: Option<Arc<Line>>) -> Self {
        let taking = Self {
            line,
            last: AtomicU64::new(0),
            counted: 0.into(),
        };
        taking.goes_on();
        taking
    }

    fn goes_on(&self) {
        let millis = START.elapsed().as_millis();
        let millis = u64::try_from(millis).unwrap_or(AT_WORK - 1);
        self.last.store(millis, Ordering::Relaxed);
    }

    fn is_made(&self) {
        self.last.store(AT_WORK, Ordering::Relaxed);
    }

    fn count(&self, bytes: usize) {
        self.counted.fetch_add(bytes, Ordering::Relaxed);
        if let Some(line) = &self.line {
            line.leave_unread(bytes);
        }
    }

    fn uncount(&self, bytes: usize) {
        self.counted.fetch_sub(bytes, Ordering::Relaxed);
        if let Some(line) = &self.line {
            line.take(bytes);
        }
    }
}

impl Holder for Taking {
    fn idle_since(&self) -> Option<Instant> {
        let last = self.last.load(Ordering::Relaxed);
        (last != AT_WORK).then(|| *START + Duration::from_millis(last))
    }

    fn give_up(&self) {
        if let Some(line) = &self.line {
            line.cut();
        }
    }
}

/// What of a reply has not been taken; lives as long as a piece of it.
struct Waiting {
    taking: Arc<Taking>,
    share: Share,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.taking
            .uncount(self.taking.counted.load(Ordering::Relaxed));
    }
}

/// Bytes given out, whoever holds them now.
struct Piece {
    bytes: Bytes,
    counted: usize,
    waiting: Arc<Waiting>,
}

impl AsRef<[u8]> for Piece {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        // The last one gives back the whole share at once.
        if self.counted > 0 && Arc::strong_count(&self.waiting) > 1 {
            self.waiting.share.shrink(self.counted);
            self.waiting.taking.uncount(self.counted);
        }
    }
}

/// The making of a reply while it is sent.
struct Work {
    state: AppState,
    client: Client,
    permit: Option<Permit>,
    next: Option<oneshot::Receiver<Permit>>,
}

impl Work {
    /// Waits for a place to make the next part on.
    fn poll_place(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if self.permit.is_none() && self.next.is_none() {
            self.permit = self.state.permits().take(self.client, 0);
        }
        if self.permit.is_some() {
            return Poll::Ready(());
        }
        let (permits, client) = (self.state.permits(), self.client);
        let next = self.next.get_or_insert_with(|| permits.wait(client));
        // Its other end lives as long as the permits, which `state` keeps.
        self.permit = ready!(Pin::new(next).poll(context)).ok();
        self.next = None;
        Poll::Ready(())
    }
}

/// The body of a reply.
struct Outgoing {
    body: Body,
    /// Of the frame that is being given out.
    rest: Bytes,
    /// Bytes of the body that are counted and not given out.
    counted: usize,
    is_shared: bool,
    waiting: Arc<Waiting>,
    work: Option<Work>,
    /// Ends with the reply.
    _trace: Option<Arc<Trace>>,
}

impl Outgoing {
    fn give_out(&mut self, bytes: Bytes) -> Bytes {
        if self.is_shared {
            return bytes;
        }
        let length = bytes.len();
        let before = length.min(self.counted);
        self.counted -= before;
        if length > before {
            self.waiting.share.grow(length - before);
            self.waiting.taking.count(length - before);
            self.waiting.share.make_room();
        }
        Bytes::from_owner(Piece {
            bytes,
            counted: length,
            waiting: Arc::clone(&self.waiting),
        })
    }
}

impl HttpBody for Outgoing {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.rest.is_empty() {
            self.waiting.taking.is_made();
            if let Some(work) = &mut self.work {
                ready!(work.poll_place(context));
            }
            let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
            if let Some(work) = &mut self.work {
                work.permit = None;
            }
            self.waiting.taking.goes_on();
            match frame.map(|frame| frame.map(Frame::into_data)) {
                Some(Ok(Ok(bytes))) => self.rest = self.give_out(bytes),
                Some(Ok(Err(other))) => return Poll::Ready(Some(Ok(other))),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
        }
        self.waiting.taking.goes_on();
        let length = self.rest.len().min(PIECE_BYTES);
        let piece = self.rest.split_to(length);
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let rest = self.rest.len() as u64;
        let body = self.body.size_hint();
        let mut hint = SizeHint::new();
        hint.set_lower(body.lower() + rest);
        if let Some(upper) = body.upper() {
            hint.set_upper(upper + rest);
        }
        hint
    }
}
