//! Where the server listens and what it keeps.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use serde::{Serialize, Serializer};
use url::{Origin, Url};

use super::limits::LIMITS;
use super::places::{INDEX_OTHERWISE, index_place, is_address};
use super::section::section;
use super::{ConfigError, Listen, Places, StatePlace, Switch};

section! {
    "serve";
    /// Flags and keys.
    pub struct ServeConfig, layered by without_parts;
    /// Checked values.
    #[derive(Clone, PartialEq, Eq)]
    pub struct ServeSettings;

    /// Where the generations are: a folder, an object store (`s3://bucket/prefix`, gs, az, https) or a
    /// database (`postgres://user:password@host/database`)
    #[serde(serialize_with = "super::places::serialize_index")]
    index: PathBuf => PathBuf = index_place;
        unit("DIR|URL").otherwise(INDEX_OTHERWISE).secret().example("\"index\"");
    /// Where the copy of an index at an address is kept
    #[serde(skip_serializing_if = "Option::is_none")]
    index_cache: PathBuf;
        unit("DIR").otherwise("the user's cache folder").example("\"/var/cache/wattwise\"").tuning();
    /// Where sessions are kept: a folder, or `postgres://user:password@host/database` for several
    /// servers
    state: PathBuf => StatePlace = state_place;
        unit("DIR|URL").otherwise("state here, else in the user's data folder").secret().example("\"state\"");
    /// Address to listen on, its port, or both: localhost:9000, :9000
    bind: Listen => SocketAddr = whole_address;
        unit("ADDRESS").otherwise("127.0.0.1:8000").example("\"127.0.0.1:8000\"");
    /// The address alone; 0.0.0.0 is every address of this machine
    #[serde(skip)]
    host: IpAddr; unit("ADDRESS").example("\"0.0.0.0\"");
    /// The port alone; 0 takes a free one
    #[serde(skip)]
    port: u16; unit("PORT").short('p').example("8000");
    /// Replies to small talk and emergencies: `shipped`, `off`, or a file like data/replies.toml
    replies: String = "shipped".to_owned(); unit("FILE");
    /// Keep questions that were not answered, or badly, for the page at /status
    question_log: Switch = Switch::Off; unit("SWITCH");
    /// Days that they are kept
    question_log_days: u32 = 90, within 1..=36_500; unit("DAYS").tuning();
    /// Whether texts under /v1 end with a list of their sources
    openai_sources: Switch = Switch::On; unit("SWITCH").tuning();
    /// Send traces to this collector (OTLP over HTTP)
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "without_user")]
    otlp_endpoint: Url => Option<Url> = collector;
        unit("URL").variable("OTEL_EXPORTER_OTLP_ENDPOINT").example("\"http://localhost:4318\"");
    /// Key that clients must send; better given through the variable
    #[serde(skip)]
    auth_api_key: String => Option<String> = long_enough;
        under(ACCESS).unit("KEY").variable("AUTH_API_KEY").secret()
        .example("\"16 characters at least, better in AUTH_API_KEY\"");
    /// Listen beyond this machine although no key is set
    insecure: bool = false; under(ACCESS);
    /// Speak TLS with this chain of certificates, in PEM; read again on SIGHUP
    #[serde(skip_serializing_if = "Option::is_none")]
    tls_cert: PathBuf; under(ACCESS).unit("FILE").example("\"cert.pem\"");
    /// The certificate's private key, in PEM
    #[serde(skip_serializing_if = "Option::is_none")]
    tls_key: PathBuf; under(ACCESS).unit("FILE").example("\"key.pem\"");
    /// Sites whose pages may call the API, such as `https://app.example.org`
    cors_origin: Vec<String> => Vec<String> = exact_origins;
        under(ACCESS).unit("ORIGIN").many().example("[\"https://app.example.org\"]");
    /// Names besides localhost that the server may be called by while there is no key
    allowed_host: Vec<String> = Vec::<String>::new();
        under(ACCESS).unit("HOST").many().example("[\"assistant.home\"]");
    /// Most connections to a database at once
    database_connections: usize = 16, within 1..=1 << 30; under(LIMITS).unit("N").tuning();
    /// Time for requests under way at shutdown
    drain: u64 = 10, within 0..=1 << 30; under(LIMITS).unit("SECONDS").tuning();
    /// Time between two looks for a new generation
    reload_interval: u64 = 2, within 1..=1 << 30;
        under(LIMITS).unit("SECONDS").otherwise("2; 10 where it is at an address").tuning();
}

