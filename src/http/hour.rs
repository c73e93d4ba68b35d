//! What was asked of the server in the last hour, minute by minute, for the page at `/status`. Anything
//! longer or finer is what `/metrics` is for.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Minutes that are kept.
const MINUTES: i64 = 60;

/// Classes of durations: each reaches 2^(1/4) times as far as the one before, from 0.1 ms on, so that
/// a percentile is off by a fifth at most; the last class, from about two minutes on, has no end.
const CLASSES: usize = 82;
const CLASSES_PER_DOUBLING: f64 = 4.0;
const FIRST_SECONDS: f64 = 0.000_1;

/// A ring of minutes; empty until there is something to keep.
pub(super) struct LastHour(Mutex<Vec<Minute>>);

#[derive(Clone, Copy)]
struct Minute {
    /// Minutes since the Unix epoch.
    number: i64,
    errors: u32,
    answers: u32,
    refusals: u32,
    durations: [u32; CLASSES],
}

/// Sums over a time.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Sums {
    /// Requests for answers, contexts and conversations.
    pub(super) requests: u32,
    /// Of these, those that the server failed at or turned away.
    pub(super) errors: u32,
    /// Questions that got an answer or were refused one.
    pub(super) answers: u32,
    /// Of these, those that the sources do not cover.
    pub(super) refusals: u32,
    /// Half of the requests took no longer, in milliseconds.
    pub(super) p50_ms: Option<f64>,
    /// 95 of 100 requests took no longer.
    pub(super) p95_ms: Option<f64>,
}

const NEVER: Minute = Minute {
    number: i64::MIN,
    errors: 0,
    answers: 0,
    refusals: 0,
    durations: [0; CLASSES],
};

impl LastHour {
    pub(super) const fn new() -> Self {
        Self(Mutex::new(Vec::new()))
    }

    /// A request was answered at `now`, in seconds since the Unix epoch.
    pub(super) fn request(&self, now: i64, took: Duration, is_error: bool) {
        self.note(now, |minute| {
            minute.durations[class_of(took)] += 1;
            minute.errors += u32::from(is_error);
        });
    }

    /// A question was answered or refused.
    pub(super) fn answer(&self, now: i64, is_refusal: bool) {
        self.note(now, |minute| {
            minute.answers += 1;
            minute.refusals += u32::from(is_refusal);
        });
    }

    fn note(&self, now: i64, note: impl FnOnce(&mut Minute)) {
        let number = now.div_euclid(60);
        let mut minutes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if minutes.is_empty() {
            minutes.resize(place_of(-1) + 1, NEVER);
        }
        let minute = &mut minutes[place_of(number)];
        if minute.number != number {
            *minute = Minute { number, ..NEVER };
        }
        note(minute);
    }

    /// The hour as a whole, and each of its minutes, oldest first, the one that runs last.
    pub(super) fn read(&self, now: i64) -> (Sums, Vec<Sums>) {
        let last = now.div_euclid(60);
        let minutes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut hour = NEVER;
        let mut all = Vec::new();
        for number in last - MINUTES + 1..=last {
            let minute = minutes.get(place_of(number)).copied();
            let minute = minute.filter(|minute| minute.number == number);
            let minute = minute.unwrap_or(NEVER);
            hour.errors += minute.errors;
            hour.answers += minute.answers;
            hour.refusals += minute.refusals;
            for (sum, count) in hour.durations.iter_mut().zip(minute.durations) {
                *sum += count;
            }
            all.push(minute.sums());
        }
        (hour.sums(), all)
    }
}

impl Minute {
    fn sums(&self) -> Sums {
        Sums {
            requests: self.durations.iter().sum(),
            errors: self.errors,
            answers: self.answers,
            refusals: self.refusals,
            p50_ms: self.percentile(50),
            p95_ms: self.percentile(95),
        }
    }

    /// The end of the class in which the request stands that `percent` of all do not exceed.
    fn percentile(&self, percent: u64) -> Option<f64> {
        let total: u64 = self.durations.iter().map(|count| u64::from(*count)).sum();
        let wanted = (total * percent).div_ceil(100);
        let mut counted = 0;
        let class = self.durations.iter().position(|count| {
            counted += u64::from(*count);
            counted >= wanted
        })?;
        let doublings = class as f64 / CLASSES_PER_DOUBLING;
        (total > 0).then(|| FIRST_SECONDS * doublings.exp2() * 1000.0)
    }
}

fn place_of(minute: i64) -> usize {
    usize::try_from(minute.rem_euclid(MINUTES)).unwrap_or(0)
}

/// The first class that reaches as far.
fn class_of(took: Duration) -> usize {
    let doublings = (took.as_secs_f64() / FIRST_SECONDS).max(1.0).log2();
    let class = (doublings * CLASSES_PER_DOUBLING).ceil();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "at least zero, and cut to the number of classes"
    )]
    let class = class as usize;
    class.min(CLASSES - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_off_by_a_fifth_at_most() {
        let hour = LastHour::new();
        for millis in 1..=100 {
            hour.request(600, Duration::from_millis(millis), millis > 98);
        }
        hour.answer(600, true);
        hour.answer(600, false);
        let (sums, minutes) = hour.read(600);
        assert_eq!((sums.requests, sums.errors), (100, 2));
        assert_eq!((sums.answers, sums.refusals), (2, 1));
        let (half, most) = (sums.p50_ms.unwrap(), sums.p95_ms.unwrap());
        assert!((50.0..60.0).contains(&half), "{half}");
        assert!((95.0..114.0).contains(&most), "{most}");
        assert_eq!(minutes.len(), 60);
        assert_eq!(minutes.last(), Some(&sums));
        assert_eq!(minutes[0], Sums::default());
    }

    #[test]
    fn an_hour_later_nothing_is_left_whatever_the_clock_does() {
        let hour = LastHour::new();
        let requests = |now| hour.read(now).0.requests;
        hour.request(0, Duration::ZERO, false);
        hour.request(59, Duration::from_hours(9), false);
        hour.request(60, Duration::ZERO, false);
        assert_eq!(requests(60), 3);
        assert_eq!(requests(59 * 60 + 59), 3);
        assert_eq!(requests(60 * 60), 1);
        assert_eq!(requests(61 * 60), 0);
        // What comes into the place of an old minute begins anew.
        hour.request(60 * 60, Duration::ZERO, false);
        assert_eq!(requests(60 * 60), 2);
        hour.request(-7, Duration::ZERO, false);
        assert_eq!(requests(0), 1);
    }
}
