//! What clients may cost.

use super::ConfigError;
use super::section::section;

/// The heading of the help.
pub(super) const LIMITS: &str = "Limits";

// Sizes are multiplied into bytes and times added to the clock; more than 1 << 30 is a slip.
section! {
    "limits";
    /// Flags and keys.
    pub struct LimitsConfig;
    /// Checked values.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct LimitsSettings;

    /// Open connections, as far as the file descriptors reach; for a further one an idle one is
    /// closed, else it waits
    max_connections: usize = 1024, within 1..=1 << 30; under(LIMITS).unit("N").tuning();
    /// Requests being worked on; further ones get 503 at once
    max_concurrent: usize = 256, within 1..=1 << 30; under(LIMITS).unit("N");
    /// Request bodies on their way, together; beyond it the slowest is given up
    max_arriving: usize = 64, within 1..=1 << 30; under(LIMITS).unit("MIB").tuning();
    /// Replies that wait for clients to read them, together; beyond it the slowest client's
    /// connection is cut
    max_unread: usize = 64, within 1..=1 << 30; under(LIMITS).unit("MIB").tuning();
    /// Replies that wait on one connection; beyond it its next request waits
    max_unread_per_connection: usize = 8192, within 1..=1 << 30; under(LIMITS).unit("KIB").tuning();
    /// Requests a minute of one key, or address without keys; 0 is no limit
    requests_per_minute: u32 = 0; under(LIMITS).unit("N");
    /// Time for a new connection to say something
    first_bytes_timeout: u64 = 10, within 1..=1 << 30; under(LIMITS).unit("SECONDS").tuning();
    /// Time for a request's head to arrive, and for an idle connection
    header_timeout: u64 = 30, within 1..=1 << 30; under(LIMITS).unit("SECONDS").tuning();
    /// Time for a request's body to arrive
    body_timeout: u64 = 30, within 1..=1 << 30; under(LIMITS).unit("SECONDS").tuning();
    /// Time from a request's head to the head of its reply
    request_timeout: u64 = 60, within 1..=1 << 30; under(LIMITS).unit("SECONDS");
    /// Time that a reply waits for a client that reads nothing
    write_timeout: u64 = 30, within 1..=1 << 30; under(LIMITS).unit("SECONDS").tuning();
    /// Largest request head
    max_header: u32 = 128, within 1..=1 << 14; under(LIMITS).unit("KIB").tuning();
    /// Largest request body
    max_body: usize = 2048, within 1..=1 << 30; under(LIMITS).unit("KIB");
    /// Longest message, question or comment
    max_message: usize = 2048, within 1..=1 << 30; under(LIMITS).unit("KIB").tuning();
    /// Contexts that a request may ask for or send along
    max_contexts: usize = 50, within 1..=1 << 30; under(LIMITS).unit("N").tuning();
    /// Nesting of a JSON body
    max_json_depth: usize = 900, within 1..=1 << 30; under(LIMITS).unit("N").tuning();
    /// Messages, records and feedback of one session
    max_session_entries: u64 = 10_000, within 1..=1 << 30; under(LIMITS).unit("N").tuning();
    /// Text of one session
    max_session_size: u64 = 16_384, within 1..=1 << 30; under(LIMITS).unit("KIB").tuning();
    /// Size of the database with all sessions; writes beyond it are refused until some are deleted
    max_state_size: u64 = 4096, within 1..=1 << 30; under(LIMITS).unit("MIB");
    /// Sessions that nobody wrote to for so long are deleted; 0 keeps all
    session_ttl: u64 = 0; under(LIMITS).unit("SECONDS");
}

impl LimitsConfig {
    /// Fills in the defaults and checks the values.
    pub fn resolve(mut self) -> Result<LimitsSettings, ConfigError> {
        let origins = std::mem::take(&mut self.origins);
        self.check()
            .map_err(|error| origins.locate(Self::KEYS, error))
    }

    fn check(self) -> Result<LimitsSettings, ConfigError> {
        let settings = self.fill()?;
        // A body that is longer than all that may be on the way would never come.
        if settings.max_body > settings.max_arriving.saturating_mul(1024) {
            return Err(ConfigError::Invalid {
                name: "--max-arriving, --max-body",
                reason: "--max-arriving, in MiB, is no less than --max-body, in KiB".to_owned(),
            });
        }
        Ok(settings)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Layer as _;
    use super::*;

    #[test]
    fn limits_that_let_nothing_through_are_refused() {
        assert!(LimitsConfig::default().resolve().is_ok());
        for limits in [
            LimitsConfig {
                max_body: Some(0),
                ..LimitsConfig::default()
            },
            LimitsConfig {
                header_timeout: Some(u64::MAX),
                ..LimitsConfig::default()
            },
            LimitsConfig {
                max_arriving: Some(1),
                ..LimitsConfig::default()
            },
            LimitsConfig {
                max_header: Some(1 << 20),
                ..LimitsConfig::default()
            },
        ] {
            assert!(limits.resolve().is_err());
        }
    }

    #[test]
    fn the_upper_layer_wins() {
        let upper = LimitsConfig {
            max_contexts: Some(7),
            ..LimitsConfig::default()
        };
        let lower = LimitsConfig {
            max_contexts: Some(8),
            session_ttl: Some(9),
            ..LimitsConfig::default()
        };
        let settings = upper.over(lower).resolve().unwrap();
        assert_eq!((settings.max_contexts, settings.session_ttl), (7, 9));
    }
}
