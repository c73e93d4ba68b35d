//! Folders in the layout of BEIR (Thakur et al., 2021): `queries.jsonl` and `qrels/test.tsv`, over an
//! index of its passages, each ingested as a file named by its id.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::Deserialize;
use thiserror::Error;

use crate::assistant::{Assistant, AssistantError, Question};
use crate::model::Filter;

/// Chunks asked for, so that a hundred different documents are among them.
const CHUNKS: usize = 300;

/// A query and the documents that answer it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JudgedQuery {
    /// Its id in the folder.
    pub id: String,
    /// What is asked.
    pub text: String,
    /// Grade of each relevant document, above zero.
    pub relevant: HashMap<String, u32>,
}

/// Why a folder cannot be used.
#[derive(Debug, Error)]
pub enum BeirError {
    /// A file cannot be read.
    #[error(
        "cannot read {path}: {source}; a folder of BEIR holds queries.jsonl and qrels/test.tsv"
    )]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// A line is not what the layout asks for.
    #[error("{path}, line {line}: {reason}; the layout is that of BEIR")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// What is wrong.
        reason: String,
    },
}

/// What one query came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// The query's id.
    pub id: String,
    /// Normalised discounted cumulative gain at 10, with the gain 2^grade - 1.
    pub ndcg_10: f64,
    /// Share of the relevant documents among the first 10, of at most 10.
    pub recall_10: f64,
    /// Share of the relevant documents among the first 100.
    pub recall_100: f64,
    /// One over the rank of the first relevant document, if that is at most 10.
    pub reciprocal_rank: f64,
    /// Time of retrieval, embedding included.
    pub latency: Duration,
}

/// Reads the queries that have judgements.
pub fn read_beir(folder: &Path) -> Result<Vec<JudgedQuery>, BeirError> {
    #[derive(Deserialize)]
    struct Line {
        #[serde(rename = "_id")]
        id: String,
        text: String,
    }
    let mut judgements = read_judgements(&folder.join("qrels/test.tsv"))?;
    let path = folder.join("queries.jsonl");
    let mut queries = Vec::new();
    for (number, line) in read(&path)?.lines().enumerate() {
        let line: Line = serde_json::from_str(line)
            .map_err(|error| malformed(&path, number, &error.to_string()))?;
        if let Some(relevant) = judgements.remove(&line.id) {
            queries.push(JudgedQuery {
                id: line.id,
                text: line.text,
                relevant,
            });
        }
    }
    Ok(queries)
}

fn read_judgements(path: &Path) -> Result<HashMap<String, HashMap<String, u32>>, BeirError> {
    let mut judgements: HashMap<String, HashMap<String, u32>> = HashMap::new();
    // The first line names the columns.
    for (number, line) in read(path)?.lines().enumerate().skip(1) {
        let mut columns = line.split('\t');
        let (Some(query), Some(document), Some(grade)) =
            (columns.next(), columns.next(), columns.next())
        else {
            return Err(malformed(
                path,
                number,
                "three columns are expected: query, document, grade",
            ));
        };
        let grade: i64 = grade
            .trim()
            .parse()
            .map_err(|_| malformed(path, number, "the grade is no number"))?;
        if let Some(grade) = u32::try_from(grade).ok().filter(|grade| *grade > 0) {
            judgements
                .entry(query.to_owned())
                .or_default()
                .insert(document.to_owned(), grade);
        }
    }
    Ok(judgements)
}

fn read(path: &Path) -> Result<String, BeirError> {
    fs_err::read_to_string(path).map_err(|source| BeirError::Unreadable {
        path: path.to_owned(),
        source,
    })
}

fn malformed(path: &Path, number: usize, reason: &str) -> BeirError {
    BeirError::Malformed {
        path: path.to_owned(),
        line: number + 1,
        reason: reason.to_owned(),
    }
}

