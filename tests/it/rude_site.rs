//! A web site on loopback with everything that a crawler meets, good and bad. Written by hand
//! because no mock server sends bodies that never end.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// One answer.
pub(crate) enum Reply {
    /// Status, headers, body.
    Whole(u16, Vec<(&'static str, String)>, Vec<u8>),
    /// The text again and again, until the other side hangs up.
    Endless(&'static str),
    /// The beginning of a text, and then nothing.
    Stalled,
    /// One byte at a time, for longer than anybody should wait.
    Dripping,
}

/// What was asked: the target of the request line, the headers, and how often before.
pub(crate) struct Request {
    pub(crate) target: String,
    pub(crate) headers: HashMap<String, String>,
    pub(crate) earlier: usize,
}

/// Serves until it is dropped.
pub(crate) struct RudeSite {
    pub(crate) origin: String,
    asked: Arc<Mutex<Vec<String>>>,
    is_over: Arc<AtomicBool>,
}

impl RudeSite {
    pub(crate) fn start(answer: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let is_over = Arc::new(AtomicBool::new(false));
        let (log, over, answer) = (Arc::clone(&asked), Arc::clone(&is_over), Arc::new(answer));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if over.load(Ordering::Relaxed) {
                    return;
                }
                let (log, over, answer) =
                    (Arc::clone(&log), Arc::clone(&over), Arc::clone(&answer));
                std::thread::spawn(move || {
                    // A client that hangs up is not the site's concern.
                    let _ = stream.map(|stream| serve(stream, &log, &over, &*answer));
                });
            }
        });
        Self {
            origin: format!("http://{address}"),
            asked,
            is_over,
        }
    }

    /// What was asked so far, in order.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    pub(crate) fn times_asked(&self, target: &str) -> usize {
        self.asked().iter().filter(|asked| *asked == target).count()
    }
}

impl Drop for RudeSite {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        // Wakes the listener, so that it sees that it is over.
        let _ = TcpStream::connect(self.origin.trim_start_matches("http://"));
    }
}

fn serve(
    mut stream: TcpStream,
    log: &Mutex<Vec<String>>,
    over: &AtomicBool,
    answer: &dyn Fn(&Request) -> Reply,
) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let line = lines.next().unwrap_or(Ok(String::new()))?;
    let Some(target) = line.split(' ').nth(1).map(str::to_owned) else {
        return Ok(());
    };
    let mut headers = HashMap::new();
    for line in lines {
        let line = line?;
        let Some((name, value)) = line.split_once(':') else {
            break;
        };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let earlier = {
        let mut asked = log.lock().unwrap();
        let earlier = asked.iter().filter(|asked| **asked == target).count();
        asked.push(target.clone());
        earlier
    };
    let request = Request {
        target,
        headers,
        earlier,
    };
    match answer(&request) {
        Reply::Whole(status, headers, body) => {
            write!(stream, "HTTP/1.1 {status} x\r\nconnection: close\r\n")?;
            for (name, value) in headers {
                write!(stream, "{name}: {value}\r\n")?;
            }
            if status != 304 {
                write!(stream, "content-length: {}\r\n", body.len())?;
            }
            stream.write_all(b"\r\n")?;
            stream.write_all(&body)
        }
        Reply::Endless(text) => {
            stream.write_all(b"HTTP/1.1 200 x\r\ncontent-type: text/plain\r\n\r\n")?;
            while !over.load(Ordering::Relaxed) {
                stream.write_all(text.as_bytes())?;
            }
            Ok(())
        }
        Reply::Stalled => {
            stream.write_all(b"HTTP/1.1 200 x\r\ncontent-type: text/plain\r\n\r\nhalf")?;
            while !over.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(50));
            }
            Ok(())
        }
        Reply::Dripping => {
            stream.write_all(b"HTTP/1.1 200 x\r\ncontent-type: text/plain\r\n\r\n")?;
            while !over.load(Ordering::Relaxed) {
                stream.write_all(b"a")?;
                std::thread::sleep(Duration::from_millis(50));
            }
            Ok(())
        }
    }
}

/// A page with a text of its own.
pub(crate) fn page(head: &str, body: &str) -> Reply {
    let html =
        format!("<!DOCTYPE html><html><head>{head}</head><body><main>{body}</main></body></html>");
    typed("text/html; charset=utf-8", html.into_bytes())
}

pub(crate) fn typed(content_type: &str, body: Vec<u8>) -> Reply {
    Reply::Whole(200, vec![("content-type", content_type.to_owned())], body)
}

pub(crate) fn status(status: u16) -> Reply {
    Reply::Whole(status, Vec::new(), Vec::new())
}

pub(crate) fn redirect(to: &str) -> Reply {
    Reply::Whole(302, vec![("location", to.to_owned())], Vec::new())
}
