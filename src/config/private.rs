//! Hosts inside private networks that may be fetched all the same.

use std::net::IpAddr;

use clap::{Arg, ArgMatches};
use serde::{Deserialize, Deserializer};

use super::ConfigError;
use super::key::KeyValue;

/// Stands for every host.
const ALL_HOSTS: &str = "*";

/// Hosts, as sources name them; in the file, `true` and `false` will do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HostList(pub Vec<String>);

impl<'de> Deserialize<'de> for HostList {
    fn deserialize<D: Deserializer<'de>>(value: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            All(bool),
            Hosts(Vec<String>),
        }
        Ok(Self(match Written::deserialize(value)? {
            Written::All(true) => vec![ALL_HOSTS.to_owned()],
            Written::All(false) => Vec::new(),
            Written::Hosts(hosts) => hosts,
        }))
    }
}

/// A flag without a value means every host.
impl KeyValue for HostList {
    fn describe(arg: Arg) -> Arg {
        Vec::<String>::describe(arg)
            .num_args(0..)
            .default_missing_value(ALL_HOSTS)
    }

    fn get(matches: &ArgMatches, id: &str) -> Option<Self> {
        Vec::get(matches, id).map(Self)
    }
}

/// As they stand in addresses; the environment may say true and false.
pub(super) fn hosts(named: Option<HostList>) -> Result<Vec<String>, ConfigError> {
    let mut hosts = Vec::new();
    for host in named.unwrap_or_default().0 {
        match host.as_str() {
            "true" | ALL_HOSTS => hosts.push(ALL_HOSTS.to_owned()),
            "false" | "" => {}
            name => hosts.push(host_name(name)?),
        }
    }
    Ok(hosts)
}

fn host_name(name: &str) -> Result<String, ConfigError> {
    if let Ok(address) = name.parse::<IpAddr>() {
        return Ok(address.to_string());
    }
    let (host, port) = match name.rsplit_once(':') {
        Some((host, port)) if !name.ends_with(']') => (host, Some(port.parse::<u16>())),
        _ => (name, None),
    };
    let host = url::Host::parse(host).map(|host| host.to_string());
    match (host, port) {
        (Ok(host), None) => Ok(host.trim_matches(['[', ']']).to_owned()),
        (Ok(host), Some(Ok(port))) => Ok(format!("{host}:{port}")),
        _ => Err(ConfigError::Invalid {
            name: "--allow-private",
            reason: format!(
                "{name} is no host; give a name or an address, with or without a port, such as wiki.example.org, 192.168.1.5:8080 or [fd00::1]:8080"
            ),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::super::IngestConfig;
    use super::*;

    #[test]
    fn private_hosts_are_all_none_or_named() {
        let parsed = |text: &str| {
            let config: IngestConfig = toml::from_str(text).unwrap();
            hosts(config.allow_private).ok()
        };
        let of = |hosts: &[&str]| Some(hosts.iter().map(|host| (*host).to_owned()).collect());
        assert_eq!(parsed(""), of(&[]));
        assert_eq!(parsed("allow-private = false"), of(&[]));
        assert_eq!(parsed("allow-private = true"), of(&["*"]));
        assert_eq!(
            parsed("allow-private = [\"Wiki.Example.org\", \"10.0.0.1\", \"::1\", \"[fd00::1]\"]"),
            of(&["wiki.example.org", "10.0.0.1", "::1", "fd00::1"])
        );
        assert_eq!(
            parsed("allow-private = [\"Wiki:8080\", \"10.0.0.1:80\", \"[FD00::1]:81\"]"),
            of(&["wiki:8080", "10.0.0.1:80", "[fd00::1]:81"])
        );
        for wrong in ["wiki:x", "wiki:70000", "a b", "fd00::1::"] {
            assert_eq!(
                parsed(&format!("allow-private = [\"{wrong}\"]")),
                None,
                "{wrong}"
            );
        }
    }
}
