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
    /// Largest request body, in KiB [default: 2048]
    #[arg(long, value_name = "KIB")]
    pub max_body: Option<usize>,
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
    /// KiB.
    pub max_body: usize,
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
            max_body: self.max_body.or(below.max_body),
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
            max_body: self.max_body.unwrap_or(2048),
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
        if !settings.bind.ip().is_loopback()
            && settings.auth_api_key.is_none()
            && self.insecure != Some(true)
        {
            return Err(ConfigError::Invalid {
                name: "--bind",
                reason: format!(
                    "{} can be reached from other machines and no key is set: set AUTH_API_KEY, or say --insecure",
                    settings.bind
                ),
            });
        }
        if settings.reload_interval == 0 || settings.max_body == 0 {
            return Err(ConfigError::Invalid {
                name: "--reload-interval, --max-body",
                reason: "at least 1".to_owned(),
            });
        }
        Ok(settings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_world_is_let_in_only_with_a_key_or_a_word() {
        let open = ServeConfig {
            bind: Some("0.0.0.0:8000".parse().unwrap()),
            ..ServeConfig::default()
        };
        assert!(open.clone().resolve().is_err());
        assert!(
            ServeConfig {
                insecure: Some(true),
                ..open.clone()
            }
            .resolve()
            .is_ok()
        );
        let key = Some("0123456789abcdef".to_owned());
        assert!(
            ServeConfig {
                auth_api_key: key,
                ..open.clone()
            }
            .resolve()
            .is_ok()
        );
        assert!(
            ServeConfig {
                auth_api_key: Some("short".to_owned()),
                ..open
            }
            .resolve()
            .is_err()
        );
    }
}
