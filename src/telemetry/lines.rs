//! Log lines on their way out, so that whoever logs never waits for whoever reads.
//!
//! A thread of `tracing-appender` writes what comes, as much at once as is there. Lines that find its
//! queue full are dropped and counted, and the log says how many once somebody reads again.

use std::io::{self, BufWriter, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use metrics::counter;
use tracing_appender::non_blocking::{ErrorCounter, NonBlocking, NonBlockingBuilder, WorkerGuard};

/// Lines that nobody took in time.
pub(super) const DROPPED: &str = "wattwise_log_lines_dropped_total";

/// Lines that may wait: some seconds of a busy server's log, 5 MB about.
const MOST_LINES: usize = 16 << 10;

/// How long lines gather behind one that was written at once. Without it each of 5,000 lines a second
/// wakes the thread, which costs 13 us each, an eighth of a durable `/ask`; with it 2 us.
const GATHER: Duration = Duration::from_millis(20);

/// Between two attempts to write where the other side asked not to be waited for.
const PAUSE: Duration = Duration::from_millis(5);

/// The log of a server.
#[derive(Clone)]
pub(crate) struct LogLines {
    worker: Arc<Mutex<Option<WorkerGuard>>>,
    dropped: ErrorCounter,
}

/// Writes what is left when it is dropped, also by a panic, and waits a second for that.
pub(crate) struct LogGuard(LogLines);

/// Starts the thread that writes to `out`.
pub(super) fn to(out: impl Write + Send + 'static) -> (NonBlocking, LogGuard) {
    with_room(out, MOST_LINES)
}

fn with_room(out: impl Write + Send + 'static, most_lines: usize) -> (NonBlocking, LogGuard) {
    let (writer, worker) = NonBlockingBuilder::default()
        .lossy(true)
        .buffered_lines_limit(most_lines)
        .thread_name("log-writer")
        .finish(BufWriter::new(Patient(out)));
    let lines = LogLines {
        worker: Arc::new(Mutex::new(Some(worker))),
        dropped: writer.error_counter(),
    };
    (writer, LogGuard(lines))
}

impl LogLines {
    /// Writes what is left, for a second at most. Nothing is logged after that.
    pub(crate) fn end(&self) {
        let mut worker = self.worker.lock().unwrap_or_else(PoisonError::into_inner);
        drop(worker.take());
    }
}

impl LogGuard {
    /// What the guard watches.
    pub(crate) fn lines(&self) -> &LogLines {
        &self.0
    }
}

impl Drop for LogGuard {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// How many lines were dropped, as far as it was told.
pub(super) struct Losses {
    dropped: ErrorCounter,
    seen: usize,
    told: usize,
}

impl Losses {
    pub(super) fn of(lines: &LogLines) -> Self {
        Self {
            dropped: lines.dropped.clone(),
            seen: 0,
            told: 0,
        }
    }

    /// Counts those since the last look, and logs how many there were once there are no more.
    pub(super) fn look(&mut self) {
        let dropped = self.dropped.dropped_lines();
        counter!(DROPPED).absolute(dropped as u64);
        if dropped > self.told && dropped == self.seen {
            let lost = dropped - self.told;
            self.told = dropped;
            tracing::warn!(
                log.dropped = lost,
                "{lost} log lines were dropped, because nobody took them in time"
            );
        }
        self.seen = dropped;
    }
}

/// Writes also to a pipe that another process has told not to wait, and gives lines time to gather.
struct Patient<W>(W);

impl<W: Write> Write for Patient<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            match self.0.write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => thread::sleep(PAUSE),
                outcome => return outcome,
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()?;
        thread::sleep(GATHER);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::mpsc;

    use super::*;

    /// A reader that takes what is written when it is its turn.
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
    fn nobody_waits_for_a_reader_that_is_away_and_what_is_lost_is_counted() {
        const ROOM: usize = 4;
        let (pipe, let_one, seen) = pipe();
        let (mut writer, guard) = with_room(pipe, ROOM);
        // At most one is with the thread, and the room holds as many as it may.
        for _ in 0..1000 {
            writer.write_all(b"line\n").unwrap();
        }
        let dropped = guard.lines().dropped.dropped_lines();
        drop(let_one);
        drop(guard);
        let written: Vec<u8> = seen.try_iter().flatten().collect();
        assert_eq!(written.len() / 5 + dropped, 1000);
        assert!(dropped > 0, "a queue of four lines holds no thousand");
    }

    #[test]
    fn a_panic_loses_nothing() {
        let (pipe, let_one, seen) = pipe();
        drop(let_one);
        let (mut writer, guard) = to(pipe);
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            let _guard = guard;
            writer.write_all(b"last words\n").unwrap();
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
        let (mut writer, guard) = to(Impatient(seen, 0));
        writer.write_all(b"line\n").unwrap();
        drop(guard);
        assert_eq!(all.try_recv().unwrap(), b"line\n");
    }
}
