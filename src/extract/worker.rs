//! The pipe between `ingest` and its extraction workers.
//!
//! A worker is this same program in a process of its own, with a limit on its memory. It reads one
//! job after the other from its standard input and writes one result each to its standard output.
//! What a hostile file can break is then a worker, never the run.

use std::io::{self, Read, Write};

use serde::{Deserialize, Serialize};

use super::{extract, extract_with_scans};
use crate::codec;
use crate::model::{ContentKind, Extracted};

/// The longest frame either side accepts, in bytes.
const LONGEST_FRAME: u32 = 256 * 1024 * 1024;

/// One file to extract.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// What the bytes are.
    pub kind: ContentKind,
    /// The first page whose picture is wanted if it is a scan; `None` for no pictures.
    pub scans_from: Option<u32>,
    /// The declared character set.
    pub charset: Option<String>,
    /// The file.
    pub bytes: Vec<u8>,
}

/// The text, or why there is none.
pub type Outcome = Result<Extracted, String>;

/// Encodes one message with its length in front (little-endian `u32`).
pub fn frame<T: Serialize>(message: &T) -> io::Result<Vec<u8>> {
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
pub fn frame_length(header: [u8; 4]) -> io::Result<usize> {
    let length = u32::from_le_bytes(header);
    if length <= LONGEST_FRAME {
        Ok(length as usize)
    } else {
        Err(io::Error::other("a frame is too long"))
    }
}

/// Works until `input` ends.
pub fn run(mut input: impl Read, mut output: impl Write) -> io::Result<()> {
    loop {
        let mut header = [0; 4];
        match input.read_exact(&mut header) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
            Err(error) => return Err(error),
        }
        let mut payload = vec![0; frame_length(header)?];
        input.read_exact(&mut payload)?;
        let job: Job = codec::decode(&payload).map_err(io::Error::other)?;
        drop(payload);
        let charset = job.charset.as_deref();
        let outcome: Outcome = match job.scans_from {
            Some(page) => extract_with_scans(job.kind, &job.bytes, charset, page),
            None => extract(job.kind, &job.bytes, charset),
        }
        .map_err(|error| error.to_string());
        output.write_all(&frame(&outcome)?)?;
        output.flush()?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_are_answered_in_order_until_the_input_ends() {
        let job = |text: &str| Job {
            kind: ContentKind::Text,
            scans_from: None,
            charset: None,
            bytes: text.as_bytes().to_vec(),
        };
        let mut input = frame(&job("Close the curtains at dusk.")).unwrap();
        input.extend(frame(&job("   ")).unwrap());
        let mut output = Vec::new();
        run(input.as_slice(), &mut output).unwrap();

        let mut rest = output.as_slice();
        let mut next = || -> Outcome {
            let (header, tail) = rest.split_first_chunk::<4>().unwrap();
            let (payload, tail) = tail.split_at(frame_length(*header).unwrap());
            rest = tail;
            codec::decode(payload).unwrap()
        };
        assert_eq!(next().unwrap().text, "Close the curtains at dusk.");
        assert!(next().is_err());
    }

    #[test]
    fn an_absurd_length_is_refused() {
        assert!(run(&[0xff, 0xff, 0xff, 0xff][..], Vec::new()).is_err());
    }
}
