//! The server loop: connections in, requests to the application, an orderly end.
//!
//! Every wait on a client is bounded: the TLS handshake and the first bytes, each request's head,
//! a connection that asks nothing, and, in the application, the rest of a request.

mod activity;
mod connection;
mod tls;
mod write_deadline;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::Request;
use axum::response::Response;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;

use super::ServerLimits;
use connection::Connection;

pub use tls::{Tls, TlsError, TlsFiles};

/// After an error of the listener, such as no file descriptors left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What answers requests; cloned for each connection.
pub trait Answers: Clone + Send + Sync + 'static {
    /// The reply, whatever happens.
    fn answer(&self, request: Request) -> impl Future<Output = Response> + Send + use<Self>;
}

/// Serves `application` on `listener`, over TLS if there is an identity for it, until `shutdown` is
/// ready, then lets running requests finish for [`ServerLimits::drain_timeout`] and cuts the rest.
pub async fn serve(
    listener: TcpListener,
    application: impl Answers,
    limits: ServerLimits,
    tls: Option<Arc<Tls>>,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let address = listener.local_addr()?;
    let slots = Arc::new(Semaphore::new(limits.max_connections));
    let (close, closing) = watch::channel(());
    let mut connections = JoinSet::new();
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let (stream, peer, slot) = tokio::select! {
            () = &mut shutdown => break,
            // Finished connections are collected as they end.
            Some(_) = connections.join_next() => continue,
            accepted = accept(&listener, &slots) => accepted,
        };
        let connection = Connection {
            peer,
            application: application.clone(),
            limits,
            tls: tls.clone(),
            closing: closing.clone(),
        };
        connections.spawn(async move {
            connection.serve(stream).await;
            drop(slot);
        });
    }
    drop(listener);
    tracing::info!(server.address = %address, connections = connections.len(), "shutting down");
    // Tells every connection to finish what it does and take nothing new.
    drop(close);
    let ended = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(limits.drain_timeout, ended)
        .await
        .is_err()
    {
        tracing::warn!(
            connections = connections.len(),
            "cutting connections that did not end in time"
        );
        connections.shutdown().await;
    }
    Ok(())
}

/// Waits for a slot, then for a connection; errors are logged and waited out.
async fn accept(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
) -> (TcpStream, SocketAddr, OwnedSemaphorePermit) {
    let slot = Arc::clone(slots)
        .acquire_owned()
        .await
        .expect("the semaphore is never closed");
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                // Replies are written whole; waiting to fill a packet only delays them.
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(%error, "a connection broke before it began");
                }
                return (stream, peer, slot);
            }
            // The client's own affair: it left before it was served.
            Err(error) if is_of_connection(&error) => {
                tracing::debug!(%error, "a connection was not accepted");
            }
            Err(error) => {
                tracing::warn!(%error, "no connection can be accepted at the moment");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

fn is_of_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    [ConnectionAborted, ConnectionRefused, ConnectionReset].contains(&error.kind())
}

#[cfg(test)]
mod tests;
