//! One connection: which protocol it speaks, its requests, and when it must end.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use futures::FutureExt as _;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulConnection;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;

use super::Answers;
use super::half_closed::HalfClosed;
use super::line::{Line, Peer};
use super::tls::{self, Tls};
use super::write_deadline::WriteDeadline;
use crate::http::ServerLimits;

/// What a client that speaks HTTP/2 at once says first.
pub(super) const HTTP2_PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Between two looks at a preface that has come in part; looking is all a socket offers.
const PREFACE_POLL: Duration = Duration::from_millis(20);

/// Requests at once on one connection of HTTP/2: what RFC 9113 (6.5.2) calls the least to allow.
const MAX_STREAMS: u32 = 100;

/// hyper panics below this.
const MIN_BUFFER_BYTES: usize = 8192;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Protocol {
    Http1,
    Http2,
}

/// What serving one connection needs.
pub(super) struct Connection<A> {
    pub(super) peer: SocketAddr,
    pub(super) application: A,
    pub(super) limits: ServerLimits,
    pub(super) tls: Option<Arc<Tls>>,
    pub(super) line: Arc<Line>,
    /// Changes, or closes, when the server shuts down.
    pub(super) closing: watch::Receiver<()>,
}

impl<A: Answers> Connection<A> {
    /// Serves the connection until it ends or must end.
    pub(super) async fn serve(self, stream: TcpStream) {
        let line = Arc::clone(&self.line);
        tokio::select! {
            () = self.run(stream) => {}
            () = line.must_end() => tracing::debug!("a connection made room for others"),
        }
    }

    async fn run(mut self, stream: TcpStream) {
        let timeout = self.limits.write_timeout;
        let deadline = |stream| WriteDeadline::new(stream, timeout);
        let result = if let Some(tls) = self.tls.clone() {
            let handshake = tls.accept(deadline(stream)).map(log_failure);
            match self.in_time(handshake).await {
                Some(stream) if tls::chose_http2(&stream) => self.serve_http2(stream).await,
                Some(stream) => self.serve_http1(stream).await,
                None => Ok(()),
            }
        } else {
            match self.in_time(detect(&stream)).await {
                Some(Protocol::Http1) => self.serve_http1(deadline(stream)).await,
                Some(Protocol::Http2) => self.serve_http2(deadline(stream)).await,
                None => Ok(()),
            }
        };
        if let Err(error) = result {
            tracing::debug!(%error, "a connection ended early");
        }
    }

    /// The start of a connection, unless it takes too long or the server shuts down.
    async fn in_time<T>(&mut self, start: impl Future<Output = Option<T>>) -> Option<T> {
        tokio::select! {
            started = tokio::time::timeout(self.limits.first_bytes_timeout, start) => started.ok()?,
            _ = self.closing.changed() => None,
        }
    }

    async fn serve_http1(self, stream: impl Stream) -> hyper::Result<()> {
        let activity = &self.line.activity;
        let service = service_fn(|request| activity.watch(self.call(request)));
        let stream = HalfClosed::new(stream, Arc::clone(&self.line));
        let most_bytes = usize::try_from(self.limits.max_header_bytes).unwrap_or(usize::MAX);
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.limits.header_timeout)
            .max_buf_size(most_bytes.max(MIN_BUFFER_BYTES))
            .serve_connection(TokioIo::new(stream), service);
        // hyper itself ends one that waits too long for a head.
        let never = std::future::pending();
        let closing = self.closing.clone();
        drive(connection, closing, never, self.limits.write_timeout).await
    }

    /// hyper's pings find clients that are gone; the activity those that answer and ask nothing.
    async fn serve_http2(self, stream: impl Stream) -> hyper::Result<()> {
        let activity = &self.line.activity;
        let service = service_fn(|request| activity.watch(self.call(request)));
        let connection = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .max_header_list_size(self.limits.max_header_bytes)
            .max_concurrent_streams(MAX_STREAMS)
            .keep_alive_interval(self.limits.header_timeout)
            .keep_alive_timeout(self.limits.header_timeout)
            .serve_connection(TokioIo::new(stream), service);
        let idle = activity.idle(self.limits.header_timeout);
        let closing = self.closing.clone();
        drive(connection, closing, idle, self.limits.write_timeout).await
    }

    fn call(
        &self,
        request: hyper::Request<Incoming>,
    ) -> impl Future<Output = Result<Response, Infallible>> + Send + use<A> {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(Peer {
            address: self.peer,
            secure: self.tls.is_some(),
            line: Arc::clone(&self.line),
        });
        self.application.answer(request).map(Ok)
    }
}

/// What a connection runs over.
trait Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send + 'static> Stream for T {}

/// Runs a connection to its end. One that is idle gets `farewell` to finish what it does.
async fn drive(
    connection: impl GracefulConnection<Error = hyper::Error>,
    mut closing: watch::Receiver<()>,
    idle: impl Future<Output = ()>,
    farewell: Duration,
) -> hyper::Result<()> {
    let mut connection = pin!(connection);
    tokio::select! {
        result = &mut connection => return result,
        _ = closing.changed() => {
            connection.as_mut().graceful_shutdown();
            return connection.await;
        }
        () = idle => connection.as_mut().graceful_shutdown(),
    }
    let ended = tokio::time::timeout(farewell, connection).await;
    ended.unwrap_or(Ok(()))
}

/// Looks at the first bytes without taking them; `None` if the client leaves. The builder that
/// detects the protocol itself would wait for ever here.
async fn detect(stream: &TcpStream) -> Option<Protocol> {
    let mut seen = [0; HTTP2_PREFACE.len()];
    loop {
        let length = stream.peek(&mut seen).await.ok()?;
        match &seen[..length] {
            [] => return None,
            whole if whole == HTTP2_PREFACE => return Some(Protocol::Http2),
            part if HTTP2_PREFACE.starts_with(part) => tokio::time::sleep(PREFACE_POLL).await,
            _ => return Some(Protocol::Http1),
        }
    }
}

fn log_failure<T>(handshake: io::Result<T>) -> Option<T> {
    handshake
        .inspect_err(|error| tracing::debug!(%error, "a TLS handshake failed"))
        .ok()
}
