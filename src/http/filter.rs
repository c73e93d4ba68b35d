//! Filters in the query of a request.

use serde_json::Value;

use super::validation::{Problems, Query, Step};
use crate::model::{ContentKind, Filter};
use crate::runtime::clock;

const DAY_SECONDS: i64 = 86_400;

/// Reads the filter's parameters; blank ones count as left out.
pub(super) fn read(query: &Query, problems: &mut Problems) -> Filter {
    let text = |name| query.optional(name).filter(|text| !text.trim().is_empty());
    let first_page = page(query, "page_from", 1, problems);
    let least = first_page.map_or(1, |first| first as usize);
    Filter {
        source: text("source").map(str::to_owned),
        host: text("host").map(str::to_owned),
        kind: text("kind").and_then(|kind| {
            let found = ContentKind::from_name(kind);
            if found.is_none() {
                let loc = [Step::Name("query"), Step::Name("kind")];
                let expected = ContentKind::names();
                problems.not_one_of(&loc, &Value::from(kind), &expected);
            }
            found
        }),
        first_page,
        last_page: page(query, "page_to", least, problems),
        since: day(query, "date_from", problems),
        before: day(query, "date_to", problems).map(|day| day + DAY_SECONDS),
    }
}

fn page(query: &Query, name: &'static str, least: usize, problems: &mut Problems) -> Option<u32> {
    query.optional(name)?;
    let page = query.number(name, (least, least, u32::MAX as usize), problems)?;
    u32::try_from(page).ok()
}

fn day(query: &Query, name: &'static str, problems: &mut Problems) -> Option<i64> {
    let text = query
        .optional(name)
        .filter(|text| !text.trim().is_empty())?;
    let day = clock::start_of_day(text);
    if day.is_none() {
        let loc = [Step::Name("query"), Step::Name(name)];
        problems.not_a_day(&loc, &Value::from(text));
    }
    day
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_from(query: &'static str) -> (Filter, Value) {
        let uri = axum::http::Uri::from_static(query);
        let mut problems = Problems::default();
        let filter = read(&Query::of(&uri), &mut problems);
        (filter, problems.to_detail())
    }

    #[test]
    fn all_parameters_are_read() {
        let (filter, problems) = read_from(
            "/?source=docs&host=a.org&kind=pdf&page_from=2&page_to=3&date_from=1970-01-02&date_to=1970-01-02",
        );
        assert_eq!(problems, serde_json::json!([]));
        assert_eq!(
            filter,
            Filter {
                source: Some("docs".to_owned()),
                host: Some("a.org".to_owned()),
                kind: Some(ContentKind::Pdf),
                first_page: Some(2),
                last_page: Some(3),
                since: Some(DAY_SECONDS),
                before: Some(2 * DAY_SECONDS),
            }
        );
        assert!(read_from("/?kind=&source=").0.is_empty());
    }

    #[test]
    fn every_fault_is_named() {
        let (_, problems) =
            read_from("/?kind=word&page_from=3&page_to=2&date_from=yesterday&date_to=2026-02-30");
        let named: Vec<&str> = problems
            .as_array()
            .unwrap()
            .iter()
            .map(|problem| problem["loc"][1].as_str().unwrap())
            .collect();
        assert_eq!(named, ["kind", "page_to", "date_from", "date_to"]);
    }
}
