//! The one place that writes to the terminal. Results go to standard output, everything else to
//! standard error; a reader that goes away is no failure.

use std::fmt::Display;
use std::io::{self, Read as _, Write};
use std::path::Path;

/// Stands for standard input or output where a file is expected.
pub(super) const STANDARD: &str = "-";

/// The longest question that is read from standard input.
const LONGEST_TEXT: u64 = 1 << 20;

/// A result, with a line break behind it.
pub(super) fn result(text: impl Display) -> io::Result<()> {
    match writeln!(io::stdout().lock(), "{text}") {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
        _ => Ok(()),
    }
}

/// Writes a file, or to standard output for `-`.
pub(super) fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if path == Path::new(STANDARD) {
        result(String::from_utf8_lossy(bytes))
    } else {
        fs_err::write(path, bytes)
    }
}

/// Whether a file that is to be written at the end of a long run can be: it is made now, if it is not
/// there.
pub(super) fn check(path: &Path) -> io::Result<()> {
    if path != Path::new(STANDARD) {
        fs_err::OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)?;
    }
    Ok(())
}

/// All of standard input, as text.
pub(super) fn read_standard_input() -> io::Result<String> {
    let mut text = String::new();
    io::stdin()
        .lock()
        .take(LONGEST_TEXT)
        .read_to_string(&mut text)?;
    Ok(text)
}

/// A remark for the person at the terminal.
pub(super) fn note(text: impl Display) {
    // There is nowhere left to say that standard error is gone.
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// What ended the program, with its causes.
pub(super) fn error(error: &anyhow::Error) {
    let mut text = format!("error: {error}");
    let mut last = error.to_string();
    for cause in error.chain().skip(1) {
        let cause = cause.to_string();
        // Some errors repeat their cause in their own words.
        if !last.contains(&cause) {
            text.push_str(&format!("\n  because: {cause}"));
        }
        last = cause;
    }
    note(text);
}
