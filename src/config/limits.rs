//! What clients may cost.

use clap::Args;
use serde::{Deserialize, Serialize};

use super::{ConfigError, Layer};

/// Declares every limit once: its flag with its explanation, its variable, its default.
macro_rules! limits {
    ($($(#[$doc:meta])* $name:ident: $kind:ty = $default:literal, $env:literal, $unit:literal;)*) => {
        /// Flags and keys.
        #[derive(Debug, Clone, Default, Args, Deserialize)]
        #[command(next_help_heading = "Limits")]
        #[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
        pub struct LimitsConfig {
            $($(#[$doc])* #[arg(long, env = $env, value_name = $unit, hide_short_help = true)] pub $name: Option<$kind>,)*
        }

        /// Checked values.
        #[derive(Debug, Clone, PartialEq, Eq, Serialize)]
        #[serde(rename_all = "kebab-case")]
        pub struct LimitsSettings {
            $($(#[$doc])* pub $name: $kind,)*
        }

        impl Layer for LimitsConfig {
            fn over(self, below: Self) -> Self {
                Self { $($name: self.$name.or(below.$name),)* }
            }
        }

        impl LimitsConfig {
            fn fill(self) -> LimitsSettings {
                LimitsSettings { $($name: self.$name.unwrap_or($default),)* }
            }
        }
    };
}

limits! {
    /// Open connections, as far as the file descriptors reach; for a further one an idle one is
    /// closed, else it waits [default: 1024]
    max_connections: usize = 1024, "WATTWISE_MAX_CONNECTIONS", "N";
    /// Requests being worked on, of one client at most seven of eight; further ones get 503 at once
    /// [default: 256]
    max_concurrent: usize = 256, "WATTWISE_MAX_CONCURRENT", "N";
    /// Request bodies on their way, together; beyond it the slowest is given up [default: 64]
    max_arriving: usize = 64, "WATTWISE_MAX_ARRIVING", "MIB";
    /// Replies that wait for clients to read them, together; beyond it the slowest client's
    /// connection is cut [default: 64]
    max_unread: usize = 64, "WATTWISE_MAX_UNREAD", "MIB";
    /// Replies that wait on one connection; beyond it its next request waits [default: 8192]
    max_unread_per_connection: usize = 8192, "WATTWISE_MAX_UNREAD_PER_CONNECTION", "KIB";
    /// Requests a minute of one key, or of one address where there are no keys; 0 is no limit
    /// [default: 0]
    requests_per_minute: u32 = 0, "WATTWISE_REQUESTS_PER_MINUTE", "N";
    /// Time for a new connection to say something [default: 10]
    first_bytes_timeout: u64 = 10, "WATTWISE_FIRST_BYTES_TIMEOUT", "SECONDS";
    /// Time for a request's head to arrive, and for an idle connection [default: 30]
    header_timeout: u64 = 30, "WATTWISE_HEADER_TIMEOUT", "SECONDS";
    /// Time for a request's body to arrive [default: 30]
    body_timeout: u64 = 30, "WATTWISE_BODY_TIMEOUT", "SECONDS";
    /// Time from a request's head to the head of its reply [default: 60]
    request_timeout: u64 = 60, "WATTWISE_REQUEST_TIMEOUT", "SECONDS";
    /// Time that a reply waits for a client that reads nothing [default: 30]
    write_timeout: u64 = 30, "WATTWISE_WRITE_TIMEOUT", "SECONDS";
    /// Largest request head [default: 128]
    max_header: u32 = 128, "WATTWISE_MAX_HEADER", "KIB";
    /// Largest request body [default: 2048]
    max_body: usize = 2048, "WATTWISE_MAX_BODY", "KIB";
    /// Longest message, question or comment [default: 2048]
    max_message: usize = 2048, "WATTWISE_MAX_MESSAGE", "KIB";
    /// Contexts that a request may ask for or send along [default: 50]
    max_contexts: usize = 50, "WATTWISE_MAX_CONTEXTS", "N";
    /// Nesting of a JSON body [default: 900]
    max_json_depth: usize = 900, "WATTWISE_MAX_JSON_DEPTH", "N";
    /// Messages, records and feedback of one session [default: 10000]
    max_session_entries: u64 = 10_000, "WATTWISE_MAX_SESSION_ENTRIES", "N";
    /// Text of one session [default: 16384]
    max_session_size: u64 = 16_384, "WATTWISE_MAX_SESSION_SIZE", "KIB";
    /// Size of the database with all sessions; writes beyond it are refused until some are deleted
    /// [default: 4096]
    max_state_size: u64 = 4096, "WATTWISE_MAX_STATE_SIZE", "MIB";
    /// Sessions that nobody wrote to for so long are deleted; 0 keeps them for ever [default: 0]
    session_ttl: u64 = 0, "WATTWISE_SESSION_TTL", "SECONDS";
}

impl LimitsConfig {
    /// Fills in the defaults and checks the values.
    pub fn resolve(self) -> Result<LimitsSettings, ConfigError> {
        let settings = self.fill();
        let positive = [
            ("--max-connections", settings.max_connections as u64),
            ("--max-concurrent", settings.max_concurrent as u64),
            ("--max-arriving", settings.max_arriving as u64),
            ("--max-unread", settings.max_unread as u64),
            (
                "--max-unread-per-connection",
                settings.max_unread_per_connection as u64,
            ),
            ("--first-bytes-timeout", settings.first_bytes_timeout),
            ("--header-timeout", settings.header_timeout),
            ("--body-timeout", settings.body_timeout),
            ("--request-timeout", settings.request_timeout),
            ("--write-timeout", settings.write_timeout),
            ("--max-header", settings.max_header.into()),
            ("--max-body", settings.max_body as u64),
            ("--max-message", settings.max_message as u64),
            ("--max-contexts", settings.max_contexts as u64),
            ("--max-json-depth", settings.max_json_depth as u64),
            ("--max-session-entries", settings.max_session_entries),
            ("--max-session-size", settings.max_session_size),
            ("--max-state-size", settings.max_state_size),
        ];
        // Sizes are multiplied into bytes and times added to the clock; more than this is a slip.
        match positive
            .iter()
            .find(|(_, value)| !(1..=1 << 30).contains(value))
        {
            Some((name, _)) => Err(ConfigError::Invalid {
                name,
                reason: format!("between 1 and {}", 1 << 30),
            }),
            None if settings.max_header > 1 << 14 => Err(ConfigError::Invalid {
                name: "--max-header",
                reason: "at most 16384 KiB".to_owned(),
            }),
            // A body that is longer than all that may be on the way would never come.
            None if settings.max_body > settings.max_arriving.saturating_mul(1024) => {
                Err(ConfigError::Invalid {
                    name: "--max-arriving",
                    reason: "no less than --max-body".to_owned(),
                })
            }
            None => Ok(settings),
        }
    }
}

#[cfg(test)]
mod tests {
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
