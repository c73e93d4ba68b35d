use axum::Router;
use axum::routing::get;
use futures::FutureExt;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::oneshot;
use tower::ServiceExt;

use super::connection::HTTP2_PREFACE;
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

impl Answers for Router {
    fn answer(&self, request: Request) -> impl Future<Output = Response> + Send + use<> {
        let reply = self.clone().oneshot(request);
        reply.map(|reply| reply.unwrap())
    }
}

async fn start(router: Router, limits: ServerLimits) -> Running {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel();
    let server = tokio::spawn(serve(listener, router, limits, None, async {
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
        write_timeout: SHORT,
        ..long_limits()
    };
    let running = start(router, limits).await;
    let mut deaf = TcpStream::connect(running.address).await.unwrap();
    deaf.write_all(b"GET /large HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .unwrap();
    // Without the deadline it could go on for ever.
    while deaf.write_all(b"x").await.is_ok() {
        tokio::time::sleep(SHORT / 10).await;
    }
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
    let gate = Arc::new(tokio::sync::Semaphore::new(0));
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

#[tokio::test]
async fn a_client_that_answers_pings_and_asks_nothing_is_cut() {
    let limits = ServerLimits {
        header_timeout: SHORT,
        write_timeout: SHORT,
        ..long_limits()
    };
    let running = start(hello(), limits).await;
    let stream = TcpStream::connect(running.address).await.unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .unwrap();
    let connection = tokio::spawn(connection);
    let request = hyper::Request::new(axum::body::Body::empty());
    assert!(
        sender
            .send_request(request)
            .await
            .unwrap()
            .status()
            .is_success()
    );
    // It would go on for ever otherwise: the client answers every ping.
    let _ = connection.await.unwrap();
    assert!(sender.is_closed());
}
