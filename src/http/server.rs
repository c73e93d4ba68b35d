//! The server loop: connections in, requests to the router, an orderly end.
//!
//! Every wait on a client is bounded: the first bytes, each request's head, and, in the router, the
//! rest of a request.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tower::util::MapRequest;

use super::ServerLimits;
use super::middleware::Peer;
use super::write_deadline::WriteDeadline;

/// What a client that speaks HTTP/2 at once says first.
const HTTP2_PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Between two looks at a preface that has come in part; looking is all a socket offers.
const PREFACE_POLL: Duration = Duration::from_millis(20);

/// After an error of the listener, such as no file descriptors left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves `router` on `listener` until `shutdown` is ready, then lets running requests finish for
/// [`ServerLimits::drain_timeout`] and cuts the rest.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    limits: ServerLimits,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let address = listener.local_addr()?;
    let slots = Arc::new(Semaphore::new(limits.max_connections));
    let graceful = GracefulShutdown::new();
    let (closing, closed) = tokio::sync::watch::channel(());
    let mut connections = JoinSet::new();
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let (stream, peer, slot) = tokio::select! {
            () = &mut shutdown => break,
            // Finished connections are collected as they end.
            Some(_) = connections.join_next() => continue,
            accepted = accept(&listener, &slots) => accepted,
        };
        let (router, watcher, mut closed) = (router.clone(), graceful.watcher(), closed.clone());
        connections.spawn(async move {
            let protocol = tokio::select! {
                protocol = detect(&stream, limits.first_bytes_timeout) => protocol,
                _ = closed.changed() => None,
            };
            if let Some(protocol) = protocol {
                serve_connection((stream, peer), protocol, router, &limits, watcher).await;
            }
            drop(slot);
        });
    }
    drop((listener, closing));
    tracing::info!(server.address = %address, connections = connections.len(), "shutting down");
    // Tells every connection to finish what it does and take nothing new.
    if tokio::time::timeout(limits.drain_timeout, graceful.shutdown())
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

/// hyper panics below this.
const MIN_BUFFER_BYTES: usize = 8192;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Protocol {
    Http1,
    Http2,
}

/// Looks at the first bytes without taking them; `None` if the client stays silent too long or
/// leaves. The builder that detects the protocol itself would wait for ever here.
async fn detect(stream: &TcpStream, timeout: Duration) -> Option<Protocol> {
    let mut seen = [0; HTTP2_PREFACE.len()];
    let look = async {
        loop {
            let length = stream.peek(&mut seen).await.ok()?;
            match &seen[..length] {
                [] => return None,
                whole if whole == HTTP2_PREFACE => return Some(Protocol::Http2),
                part if HTTP2_PREFACE.starts_with(part) => tokio::time::sleep(PREFACE_POLL).await,
                _ => return Some(Protocol::Http1),
            }
        }
    };
    tokio::time::timeout(timeout, look).await.ok().flatten()
}

