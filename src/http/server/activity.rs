//! Whether a connection still asks for anything.
//!
//! A client of HTTP/2 can keep its connection for ever by answering pings, without a request, or
//! with a reply that it never takes. The server works while a handler runs or a reply's next part
//! is being made; all other time is the client's, and it has only so much of it.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::http::Response;
use hyper::body::{Frame, SizeHint};
use tokio::time::Instant;

/// What the requests of one connection are doing.
#[derive(Debug, Clone)]
pub(super) struct Activity(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    /// Requests that wait for us, or for their own body.
    working: usize,
    /// Those of them that wait for their body.
    arriving: usize,
    /// When one of them last ended, or began to wait.
    since: Instant,
    /// Replies that have not been handed over whole.
    owed: usize,
    /// Those of them that are made while they are sent.
    streams: usize,
}

impl Activity {
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new(State {
            working: 0,
            arriving: 0,
            since: Instant::now(),
            owed: 0,
            streams: 0,
        })))
    }

    /// Ends when the client has asked for nothing and taken nothing for `timeout`.
    pub(super) async fn idle(&self, timeout: Duration) {
        loop {
            let end = {
                let state = self.lock();
                let end = state.since + timeout;
                if state.working > 0 {
                    Instant::now() + timeout
                } else if end <= Instant::now() {
                    return;
                } else {
                    end
                }
            };
            tokio::time::sleep_until(end).await;
        }
    }

    /// Since when all that could go on waits for the client.
    pub(super) fn idle_since(&self) -> Option<std::time::Instant> {
        let state = self.lock();
        (state.working <= state.arriving).then(|| state.since.into_std())
    }

    /// Whether the client waits for a reply that needs nothing more of it and soon is there.
    pub(super) fn owes_a_reply(&self) -> bool {
        let state = self.lock();
        state.owed > 0 && state.streams == 0 && state.arriving == 0
    }

    /// A request waits for its body as long as the returned value lives.
    pub(super) fn arriving(&self) -> Arriving {
        let mut state = self.lock();
        state.arriving += 1;
        state.since = Instant::now();
        Arriving(self.clone())
    }

    /// Counts the making of a reply and of its body as work.
    pub(super) fn watch<E, F>(
        &self,
        reply: F,
    ) -> impl Future<Output = Result<Response<WatchedBody>, E>> + use<E, F>
    where
        F: Future<Output = Result<Response<Body>, E>>,
    {
        let work = self.begin();
        let mut owed = self.owe();
        let activity = self.clone();
        async move {
            let reply = reply.await?;
            drop(work);
            if reply.body().size_hint().exact().is_none() {
                owed.becomes_stream();
            }
            Ok(reply.map(|body| WatchedBody {
                body,
                activity,
                work: None,
                _owed: owed,
            }))
        }
    }

    fn owe(&self) -> Owed {
        self.lock().owed += 1;
        Owed {
            activity: self.clone(),
            is_stream: false,
        }
    }

    fn begin(&self) -> Work {
        self.lock().working += 1;
        Work(self.clone())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The client waits for us as long as this lives.
#[derive(Debug)]
struct Work(Activity);

impl Drop for Work {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.working -= 1;
        state.since = Instant::now();
    }
}

/// A reply is owed as long as this lives.
#[derive(Debug)]
struct Owed {
    activity: Activity,
    is_stream: bool,
}

impl Owed {
    fn becomes_stream(&mut self) {
        self.is_stream = true;
        self.activity.lock().streams += 1;
    }
}

impl Drop for Owed {
    fn drop(&mut self) {
        let mut state = self.activity.lock();
        state.owed -= 1;
        state.streams -= usize::from(self.is_stream);
    }
}

/// A body is on its way as long as this lives.
#[derive(Debug)]
pub(in crate::http) struct Arriving(Activity);

impl Drop for Arriving {
    fn drop(&mut self) {
        self.0.lock().arriving -= 1;
    }
}

/// A reply's body whose making counts as work while somebody waits for it.
#[derive(Debug)]
pub(super) struct WatchedBody {
    body: Body,
    activity: Activity,
    work: Option<Work>,
    _owed: Owed,
}

impl HttpBody for WatchedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let work = match self.work.take() {
            Some(work) => work,
            None => self.activity.begin(),
        };
        let frame = Pin::new(&mut self.body).poll_frame(context);
        self.work = frame.is_pending().then_some(work);
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures::{FutureExt as _, StreamExt as _, stream};
    use tokio::sync::oneshot;

    use super::*;

    const MOMENT: Duration = Duration::from_millis(1);

    async fn becomes_idle(activity: &Activity) -> bool {
        tokio::select! {
            () = activity.idle(MOMENT) => true,
            () = tokio::time::sleep(50 * MOMENT) => false,
        }
    }

    #[tokio::test]
    async fn a_connection_is_idle_only_while_the_client_is_to_blame() {
        let activity = Activity::new();
        activity.idle(MOMENT).await;

        let (finish_head, head) = oneshot::channel();
        let (finish_part, part) = oneshot::channel::<&str>();
        let reply = activity.watch(async {
            let body = stream::once(part).map(|part| part.map(Bytes::from));
            head.await.unwrap();
            Ok::<_, Infallible>(Response::new(Body::from_stream(body)))
        });
        assert!(!becomes_idle(&activity).await, "the handler is at work");
        finish_head.send(()).unwrap();
        let mut body = reply.await.unwrap().into_body();
        activity.idle(MOMENT).await;

        let mut next = std::future::poll_fn(|context| Pin::new(&mut body).poll_frame(context));
        assert!((&mut next).now_or_never().is_none());
        assert!(!becomes_idle(&activity).await, "the body is being made");
        finish_part.send("part").unwrap();
        assert!(next.await.unwrap().is_ok());
        // The end is there, and nobody asks for it.
        activity.idle(MOMENT).await;
    }

    #[tokio::test]
    async fn a_request_that_is_given_up_is_no_work() {
        let activity = Activity::new();
        let never = activity.watch(std::future::pending::<Result<_, Infallible>>());
        assert!(!becomes_idle(&activity).await);
        drop(never);
        activity.idle(MOMENT).await;
    }
}
