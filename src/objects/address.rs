//! Where an index in an object store is.

use std::fmt;
use std::path::Path;

use object_store::path::Path as Key;
use url::Url;

use super::ObjectsError;

/// What separates a scheme from the rest; a path that has it is an address.
const SCHEME_END: &str = "://";

/// Longest prefix. S3 allows keys of 1,024 bytes (Amazon S3 user guide, "Naming objects"), and names
/// of files follow.
const MOST_PREFIX_BYTES: usize = 512;

/// Who is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provider {
    /// Amazon S3 and what speaks its protocol.
    S3,
    /// Google Cloud Storage.
    Google,
    /// Azure Blob Storage.
    Azure,
    /// Any web server; it can only be read.
    Http,
    /// A folder, perhaps on a network drive, that is used as if it were a store.
    File,
}

/// An address such as `s3://bucket/prefix`. Never holds credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    provider: Provider,
    url: Url,
    /// The bucket or container; the scheme and host of a web server.
    root: String,
    prefix: Key,
}

/// Whether an index is named by an address and not by a folder.
pub fn is_address(index: &Path) -> bool {
    index.to_str().is_some_and(|text| text.contains(SCHEME_END))
}

impl Address {
    /// Reads an address; users, passwords, queries and fragments are refused, because what they would
    /// hold belongs into the environment.
    pub fn parse(text: &str) -> Result<Self, ObjectsError> {
        // The rest may hold a password.
        let scheme = text.split(SCHEME_END).next().unwrap_or_default();
        let refused = |reason: String| ObjectsError::Address {
            address: format!("{scheme}{SCHEME_END}…"),
            reason,
        };
        let url = Url::parse(text).map_err(|error| refused(error.to_string()))?;
        let provider = match url.scheme() {
            "s3" => Provider::S3,
            "gs" => Provider::Google,
            "az" => Provider::Azure,
            "http" | "https" => Provider::Http,
            "file" => Provider::File,
            other => {
                return Err(refused(format!(
                    "{other} is none of s3, gs, az, http, https and file"
                )));
            }
        };
        let is_bare = url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none();
        if !is_bare {
            return Err(refused("credentials, queries and fragments do not belong into it; credentials come from the environment".to_owned()));
        }
        let host = url.host_str().unwrap_or_default();
        if host.is_empty() != (provider == Provider::File) {
            return Err(refused(
                "it names no bucket, as s3://bucket/prefix does".to_owned(),
            ));
        }
        let prefix = Key::from_url_path(url.path()).map_err(|error| refused(error.to_string()))?;
        if prefix.as_ref().len() > MOST_PREFIX_BYTES {
            return Err(refused(format!(
                "its prefix is longer than {MOST_PREFIX_BYTES} bytes"
            )));
        }
        let root = if provider == Provider::Http {
            url.origin().ascii_serialization()
        } else {
            host.to_owned()
        };
        Ok(Self {
            provider,
            url,
            root,
            prefix,
        })
    }

    /// Who is spoken to.
    pub fn provider(&self) -> Provider {
        self.provider
    }

    /// The bucket or container, or a web server's scheme, host and port.
    pub fn root(&self) -> &str {
        &self.root
    }

    /// The key below which everything lies.
    pub fn prefix(&self) -> &Key {
        &self.prefix
    }

    /// The folder of a `file` address.
    pub(super) fn folder(&self) -> Option<std::path::PathBuf> {
        (self.provider == Provider::File)
            .then(|| self.url.to_file_path().ok())
            .flatten()
    }

    /// A name for the local copy: readable, and another one for each address.
    pub fn folder_name(&self) -> String {
        let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
        let text = self.to_string();
        let digest = blake3::hash(text.as_bytes()).to_hex();
        let readable: String = text.chars().map(plain).take(60).collect();
        format!("{readable}-{}", &digest[..16])
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.url.as_str().trim_end_matches('/'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_bucket_and_a_prefix() {
        for (text, provider, root, prefix) in [
            ("s3://guides/a/b/", Provider::S3, "guides", "a/b"),
            ("gs://guides", Provider::Google, "guides", ""),
            ("az://guides/x", Provider::Azure, "guides", "x"),
            (
                "https://h.example:8443/i",
                Provider::Http,
                "https://h.example:8443",
                "i",
            ),
            ("file:///srv/index", Provider::File, "", "srv/index"),
        ] {
            let address = Address::parse(text).unwrap();
            assert_eq!(address.provider(), provider);
            assert_eq!(address.root(), root);
            assert_eq!(address.prefix().as_ref(), prefix);
            assert_eq!(address.to_string(), text.trim_end_matches('/'));
        }
        let names = ["s3://a/b-c", "s3://a/b/c"].map(|a| Address::parse(a).unwrap().folder_name());
        assert_ne!(names[0], names[1]);
    }

    #[test]
    fn what_cannot_be_one_is_refused_and_no_secret_is_told() {
        for text in [
            "ftp://host/x",
            "s3://",
            "s3:///key",
            "s3://bucket/a//b",
            "s3://user:hunter2@bucket/x",
            "https://host/x?sig=hunter2",
            "postgres://u:hunter2@host/x",
        ] {
            let told = Address::parse(text).unwrap_err().to_string();
            assert!(
                !told.contains("hunter2") && told.contains("s3://"),
                "{told}"
            );
        }
        assert!(is_address(Path::new("s3://bucket")));
        assert!(!is_address(Path::new("folder/index")));
    }
}
