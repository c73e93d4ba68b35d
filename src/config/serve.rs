//! Where the server listens and what it keeps.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args};
use serde::{Deserialize, Serialize, Serializer};
use url::{Origin, Url};

use super::places::{check_index, is_address};
use super::{ConfigError, Layer, Listen, Places, StatePlace, Switch};

/// Flags and keys.
#[derive(Debug, Clone, Default, Args, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct ServeConfig {
    /// Where the generations are: a folder, or an object store as `s3://bucket/prefix`, gs, az or https
    /// [default: index, if there is one here; else in the user's data folder]
    #[arg(long, env = "WATTWISE_INDEX", value_name = "DIR|URL")]
    pub index: Option<PathBuf>,
    /// Where the copy of an index in an object store is kept [default: the user's cache folder]
    #[arg(
        long,
        env = "WATTWISE_INDEX_CACHE",
        value_name = "DIR",
        hide_short_help = true
    )]
    pub index_cache: Option<PathBuf>,
    /// Address to listen on, its port, or both: localhost:9000, :9000 [default: 127.0.0.1:8000]
    #[arg(long, env = "WATTWISE_BIND", value_name = "ADDRESS")]
    pub bind: Option<Listen>,
    /// The address alone; 0.0.0.0 is every address of this machine
    #[arg(long, value_name = "ADDRESS", value_parser = super::listen::host)]
    pub host: Option<IpAddr>,
    /// The port alone; 0 takes a free one
    #[arg(long, short, value_name = "PORT")]
    pub port: Option<u16>,
    /// Where sessions and records are kept: a folder for this server alone, or
    /// `postgres://user:password@host/database` for several [default: state, where index is here; else
    /// in the user's data folder]
    #[arg(
        long,
        env = "WATTWISE_STATE",
        hide_env_values = true,
        value_name = "DIR|URL"
    )]
    pub state: Option<PathBuf>,
    /// Most connections to a database at once [default: 16]
    #[arg(
        long,
        env = "WATTWISE_DATABASE_CONNECTIONS",
        value_name = "COUNT",
        help_heading = "Limits",
        hide_short_help = true
    )]
    pub database_connections: Option<usize>,
    /// Clients must send this key in Authorization or X-API-Key; better given through the
    /// environment
    #[arg(
        long,
        env = "AUTH_API_KEY",
        hide_env_values = true,
        value_name = "KEY",
        help_heading = "Access"
    )]
    pub auth_api_key: Option<String>,
    /// Listen beyond this machine although no key is set
    #[arg(long, env = "WATTWISE_INSECURE", action = ArgAction::SetTrue, help_heading = "Access")]
    pub insecure: Option<bool>,
    /// Speak TLS with this certificate and those that vouch for it, in PEM; read again on SIGHUP
    #[arg(
        long,
        env = "WATTWISE_TLS_CERT",
        value_name = "FILE",
        help_heading = "Access",
        hide_short_help = true
    )]
    pub tls_cert: Option<PathBuf>,
    /// The certificate's private key, in PEM
    #[arg(
        long,
        env = "WATTWISE_TLS_KEY",
        value_name = "FILE",
        help_heading = "Access",
        hide_short_help = true
    )]
    pub tls_key: Option<PathBuf>,
    /// Sites whose pages may call the API from a browser, such as `https://app.example.org`
    #[arg(
        long,
        env = "WATTWISE_CORS_ORIGIN",
        value_name = "ORIGIN",
        num_args = 1..,
        value_delimiter = ',', help_heading = "Access", hide_short_help = true)]
    pub cors_origin: Option<Vec<String>>,
    /// Names besides localhost that the server may be called by while there is no key, against pages
    /// that let their own name lead to this machine
    #[arg(
        long,
        env = "WATTWISE_ALLOWED_HOST",
        value_name = "HOST",
        num_args = 1..,
        value_delimiter = ',', help_heading = "Access", hide_short_help = true)]
    pub allowed_host: Option<Vec<String>>,
    /// Replies to small talk and emergencies that need no source: `shipped`, `off`, or a TOML file
    /// of your own in the form of data/replies.toml [default: shipped]
    #[arg(
        long,
        env = "WATTWISE_REPLIES",
        value_name = "FILE",
        hide_short_help = true
    )]
    pub replies: Option<String>,
    /// Keep the questions that were not answered, or badly, for the page at /status [default: off]
    #[arg(long, env = "WATTWISE_QUESTION_LOG", value_enum)]
    pub question_log: Option<Switch>,
    /// Days that they are kept [default: 90]
    #[arg(
        long,
        env = "WATTWISE_QUESTION_LOG_DAYS",
        value_name = "DAYS",
        hide_short_help = true
    )]
    pub question_log_days: Option<u32>,
    /// Whether texts under /v1 end with a list of their sources, where a request does not say
    /// [default: on]
    #[arg(long, env = "WATTWISE_OPENAI_SOURCES", value_enum)]
    pub openai_sources: Option<Switch>,
    /// Seconds that requests under way have to finish at shutdown [default: 10]
    #[arg(
        long,
        value_name = "SECONDS",
        help_heading = "Limits",
        hide_short_help = true
    )]
    pub drain: Option<u64>,
    /// Seconds between two looks for a new generation [default: 2; 10 where it is in an object store]
    #[arg(
        long,
        value_name = "SECONDS",
        help_heading = "Limits",
        hide_short_help = true
    )]
    pub reload_interval: Option<u64>,
    /// Send a trace of each request to this collector (OTLP over HTTP), such as `http://localhost:4318`
    #[arg(
        long,
        env = "OTEL_EXPORTER_OTLP_ENDPOINT",
        value_name = "URL",
        hide_short_help = true
    )]
    pub otlp_endpoint: Option<Url>,
}

