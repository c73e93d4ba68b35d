//! Log lines on their way to standard error, so that whoever logs never waits for whoever reads.
//!
//! A line goes into a bounded buffer; one thread writes what has gathered. Lines that find the buffer
//! full are dropped and counted, and the log says how many. A warning is written at once, others
//! within [`GATHER`]: that much of the log, and nothing else, is lost when the process is killed.

use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use metrics::counter;
use tracing::{Level, Metadata};
use tracing_subscriber::fmt::MakeWriter;

/// Lines that nobody took in time.
pub(super) const DROPPED: &str = "wattwise_log_lines_dropped_total";

/// Bytes that may wait: some seconds of a busy server's log.
const MOST_BYTES: usize = 4 << 20;

/// How long lines gather before they are written.
const GATHER: Duration = Duration::from_millis(20);

/// How long the end waits for lines that nobody takes.
const FAREWELL: Duration = Duration::from_secs(2);

/// Between two attempts to write where the other side asked not to be waited for.
const PAUSE: Duration = Duration::from_millis(5);

/// The buffer's entrance.
#[derive(Debug, Clone)]
pub struct LogLines(Arc<Shared>);

/// Writes what is left when it is dropped, also by a panic, and waits a little for that.
#[derive(Debug)]
pub struct LogGuard(LogLines);

#[derive(Debug)]
struct Shared {
    buffer: Mutex<Buffer>,
    /// There is something to write.
    filled: Condvar,
    /// Everything was written.
    emptied: Condvar,
    most_bytes: usize,
}

#[derive(Debug, Default)]
struct Buffer {
    bytes: Vec<u8>,
    dropped: u64,
    /// Something must not wait for more.
    hurry: bool,
    /// The thread waits to be told that there is something.
    sleeping: bool,
    /// The thread writes what it took.
    writing: bool,
}

impl LogLines {
    /// Starts the thread that writes to `out`.
    pub(super) fn to(out: impl Write + Send + 'static) -> io::Result<Self> {
        Self::with_room(out, MOST_BYTES)
    }

