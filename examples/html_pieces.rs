//! Prints the pieces of web pages with their numbers, one JSON line a page, for
//! `scripts/train_pieces.py`: `html_pieces PAGE...`.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a tool of the command line"
)]

use std::process::ExitCode;

use wattwise::extract::html::survey;

fn main() -> ExitCode {
    for path in std::env::args().skip(1) {
        match fs_err::read(&path) {
            Ok(bytes) => {
                let line = serde_json::json!({"path": path, "pieces": survey(&bytes)});
                println!("{line}");
            }
            Err(error) => {
                eprintln!("{error}");
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}
