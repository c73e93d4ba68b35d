//! What is known of one key of the configuration, said once.
//!
//! A key is a flag (`--max-body`), a variable (`WATTWISE_MAX_BODY`) and an entry of the file
//! (`max-body` in `[limits]`). All three names follow from the name of its field; a few variables have
//! the name that other programs gave them.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::builder::BoolishValueParser;
use clap::{Arg, ArgAction, ArgMatches, value_parser};
use toml::Value;
use url::Url;

use super::{Chunker, EmbedderKind, GeneratorKind, Listen, LogFormat, Switch, listen};

/// One key.
#[derive(Debug, Clone, Copy)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a property that a row of a table may have"
)]
pub struct Key {
    section: &'static str,
    field: &'static str,
    flag: &'static str,
    help: &'static str,
    default: fn() -> Option<Value>,
    heading: Option<&'static str>,
    unit: Option<&'static str>,
    variable: Option<&'static str>,
    /// What holds without a value, where that is no fixed value.
    otherwise: Option<&'static str>,
    /// A value as TOML, where there is no fixed one to show.
    example: Option<&'static str>,
    short: Option<char>,
    is_tuning: bool,
    is_secret: bool,
    takes_many: bool,
    is_global: bool,
}

impl Key {
    pub(super) const fn new(
        section: &'static str,
        field: &'static str,
        flag: &'static str,
        help: &'static str,
        default: fn() -> Option<Value>,
    ) -> Self {
        Self {
            section,
            field,
            flag,
            help,
            default,
            heading: None,
            unit: None,
            variable: None,
            otherwise: None,
            example: None,
            short: None,
            is_tuning: false,
            is_secret: false,
            takes_many: false,
            is_global: false,
        }
    }

    /// The heading of the help that it stands under.
    pub(super) const fn under(mut self, heading: &'static str) -> Self {
        self.heading = Some(heading);
        self
    }

    /// What a value is, as the help names it.
    pub(super) const fn unit(mut self, unit: &'static str) -> Self {
        self.unit = Some(unit);
        self
    }

    /// The variable, where another program named it before.
    pub(super) const fn variable(mut self, variable: &'static str) -> Self {
        self.variable = Some(variable);
        self
    }

    pub(super) const fn otherwise(mut self, otherwise: &'static str) -> Self {
        self.otherwise = Some(otherwise);
        self
    }

    pub(super) const fn example(mut self, example: &'static str) -> Self {
        self.example = Some(example);
        self
    }

    pub(super) const fn short(mut self, short: char) -> Self {
        self.short = Some(short);
        self
    }

    /// Few ever set it: taken from all three places, but listed in docs/configuration.md alone.
    pub(super) const fn tuning(mut self) -> Self {
        self.is_tuning = true;
        self
    }

    /// Its value is shown nowhere.
    pub(super) const fn secret(mut self) -> Self {
        self.is_secret = true;
        self
    }

    /// The flag takes all values that follow it.
    pub(super) const fn many(mut self) -> Self {
        self.takes_many = true;
        self
    }

    /// The flag may stand after any command.
    pub(super) const fn global(mut self) -> Self {
        self.is_global = true;
        self
    }

