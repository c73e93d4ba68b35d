//! Scanned pages, read by an OCR program.
//!
//! The program is started by this process, never by an extraction worker, which has neither files
//! nor the right to start anything. It gets a picture (PGM) on its standard input and writes plain
//! UTF-8 text to its standard output; what it may take of time and output is bounded.

use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use thiserror::Error;

use crate::extract::pdf::insert_recognised;
use crate::model::{Extracted, Scanned, Warning};

/// What is started where nothing else is named.
const DEFAULT_COMMAND: &str = "tesseract stdin stdout";
/// Text of one page beyond this many bytes is cut.
const MAX_TEXT_BYTES: u64 = 1 << 20;
/// How often a running program is looked at.
const POLL: Duration = Duration::from_millis(20);

/// For one page.
pub const OCR_TIMEOUT: Duration = Duration::from_mins(1);
/// Of one document.
pub const OCR_PAGES: usize = 500;

/// An OCR program that can be started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ocr {
    program: PathBuf,
    arguments: Vec<String>,
    timeout: Duration,
    max_pages: usize,
}

/// Why there is no OCR though it was asked for.
#[derive(Debug, Error)]
#[error("--ocr-command: there is no program {0:?} on the PATH; give its full path, or `off`")]
pub struct NoSuchProgram(String);

impl Ocr {
    /// The program that `command` names with its arguments, parted by spaces; without a command
    /// tesseract, if it is installed; none at all for `off`. A page takes at most `timeout`, and of a
    /// document at most `max_pages` pages are read.
    pub fn find(
        command: Option<&str>,
        timeout: Duration,
        max_pages: usize,
    ) -> Result<Option<Self>, NoSuchProgram> {
        if command == Some("off") {
            return Ok(None);
        }
        let mut words = command.unwrap_or(DEFAULT_COMMAND).split_whitespace();
        let name = words.next().unwrap_or_default();
        match which(name) {
            Some(program) => Ok(Some(Self {
                program,
                arguments: words.map(str::to_owned).collect(),
                timeout,
                max_pages,
            })),
            None if command.is_none() => Ok(None),
            None => Err(NoSuchProgram(name.to_owned())),
        }
    }

    /// What tells texts that this program has helped to read from others.
    pub fn fingerprint(&self) -> String {
        format!("{} {}", self.program.display(), self.arguments.join(" "))
    }

    /// Reads the scans that came with `document` and puts their text where it belongs. Gives the page
    /// from which more scans are to be asked for, until there are none.
    pub fn read_scans(&self, document: &mut Extracted) -> Option<u32> {
        let mut next = None;
        for scan in std::mem::take(&mut document.scans) {
            let is_read = |warning: &&Warning| matches!(warning, Warning::PageReadByOcr(_));
            if document.warnings.iter().filter(is_read).count() >= self.max_pages {
                let limit = format!("{} pages read by OCR", self.max_pages);
                document.warnings.push(Warning::Truncated(limit));
                return None;
            }
            match self.read(&scan) {
                Ok(text) => insert_recognised(document, scan.page, &text),
                // What fails on one page fails on the next: the other text is kept.
                Err(reason) => {
                    document.warnings.push(Warning::OcrFailed(reason));
                    return None;
                }
            }
            next = Some(scan.page + 1);
        }
        next
    }

    /// The text of one page; an error names the program.
    fn read(&self, scan: &Scanned) -> Result<String, String> {
        let failed = |reason: String| format!("OCR with {}: {reason}", self.program.display());
        let mut child = Command::new(&self.program)
            .args(&self.arguments)
            // One page at a time: its threads would fight with those of other documents.
            .env("OMP_THREAD_LIMIT", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| failed(error.to_string()))?;
        let (input, output) = (child.stdin.take(), child.stdout.take());
        let text = std::thread::scope(|scope| {
            // A program that ends early or reads nothing breaks the pipe; its status says more.
            let writing = scope.spawn(move || input.map(|mut input| input.write_all(&scan.image)));
            let reading = scope.spawn(move || {
                let mut text = Vec::new();
                if let Some(output) = output {
                    let mut bounded = output.take(MAX_TEXT_BYTES);
                    bounded.read_to_end(&mut text).ok();
                }
                text
            });
            let ended = wait(&mut child, self.timeout);
            let text = reading.join().unwrap_or_default();
            writing.join().ok();
            ended.map(|()| text)
        });
        let text = text.map_err(failed)?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }
}

