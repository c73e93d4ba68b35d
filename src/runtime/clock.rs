//! The time, and how it is written down.

use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Says what time it is, for measuring how long something took. Tests move theirs by hand.
pub type Clock = Arc<dyn Fn() -> Instant + Send + Sync>;

/// The machine's own.
pub fn monotonic() -> Clock {
    Arc::new(Instant::now)
}

/// Seconds since the Unix epoch.
pub fn now() -> i64 {
    let elapsed = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(elapsed.as_secs()).unwrap_or(i64::MAX)
}

/// Seconds since the Unix epoch as `2026-11-23 20:07 UTC`.
///
/// The calendar is Howard Hinnant's `civil_from_days`
/// (<https://howardhinnant.github.io/date_algorithms.html>): years begin in March, so that the leap
/// day is the last.
pub fn utc(seconds: i64) -> String {
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = (march_month + 2) % 12 + 1;
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    format!(
        "{year:04}-{month:02}-{day:02} {:02}:{:02} UTC",
        second / 3_600,
        second / 60 % 60
    )
}

/// The first second of a day written as `2026-11-23`, since the Unix epoch; `None` for anything
/// else. The inverse of [`utc`]'s calendar.
pub fn start_of_day(text: &str) -> Option<i64> {
    let mut parts = text.trim().splitn(3, '-');
    let mut number = |digits: usize| {
        let part = parts.next()?;
        let plain = part.len() == digits && part.bytes().all(|byte| byte.is_ascii_digit());
        if plain {
            part.parse::<i64>().ok()
        } else {
            None
        }
    };
    let (year, month, day) = (number(4)?, number(2)?, number(2)?);
    let march_month = (month + 9).rem_euclid(12);
    let shifted_year = year - i64::from(month <= 2);
    let (era, year_of_era) = (shifted_year.div_euclid(400), shifted_year.rem_euclid(400));
    let day_of_year = (153 * march_month + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    let seconds = (era * 146_097 + day_of_era - 719_468) * 86_400;
    // A day that the calendar does not have comes back as another one.
    utc(seconds).starts_with(text.trim()).then_some(seconds)
}

#[cfg(test)]
mod tests {
    use super::{start_of_day, utc};

    #[test]
    fn days_are_read_back_and_others_refused() {
        for day in ["1970-01-01", "2000-02-29", "2026-11-23", "2100-03-01"] {
            assert_eq!(utc(start_of_day(day).unwrap()), format!("{day} 00:00 UTC"));
        }
        for other in [
            "2100-02-29",
            "2026-13-01",
            "2026-1-1",
            "23.11.2026",
            "2026-11-23T00",
            "",
        ] {
            assert_eq!(start_of_day(other), None, "{other}");
        }
    }

    #[test]
    fn dates_agree_with_the_calendar() {
        assert_eq!(utc(0), "1970-01-01 00:00 UTC");
        assert_eq!(utc(951_827_696), "2000-02-29 12:34 UTC");
        assert_eq!(utc(4_107_542_399), "2100-02-28 23:59 UTC");
        assert_eq!(utc(4_107_542_400), "2100-03-01 00:00 UTC");
        assert_eq!(utc(-1), "1969-12-31 23:59 UTC");
    }
}