async fn serve_connection(
    (stream, peer): (TcpStream, SocketAddr),
    protocol: Protocol,
    router: Router,
    limits: &ServerLimits,
    watcher: Watcher,
) {
    let stream = TokioIo::new(WriteDeadline::new(stream, limits.write_timeout));
    let service = TowerToHyperService::new(MapRequest::new(
        router,
        move |mut request: hyper::Request<Incoming>| {
            request.extensions_mut().insert(Peer(peer));
            request
        },
    ));
    let result = match protocol {
        Protocol::Http1 => {
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(limits.header_timeout)
                .max_buf_size(
                    usize::try_from(limits.max_header_bytes)
                        .unwrap_or(usize::MAX)
                        .max(MIN_BUFFER_BYTES),
                )
                .serve_connection(stream, service);
            watcher.watch(connection).await
        }
        Protocol::Http2 => {
            let connection = http2::Builder::new(TokioExecutor::new())
                .timer(TokioTimer::new())
                .max_header_list_size(limits.max_header_bytes)
                .keep_alive_interval(limits.header_timeout)
                .keep_alive_timeout(limits.header_timeout)
                .serve_connection(stream, service);
            watcher.watch(connection).await
        }
    };
    if let Err(error) = result {
        tracing::debug!(%error, "a connection ended early");
    }
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::sync::oneshot;

    use super::*;

    /// Small enough that a test which waits for it does not take long.
    const SHORT: Duration = Duration::from_millis(150);

    /// Long enough that no test lives to see it.
    const LONG: Duration = Duration::from_mins(10);

    struct Running {
        address: std::net::SocketAddr,
        stop: oneshot::Sender<()>,
        server: tokio::task::JoinHandle<io::Result<()>>,
    }

    async fn start(router: Router, limits: ServerLimits) -> Running {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let server = tokio::spawn(serve(listener, router, limits, async {
            let _ = stopped.await;
        }));
        Running {
            address,
            stop,
            server,
        }
    }

    fn long_limits() -> ServerLimits {
        ServerLimits {
            first_bytes_timeout: LONG,
            header_timeout: LONG,
            write_timeout: LONG,
            drain_timeout: LONG,
            ..ServerLimits::default()
        }
    }

    fn hello() -> Router {
        Router::new().route("/", get(|| async { "hello" }))
    }

    async fn exchange(address: std::net::SocketAddr, request: &[u8]) -> Vec<u8> {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(request).await.unwrap();
        let mut reply = Vec::new();
        // A reset ends the exchange as an end of the stream does.
        let _ = stream.read_to_end(&mut reply).await;
        reply
    }

    #[tokio::test]
    async fn a_silent_client_is_cut() {
        let limits = ServerLimits {
            first_bytes_timeout: SHORT,
            ..long_limits()
        };
        let running = start(hello(), limits).await;
        assert_eq!(exchange(running.address, b"").await, b"");
        assert_eq!(exchange(running.address, b"P").await, b"");
        assert_eq!(exchange(running.address, &HTTP2_PREFACE[..20]).await, b"");
    }

    #[tokio::test]
    async fn a_client_that_never_ends_its_head_is_cut() {
        let limits = ServerLimits {
            header_timeout: SHORT,
            ..long_limits()
        };
        let running = start(hello(), limits).await;
        exchange(running.address, b"GET / HTTP/1.1\r\nhost: x\r\nx-slow: ").await;
        // An idle kept-alive connection ends too; otherwise this would wait for ever.
        let reply = exchange(running.address, b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
        assert!(reply.ends_with(b"hello"));
    }

    #[tokio::test]
    async fn a_client_that_only_begins_to_speak_http2_is_cut() {
        let limits = ServerLimits {
            header_timeout: SHORT,
            ..long_limits()
        };
        let running = start(hello(), limits).await;
        let settings = b"\0\0\0\x04\0\0\0\0\0";
        // A head without its end: stream 1, one header, no END_HEADERS.
        let half_a_head = b"\0\0\x01\x01\0\0\0\0\x01\x82";
        for rest in [&b""[..], settings, &[&settings[..], half_a_head].concat()] {
            let opening = [&HTTP2_PREFACE[..], rest].concat();
            // It never answers the pings, so the exchange ends; otherwise this would not return.
            exchange(running.address, &opening).await;
        }
    }

    #[tokio::test]
    async fn a_client_that_does_not_read_is_cut() {
        let large = || async { vec![0_u8; 64 << 20] };
        let router = hello().route("/large", get(large));
        let limits = ServerLimits {
            max_connections: 1,
            write_timeout: SHORT,
            ..long_limits()
        };
        let running = start(router, limits).await;
        let mut deaf = TcpStream::connect(running.address).await.unwrap();
        deaf.write_all(b"GET /large HTTP/1.1\r\nhost: x\r\n\r\n")
            .await
            .unwrap();
        // The only slot is free again when the first client has lost it.
        let request = b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
        assert!(exchange(running.address, request).await.ends_with(b"hello"));
    }

    #[tokio::test]
    async fn an_oversized_head_is_refused() {
        let running = start(
            hello(),
            ServerLimits {
                max_header_bytes: 8192,
                ..long_limits()
            },
        )
        .await;
        let head = format!(
            "GET / HTTP/1.1\r\nhost: x\r\nx-big: {}\r\n\r\n",
            "a".repeat(20_000)
        );
        assert!(
            !exchange(running.address, head.as_bytes())
                .await
                .ends_with(b"hello")
        );
    }

    #[tokio::test]
    async fn connections_over_the_cap_wait_their_turn() {
        let running = start(
            hello(),
            ServerLimits {
                max_connections: 1,
                ..long_limits()
            },
        )
        .await;
        let first = TcpStream::connect(running.address).await.unwrap();
        let second = tokio::spawn(async move {
            exchange(
                running.address,
                b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
            )
            .await
        });
        tokio::task::yield_now().await;
        drop(first);
        assert!(second.await.unwrap().ends_with(b"hello"));
    }

    #[tokio::test]
    async fn a_shutdown_lets_running_requests_finish() {
        let (entered, mut running_requests) = tokio::sync::mpsc::channel(1);
        let gate = Arc::new(Semaphore::new(0));
        let handler_gate = Arc::clone(&gate);
        let router = Router::new().route(
            "/",
            get(move || async move {
                entered.send(()).await.unwrap();
                let _ = handler_gate.acquire().await.unwrap();
                "done"
            }),
        );
        let running = start(router, long_limits()).await;
        let idle = TcpStream::connect(running.address).await.unwrap();
        let request = tokio::spawn(exchange(
            running.address,
            b"GET / HTTP/1.1\r\nhost: x\r\n\r\n",
        ));
        running_requests.recv().await.unwrap();
        running.stop.send(()).unwrap();
        gate.add_permits(1);
        assert!(request.await.unwrap().ends_with(b"done"));
        running.server.await.unwrap().unwrap();
        drop(idle);
        assert!(TcpStream::connect(running.address).await.is_err());
    }

    #[tokio::test]
    async fn a_shutdown_does_not_wait_for_ever() {
        let (entered, mut running_requests) = tokio::sync::mpsc::channel(1);
        let endless = move || async move {
            entered.send(()).await.unwrap();
            std::future::pending::<()>().await;
        };
        let router = Router::new().route("/", get(endless));
        let running = start(
            router,
            ServerLimits {
                drain_timeout: SHORT,
                ..long_limits()
            },
        )
        .await;
        let request = tokio::spawn(exchange(
            running.address,
            b"GET / HTTP/1.1\r\nhost: x\r\n\r\n",
        ));
        running_requests.recv().await.unwrap();
        running.stop.send(()).unwrap();
        running.server.await.unwrap().unwrap();
        assert_eq!(request.await.unwrap(), b"");
    }
}