/// The document, unless nothing was read on its scans and there is no other text.
pub fn checked(document: Extracted) -> Result<Extracted, String> {
    if !document.text.is_empty() {
        return Ok(document);
    }
    let failed = document
        .warnings
        .iter()
        .find(|warning| matches!(warning, Warning::OcrFailed(_)));
    Err(match failed {
        Some(reason) => format!("no readable text: {reason}"),
        None => "no readable text: OCR found none on the scanned pages".to_owned(),
    })
}

/// Waits for the end of a program and stops it when its time is over.
fn wait(child: &mut Child, timeout: Duration) -> Result<(), String> {
    let deadline = Instant::now() + timeout;
    loop {
        match child.try_wait() {
            Ok(Some(status)) if status.success() => return Ok(()),
            Ok(Some(status)) => return Err(format!("it ended with {status}")),
            Ok(None) if Instant::now() < deadline => std::thread::sleep(POLL),
            Ok(None) => {
                child.kill().ok();
                child.wait().ok();
                return Err(format!("a page took longer than {} s", timeout.as_secs()));
            }
            Err(error) => return Err(error.to_string()),
        }
    }
}

/// The file of a program: a path, or a name that is looked for on the PATH.
fn which(name: &str) -> Option<PathBuf> {
    if name.contains('/') {
        return Some(PathBuf::from(name)).filter(|path| path.is_file());
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|file| !name.is_empty() && file.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(page: u32) -> Extracted {
        Extracted {
            scans: vec![Scanned {
                page,
                image: b"P5\n1 1\n255\n\0".to_vec(),
            }],
            warnings: vec![Warning::PageNeedsOcr(page)],
            ..Extracted::default()
        }
    }

    fn program(command: &str, seconds: u64) -> Ocr {
        let time = Duration::from_secs(seconds);
        Ocr::find(Some(command), time, 2).unwrap().unwrap()
    }

    #[test]
    fn what_the_program_writes_is_the_text_of_the_page() {
        // `head` writes what it reads: the first line of the picture.
        let mut document = scan(3);
        let next = program("head -c 2", 20).read_scans(&mut document);
        assert_eq!((next, document.text.as_str()), (Some(4), "P5"));
        assert_eq!(document.blocks[0].page, Some(3));
        assert_eq!(document.warnings, [Warning::PageReadByOcr(3)]);
    }

    #[test]
    fn a_program_that_fails_or_hangs_costs_no_text() {
        for command in ["false", "sleep 60"] {
            let mut document = scan(1);
            assert_eq!(program(command, 0).read_scans(&mut document), None);
            assert!(matches!(
                document.warnings.as_slice(),
                [Warning::PageNeedsOcr(1), Warning::OcrFailed(_)]
            ));
        }
    }

    #[test]
    fn pages_beyond_the_limit_are_named() {
        let mut document = scan(3);
        document.warnings.extend([1, 2].map(Warning::PageReadByOcr));
        assert_eq!(program("cat", 20).read_scans(&mut document), None);
        assert!(matches!(
            document.warnings.last(),
            Some(Warning::Truncated(_))
        ));
    }

    #[test]
    fn a_program_that_is_not_there_is_named_only_if_it_was_asked_for() {
        let time = Duration::from_secs(1);
        assert!(Ocr::find(Some("no-such-program -l deu"), time, 1).is_err());
        assert_eq!(Ocr::find(Some("off"), time, 1).unwrap(), None);
    }
}