/// Checked values.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ServeSettings {
    /// Index directory, or address.
    pub index: PathBuf,
    /// Where the copy of an index at an address is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index_cache: Option<PathBuf>,
    /// Address to listen on.
    pub bind: SocketAddr,
    /// State directory or database.
    pub state: StatePlace,
    /// Most connections to a database.
    pub database_connections: usize,
    /// The clients' key; never printed.
    #[serde(skip)]
    pub auth_api_key: Option<String>,
    /// `shipped`, `off` or a file.
    pub replies: String,
    /// Whether questions that were not answered are kept.
    pub question_log: Switch,
    /// Days that they are kept, and deleted after.
    pub question_log_days: u32,
    /// Whether texts under `/v1` end with their sources.
    pub openai_sources: Switch,
    /// Seconds.
    pub drain: u64,
    /// Seconds.
    pub reload_interval: u64,
    /// Base address of the collector of traces; printed without a user.
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "without_user"
    )]
    pub otlp_endpoint: Option<Url>,
    /// Sites whose pages may call.
    pub cors_origin: Vec<String>,
    /// Names that the server may be called by while there is no key.
    pub allowed_host: Vec<String>,
    /// Certificate and key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<TlsPaths>,
    /// Whether the operator said that no key is needed anywhere.
    pub insecure: bool,
}

/// Where certificate and key lie.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TlsPaths {
    /// PEM.
    pub cert: PathBuf,
    /// PEM.
    pub key: PathBuf,
}

#[expect(clippy::ref_option, reason = "serde hands it over like this")]
fn without_user<S: Serializer>(url: &Option<Url>, serializer: S) -> Result<S::Ok, S::Error> {
    let shown = url.clone().map(|mut url| {
        // These fail only for addresses without a host.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        url
    });
    shown.serialize(serializer)
}

impl Layer for ServeConfig {
    fn over(self, below: Self) -> Self {
        // Who names an address here means none of the parts below.
        let parts = self.bind.is_none().then_some((below.host, below.port));
        let (host, port) = parts.unwrap_or_default();
        Self {
            index: self.index.or(below.index),
            index_cache: self.index_cache.or(below.index_cache),
            bind: self.bind.or(below.bind),
            host: self.host.or(host),
            port: self.port.or(port),
            state: self.state.or(below.state),
            database_connections: self.database_connections.or(below.database_connections),
            auth_api_key: self.auth_api_key.or(below.auth_api_key),
            insecure: self
                .insecure
                .filter(|insecure| *insecure)
                .or(below.insecure),
            cors_origin: self.cors_origin.or(below.cors_origin),
            allowed_host: self.allowed_host.or(below.allowed_host),
            tls_cert: self.tls_cert.or(below.tls_cert),
            tls_key: self.tls_key.or(below.tls_key),
            replies: self.replies.or(below.replies),
            question_log: self.question_log.or(below.question_log),
            question_log_days: self.question_log_days.or(below.question_log_days),
            openai_sources: self.openai_sources.or(below.openai_sources),
            drain: self.drain.or(below.drain),
            reload_interval: self.reload_interval.or(below.reload_interval),
            otlp_endpoint: self.otlp_endpoint.or(below.otlp_endpoint),
        }
    }
}

