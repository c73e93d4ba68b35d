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
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct NotifySettings {
    /// Whom; of the address only the site is printed.
    #[serde(rename = "notify", serialize_with = "site")]
    pub url: Url,
    /// Whether of runs that went well too.
    #[serde(rename = "notify-always")]
    pub always: bool,
    /// What signs; never printed.
    #[serde(skip)]
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

fn site<S: Serializer>(url: &Url, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&format!("{}/***", url.origin().ascii_serialization()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    #[test]
    fn nothing_of_address_and_secret_is_shown() {
        let url = "https://user:pass@hooks.test/t0ken?key=k3y";
        let settings = NotifySettings::resolve(Some(url), Some(SECRET), true);
        let settings = settings.unwrap().unwrap();
        let printed = toml::to_string(&settings).unwrap();
        assert_eq!(
            printed,
            "notify = \"https://hooks.test/***\"\nnotify-always = true\n"
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
