//! Bars on a terminal, silence elsewhere: in cron the log and the report speak.

use std::fmt::Write;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

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

    /// Takes all bars away.
    pub fn clear(&self) {
        // A terminal that is gone shows none.
        let _ = self.bars.clear();
    }

    /// A stage of known length.
    pub(super) fn stage(&self, name: &'static str, length: usize) -> ProgressBar {
        let bar = ProgressBar::new(length as u64);
        bar.set_style(
            ProgressStyle::with_template(
                "{prefix:<8} {bar:32} {pos:>6} of {len}  {speed:>8}  {left}",
            )
            .expect("the template is a constant that parses")
            .with_key("speed", |state: &ProgressState, out: &mut dyn Write| {
                let _ = out.write_str(&speed(state.per_sec()));
            })
            .with_key("left", |state: &ProgressState, out: &mut dyn Write| {
                let _ = out.write_str(&left(state.eta()));
            }),
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

/// `37/s`, with a decimal only where it says something.
fn speed(per_second: f64) -> String {
    if per_second >= 10.0 {
        format!("{per_second:.0}/s")
    } else {
        format!("{per_second:.1}/s")
    }
}

/// `40 s left`, `12 min left`; nothing where there is nothing to say.
fn left(time: Duration) -> String {
    match time.as_secs() {
        0 => String::new(),
        seconds @ 1..=99 => format!("{seconds} s left"),
        seconds @ 100..=5_999 => format!("{} min left", seconds.div_ceil(60)),
        seconds => format!("{} h left", seconds.div_ceil(3_600)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_read_well() {
        assert_eq!(
            [0.25, 9.96, 329.691_991].map(speed),
            ["0.2/s", "10.0/s", "330/s"]
        );
        let times = [0, 40, 100, 7_201].map(|seconds| left(Duration::from_secs(seconds)));
        assert_eq!(times, ["", "40 s left", "2 min left", "3 h left"]);
    }
}
