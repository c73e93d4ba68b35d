//! The process that does what a hostile document could turn against the run: extraction and
//! splitting.
//!
//! A worker is this same program in a process of its own, within limits of memory and time and
//! without files or network (`confine`). It reads one task after the other from its standard
//! input and writes one reply each to its standard output. A thread cannot be ended from outside, a
//! process can: what a hostile file breaks or occupies is then a worker, never the run.

use std::io::{self, Read, Write};
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::confine::{self, Confinement};
use super::watchdog::Watchdog;
use crate::chunk::{ChunkParameters, Piece, split};
use crate::codec;
use crate::embed::{TokenCounter, TokenRule};
use crate::extract::{ExtractError, extract, extract_with_scans};
use crate::model::{Block, ContentKind, Extracted};

/// The longest frame either side accepts, in bytes.
const LONGEST_FRAME: u32 = 256 * 1024 * 1024;

/// Whoever started a worker ends it at the limit; a worker that nobody awaits any more ends itself
/// so much later.
const GRACE: Duration = Duration::from_secs(5);

/// What a worker may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorkerLimits {
    /// Bytes of address space.
    pub memory: u64,
    /// For one task. A worker ends by itself a little later, even if nobody is left to end it.
    pub timeout: Duration,
}

/// One file to extract.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// What the bytes are.
    pub kind: ContentKind,
    /// The first page whose picture is wanted if it is a scan; `None` for no pictures.
    pub(super) scans_from: Option<u32>,
    /// The declared character set.
    pub charset: Option<String>,
    /// The file.
    pub bytes: Vec<u8>,
}

impl Job {
    /// A file of a kind, with the character set that its server declared.
    pub fn new(kind: ContentKind, charset: Option<String>, bytes: Vec<u8>) -> Self {
        Self {
            kind,
            scans_from: None,
            charset,
            bytes,
        }
    }

    fn extract(&self) -> Result<Extracted, ExtractError> {
        let charset = self.charset.as_deref();
        match self.scans_from {
            Some(page) => extract_with_scans(self.kind, &self.bytes, charset, page),
            None => extract(self.kind, &self.bytes, charset),
        }
    }
}

/// One text to split.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SplitJob {
    pub(super) text: String,
    pub(super) blocks: Vec<Block>,
    pub(super) parameters: ChunkParameters,
}

/// What a worker is asked.
#[derive(Serialize, Deserialize)]
pub(super) enum Task {
    /// Tokens are counted by this rule from now on.
    Count(TokenRule),
    Extract(Job),
    Split(SplitJob),
}

/// What it answers, in the order of the tasks; the first before any of them.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Reply {
    Ready(Confinement),
    Counting,
    Extracted(Box<Extracted>),
    Pieces(Vec<Piece>),
    /// The document cannot be dealt with, and why.
    Refused(String),
}

/// Encodes one message with its length in front (little-endian `u32`).
pub(super) fn frame<T: Serialize>(message: &T) -> io::Result<Vec<u8>> {
    let payload = codec::encode(message).map_err(io::Error::other)?;
    let length = u32::try_from(payload.len())
        .ok()
        .filter(|length| *length <= LONGEST_FRAME);
    let length = length.ok_or_else(|| io::Error::other("the message is too long for the pipe"))?;
    let mut bytes = length.to_le_bytes().to_vec();
    bytes.extend_from_slice(&payload);
    Ok(bytes)
}

/// The length that a frame's first four bytes announce, if it is one that we accept.
pub(super) fn frame_length(header: [u8; 4]) -> io::Result<usize> {
    let length = u32::from_le_bytes(header);
    if length <= LONGEST_FRAME {
        Ok(length as usize)
    } else {
        Err(io::Error::other("a frame is too long"))
    }
}

/// Turns this process into a worker until `input` ends.
pub fn work(limits: WorkerLimits, input: impl Read, mut output: impl Write) -> io::Result<()> {
    // Threads inherit the confinement, so it comes first.
    let confinement = confine::confine(limits.memory)?;
    let watchdog = Watchdog::start(limits.timeout.saturating_add(GRACE));
    output.write_all(&frame(&Reply::Ready(confinement))?)?;
    output.flush()?;
    run(input, output, &watchdog)
}

fn run(mut input: impl Read, mut output: impl Write, watchdog: &Watchdog) -> io::Result<()> {
    let mut counter = TokenCounter::estimate();
    while let Some(task) = next(&mut input)? {
        watchdog.begin();
        let reply = answer(task, &mut counter);
        output.write_all(&frame(&reply)?)?;
        output.flush()?;
        watchdog.end();
    }
    Ok(())
}

/// `None` at the end of the input.
fn next<T: DeserializeOwned>(input: &mut impl Read) -> io::Result<Option<T>> {
    let mut header = [0; 4];
    match input.read_exact(&mut header) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    }
    let mut payload = vec![0; frame_length(header)?];
    input.read_exact(&mut payload)?;
    codec::decode(&payload).map(Some).map_err(io::Error::other)
}

fn answer(task: Task, counter: &mut TokenCounter) -> Reply {
    match task {
        Task::Count(rule) => match TokenCounter::new(&rule) {
            Ok(new) => {
                *counter = new;
                Reply::Counting
            }
            Err(reason) => Reply::Refused(reason),
        },
        Task::Extract(job) => job.extract().map_or_else(
            |error| Reply::Refused(error.to_string()),
            |extracted| Reply::Extracted(Box::new(extracted)),
        ),
        Task::Split(job) => {
            let count = |text: &str| counter.count(text);
            Reply::Pieces(split(&job.text, &job.blocks, &job.parameters, &count))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::BlockKind;

    fn answers(tasks: &[Task]) -> Vec<Reply> {
        let input: Vec<u8> = tasks.iter().flat_map(|task| frame(task).unwrap()).collect();
        let mut output = Vec::new();
        let watchdog = Watchdog::start(Duration::from_mins(1));
        run(input.as_slice(), &mut output, &watchdog).unwrap();
        let mut output = output.as_slice();
        std::iter::from_fn(|| next(&mut output).unwrap()).collect()
    }

    #[test]
    fn tasks_are_answered_in_order_until_the_input_ends() {
        let file =
            |text: &str| Task::Extract(Job::new(ContentKind::Text, None, text.as_bytes().to_vec()));
        let text = "Close the curtains. Turn the heating down.";
        let split = Task::Split(SplitJob {
            text: text.to_owned(),
            blocks: vec![Block {
                kind: BlockKind::Paragraph,
                range: 0..text.len(),
                page: None,
            }],
            parameters: ChunkParameters::default(),
        });
        let replies = answers(&[
            file("Close the curtains at dusk."),
            file("   "),
            Task::Count(TokenRule::Tokenizer(b"nonsense".to_vec())),
            Task::Count(TokenRule::Estimate),
            split,
        ]);
        assert!(
            matches!(
                &replies[..],
                [
                    Reply::Extracted(extracted),
                    Reply::Refused(_),
                    Reply::Refused(_),
                    Reply::Counting,
                    Reply::Pieces(pieces),
                ] if extracted.text == "Close the curtains at dusk."
                    && pieces.len() == 1
                    && pieces[0].sentences.len() == 2
            ),
            "{replies:?}"
        );
    }

    #[test]
    fn an_absurd_length_is_refused() {
        assert!(next::<Task>(&mut &[0xff, 0xff, 0xff, 0xff][..]).is_err());
    }
}