impl ServeConfig {
    /// Fills in the defaults and checks the values.
    pub fn resolve(self) -> Result<ServeSettings, ConfigError> {
        let tls = match (self.tls_cert, self.tls_key) {
            (Some(cert), Some(key)) => Some(TlsPaths { cert, key }),
            (None, None) => None,
            (Some(_), None) => return Err(without("--tls-key", "--tls-cert")),
            (None, Some(_)) => return Err(without("--tls-cert", "--tls-key")),
        };
        let places = Places::find();
        let index = self.index.unwrap_or(places.index);
        check_index(&index)?;
        let usual_interval = if is_address(&index) { 10 } else { 2 };
        let settings = ServeSettings {
            index,
            index_cache: self.index_cache,
            bind: self.bind.unwrap_or_default().address(self.host, self.port),
            state: StatePlace::of(&self.state.unwrap_or(places.state))?,
            database_connections: self.database_connections.unwrap_or(16),
            auth_api_key: self.auth_api_key,
            replies: self.replies.unwrap_or_else(|| "shipped".to_owned()),
            question_log: self.question_log.unwrap_or(Switch::Off),
            question_log_days: self.question_log_days.unwrap_or(90),
            openai_sources: self.openai_sources.unwrap_or(Switch::On),
            drain: self.drain.unwrap_or(10),
            reload_interval: self.reload_interval.unwrap_or(usual_interval),
            otlp_endpoint: self.otlp_endpoint,
            cors_origin: origins(self.cors_origin.unwrap_or_default())?,
            allowed_host: self.allowed_host.unwrap_or_default(),
            tls,
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
        if settings.question_log_days == 0 {
            return Err(ConfigError::Invalid {
                name: "--question-log-days",
                reason: "at least 1; --question-log off keeps none".to_owned(),
            });
        }
        let collector = settings.otlp_endpoint.as_ref();
        if collector.is_some_and(|url| !matches!(url.scheme(), "http" | "https")) {
            return Err(ConfigError::Invalid {
                name: "--otlp-endpoint",
                reason:
                    "an http or https address, such as http://localhost:4318: gRPC is not spoken"
                        .to_owned(),
            });
        }
        if settings.database_connections == 0 {
            return Err(ConfigError::Invalid {
                name: "--database-connections",
                reason: "at least 1".to_owned(),
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

fn without(name: &'static str, partner: &str) -> ConfigError {
    ConfigError::Invalid {
        name,
        reason: format!("TLS needs it beside {partner}"),
    }
}

/// Each as browsers write it.
fn origins(named: Vec<String>) -> Result<Vec<String>, ConfigError> {
    let origin = |named: String| {
        let parsed = Url::parse(&named).ok().map(|url| url.origin());
        let written = parsed
            .filter(Origin::is_tuple)
            .map(|o| o.ascii_serialization());
        match written {
            Some(written) if written.eq_ignore_ascii_case(named.trim_end_matches('/')) => {
                Ok(written)
            }
            _ => Err(ConfigError::Invalid {
                name: "--cors-origin",
                reason: format!(
                    "{named} is no origin; name scheme and host alone, such as https://app.example.org"
                ),
            }),
        }
    };
    named.into_iter().map(origin).collect()
}

impl ServeSettings {
    /// How long logged questions are kept.
    pub fn question_retention(&self) -> Duration {
        Duration::from_hours(u64::from(self.question_log_days) * 24)
    }

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
    fn origins_are_named_exactly() {
        let resolve = |origin: &str| {
            let config = ServeConfig {
                cors_origin: Some(vec![origin.to_owned()]),
                ..ServeConfig::default()
            };
            config.resolve().ok().map(|settings| settings.cors_origin)
        };
        for (named, written) in [
            ("https://app.example.org", "https://app.example.org"),
            ("https://App.example.org/", "https://app.example.org"),
            ("http://localhost:3000", "http://localhost:3000"),
        ] {
            assert_eq!(resolve(named), Some(vec![written.to_owned()]));
        }
        for named in [
            "*",
            "null",
            "app.example.org",
            "https://a.test/app",
            "file:///a",
            "",
        ] {
            assert_eq!(resolve(named), None, "{named}");
        }
    }

    #[test]
    fn certificate_and_key_come_together() {
        let named = |cert: Option<&str>, key: Option<&str>| ServeConfig {
            tls_cert: cert.map(PathBuf::from),
            tls_key: key.map(PathBuf::from),
            ..ServeConfig::default()
        };
        assert!(named(Some("c"), Some("k")).resolve().unwrap().tls.is_some());
        let refused = named(Some("c"), None).resolve().err().unwrap();
        assert_eq!(
            refused.to_string(),
            "--tls-key: TLS needs it beside --tls-cert"
        );
        assert!(named(None, Some("k")).resolve().is_err());
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
