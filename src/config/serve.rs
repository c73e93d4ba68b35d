//! Where the server listens and what it keeps.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{ArgAction, Args};
use serde::{Deserialize, Serialize};

use super::{ConfigError, Layer};

/// Flags and keys.
#[derive(Debug, Clone, Default, Args, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct ServeConfig {
    /// Where the generations are [default: index]
    #[arg(long, env = "WATTWISE_INDEX", value_name = "DIR")]
    pub index: Option<PathBuf>,
    /// Address and port to listen on [default: 127.0.0.1:8000]
    #[arg(long, env = "WATTWISE_BIND", value_name = "ADDRESS")]
    pub bind: Option<SocketAddr>,
    /// Where sessions and records are kept [default: state]
    #[arg(long, env = "WATTWISE_STATE", value_name = "DIR")]
    pub state: Option<PathBuf>,
    /// Clients must send this key in Authorization or X-API-Key; better given through the
    /// environment
    #[arg(long, env = "AUTH_API_KEY", hide_env_values = true, value_name = "KEY")]
    pub auth_api_key: Option<String>,
    /// Listen beyond this machine although no key is set
    #[arg(long, env = "WATTWISE_INSECURE", action = ArgAction::SetTrue)]
    pub insecure: Option<bool>,
    /// Seconds that requests under way have to finish at shutdown [default: 10]
    #[arg(long, value_name = "SECONDS")]
    pub drain: Option<u64>,
    /// Seconds between two looks for a new generation [default: 2]
    #[arg(long, value_name = "SECONDS")]
    pub reload_interval: Option<u64>,
}

/// Checked values.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ServeSettings {
    /// Index directory.
    pub index: PathBuf,
    /// Address to listen on.
    pub bind: SocketAddr,
    /// State directory.
    pub state: PathBuf,
    /// The clients' key; never printed.
    #[serde(skip)]
    pub auth_api_key: Option<String>,
    /// Seconds.
    pub drain: u64,
    /// Seconds.
    pub reload_interval: u64,
    /// Whether the operator said that no key is needed anywhere.
    pub insecure: bool,
}

impl Layer for ServeConfig {
    fn over(self, below: Self) -> Self {
        Self {
            index: self.index.or(below.index),
            bind: self.bind.or(below.bind),
            state: self.state.or(below.state),
            auth_api_key: self.auth_api_key.or(below.auth_api_key),
            insecure: self
                .insecure
                .filter(|insecure| *insecure)
                .or(below.insecure),
            drain: self.drain.or(below.drain),
            reload_interval: self.reload_interval.or(below.reload_interval),
        }
    }
}

impl ServeConfig {
    /// Fills in the defaults and checks the values.
    pub fn resolve(self) -> Result<ServeSettings, ConfigError> {
        let settings = ServeSettings {
            index: self.index.unwrap_or_else(|| PathBuf::from("index")),
            bind: self
                .bind
                .unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 8000))),
            state: self.state.unwrap_or_else(|| PathBuf::from("state")),
            auth_api_key: self.auth_api_key,
            drain: self.drain.unwrap_or(10),
            reload_interval: self.reload_interval.unwrap_or(2),
            insecure: self.insecure == Some(true),
        };
        if settings
            .auth_api_key
            .as_deref()
            .is_some_and(|key| key.trim().len() < 16)
        {
            return Err(ConfigError::Invalid {
                name: "AUTH_API_KEY",
                reason: "at least 16 characters, so that it cannot be guessed".to_owned(),
            });
        }
        if settings.reload_interval == 0 {
            return Err(ConfigError::Invalid {
                name: "--reload-interval",
                reason: "at least 1".to_owned(),
            });
        }
        Ok(settings)
    }
}

impl ServeSettings {
    /// Refuses to let the world in by accident.
    pub fn check_exposure(&self, needs_key: bool) -> Result<(), ConfigError> {
        if self.bind.ip().is_loopback() || needs_key || self.insecure {
            return Ok(());
        }
        Err(ConfigError::Invalid {
            name: "--bind",
            reason: format!(
                "{} can be reached from other machines and there is no key: run `wattwise keys create` or set AUTH_API_KEY, or say --insecure",
                self.bind
            ),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_world_is_let_in_only_with_a_key_or_a_word() {
        let bound = |address: &str, insecure| ServeConfig {
            bind: Some(address.parse().unwrap()),
            insecure,
            ..ServeConfig::default()
        };
        let check = |config: ServeConfig, needs_key| {
            config.resolve().unwrap().check_exposure(needs_key).is_ok()
        };
        assert!(!check(bound("0.0.0.0:8000", None), false));
        assert!(check(bound("0.0.0.0:8000", None), true));
        assert!(check(bound("0.0.0.0:8000", Some(true)), false));
        assert!(check(bound("127.0.0.1:8000", None), false));
    }

    #[test]
    fn a_key_that_can_be_guessed_is_refused() {
        let short = ServeConfig {
            auth_api_key: Some("short".to_owned()),
            ..ServeConfig::default()
        };
        assert!(short.resolve().is_err());
    }
}
