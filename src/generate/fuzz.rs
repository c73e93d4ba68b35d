//! What this module reads of language models, for `fuzzing`: the same, however the network
//! cut it. The first byte tells how.

use super::bytes::{Events, LineError, Lines};

type Read = Vec<Result<String, LineError>>;

/// Lines of JSON, as Ollama sends them.
///
/// # Panics
/// When it matters where the bytes are cut.
pub fn lines(bytes: &[u8]) {
    let read = |pieces: &mut dyn Iterator<Item = &[u8]>| {
        let mut lines = Lines::default();
        for piece in pieces {
            lines.push(piece);
        }
        lines.finish();
        gather(|| lines.next())
    };
    check(bytes, read);
}

/// Server-sent events, as servers in OpenAI's manner send them.
///
/// # Panics
/// When it matters where the bytes are cut.
pub fn events(bytes: &[u8]) {
    let read = |pieces: &mut dyn Iterator<Item = &[u8]>| {
        let mut events = Events::default();
        let mut found = Read::new();
        for piece in pieces {
            events.push(piece);
            found.extend(gather(|| events.next()));
        }
        events.finish();
        found.extend(gather(|| events.next()));
        found
    };
    check(bytes, read);
}

fn check(bytes: &[u8], read: impl Fn(&mut dyn Iterator<Item = &[u8]>) -> Read) {
    let Some((size, rest)) = bytes.split_first() else {
        return;
    };
    let cut = read(&mut rest.chunks(usize::from(*size).max(1)));
    let whole = read(&mut std::iter::once(rest));
    // What follows a line that is no text is not read.
    let is_good = |read: &Read| read.iter().all(Result::is_ok);
    assert!(!is_good(&whole) || cut == whole, "{cut:?} is not {whole:?}");
}

/// Up to the first error, as the adapters read.
fn gather(mut next: impl FnMut() -> Option<Result<String, LineError>>) -> Read {
    let mut read = Read::new();
    while let Some(item) = next() {
        let is_error = item.is_err();
        read.push(item);
        if is_error {
            break;
        }
    }
    read
}
