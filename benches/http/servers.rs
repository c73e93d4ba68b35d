//! The servers that are measured, each a process of its own so that its CPU time is known.

use std::convert::Infallible;
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

/// Makes this program the bare server.
pub(crate) const HELLO: &str = "--hello";

/// Of `/proc/PID/stat`, on every Linux that matters.
const TICKS_PER_SECOND: u64 = 100;

pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Server {
    /// Nothing but hyper.
    pub(crate) fn hello() -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.arg(HELLO);
        Self::start(command, Some)
    }

    /// The program, as people run it.
    pub(crate) fn wattwise(folder: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wattwise"));
        command
            .current_dir(folder)
            .args(["serve", "--bind", "127.0.0.1:0", "--log-format", "json"])
            .args([
                "--max-session-entries",
                "1000000",
                "--max-session-size",
                "1000000",
            ]);
        Self::start(command, |line| {
            let event: serde_json::Value = serde_json::from_str(&line).ok()?;
            Some(event["server.address"].as_str()?.to_owned())
        })
    }

    fn start(mut command: Command, address: impl Fn(String) -> Option<String>) -> Self {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let mut lines = log.by_ref().lines().map_while(Result::ok);
        let address = lines.find_map(address).expect("the server starts");
        let address = address.parse().unwrap();
        // Nobody reads the log any more; it must not fill its pipe.
        std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        Self { child, address }
    }

    /// Time of all its threads so far.
    pub(crate) fn cpu(&self) -> Duration {
        let stat = fs_err::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        // The name, in parentheses, may hold anything; user and system time are 12th and 13th after.
        let (_, after) = stat.rsplit_once(") ").unwrap();
        let fields = after.split(' ').skip(11).take(2);
        let ticks: u64 = fields.map(|field| field.parse::<u64>().unwrap()).sum();
        Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND)
    }

    pub(crate) async fn open_session(&self) -> String {
        let url = format!("http://{}/get_session_id", self.address);
        let reply = reqwest::Client::new().post(url).send().await.unwrap();
        let body: serde_json::Value = reply.json().await.unwrap();
        body["session_id"].as_str().unwrap().to_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Serves for ever.
#[expect(clippy::print_stderr, reason = "that is how the address is told")]
pub(crate) async fn hello() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    eprintln!("{}", listener.local_addr().unwrap());
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        let service =
            service_fn(|_| async { Ok::<_, Infallible>(hyper::Response::new("hello".to_owned())) });
        let connection = hyper::server::conn::http1::Builder::new()
            .serve_connection(TokioIo::new(stream), service);
        tokio::spawn(connection);
    }
}
