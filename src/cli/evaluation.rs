//! What an evaluation prints.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde_json::{Value, json};

use super::printer;
use crate::evaluate;

/// What is printed, and one score for each query to compare runs by.
pub(super) struct Evaluation {
    pub(super) figures: Vec<(&'static str, f64)>,
    pub(super) scores: Vec<(String, f64)>,
    pub(super) median: Duration,
}

impl Evaluation {
    /// One line of figures, or one JSON object.
    pub(super) fn print(&self, as_json: bool) -> anyhow::Result<()> {
        let median_ms = self.median.as_secs_f64() * 1e3;
        if as_json {
            let mut figures: serde_json::Map<String, Value> = self
                .figures
                .iter()
                .map(|(name, value)| ((*name).to_owned(), json!(value)))
                .collect();
            figures.insert("median_ms".to_owned(), json!(median_ms));
            printer::result(Value::Object(figures))?;
        } else {
            let line: Vec<String> = self
                .figures
                .iter()
                .map(|(name, value)| {
                    if value.fract() == 0.0 && *value > 1.0 {
                        format!("{name} {value}")
                    } else {
                        format!("{name} {value:.3}")
                    }
                })
                .collect();
            printer::result(format!("{}  median {median_ms:.1} ms", line.join("  ")))?;
        }
        Ok(())
    }

    /// Says whether the difference to an earlier run's scores is more than chance.
    pub(super) fn compare(&self, path: &Path) -> anyhow::Result<()> {
        let earlier: serde_json::Map<String, Value> = serde_json::from_slice(&fs_err::read(path)?)
            .with_context(|| format!("{} holds no scores of an earlier run", path.display()))?;
        let mut pairs = (Vec::new(), Vec::new());
        for (id, score) in &self.scores {
            if let Some(before) = earlier.get(id).and_then(Value::as_f64) {
                pairs.0.push(*score);
                pairs.1.push(before);
            }
        }
        match evaluate::compare(&pairs.0, &pairs.1) {
            Some(found) => printer::result(format!(
                "against {}: {:+.4} on {} queries, p = {:.4}",
                path.display(),
                found.difference,
                pairs.0.len(),
                found.p
            ))?,
            None => bail!("{} has no query in common with this run", path.display()),
        }
        Ok(())
    }
}
