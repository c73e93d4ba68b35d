//! The table that declares a section.

use std::fmt::Display;
use std::ops::RangeInclusive;

use super::ConfigError;

/// Declares the keys of one section of the configuration, each once: its explanation, its type, its
/// default or how its value is read, its bounds, and what the help says of it. Flags, variables, the
/// file, `wattwise.example.toml`, docs/configuration.md and the settings are all made of this.
///
/// ```text
/// "limits";                                  the table in the file
/// pub struct LimitsConfig;                   what sources say: every field optional
/// pub struct LimitsSettings;                 what holds
/// key
///     /// Largest request body
///     max_body: usize = 2048, within 1..=MOST; unit("KIB").tuning();
///     /// Key of clients
///     auth_api_key: String; unit("KEY");     without a default: an Option in the settings
///     /// Sitemaps
///     sitemap: Vec<String> => Vec<Url> = read; unit("URL");
/// ```
macro_rules! section {
    (
        $section:literal;
        $(#[$config_meta:meta])* pub struct $Config:ident $(, layered by $layered:ident)?;
        $(#[$settings_meta:meta])* $visible:vis struct $Settings:ident;
        $(
            $(#[doc = $help:literal])+
            $(#[serde($($print:tt)*)])?
            $name:ident: $kind:ty $(= $default:expr)? $(=> $made:ty = $make:expr)?
                $(, within $range:expr)?;
            $($method:ident($($argument:expr)?)).+;
        )*
    ) => {
        $(#[$config_meta])*
        #[derive(Debug, Clone, Default, serde::Deserialize)]
        #[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
        pub struct $Config {
            $($(#[doc = $help])+ pub $name: Option<$kind>,)*
            /// Where each value came from.
            #[serde(skip)]
            pub origins: $crate::config::Origins,
        }

        $(#[$settings_meta])*
        #[derive(serde::Serialize)]
        #[serde(rename_all = "kebab-case")]
        $visible struct $Settings {
            $(
                $(#[doc = $help])+
                $(#[serde($($print)*)])?
                $visible $name: $crate::config::section::kept!(
                    $kind $(= $default)? $(=> $made)?
                ),
            )*
        }

        impl $Config {
            /// The keys of the section.
            pub const KEYS: &[$crate::config::Key] = &[$(
                $crate::config::Key::new(
                    $section,
                    stringify!($name),
                    $crate::config::section::flag!($name),
                    concat!($($help),+),
                    || $crate::config::section::shown!($($default)?),
                )
                .$($method($($argument)?)).+,
            )*];

            /// Fills in the defaults and checks each value by itself.
            fn fill(self) -> Result<$Settings, $crate::config::ConfigError> {
                let settings = $Settings {$(
                    $name: $crate::config::section::filled!(
                        self.$name $(, = $default)? $(, => $make)?
                    ),
                )*};
                $($(
                    $crate::config::section::within(
                        $crate::config::section::flag!($name),
                        &settings.$name,
                        &$range,
                    )?;
                )?)*
                Ok(settings)
            }
        }

        impl $crate::config::Layer for $Config {
            fn over(mut self, mut below: Self) -> Self {
                $($layered(&self, &mut below);)?
                $(
                    if self.$name.is_none() {
                        self.$name = below.$name;
                        self.origins.take(stringify!($name), &mut below.origins);
                    }
                )*
                self
            }
        }

        impl clap::FromArgMatches for $Config {
            fn from_arg_matches(matches: &clap::ArgMatches) -> Result<Self, clap::Error> {
                Ok(Self {
                    $($name: $crate::config::key::KeyValue::get(matches, stringify!($name)),)*
                    origins: $crate::config::Origins::of_matches(Self::KEYS, matches),
                })
            }

            fn update_from_arg_matches(
                &mut self,
                matches: &clap::ArgMatches,
            ) -> Result<(), clap::Error> {
                *self = Self::from_arg_matches(matches)?;
                Ok(())
            }
        }

        impl clap::Args for $Config {
            fn augment_args(command: clap::Command) -> clap::Command {
                let mut keys = Self::KEYS.iter();
                $(
                    let command = match keys.next() {
                        Some(key) => command.arg(key.arg::<$kind>()),
                        None => command,
                    };
                    let _ = stringify!($name);
                )*
                command
            }

            fn augment_args_for_update(command: clap::Command) -> clap::Command {
                Self::augment_args(command)
            }
        }
    };
}

/// What the settings hold of a key.
macro_rules! kept {
    ($kind:ty) => { Option<$kind> };
    ($kind:ty = $default:expr) => { $kind };
    ($kind:ty => $made:ty) => { $made };
}

/// The value of a key in the settings.
macro_rules! filled {
    ($value:expr) => {
        $value
    };
    ($value:expr, = $default:expr) => {
        $value.unwrap_or_else(|| $default)
    };
    ($value:expr, => $make:expr) => {
        $crate::config::section::made($value, $make)?
    };
}

/// A default as the file would have it.
macro_rules! shown {
    () => {
        None
    };
    ($default:expr) => {
        toml::Value::try_from($default).ok()
    };
}

/// The flag of a field: `--max-body` of `max_body`.
macro_rules! flag {
    ($name:ident) => {{
        const FIELD: &str = concat!("--", stringify!($name));
        const FLAG: [u8; FIELD.len()] = $crate::config::section::hyphened(FIELD);
        match std::str::from_utf8(&FLAG) {
            Ok(flag) => flag,
            Err(_) => FIELD,
        }
    }};
}

pub(super) use {filled, flag, kept, section, shown};

/// With hyphens for underscores. `LENGTH` is the text's.
pub(super) const fn hyphened<const LENGTH: usize>(text: &str) -> [u8; LENGTH] {
    let mut bytes = [0; LENGTH];
    let mut at = 0;
    while at < LENGTH {
        let byte = text.as_bytes()[at];
        bytes[at] = if byte == b'_' { b'-' } else { byte };
        at += 1;
    }
    bytes
}

/// Has the types of both sides known before the body of `make` is read.
pub(super) fn made<T, S>(
    given: Option<T>,
    make: impl FnOnce(Option<T>) -> Result<S, ConfigError>,
) -> Result<S, ConfigError> {
    make(given)
}

/// Refuses a value outside of its bounds.
pub(super) fn within<T: PartialOrd + Display>(
    name: &'static str,
    value: &T,
    range: &RangeInclusive<T>,
) -> Result<(), ConfigError> {
    if range.contains(value) {
        return Ok(());
    }
    Err(ConfigError::Invalid {
        name,
        reason: format!("from {} to {}", range.start(), range.end()),
    })
}
