//! Where a database is, as one address.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};
use url::form_urlencoded;

use super::DatabaseError;

/// What an address of a database begins with.
const SCHEMES: [&str; 2] = ["postgres://", "postgresql://"];

/// A connection URI as libpq takes it
/// (`postgres://user:password@host:5432,other:5432/database?sslmode=require`), with two more
/// parameters: `sslrootcert` names a PEM file of authorities instead of those that the system trusts,
/// and `sslmode` knows `verify-ca` and `verify-full` too. Whatever the mode, a certificate that is
/// shown is verified, with its name. Without `sslmode`, TLS is a must beyond this machine.
///
/// Printed without the password and without parameters.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseAddress {
    config: Config,
    authorities: Option<PathBuf>,
}

impl DatabaseAddress {
    /// Whether a text is meant as an address of a database, rather than as a folder.
    pub fn is_meant_by(text: &str) -> bool {
        let lower = text.get(..13).unwrap_or(text).to_ascii_lowercase();
        SCHEMES.iter().any(|scheme| lower.starts_with(scheme))
    }

    /// What the client takes, without what the pool sets.
    pub(super) fn config(&self) -> &Config {
        &self.config
    }

    /// The file of trusted authorities, if one is named.
    pub(super) fn authorities(&self) -> Option<&PathBuf> {
        self.authorities.as_ref()
    }

    /// Hosts with their ports, in the order in which they are tried.
    pub(super) fn hosts(&self) -> Vec<(&Host, u16)> {
        let ports = self.config.get_ports();
        let port = |place: usize| ports.get(place).or(ports.first()).copied().unwrap_or(5432);
        let hosts = self.config.get_hosts().iter().enumerate();
        hosts.map(|(place, host)| (host, port(place))).collect()
    }

    /// Who connects.
    pub(super) fn user(&self) -> &str {
        self.config.get_user().unwrap_or_default()
    }

    /// The database; the server takes the one named as the user where none is named.
    pub(super) fn database(&self) -> &str {
        self.config.get_dbname().unwrap_or(self.user())
    }
}

impl FromStr for DatabaseAddress {
    type Err = DatabaseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let malformed = |reason: String| DatabaseError::Address { reason };
        if !Self::is_meant_by(text) {
            return Err(malformed("it does not begin with postgres://".to_owned()));
        }
        let (place, query) = text.split_once('?').unwrap_or((text, ""));
        let mut kept = form_urlencoded::Serializer::new(String::new());
        let (mut authorities, mut has_mode) = (None, false);
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match (name.as_ref(), value.as_ref()) {
                ("sslrootcert", "system") => {}
                ("sslrootcert", file) => authorities = Some(PathBuf::from(file)),
                ("sslmode", mode) => {
                    has_mode = true;
                    let is_stricter = matches!(mode, "verify-ca" | "verify-full");
                    let mode = if is_stricter { "require" } else { mode };
                    kept.append_pair("sslmode", mode);
                }
                (name, value) => {
                    kept.append_pair(name, value);
                }
            }
        }
        // libpq's form knows no plus for a space.
        let query = kept.finish().replace('+', "%20");
        let mut config: Config = format!("{place}?{query}")
            .parse()
            .map_err(|error: tokio_postgres::Error| malformed(super::error::chain(&error)))?;
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            return Err(malformed("it names no host".to_owned()));
        }
        if config.get_user().is_none() {
            return Err(malformed("it names no user".to_owned()));
        }
        if !has_mode && !config.get_hosts().iter().all(is_here) {
            config.ssl_mode(SslMode::Require);
        }
        Ok(Self {
            config,
            authorities,
        })
    }
}

/// Whether nobody can listen on the way to a host.
fn is_here(host: &Host) -> bool {
    match host {
        Host::Tcp(name) => {
            let address = name.parse::<std::net::IpAddr>();
            name == "localhost" || address.is_ok_and(|address| address.is_loopback())
        }
        Host::Unix(_) => true,
    }
}

impl fmt::Display for DatabaseAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hosts = self.hosts().into_iter().map(|(host, port)| match host {
            Host::Tcp(name) => format!("{name}:{port}"),
            Host::Unix(path) => path.display().to_string(),
        });
        let hosts: Vec<String> = hosts.collect();
        let (user, hosts, database) = (self.user(), hosts.join(","), self.database());
        write!(f, "postgres://{user}@{hosts}/{database}")
    }
}

impl fmt::Debug for DatabaseAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatabaseAddress({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> DatabaseAddress {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_is_printed_without_its_password() {
        let address = parsed("postgres://me:s3cr%40t@one:5433,two/wattwise?application_name=x");
        assert_eq!(
            address.to_string(),
            "postgres://me@one:5433,two:5432/wattwise"
        );
        assert!(!format!("{address:?}").contains("s3cr"));
        assert_eq!(address.config.get_password(), Some(&b"s3cr@t"[..]));
        for wrong in [
            "postgres://me:s3cr3t@host/db?sslmode=s3cr3t",
            "postgres://me:s3cr3t@host:port/db",
            "postgres://me:s3cr3t@",
            "postgres://me@host/db?nothing=s3cr3t",
            "mysql://me:s3cr3t@host/db",
        ] {
            let refused = wrong.parse::<DatabaseAddress>().unwrap_err().to_string();
            assert!(!refused.contains("s3cr3t"), "{wrong}: {refused}");
        }
    }

    #[test]
    fn beyond_this_machine_tls_is_a_must_unless_it_is_switched_off() {
        let mode = |text: &str| parsed(text).config.get_ssl_mode();
        assert_eq!(mode("postgres://me@db.example/w"), SslMode::Require);
        assert_eq!(mode("postgres://me@127.0.0.1/w"), SslMode::Prefer);
        assert_eq!(mode("postgres://me@localhost,other/w"), SslMode::Require);
        assert_eq!(mode("postgres://me@db/w?sslmode=disable"), SslMode::Disable);
        assert_eq!(
            mode("postgres://me@db/w?sslmode=verify-full"),
            SslMode::Require
        );
        let named = parsed("postgres://me@db/w?sslrootcert=/etc/a%20b.pem&sslmode=verify-ca");
        assert_eq!(named.authorities, Some(PathBuf::from("/etc/a b.pem")));
    }

    #[test]
    fn a_folder_is_no_address() {
        assert!(DatabaseAddress::is_meant_by("postgres://h/d"));
        assert!(DatabaseAddress::is_meant_by("PostgreSQL://h/d"));
        for folder in ["state", "postgres", "/postgres:/x", "", "ü"] {
            assert!(!DatabaseAddress::is_meant_by(folder), "{folder}");
        }
    }
}
