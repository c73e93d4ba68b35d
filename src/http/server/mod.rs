//! The server loop: connections in, requests to the application, an orderly end.
//!
//! Every wait on a client is bounded: the TLS handshake and the first bytes, each request's head,
//! a connection that asks nothing, and, in the application, the rest of a request.

mod activity;
mod connection;
mod descriptors;
mod half_closed;
mod line;
mod tls;
mod write_deadline;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::Request;
use axum::response::Response;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::budget::{Budget, Holder, Share};
use super::rate::Client;
use super::{ServerLimits, metrics};
use connection::Connection;

pub(super) use line::{Line, Peer};
pub use tls::TlsError;
pub(crate) use tls::{Tls, TlsFiles};

/// After an error of the listener, such as no file descriptors left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Between two warnings about it.
const WARNING_PAUSE: Duration = Duration::from_mins(1);

/// Between two looks for a connection that is no longer at work.
const ROOM_PAUSE: Duration = Duration::from_millis(20);

/// What answers requests; cloned for each connection.
pub(crate) trait Answers: Clone + Send + Sync + 'static {
    /// The reply, whatever happens.
    fn answer(&self, request: Request) -> impl Future<Output = Response> + Send + use<Self>;
}

/// Serves `application` on `listener`, over TLS if there is an identity for it, until `shutdown` is
/// ready, then lets running requests finish for [`ServerLimits::drain_timeout`] and cuts the rest.
pub(crate) async fn serve(
    listener: TcpListener,
    application: impl Answers,
    limits: ServerLimits,
    tls: Option<Arc<Tls>>,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let address = listener.local_addr()?;
    let most =
        descriptors::most_connections(limits.max_connections, limits.max_concurrent_requests);
    let mut door = Door {
        listener,
        open: Budget::new(most, "connections"),
        most_unread: limits.max_unread_bytes_per_connection,
        waiting: None,
        warned: None,
    };
    let (close, closing) = watch::channel(());
    let mut connections = JoinSet::new();
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let Guest {
            stream,
            peer,
            line,
            place,
        } = tokio::select! {
            () = &mut shutdown => break,
            // Finished connections are collected as they end.
            Some(_) = connections.join_next() => continue,
            accepted = door.accept() => accepted,
        };
        let connection = Connection {
            peer,
            application: application.clone(),
            limits,
            tls: tls.clone(),
            line,
            closing: closing.clone(),
        };
        let open = Arc::clone(&door.open);
        connections.spawn(async move {
            metrics::connections(open.used());
            connection.serve(stream).await;
            drop(place);
            metrics::connections(open.used());
        });
    }
    drop(door);
    tracing::info!(server.address = %address, connections = connections.len(), "shutting down");
    // Tells every connection to finish what it does and take nothing new.
    drop(close);
    drain(connections, limits.drain_timeout).await;
    Ok(())
}

/// Lets connections end, and cuts those that do not.
async fn drain(mut connections: JoinSet<()>, most: Duration) {
    let ended = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(most, ended).await.is_err() {
        tracing::warn!(
            connections = connections.len(),
            "cutting connections that did not end in time"
        );
        connections.shutdown().await;
    }
}

/// Where connections come in.
struct Door {
    listener: TcpListener,
    open: Arc<Budget>,
    most_unread: usize,
    /// Has come and finds no place yet.
    waiting: Option<Guest>,
    warned: Option<Instant>,
}

/// A connection that has come in.
struct Guest {
    stream: TcpStream,
    peer: SocketAddr,
    line: Arc<Line>,
    place: Share,
}

impl Door {
    /// Waits for a connection, and for a place for it where all others are at work. Who stops
    /// waiting here loses none.
    async fn accept(&mut self) -> Guest {
        loop {
            let Some(guest) = self.waiting.take() else {
                let (stream, peer) = self.next().await;
                self.waiting = Some(self.welcome(stream, peer));
                continue;
            };
            if guest.place.make_room() {
                return guest;
            }
            self.waiting = Some(guest);
            tokio::time::sleep(ROOM_PAUSE).await;
        }
    }

    /// Errors are logged and waited out.
    async fn next(&mut self) -> (TcpStream, SocketAddr) {
        loop {
            match self.listener.accept().await {
                Ok(accepted) => return accepted,
                // The client's own affair: it left before it was served.
                Err(error) if is_of_connection(&error) => {
                    tracing::debug!(%error, "a connection was not accepted");
                }
                Err(error) => {
                    self.warn(&error);
                    // One that is idle has what the next one needs.
                    self.open.give_one_up();
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    fn welcome(&self, stream: TcpStream, peer: SocketAddr) -> Guest {
        // Replies are written whole; waiting to fill a packet only delays them.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection broke before it began");
        }
        let line = Line::new(self.most_unread);
        let holder = Arc::clone(&line) as Arc<dyn Holder>;
        Guest {
            stream,
            peer,
            place: self.open.open(Client::at(Some(peer.ip())), holder, 1),
            line,
        }
    }

    fn warn(&mut self, error: &io::Error) {
        let is_due = |warned: Instant| warned.elapsed() > WARNING_PAUSE;
        if self.warned.is_none_or(is_due) {
            self.warned = Some(Instant::now());
            tracing::warn!(%error, "no connection can be accepted at the moment: {error}");
        }
    }
}

fn is_of_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    [ConnectionAborted, ConnectionRefused, ConnectionReset].contains(&error.kind())
}

#[cfg(test)]
mod tests;