    /// The name of the field, which is the flag's id.
    pub(super) fn field(&self) -> &'static str {
        self.field
    }

    /// The flag.
    pub fn flag(&self) -> &'static str {
        self.flag
    }

    /// The key in the file.
    pub fn name(&self) -> &'static str {
        self.flag.trim_start_matches('-')
    }

    /// The environment variable.
    pub fn variable_name(&self) -> String {
        let regular = || format!("WATTWISE_{}", self.field.to_ascii_uppercase());
        self.variable.map_or_else(regular, str::to_owned)
    }

    /// The environment variable, where the rule does not tell it.
    pub fn own_variable(&self) -> Option<&'static str> {
        self.variable
    }

    /// What a value is.
    pub fn unit_text(&self) -> Option<&'static str> {
        self.unit
    }

    /// The table of the file.
    pub fn section(&self) -> &'static str {
        self.section
    }

    /// Whether only the documentation lists it.
    pub fn is_tuning(&self) -> bool {
        self.is_tuning
    }

    /// One line.
    pub fn help(&self) -> String {
        self.help.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// What holds without a value, for people.
    pub fn default_text(&self) -> Option<String> {
        let fixed = || {
            Some(
                match (self.default)().filter(|value| !says_nothing(value))? {
                    Value::String(text) => text,
                    Value::Array(items) => items
                        .iter()
                        .filter_map(Value::as_str)
                        .collect::<Vec<_>>()
                        .join(","),
                    Value::Integer(number) => number.to_string(),
                    other @ (Value::Float(_)
                    | Value::Boolean(_)
                    | Value::Datetime(_)
                    | Value::Table(_)) => other.to_string(),
                },
            )
        };
        self.otherwise.map(str::to_owned).or_else(fixed)
    }

    /// A line of the file: the default and `true`, or an example and `false`.
    pub fn file_line(&self) -> (String, bool) {
        let default = (self.default)().map(|value| value.to_string());
        let is_default = default.is_some() && self.example.is_none();
        let value = self.example.map(str::to_owned).or(default);
        let value = value.unwrap_or_else(|| "\"\"".to_owned());
        (format!("{} = {value}", self.name()), is_default)
    }

    /// The flag.
    pub(super) fn arg<T: KeyValue>(&self) -> Arg {
        let mut help = self.help();
        if let Some(default) = self.default_text() {
            let _ = write!(help, " [default: {default}]");
        }
        let unit = self
            .unit
            .map_or_else(|| self.field.to_ascii_uppercase(), str::to_owned);
        let mut arg = Arg::new(self.field)
            .long(self.name())
            .env(self.variable_name())
            .value_name(unit)
            .help(help)
            .hide(self.is_tuning)
            // The rule for the names stands below the help.
            .hide_env(self.variable.is_none())
            .hide_env_values(true)
            .global(self.is_global);
        if let Some(short) = self.short {
            arg = arg.short(short);
        }
        if let Some(heading) = self.heading {
            arg = arg.help_heading(heading);
        }
        let arg = T::describe(arg);
        if self.takes_many {
            arg.num_args(1..)
        } else {
            arg
        }
    }
}

/// Whether a default goes without saying: what is off, or empty.
fn says_nothing(value: &Value) -> bool {
    *value == Value::Boolean(false) || value.as_array().is_some_and(Vec::is_empty)
}

/// What a key may hold.
pub(super) trait KeyValue: Sized {
    /// Says how the text of a flag or variable is read.
    fn describe(arg: Arg) -> Arg;

    /// The value, if there is one.
    fn get(matches: &ArgMatches, id: &str) -> Option<Self>;
}

macro_rules! scalars {
    ($($kind:ty = $parser:expr),* $(,)?) => {$(
        impl KeyValue for $kind {
            fn describe(arg: Arg) -> Arg {
                arg.value_parser($parser)
            }

            fn get(matches: &ArgMatches, id: &str) -> Option<Self> {
                matches.get_one::<Self>(id).cloned()
            }
        }

        impl KeyValue for Vec<$kind> {
            fn describe(arg: Arg) -> Arg {
                arg.value_parser($parser).action(ArgAction::Append).value_delimiter(',')
            }

            fn get(matches: &ArgMatches, id: &str) -> Option<Self> {
                Some(matches.get_many::<$kind>(id)?.cloned().collect())
            }
        }
    )*};
}

scalars! {
    u16 = value_parser!(u16),
    u32 = value_parser!(u32),
    u64 = value_parser!(u64),
    usize = value_parser!(usize),
    f32 = value_parser!(f32),
    f64 = value_parser!(f64),
    NonZeroUsize = value_parser!(NonZeroUsize),
    String = value_parser!(String),
    PathBuf = value_parser!(PathBuf),
    Url = value_parser!(Url),
    IpAddr = listen::host,
    Listen = value_parser!(Listen),
    Chunker = value_parser!(Chunker),
    EmbedderKind = value_parser!(EmbedderKind),
    GeneratorKind = value_parser!(GeneratorKind),
    LogFormat = value_parser!(LogFormat),
    Switch = value_parser!(Switch),
}

/// `--strict`, or `--strict=false` against what the variable or the file says.
impl KeyValue for bool {
    fn describe(arg: Arg) -> Arg {
        arg.value_parser(BoolishValueParser::new())
            .num_args(0..=1)
            .require_equals(true)
            .default_missing_value("true")
            .hide_possible_values(true)
            .value_name("BOOL")
    }

    fn get(matches: &ArgMatches, id: &str) -> Option<Self> {
        matches.get_one::<Self>(id).copied()
    }
}
