//! Files of labelled questions.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use thiserror::Error;
use unicode_normalization::UnicodeNormalization;

use crate::assistant::Question;

/// A question and the strings that its answer must hold.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct LabelledQuestion {
    /// The question.
    pub question: String,
    /// Verbatim parts of the source; none if the sources do not answer it.
    #[serde(default, alias = "want")]
    pub answers: Vec<String>,
    /// What was asked before it in the same conversation, oldest first.
    #[serde(default)]
    pub history: Vec<String>,
}

impl LabelledQuestion {
    /// The question as it is put to an assistant.
    pub fn to_ask(&self) -> Question {
        Question::Conversation(self.messages())
    }

    /// The conversation that it ends.
    pub(super) fn messages(&self) -> Vec<String> {
        let mut messages = self.history.clone();
        messages.push(self.question.clone());
        messages
    }
}

/// Why a file of questions cannot be used.
#[derive(Debug, Error)]
pub enum QuestionsError {
    /// It cannot be read.
    #[error("cannot read the questions {path}: {source}; name a file with one JSON object a line")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// A line is not a labelled question.
    #[error("{path}, line {line}: {reason}; expected {expected}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// What is wrong.
        reason: String,
        /// What a line looks like.
        expected: &'static str,
    },
}

/// Reads one JSON object a line; blank lines are passed over.
pub fn read_questions(path: &Path) -> Result<Vec<LabelledQuestion>, QuestionsError> {
    read_lines(path, "{\"question\": \"…\", \"answers\": [\"…\"]}")
}

pub(super) fn read_lines<T: DeserializeOwned>(
    path: &Path,
    expected: &'static str,
) -> Result<Vec<T>, QuestionsError> {
    let text = if path == Path::new("-") {
        std::io::read_to_string(std::io::stdin().lock())
    } else {
        fs_err::read_to_string(path)
    };
    let text = text.map_err(|source| QuestionsError::Unreadable {
        path: path.to_owned(),
        source,
    })?;
    text.lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty())
        .map(|(position, line)| {
            serde_json::from_str(line).map_err(|error| QuestionsError::Malformed {
                path: path.to_owned(),
                line: position + 1,
                reason: error.to_string(),
                expected,
            })
        })
        .collect()
}

/// Text for comparison: NFKC, lower case, straight quotes, without white space and hyphens, so that
/// line breaks and typography do not decide.
pub(super) fn normalize(text: &str) -> String {
    text.nfkc()
        .flat_map(char::to_lowercase)
        .filter_map(|c| match c {
            '\u{2018}' | '\u{2019}' => Some('\''),
            '\u{201c}' | '\u{201d}' => Some('"'),
            '-' | '\u{2010}'..='\u{2015}' | '\u{ad}' => None,
            c if c.is_whitespace() => None,
            c => Some(c),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typography_does_not_decide() {
        assert_eq!(
            normalize("It\u{2019}s a  Self-\nServing \u{fb01}le"),
            "it'saselfservingfile"
        );
    }

    #[test]
    fn the_bad_line_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs_err::write(
            file.path(),
            "{\"question\": \"Why?\"}\n\n{\"answers\": []}\n",
        )
        .unwrap();
        assert!(
            read_questions(file.path())
                .unwrap_err()
                .to_string()
                .contains("line 3")
        );
    }
}
