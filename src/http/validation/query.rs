//! The query of an address.

use std::collections::HashMap;

use axum::http::Uri;
use serde_json::Value;

use super::{Problems, Step};

/// The query's parameters; the last of repeated ones counts.
pub(in crate::http) struct Query(HashMap<String, String>);

impl Query {
    /// Reads the query of an address as a form: `+` is a space, a bare name has an empty value.
    pub(in crate::http) fn of(uri: &Uri) -> Self {
        let query = uri.query().unwrap_or_default().as_bytes();
        Self(url::form_urlencoded::parse(query).into_owned().collect())
    }

    /// A parameter that may be left out.
    pub(in crate::http) fn optional(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// A parameter that must be there.
    pub(in crate::http) fn required(
        &self,
        name: &'static str,
        problems: &mut Problems,
    ) -> Option<&str> {
        let value = self.optional(name);
        if value.is_none() {
            problems.missing(&[Step::Name("query"), Step::Name(name)], &Value::Null);
        }
        value
    }

    /// A whole number between `least` and `most`, or `default` if left out.
    pub(in crate::http) fn number(
        &self,
        name: &'static str,
        (least, default, most): (usize, usize, usize),
        problems: &mut Problems,
    ) -> Option<usize> {
        let Some(text) = self.optional(name) else {
            return Some(default);
        };
        let (loc, input) = ([Step::Name("query"), Step::Name(name)], Value::from(text));
        match text.trim().parse::<i64>() {
            Err(_) => problems.not_integer(&loc, &input),
            Ok(number) => match usize::try_from(number) {
                Ok(number) if number > most => problems.above(&loc, &input, most),
                Ok(number) if number >= least => return Some(number),
                Ok(_) | Err(_) => problems.below(&loc, &input, least),
            },
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn number(query: &str) -> Result<usize, Value> {
        let uri: Uri = format!("/x?{query}").parse().unwrap();
        let mut problems = Problems::default();
        Query::of(&uri)
            .number("k", (1, 4, 50), &mut problems)
            .ok_or_else(|| problems.to_detail()[0].clone())
    }

    #[test]
    fn the_last_of_repeated_parameters_counts() {
        let query = Query::of(&"/x?a=1&b&a=2+%C3%A9%ff&c=%".parse().unwrap());
        assert_eq!(query.optional("a"), Some("2 é\u{fffd}"));
        assert_eq!(query.optional("b"), Some(""));
        assert_eq!(query.optional("c"), Some("%"));
        assert_eq!(query.optional("d"), None);
    }

    #[test]
    fn numbers_are_held_to_their_bounds() {
        assert_eq!(number(""), Ok(4));
        assert_eq!(number("k=1"), Ok(1));
        assert_eq!(number("k=50"), Ok(50));
        for (query, kind) in [
            ("k=0", "greater_than_equal"),
            ("k=-7", "greater_than_equal"),
            ("k=51", "less_than_equal"),
            ("k=", "int_parsing"),
            ("k=four", "int_parsing"),
            ("k=4.5", "int_parsing"),
        ] {
            let problem = number(query).unwrap_err();
            assert_eq!(problem["type"], kind, "{query}");
            assert_eq!(problem["loc"], json!(["query", "k"]));
        }
    }
}
