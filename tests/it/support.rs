//! What the tests share: the program, and where things lie.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The shipped data.
pub(crate) fn data(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("data")
        .join(path)
}

/// The program, in a folder of its own and without the caller's settings.
pub(crate) fn wattwise(directory: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wattwise"));
    command
        .current_dir(directory)
        .args(arguments)
        // What lies nowhere else lies there, not with whoever runs the tests.
        .env("XDG_DATA_HOME", std::path::absolute(directory).unwrap());
    for name in [
        "WATTWISE_MODEL_DIR",
        "URLs_JSON_FILE_PATH",
        "PDF_FOLDER_PATH",
        "AUTH_API_KEY",
        "OPENAI_API_KEY",
        "USER_AGENT",
    ] {
        command.env_remove(name);
    }
    command
}

/// Runs the program and returns how it ended.
pub(crate) fn run(directory: &Path, arguments: &[&str]) -> Output {
    wattwise(directory, arguments)
        .output()
        .expect("the program starts")
}

/// Standard output and standard error, for messages and for looking into.
pub(crate) fn text(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}
