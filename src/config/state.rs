//! Where the state lives: in a folder of this machine, or in a database that servers share.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Serialize, Serializer};

use super::ConfigError;
use crate::postgres::{DatabaseAddress, DatabaseError};

/// A place for sessions, records and keys. Printed without a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StatePlace {
    /// A folder, for one server.
    Folder(PathBuf),
    /// A database, for as many as like.
    Database(Box<DatabaseAddress>),
}

impl StatePlace {
    /// What was named is an address if it begins like one.
    pub fn of(named: &Path) -> Result<Self, ConfigError> {
        let text = named
            .to_str()
            .filter(|text| DatabaseAddress::is_meant_by(text));
        let Some(text) = text else {
            return Ok(Self::Folder(named.to_owned()));
        };
        let invalid = |error: DatabaseError| ConfigError::Invalid {
            name: "--state",
            reason: error.to_string(),
        };
        let address = text.parse::<DatabaseAddress>().map_err(invalid)?;
        Ok(Self::Database(Box::new(address)))
    }
}

impl fmt::Display for StatePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(path) => path.display().fmt(f),
            Self::Database(address) => address.fmt(f),
        }
    }
}

impl Serialize for StatePlace {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_stays_one_and_an_address_never_shows_its_password() {
        let of = |named: &str| StatePlace::of(Path::new(named));
        assert_eq!(of("state").unwrap(), StatePlace::Folder("state".into()));
        let place = of("postgres://me:s3cr3t@db/w?sslmode=disable").unwrap();
        assert_eq!(place.to_string(), "postgres://me@db:5432/w");
        assert!(!format!("{place:?}").contains("s3cr3t"));
        let refused = of("postgres://me:s3cr3t@").unwrap_err().to_string();
        assert!(
            refused.starts_with("--state:") && !refused.contains("s3cr3t"),
            "{refused}"
        );
    }
}