/// The heading of the help.
const ACCESS: &str = "Access";

/// Shortest key of clients, in characters, so that it cannot be guessed.
const SHORTEST_KEY: usize = 16;

/// Who names an address means none of the parts that a lower source names.
fn without_parts(above: &ServeConfig, below: &mut ServeConfig) {
    if above.bind.is_some() {
        (below.host, below.port) = (None, None);
    }
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "the table takes functions that may fail"
)]
fn whole_address(given: Option<Listen>) -> Result<SocketAddr, ConfigError> {
    Ok(given.unwrap_or_default().address(None, None))
}

fn state_place(given: Option<PathBuf>) -> Result<StatePlace, ConfigError> {
    StatePlace::of(&given.unwrap_or_else(|| Places::find().state))
}

fn collector(given: Option<Url>) -> Result<Option<Url>, ConfigError> {
    match given {
        Some(url) if !matches!(url.scheme(), "http" | "https") => Err(ConfigError::Invalid {
            name: "--otlp-endpoint",
            reason: "an http or https address, such as http://localhost:4318: gRPC is not spoken"
                .to_owned(),
        }),
        url => Ok(url),
    }
}

fn long_enough(given: Option<String>) -> Result<Option<String>, ConfigError> {
    match given {
        Some(key) if key.trim().chars().count() < SHORTEST_KEY => Err(ConfigError::Invalid {
            name: "--auth-api-key",
            reason: format!("at least {SHORTEST_KEY} characters, so that it cannot be guessed"),
        }),
        key => Ok(key),
    }
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

impl ServeConfig {
    /// Fills in the defaults and checks the values.
    pub fn resolve(mut self) -> Result<ServeSettings, ConfigError> {
        let origins = std::mem::take(&mut self.origins);
        self.check()
            .map_err(|error| origins.locate(Self::KEYS, error))
    }

    fn check(mut self) -> Result<ServeSettings, ConfigError> {
        match (&self.tls_cert, &self.tls_key) {
            (Some(_), None) => return Err(without("--tls-key", "--tls-cert")),
            (None, Some(_)) => return Err(without("--tls-cert", "--tls-key")),
            (Some(_), Some(_)) | (None, None) => {}
        }
        let address = self.bind.unwrap_or_default().address(self.host, self.port);
        self.bind = Some(address.into());
        if self.index.as_deref().is_some_and(is_address) {
            // A look costs a request there.
            self.reload_interval.get_or_insert(10);
        }
        self.fill()
    }
}

fn without(name: &'static str, partner: &str) -> ConfigError {
    ConfigError::Invalid {
        name,
        reason: format!("TLS needs it beside {partner}"),
    }
}

/// Each as browsers write it.
fn exact_origins(given: Option<Vec<String>>) -> Result<Vec<String>, ConfigError> {
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
    given.unwrap_or_default().into_iter().map(origin).collect()
}

impl ServeSettings {
    /// Certificate and key, if TLS is spoken.
    pub fn tls(&self) -> Option<TlsPaths> {
        let (cert, key) = (self.tls_cert.clone()?, self.tls_key.clone()?);
        Some(TlsPaths { cert, key })
    }

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
        assert!(
            named(Some("c"), Some("k"))
                .resolve()
                .unwrap()
                .tls()
                .is_some()
        );
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
