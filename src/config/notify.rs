//! Who is told how runs end.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Serialize, Serializer};
use url::Url;

use super::ConfigError;

/// In front of a secret, as the Standard Webhooks specification writes it.
const PREFIX: &str = "whsec_";

/// Bytes of a secret, by the same specification.
const SECRET_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// Checked values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotifySettings {
    /// Whom.
    pub url: Url,
    /// Whether of runs that went well too.
    pub always: bool,
    /// What signs.
    pub secret: NotifySecret,
}

/// A key that does not show itself.
#[derive(Clone, PartialEq, Eq)]
pub struct NotifySecret(pub Vec<u8>);

impl fmt::Debug for NotifySecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NotifySecret(***)")
    }
}

impl NotifySettings {
    /// `None` where nobody is to be told. Errors name neither the address nor the secret.
    pub(super) fn resolve(
        url: Option<&str>,
        secret: Option<&str>,
        always: bool,
    ) -> Result<Option<Self>, ConfigError> {
        let invalid = |name, reason: String| ConfigError::Invalid { name, reason };
        let Some(url) = url.map(str::trim).filter(|url| !url.is_empty()) else {
            return Ok(None);
        };
        let parsed = Url::parse(url).ok();
        let url = parsed.filter(|url| matches!(url.scheme(), "http" | "https"));
        let url = url.ok_or_else(|| {
            let reason =
                "it is no http or https address; write it as https://hooks.example.org/path";
            invalid("--notify", reason.to_owned())
        })?;
        let encoded = secret.and_then(|secret| secret.trim().strip_prefix(PREFIX));
        let key = encoded.and_then(|encoded| STANDARD.decode(encoded).ok());
        let key = key.filter(|key| SECRET_BYTES.contains(&key.len()));
        let secret = key.map(NotifySecret).ok_or_else(|| {
            let reason = format!(
                "--notify needs a secret that signs what is sent: {PREFIX} and {} to {} bytes in base64, which `echo {PREFIX}$(openssl rand -base64 32)` makes; better given as WATTWISE_NOTIFY_SECRET",
                SECRET_BYTES.start(),
                SECRET_BYTES.end()
            );
            invalid("--notify-secret", reason)
        })?;
        Ok(Some(Self {
            url,
            always,
            secret,
        }))
    }
}

/// For `--print-config`: an address holds a secret in its path or query, as often as not.
#[expect(clippy::ref_option, reason = "serde hands it over like this")]
pub(super) fn site_alone<S: Serializer>(
    address: &Option<String>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let url = address
        .as_deref()
        .and_then(|address| Url::parse(address.trim()).ok());
    let site = url.map(|url| format!("{}/***", url.origin().ascii_serialization()));
    site.unwrap_or_else(|| "***".to_owned())
        .serialize(serializer)
}

#[cfg(test)]
mod tests {
    use super::super::IngestConfig;
    use super::*;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    #[test]
    fn nothing_of_address_and_secret_is_shown() {
        let url = "https://user:pass@hooks.test/t0ken?key=k3y";
        let settings = NotifySettings::resolve(Some(url), Some(SECRET), true);
        let settings = settings.unwrap().unwrap();
        let config = IngestConfig {
            notify: Some(url.to_owned()),
            notify_secret: Some(SECRET.to_owned()),
            ..IngestConfig::default()
        };
        let printed = toml::to_string(&config.resolve().unwrap()).unwrap();
        assert!(
            printed.contains("notify = \"https://hooks.test/***\"\n"),
            "{printed}"
        );
        assert!(
            !printed.contains("whsec") && !printed.contains("t0ken"),
            "{printed}"
        );
        assert!(!format!("{:?}", settings.secret).contains("49"));
        for (url, secret) in [
            ("ftp://hooks.test/t0ken", Some(SECRET)),
            ("t0ken", Some(SECRET)),
            (url, None),
            (url, Some("t0ken")),
            (url, Some("whsec_t0kent0kent0ken")),
        ] {
            let error = NotifySettings::resolve(Some(url), secret, false).unwrap_err();
            assert!(!error.to_string().contains("t0ken"), "{error}");
        }
        assert_eq!(NotifySettings::resolve(None, None, true).unwrap(), None);
    }
}
