//! Bars on a terminal, silence elsewhere: in cron the log and the report speak.

use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Draws one bar per stage.
#[derive(Clone)]
pub struct Progress {
    bars: MultiProgress,
}

impl Progress {
    /// Bars on standard error if that is a terminal.
    pub fn on_terminal() -> Self {
        Self {
            bars: MultiProgress::new(),
        }
    }

    /// No bars.
    pub fn hidden() -> Self {
        Self {
            bars: MultiProgress::with_draw_target(ProgressDrawTarget::hidden()),
        }
    }

    /// Runs `print` without tearing the bars.
    pub fn suspend<T>(&self, print: impl FnOnce() -> T) -> T {
        self.bars.suspend(print)
    }

    /// A stage of known length.
    pub(super) fn stage(&self, name: &'static str, length: usize) -> ProgressBar {
        let bar = ProgressBar::new(length as u64);
        bar.set_style(
            ProgressStyle::with_template(
                "{prefix:<8} {bar:32} {pos:>6}/{len} {per_sec:>12} {eta:>5} {msg}",
            )
            .expect("the template is a constant that parses"),
        );
        bar.set_prefix(name);
        self.bars.add(bar)
    }

    /// A stage that cannot tell how far it is.
    pub(super) fn spinner(&self, name: &'static str) -> ProgressBar {
        let bar = ProgressBar::new_spinner();
        bar.set_style(
            ProgressStyle::with_template("{prefix:<8} {spinner} {elapsed} {msg}")
                .expect("the template is a constant that parses"),
        );
        bar.set_prefix(name);
        bar.enable_steady_tick(Duration::from_millis(120));
        self.bars.add(bar)
    }
}
