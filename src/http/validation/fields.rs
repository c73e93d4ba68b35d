//! The fields of a body.

use serde_json::{Map, Value};

use super::{Problems, Step};

/// A field cannot be used, and the list of problems says why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) struct Noted;

/// The fields of a body that is an object.
pub(in crate::http) struct Fields(Map<String, Value>);

impl Fields {
    pub(in crate::http) fn new(fields: Map<String, Value>) -> Self {
        Self(fields)
    }

    /// A text that must be there.
    pub(in crate::http) fn text(
        &self,
        name: &'static str,
        problems: &mut Problems,
    ) -> Option<String> {
        let loc = [Step::Name("body"), Step::Name(name)];
        match self.0.get(name) {
            Some(Value::String(text)) => Some(text.clone()),
            Some(other) => {
                problems.not_text(&loc, other);
                None
            }
            None => {
                problems.missing(&loc, &Value::Object(self.0.clone()));
                None
            }
        }
    }

    /// A text that may be left out or null.
    pub(in crate::http) fn optional_text(
        &self,
        name: &'static str,
        problems: &mut Problems,
    ) -> Option<String> {
        if self.value(name).is_null() {
            return None;
        }
        self.text(name, problems)
    }

    /// True, or false where it is left out or null.
    pub(in crate::http) fn flag(&self, name: &'static str, problems: &mut Problems) -> bool {
        match self.value(name) {
            Value::Null => false,
            Value::Bool(flag) => *flag,
            other @ (Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Object(_)) => {
                problems.not_bool(&[Step::Name("body"), Step::Name(name)], other);
                false
            }
        }
    }

    /// A text that must be there and have at most so many bytes.
    pub(in crate::http) fn short_text(
        &self,
        name: &'static str,
        most_bytes: usize,
        problems: &mut Problems,
    ) -> Option<String> {
        let text = self.text(name, problems)?;
        if text.len() > most_bytes {
            problems.text_too_long(&[Step::Name("body"), Step::Name(name)], most_bytes);
            return None;
        }
        Some(text)
    }

    /// A whole number of at least `least`, which may be left out or null.
    pub(in crate::http) fn optional_number(
        &self,
        name: &'static str,
        least: usize,
        problems: &mut Problems,
    ) -> Option<usize> {
        let (loc, value) = ([Step::Name("body"), Step::Name(name)], self.value(name));
        if value.is_null() {
            return None;
        }
        #[expect(clippy::cast_sign_loss, reason = "it is not negative")]
        let of_float = |number: f64| number as u64;
        // To JSON schema 5.0 is a whole number too.
        let is_whole = |number: &f64| number.fract() == 0.0 && *number >= 0.0;
        let whole = value.as_f64().filter(is_whole).map(of_float);
        let number = value.as_u64().or(whole);
        // The description says int64.
        let number = number.filter(|number| i64::try_from(*number).is_ok());
        let Some(number) = number.and_then(|number| usize::try_from(number).ok()) else {
            problems.not_one_of(&loc, value, "a whole number of 64 bits");
            return None;
        };
        if number < least {
            problems.below(&loc, value, least);
            return None;
        }
        Some(number)
    }

    /// Names and values, in the order in which they came.
    pub(in crate::http) fn entries(&self) -> impl Iterator<Item = (&String, &Value)> {
        self.0.iter()
    }

    /// Any value; null where there is none.
    pub(in crate::http) fn value(&self, name: &str) -> &Value {
        self.0.get(name).unwrap_or(&Value::Null)
    }

    /// Whether a field is not there at all.
    pub(in crate::http) fn is_without(&self, name: &str) -> bool {
        !self.0.contains_key(name)
    }

    /// All of them, as they came.
    pub(in crate::http) fn object(&self) -> Value {
        Value::Object(self.0.clone())
    }

    /// A list that may be left out or null. `read` turns an item into a value or gives `None` where
    /// a text was wanted.
    pub(in crate::http) fn optional_list<T>(
        &self,
        name: &'static str,
        problems: &mut Problems,
        read: impl Fn(&Value) -> Option<T>,
    ) -> Result<Option<Vec<T>>, Noted> {
        let (body, field) = (Step::Name("body"), Step::Name(name));
        let items = match self.0.get(name) {
            None | Some(Value::Null) => return Ok(None),
            Some(Value::Array(items)) => items,
            Some(other) => {
                problems.not_list(&[body, field], other);
                return Err(Noted);
            }
        };
        let mut values = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            match read(item) {
                Some(value) => values.push(value),
                None => problems.not_text(&[body, field, Step::Index(index)], item),
            }
        }
        if values.len() == items.len() {
            Ok(Some(values))
        } else {
            Err(Noted)
        }
    }

    /// What is left after taking away `names`.
    pub(in crate::http) fn without(mut self, names: &[&str]) -> Value {
        for name in names {
            self.0.shift_remove(*name);
        }
        Value::Object(self.0)
    }
}
