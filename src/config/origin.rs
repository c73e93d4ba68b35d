//! Which source a value came from, so that an error can say where to mend it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::ArgMatches;
use clap::error::{ContextKind, ContextValue};
use clap::parser::ValueSource;

use super::{ConfigError, KEYS, Key};

/// A source of values.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Origin {
    Flag,
    Variable,
    File(PathBuf),
}

/// The source of each value of a section that has one; values that code made have none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origins(BTreeMap<&'static str, Origin>);

impl Origins {
    /// Of what the command line and the environment hold.
    pub(super) fn of_matches(keys: &[Key], matches: &ArgMatches) -> Self {
        let origin = |key: &Key| {
            let origin = match matches.value_source(key.field())? {
                ValueSource::CommandLine => Origin::Flag,
                ValueSource::EnvVariable => Origin::Variable,
                ValueSource::DefaultValue | _ => return None,
            };
            Some((key.field(), origin))
        };
        Self(keys.iter().filter_map(origin).collect())
    }

    /// Of what a file's table holds.
    pub(super) fn of_table(keys: &[Key], table: &toml::Table, file: &Path) -> Self {
        let written = keys.iter().filter(|key| table.contains_key(key.name()));
        Self(
            written
                .map(|key| (key.field(), Origin::File(file.to_owned())))
                .collect(),
        )
    }

    /// Takes over where the value of `field` came from.
    pub(super) fn take(&mut self, field: &'static str, from: &mut Self) {
        if let Some(origin) = from.0.remove(field) {
            self.0.insert(field, origin);
        }
    }

    /// The error with the place that the refused value stands in, unless that is a flag, which it
    /// names already.
    pub(super) fn locate(&self, keys: &[Key], error: ConfigError) -> ConfigError {
        let ConfigError::Invalid { name, reason } = error else {
            return error;
        };
        let named = |key: &&Key| name.split(", ").any(|flag| flag == key.flag());
        let place = |key: &Key| match self.0.get(key.field())? {
            Origin::Flag => None,
            Origin::Variable => Some(format!("the variable {}", key.variable_name())),
            Origin::File(path) => Some(format!(
                "{} of [{}] in {}",
                key.name(),
                key.section(),
                path.display()
            )),
        };
        let places: Vec<String> = keys.iter().filter(named).filter_map(place).collect();
        let reason = if places.is_empty() {
            reason
        } else {
            format!("{reason} (set by {})", places.join(" and "))
        };
        ConfigError::Invalid { name, reason }
    }
}

/// The error of the command line with the variable that a refused value came from: clap names the flag
/// alone.
pub fn with_variable(mut error: clap::Error) -> clap::Error {
    let Some(ContextValue::String(arg)) = error.get(ContextKind::InvalidArg) else {
        return error;
    };
    let flag = arg.split([' ', '=', '[']).next().unwrap_or_default();
    let is_said = std::env::args().any(|said| said.split('=').next() == Some(flag));
    let key = KEYS.into_iter().flatten().find(|key| key.flag() == flag);
    let variable = key.map(Key::variable_name).filter(|_| !is_said);
    let variable = variable.filter(|variable| std::env::var_os(variable).is_some());
    if let Some(variable) = variable {
        let tip = format!("the value comes from the variable {variable}").into();
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip]));
    }
    error
}
