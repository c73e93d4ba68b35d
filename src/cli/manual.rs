//! `wattwise completions` and `wattwise man`.

use std::io;
use std::path::Path;

use clap::{Command, CommandFactory as _};
use clap_complete::Shell;
use clap_mangen::Man;

use super::args::Cli;
use super::{ExitStatus, printer};

pub(super) fn completions(shell: Shell) -> anyhow::Result<ExitStatus> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "wattwise", &mut script);
    printer::result(String::from_utf8(script)?.trim_end())?;
    Ok(ExitStatus::Done)
}

/// `wattwise.1`, `wattwise-ingest.1` and so on.
pub(super) fn pages(folder: &Path) -> anyhow::Result<ExitStatus> {
    fs_err::create_dir_all(folder)?;
    let mut command = Cli::command();
    command.build();
    let written = write(&command, folder)?;
    printer::result(format!("{written} pages written to {}", folder.display()))?;
    Ok(ExitStatus::Done)
}

fn write(command: &Command, folder: &Path) -> io::Result<usize> {
    let mut written = 1;
    Man::new(command.clone()).generate_to(folder)?;
    for part in command
        .get_subcommands()
        .filter(|part| !part.is_hide_set() && part.get_name() != "help")
    {
        written += write(part, folder)?;
    }
    Ok(written)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_command_has_its_page() {
        let folder = tempfile::tempdir().unwrap();
        pages(folder.path()).unwrap();
        for name in [
            "wattwise.1",
            "wattwise-up.1",
            "wattwise-ingest.1",
            "wattwise-keys-revoke.1",
        ] {
            let page = fs_err::read_to_string(folder.path().join(name)).unwrap();
            assert!(page.contains(".SH SYNOPSIS"), "{name}: {page}");
        }
        assert!(!folder.path().join("wattwise-extract-worker.1").exists());
    }
}