    fn with_room(mut out: impl Write + Send + 'static, most_bytes: usize) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            buffer: Mutex::default(),
            filled: Condvar::new(),
            emptied: Condvar::new(),
            most_bytes,
        });
        let lines = Self(Arc::clone(&shared));
        thread::Builder::new()
            .name("log-writer".to_owned())
            .spawn(move || shared.write_for_ever(&mut out))?;
        Ok(lines)
    }

    /// Writes what is left when the guard goes.
    pub(super) fn guard(&self) -> LogGuard {
        LogGuard(self.clone())
    }

    /// Waits until everything is written, for `patience` at most.
    pub fn flush(&self, patience: Duration) {
        let end = Instant::now() + patience;
        let mut buffer = self.0.lock();
        while !buffer.bytes.is_empty() || buffer.writing || buffer.dropped > 0 {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            buffer.hurry = true;
            self.0.filled.notify_one();
            let waited = self.0.emptied.wait_timeout(buffer, left);
            buffer = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn push(&self, line: &[u8], hurry: bool) {
        let mut buffer = self.0.lock();
        if buffer.bytes.len() + line.len() > self.0.most_bytes {
            buffer.dropped += 1;
            drop(buffer);
            counter!(DROPPED).increment(1);
            return;
        }
        buffer.bytes.extend_from_slice(line);
        let wake = buffer.sleeping || (hurry && !buffer.hurry);
        buffer.sleeping = false;
        buffer.hurry |= hurry;
        drop(buffer);
        if wake {
            self.0.filled.notify_one();
        }
    }
}

impl LogGuard {
    /// What the guard watches.
    pub fn lines(&self) -> &LogLines {
        &self.0
    }
}

impl Drop for LogGuard {
    fn drop(&mut self) {
        self.0.flush(FAREWELL);
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Buffer> {
        self.buffer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_for_ever(&self, out: &mut impl Write) {
        let mut taken = Vec::new();
        loop {
            let dropped = self.take(&mut taken);
            // Nobody can be told that the log cannot be written.
            let _ = write_patiently(out, &taken);
            taken.clear();
            if dropped > 0 {
                tracing::warn!(
                    log.dropped = dropped,
                    "{dropped} log lines were dropped, because nobody took them in time"
                );
            }
            self.lock().writing = false;
            self.emptied.notify_all();
        }
    }

    /// Waits for lines and gives them more time to gather; says how many others found no room.
    fn take(&self, taken: &mut Vec<u8>) -> u64 {
        let mut buffer = self.lock();
        while buffer.bytes.is_empty() && buffer.dropped == 0 {
            buffer.sleeping = true;
            let woken = self.filled.wait(buffer);
            buffer = woken.unwrap_or_else(PoisonError::into_inner);
        }
        buffer.sleeping = false;
        let gathered = self
            .filled
            .wait_timeout_while(buffer, GATHER, |buffer| !buffer.hurry);
        buffer = gathered.unwrap_or_else(PoisonError::into_inner).0;
        std::mem::swap(&mut buffer.bytes, taken);
        buffer.hurry = false;
        buffer.writing = true;
        std::mem::take(&mut buffer.dropped)
    }
}

/// Writes all of it, also to a pipe that another process has told not to wait.
fn write_patiently(out: &mut impl Write, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match out.write(bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => bytes = &bytes[written..],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => thread::sleep(PAUSE),
            Err(error) => return Err(error),
        }
    }
    out.flush()
}

/// One event's way into the buffer; the formatter hands over each line whole.
pub struct Line<'a> {
    lines: &'a LogLines,
    hurry: bool,
}

impl Write for Line<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.lines.push(line, self.hurry);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for LogLines {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line {
            lines: self,
            hurry: false,
        }
    }

    fn make_writer_for(&'a self, event: &Metadata<'_>) -> Line<'a> {
        Line {
            lines: self,
            hurry: *event.level() <= Level::WARN,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::mpsc;

    use super::*;

    /// Takes what is written when it is let.
    struct Pipe {
        turn: mpsc::Receiver<()>,
        seen: mpsc::Sender<Vec<u8>>,
    }

    impl Write for Pipe {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _ = self.turn.recv();
            let _ = self.seen.send(bytes.to_vec());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn pipe() -> (Pipe, mpsc::Sender<()>, mpsc::Receiver<Vec<u8>>) {
        let ((let_one, turn), (seen, all)) = (mpsc::channel(), mpsc::channel());
        (Pipe { turn, seen }, let_one, all)
    }

    #[test]
    fn lines_that_come_together_are_written_together() {
        let (pipe, let_one, seen) = pipe();
        drop(let_one);
        let lines = LogLines::to(pipe).unwrap();
        for number in 0..3 {
            lines.push(format!("{number}\n").as_bytes(), false);
        }
        assert_eq!(seen.recv().unwrap(), b"0\n1\n2\n");
    }

    #[test]
    fn nobody_waits_for_a_reader_that_is_away() {
        let (pipe, let_one, seen) = pipe();
        let lines = LogLines::with_room(pipe, 10).unwrap();
        lines.push(b"taken\n", true);
        while !lines.0.lock().writing {
            thread::yield_now();
        }
        lines.push(b"waits\n", false);
        for _ in 0..1000 {
            lines.push(b"dropped\n", false);
        }
        assert_eq!(lines.0.lock().dropped, 1000);
        let started = Instant::now();
        lines.flush(GATHER);
        assert!(started.elapsed() >= GATHER, "what waits was not waited for");
        for _ in 0..2 {
            let_one.send(()).unwrap();
        }
        lines.flush(Duration::from_mins(1));
        assert_eq!(
            seen.try_iter().collect::<Vec<_>>(),
            [b"taken\n", b"waits\n"]
        );
    }

    #[test]
    fn a_panic_loses_nothing() {
        let (pipe, let_one, seen) = pipe();
        drop(let_one);
        let lines = LogLines::to(pipe).unwrap();
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            let _guard = lines.guard();
            lines.push(b"last words\n", false);
            panic!("on purpose");
        }));
        assert!(panicked.is_err());
        assert_eq!(seen.try_recv().unwrap(), b"last words\n");
    }

    /// A pipe that another process told not to wait, and that is full at first.
    struct Impatient(mpsc::Sender<Vec<u8>>, u32);

    impl Write for Impatient {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.1 += 1;
            if self.1 < 3 {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            let _ = self.0.send(bytes.to_vec());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_pipe_that_does_not_wait_is_asked_again() {
        let (seen, all) = mpsc::channel();
        let lines = LogLines::to(Impatient(seen, 0)).unwrap();
        lines.push(b"line\n", true);
        lines.flush(Duration::from_mins(1));
        assert_eq!(all.try_recv().unwrap(), b"line\n");
    }
}
