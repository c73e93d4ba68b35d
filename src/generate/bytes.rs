//! From bytes that a network cut anywhere to lines and events.

use thiserror::Error;

/// No server of ours writes longer lines; one that does must not fill the memory.
const LONGEST_LINE: usize = 1 << 20;

/// Why a line cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(super) enum LineError {
    /// It never ends.
    #[error("a line is longer than {LONGEST_LINE} bytes")]
    TooLong,
    /// It is no text.
    #[error("a line is not UTF-8")]
    NotText,
}

/// Puts lines together. Characters are decoded only once their line is whole, so it does not matter
/// where the bytes were cut.
#[derive(Debug, Default)]
pub(super) struct Lines {
    bytes: Vec<u8>,
    /// How many of `bytes` are known to hold no line's end.
    searched: usize,
}

impl Lines {
    /// Takes what came.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The next whole line without its end.
    pub(super) fn next(&mut self) -> Option<Result<String, LineError>> {
        let fresh = &self.bytes[self.searched..];
        let Some(end) = fresh.iter().position(|byte| *byte == b'\n') else {
            self.searched = self.bytes.len();
            return (self.bytes.len() > LONGEST_LINE).then_some(Err(LineError::TooLong));
        };
        let mut line: Vec<u8> = self.bytes.drain(..=self.searched + end).collect();
        self.searched = 0;
        line.pop();
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        Some(String::from_utf8(line).map_err(|_| LineError::NotText))
    }

    /// Ends the last line, for servers that do not.
    pub(super) fn finish(&mut self) {
        if !self.bytes.is_empty() {
            self.push(b"\n");
        }
    }
}

/// Puts the data of server-sent events together; names, ids and comments are passed over.
#[derive(Debug, Default)]
pub(super) struct Events {
    lines: Lines,
    data: Option<String>,
}

impl Events {
    /// Takes what came.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.lines.push(bytes);
    }

    /// The data of the next whole event.
    pub(super) fn next(&mut self) -> Option<Result<String, LineError>> {
        while let Some(line) = self.lines.next() {
            let line = match line {
                Ok(line) => line,
                Err(error) => return Some(Err(error)),
            };
            if line.is_empty() {
                if let Some(data) = self.data.take() {
                    return Some(Ok(data));
                }
                continue;
            }
            let (field, value) = line.split_once(':').unwrap_or((&line, ""));
            if field != "data" {
                continue;
            }
            let value = value.strip_prefix(' ').unwrap_or(value);
            match &mut self.data {
                None => self.data = Some(value.to_owned()),
                Some(data) if data.len() + value.len() > LONGEST_LINE => {
                    return Some(Err(LineError::TooLong));
                }
                Some(data) => {
                    data.push('\n');
                    data.push_str(value);
                }
            }
        }
        None
    }

    /// Ends the last event, for servers that do not.
    pub(super) fn finish(&mut self) {
        self.lines.finish();
        self.lines.push(b"\n");
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lines_of(pieces: &[&[u8]]) -> Vec<String> {
        let mut lines = Lines::default();
        let mut found = Vec::new();
        for piece in pieces {
            lines.push(piece);
            found.extend(std::iter::from_fn(|| lines.next()).map(Result::unwrap));
        }
        lines.finish();
        found.extend(std::iter::from_fn(|| lines.next()).map(Result::unwrap));
        found
    }

    fn events_of(pieces: &[&[u8]]) -> Vec<String> {
        let mut events = Events::default();
        let mut found = Vec::new();
        for piece in pieces {
            events.push(piece);
            found.extend(std::iter::from_fn(|| events.next()).map(Result::unwrap));
        }
        events.finish();
        found.extend(std::iter::from_fn(|| events.next()).map(Result::unwrap));
        found
    }

    const STREAM: &str = ": hello\r\nevent: x\ndata: {\"text\":\"21 °C – „warm“ 🔥\"}\n\ndata: two\r\ndata:lines\r\n\r\nid: 7\n\n\ndata: [DONE]";

    #[test]
    fn a_cut_anywhere_loses_nothing() {
        let bytes = STREAM.as_bytes();
        let whole = (lines_of(&[bytes]), events_of(&[bytes]));
        assert_eq!(
            whole.1,
            ["{\"text\":\"21 °C – „warm“ 🔥\"}", "two\nlines", "[DONE]"]
        );
        for first in 0..=bytes.len() {
            for second in first..=bytes.len() {
                let pieces = [&bytes[..first], &bytes[first..second], &bytes[second..]];
                assert_eq!(lines_of(&pieces), whole.0, "cut at {first} and {second}");
                assert_eq!(events_of(&pieces), whole.1, "cut at {first} and {second}");
            }
        }
    }

    proptest! {
        #[test]
        fn any_text_in_any_pieces_comes_out_as_it_was(
            texts in prop::collection::vec("[^\r\n]{0,20}", 0..8),
            size in 1_usize..7,
        ) {
            let mut stream = String::new();
            for text in &texts {
                stream.push_str(&format!("data: {text}\n\n"));
            }
            let pieces: Vec<&[u8]> = stream.as_bytes().chunks(size).collect();
            prop_assert_eq!(events_of(&pieces), texts);
        }
    }

    #[test]
    fn a_line_without_end_and_one_that_is_no_text_are_refused() {
        let mut lines = Lines::default();
        lines.push(&vec![b'x'; LONGEST_LINE]);
        assert_eq!(lines.next(), None);
        lines.push(b"x");
        assert_eq!(lines.next(), Some(Err(LineError::TooLong)));
        let mut lines = Lines::default();
        lines.push(b"\xc3(\n");
        assert_eq!(lines.next(), Some(Err(LineError::NotText)));
    }
}