/// Asks one query and judges the documents of its contexts, each at the rank of its best chunk.
pub async fn judge(assistant: &Assistant, query: &JudgedQuery) -> Result<Judged, AssistantError> {
    let begun = Instant::now();
    let retrieved = assistant
        .search
        .retrieve(
            &Question::Text(query.text.clone()),
            CHUNKS,
            &Filter::default(),
        )
        .await?;
    let latency = begun.elapsed();
    let mut ranking: Vec<String> = Vec::new();
    for context in retrieved.contexts {
        let id = Path::new(&context.source)
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if !ranking.contains(&id) {
            ranking.push(id);
        }
    }
    Ok(score(query, &ranking, latency))
}

fn score(query: &JudgedQuery, ranking: &[String], latency: Duration) -> Judged {
    let gain = |grade: u32| 2_f64.powi(i32::try_from(grade).unwrap_or(i32::MAX)) - 1.0;
    let discounted = |grades: &mut dyn Iterator<Item = u32>| -> f64 {
        grades
            .enumerate()
            .map(|(rank, grade)| gain(grade) / (rank as f64 + 2.0).log2())
            .sum()
    };
    let grade_of = |id: &String| query.relevant.get(id).copied().unwrap_or(0);
    let mut ideal: Vec<u32> = query.relevant.values().copied().collect();
    ideal.sort_unstable_by(|a, b| b.cmp(a));
    let best = discounted(&mut ideal.into_iter().take(10));
    let found = |depth: usize| {
        ranking
            .iter()
            .take(depth)
            .filter(|id| grade_of(id) > 0)
            .count() as f64
    };
    let relevant = query.relevant.len();
    Judged {
        id: query.id.clone(),
        ndcg_10: discounted(&mut ranking.iter().take(10).map(grade_of)) / best,
        recall_10: found(10) / relevant.min(10) as f64,
        recall_100: found(100) / relevant as f64,
        reciprocal_rank: ranking
            .iter()
            .take(10)
            .position(|id| grade_of(id) > 0)
            .map_or(0.0, |position| 1.0 / (position as f64 + 1.0)),
        latency,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(relevant: &[(&str, u32)]) -> JudgedQuery {
        JudgedQuery {
            id: "q".to_owned(),
            text: String::new(),
            relevant: relevant
                .iter()
                .map(|(id, grade)| ((*id).to_owned(), *grade))
                .collect(),
        }
    }

    /// Grades 2 and 1 at ranks 2 and 4; the ideal has them at 1 and 2. Computed with `pytrec_eval`'s
    /// formula on paper: (3/log2 3 + 1/log2 5) / (3/log2 2 + 1/log2 3).
    #[test]
    fn gains_agree_with_a_worked_example() {
        let ranking = ["x", "a", "y", "b"].map(str::to_owned);
        let judged = score(
            &query(&[("a", 2), ("b", 1), ("c", 0)]),
            &ranking,
            Duration::ZERO,
        );
        let expected = (3.0 / 3_f64.log2() + 1.0 / 5_f64.log2()) / (3.0 + 1.0 / 3_f64.log2());
        assert!(
            (judged.ndcg_10 - expected).abs() < 1e-12,
            "{}",
            judged.ndcg_10
        );
        assert!((judged.reciprocal_rank - 0.5).abs() < 1e-12);
    }

    #[test]
    fn a_folder_is_read_and_faults_are_named() {
        let folder = tempfile::tempdir().unwrap();
        fs_err::create_dir(folder.path().join("qrels")).unwrap();
        fs_err::write(
            folder.path().join("queries.jsonl"),
            "{\"_id\": \"1\", \"text\": \"loft?\"}\n{\"_id\": \"2\", \"text\": \"unjudged\"}\n",
        )
        .unwrap();
        let qrels = folder.path().join("qrels/test.tsv");
        fs_err::write(&qrels, "query-id\tcorpus-id\tscore\n1\td1\t1\n1\td2\t0\n").unwrap();
        let queries = read_beir(folder.path()).unwrap();
        assert_eq!(queries.len(), 1);
        assert_eq!(queries[0].relevant, HashMap::from([("d1".to_owned(), 1)]));
        fs_err::write(&qrels, "query-id\tcorpus-id\tscore\n1\td1\n").unwrap();
        assert!(
            read_beir(folder.path())
                .unwrap_err()
                .to_string()
                .contains("line 2")
        );
    }
}
