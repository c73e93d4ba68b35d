//! The one place that writes to the terminal. Results go to standard output, everything else to
//! standard error; a reader that goes away is no failure.

use std::fmt::Display;
use std::io::{self, Write};

/// A result, with a line break behind it.
pub(super) fn result(text: impl Display) -> io::Result<()> {
    match writeln!(io::stdout().lock(), "{text}") {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
        _ => Ok(()),
    }
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
