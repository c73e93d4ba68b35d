//! How the program ended, as its callers see it.

use std::process::ExitCode;

/// Documented in the README; cron jobs rely on the numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitStatus {
    /// All done: 0.
    Done,
    /// Done, but some inputs failed: 1.
    Partial,
    /// The command line or the configuration is wrong: 2.
    Usage,
    /// It could not run, and nothing was published: 3.
    Failed,
    /// Ctrl-C ended it before its end: 130, as shells say it.
    Interrupted,
}

impl From<ExitStatus> for ExitCode {
    fn from(status: ExitStatus) -> Self {
        Self::from(match status {
            ExitStatus::Done => 0,
            ExitStatus::Partial => 1,
            ExitStatus::Usage => 2,
            ExitStatus::Failed => 3,
            ExitStatus::Interrupted => 130,
        })
    }
}
