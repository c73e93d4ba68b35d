//! What is told of a run.

use serde::Serialize;

use crate::ingest::{Report, Row, Totals, Verdict};
use crate::runtime::clock;

/// Sources that are listed; receivers are promised no more than they can take.
const MOST_SOURCES: usize = 100;

/// Bytes of the reason why a run failed.
const LONGEST_TEXT: usize = 4_000;

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Kind {
    /// Nothing was published.
    #[serde(rename = "ingest.failed")]
    Failed,
    /// The gate kept the new generation from being published.
    #[serde(rename = "ingest.refused")]
    Refused,
    /// Some sources failed or are stale.
    #[serde(rename = "ingest.incomplete")]
    Incomplete,
    /// All went well.
    #[serde(rename = "ingest.completed")]
    Completed,
}

/// The body of a notification.
#[derive(Debug, Serialize)]
pub struct Notice<'a> {
    /// In a word.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// When the run ended, in UTC.
    pub timestamp: String,
    /// The rest.
    pub data: Data<'a>,
}

/// What a run did. Its addresses hold no secrets, as in every report.
#[derive(Debug, Serialize)]
pub struct Data<'a> {
    /// The outcome in a sentence.
    text: String,
    /// The generation that is live, or that was refused; `null` where the run failed.
    generation: Option<&'a str>,
    published: bool,
    gate: Option<&'a Verdict>,
    totals: Option<&'a Totals>,
    /// Those that need a look.
    sources: Vec<&'a Row>,
    /// How many more need one.
    sources_left_out: usize,
}

impl<'a> Notice<'a> {
    /// Of the report of a run, or of why there is none.
    pub fn of(outcome: Result<&'a Report, &str>) -> Self {
        let (kind, text) = match outcome {
            Err(error) => (
                Kind::Failed,
                error[..error.floor_char_boundary(LONGEST_TEXT)].to_owned(),
            ),
            Ok(report) if report.is_refused() => (Kind::Refused, report.conclusion()),
            Ok(report) if !report.is_complete() => (Kind::Incomplete, report.conclusion()),
            Ok(report) => (Kind::Completed, report.conclusion()),
        };
        let report = outcome.ok();
        let mut sources: Vec<&Row> = report.into_iter().flat_map(Report::to_look_at).collect();
        let sources_left_out = sources.len().saturating_sub(MOST_SOURCES);
        sources.truncate(MOST_SOURCES);
        Self {
            kind,
            timestamp: clock::utc(clock::now()),
            data: Data {
                text,
                generation: report.map(|report| report.generation.as_str()),
                published: report.is_some_and(|report| report.published),
                gate: report.and_then(|report| report.gate.as_ref()),
                totals: report.map(|report| &report.totals),
                sources,
                sources_left_out,
            },
        }
    }

    /// What needs a look, the same for two runs that need the same; `None` if nothing does.
    pub fn matter(&self) -> Option<String> {
        let data = &self.data;
        let mut matter = match self.kind {
            Kind::Completed => return None,
            Kind::Failed => data.text.clone(),
            Kind::Refused => format!("{:?}", data.gate),
            Kind::Incomplete => format!("{} more", data.sources_left_out),
        };
        for row in &data.sources {
            let reason = row.reason.as_deref().unwrap_or_default();
            matter.push_str(&format!("\n{} {reason}", row.source));
        }
        Some(matter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::Status;

    fn failed(number: usize) -> Row {
        Row {
            source: format!("https://example.org/{number}"),
            status: Status::Failed,
            reason: Some("404".to_owned()),
            warnings: Vec::new(),
            bytes: 0,
            chunks: 0,
            seconds: 0.5,
            stale_since: None,
        }
    }

    fn report(failures: usize) -> Report {
        let mut report = Report {
            generation: "g".to_owned(),
            published: true,
            sources: (0..failures).map(failed).collect(),
            ..Report::default()
        };
        report.totals.failed = failures;
        report
    }

    #[test]
    fn a_notice_is_bounded_and_counts_what_it_leaves_out() {
        let report = report(250);
        let notice = Notice::of(Ok(&report));
        let json = serde_json::to_value(&notice).unwrap();
        assert_eq!(json["type"], "ingest.incomplete");
        assert_eq!(json["data"]["sources"].as_array().unwrap().len(), 100);
        assert_eq!(json["data"]["sources_left_out"], 150);
        let long = "é".repeat(9_000);
        assert_eq!(Notice::of(Err(&long)).data.text.len(), LONGEST_TEXT);
    }

    #[test]
    fn two_runs_with_the_same_faults_are_one_matter() {
        let mut again = report(2);
        again.totals.seconds = 9.0;
        let matter = |report: &Report| Notice::of(Ok(report)).matter();
        assert_eq!(matter(&report(2)), matter(&again));
        assert_ne!(matter(&report(2)), matter(&report(3)));
        assert_eq!(matter(&report(0)), None);
    }
}
