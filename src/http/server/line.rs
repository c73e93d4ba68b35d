//! A connection as the requests on it know it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use tokio::sync::Notify;

use super::activity::{Activity, Arriving};
use crate::http::budget::Holder;

/// The other end of the connection.
#[derive(Clone)]
pub(in crate::http) struct Peer {
    /// Its address.
    pub(in crate::http) address: SocketAddr,
    /// Whether it speaks TLS with us.
    pub(in crate::http) secure: bool,
    /// The connection.
    pub(in crate::http) line: Arc<Line>,
}

/// What the requests of one connection share.
pub(in crate::http) struct Line {
    pub(super) activity: Activity,
    cut: Notify,
    /// Bytes of replies that the client has not taken.
    unread: AtomicUsize,
    most_unread: usize,
    taken: Notify,
}

impl Line {
    pub(super) fn new(most_unread: usize) -> Arc<Self> {
        Arc::new(Self {
            activity: Activity::new(),
            cut: Notify::new(),
            unread: AtomicUsize::new(0),
            most_unread,
            taken: Notify::new(),
        })
    }

    /// Ends the connection.
    pub(in crate::http) fn cut(&self) {
        // It is kept until somebody waits for it.
        self.cut.notify_one();
    }

    /// Returns when the connection must end.
    pub(super) async fn must_end(&self) {
        self.cut.notified().await;
    }

    /// A request's body is on its way as long as the returned value lives.
    pub(in crate::http) fn arriving(&self) -> Arriving {
        self.activity.arriving()
    }

    /// Counts bytes that the client has yet to take.
    pub(in crate::http) fn leave_unread(&self, bytes: usize) {
        self.unread.fetch_add(bytes, Ordering::Relaxed);
    }

    /// The client took so many.
    pub(in crate::http) fn take(&self, bytes: usize) {
        let before = self.unread.fetch_sub(bytes, Ordering::Relaxed);
        if before >= self.most_unread {
            self.taken.notify_waiters();
        }
    }

    /// Waits until the client has taken enough of the replies that it asked for before.
    pub(in crate::http) async fn is_read(&self) {
        loop {
            let taken = self.taken.notified();
            if self.unread.load(Ordering::Relaxed) < self.most_unread {
                return;
            }
            taken.await;
        }
    }
}

impl Holder for Line {
    fn idle_since(&self) -> Option<Instant> {
        self.activity.idle_since()
    }

    fn give_up(&self) {
        self.cut();
    }
}
