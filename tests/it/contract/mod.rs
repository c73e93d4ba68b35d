//! The HTTP contract: requests and what they must give, replayed against a running server.
//!
//! `cases.json` is a list of cases. A case names a request (`method`, `path`, `headers`, and `body`
//! or `generated_body`) and what is expected of its reply: `status`, the whole `json` or only what
//! JSON `pointers` lead to, `headers`, and whether it is `empty`. Sessions are named `{empty}`,
//! `{empty2}`, `{asked}` (one message), `{twice}` (two) and `{EMPTY}` (`{empty}` in upper case).
//! Expected values may be `<any>`, `<none>`, `<uuid>`, or begin with `<base>`, the server's address.

mod client;

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use self::client::{Reply, Request};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    method: String,
    path: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    body: Option<String>,
    generated_body: Option<String>,
    expect: Expected,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    status: u16,
    json: Option<Value>,
    #[serde(default)]
    pointers: BTreeMap<String, Value>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    empty: bool,
}

/// Replays every case against the server at `base_url`, such as `http://127.0.0.1:8000`.
///
/// # Panics
/// With the list of all differences, if there are any.
pub(crate) async fn replay(base_url: &str) {
    let cases: Vec<Case> = serde_json::from_str(include_str!("cases.json")).unwrap();
    let server = Server::prepare(base_url).await;
    let mut differences = Vec::new();
    for case in &cases {
        let request = Request {
            method: &case.method,
            path: &server.fill(&case.path),
            headers: case
                .headers
                .iter()
                .map(|(name, value)| (name.clone(), padded(value)))
                .collect(),
            body: server.body_of(case),
        };
        let reply = client::send(&server.address, &request).await;
        differences.extend(
            server
                .differences(case, &reply)
                .into_iter()
                .map(|line| format!("{}: {line}", case.name)),
        );
    }
    let count = differences.len();
    assert!(
        count == 0,
        "{count} differences in {} cases:\n{}",
        cases.len(),
        differences.join("\n")
    );
}

struct Server {
    base_url: String,
    address: String,
    names: Vec<(&'static str, String)>,
}

impl Server {
    /// Opens the sessions that the cases speak of.
    async fn prepare(base_url: &str) -> Self {
        let base_url = base_url.trim_end_matches('/').to_owned();
        let address = base_url
            .strip_prefix("http://")
            .expect("a plain http address")
            .to_owned();
        let mut names = Vec::new();
        let questions = ["how do I insulate a loft?", "and what does it cost?"];
        for (name, messages) in [
            ("{empty}", 0),
            ("{empty2}", 0),
            ("{asked}", 1),
            ("{twice}", 2),
        ] {
            let session = post(&address, "/get_session_id", None).await["session_id"]
                .as_str()
                .unwrap()
                .to_owned();
            for message in &questions[..messages] {
                let body = serde_json::json!({ "message": message });
                post(&address, &format!("/ask?session_id={session}"), Some(&body)).await;
            }
            names.push((name, session));
        }
        names.push(("{EMPTY}", names[0].1.to_uppercase()));
        Self {
            base_url,
            address,
            names,
        }
    }

    fn fill(&self, text: &str) -> String {
        self.names
            .iter()
            .fold(text.to_owned(), |text, (name, session)| {
                text.replace(name, session)
            })
    }

    fn body_of(&self, case: &Case) -> Vec<Vec<u8>> {
        match (&case.body, &case.generated_body) {
            (Some(body), _) => vec![self.fill(body).into_bytes()],
            (None, Some(recipe)) => generate(recipe),
            (None, None) => Vec::new(),
        }
    }

    fn differences(&self, case: &Case, reply: &Reply) -> Vec<String> {
        let mut lines = Vec::new();
        let wanted = &case.expect;
        if reply.status != wanted.status {
            lines.push(format!(
                "status {} instead of {}",
                reply.status, wanted.status
            ));
        }
        for (name, value) in &wanted.headers {
            let got = reply
                .headers
                .get(name)
                .map(|value| Value::from(value.as_str()));
            self.compare(
                &format!("header {name}"),
                &Value::from(value.as_str()),
                got.as_ref(),
                &mut lines,
            );
        }
        if wanted.empty && !reply.body.is_empty() {
            lines.push(format!(
                "a body of {} bytes instead of none",
                reply.body.len()
            ));
        }
        if wanted.json.is_none() && wanted.pointers.is_empty() {
            return lines;
        }
        let Ok(json) = serde_json::from_slice::<Value>(&reply.body) else {
            lines.push(format!("no JSON: {}", String::from_utf8_lossy(&reply.body)));
            return lines;
        };
        if let Some(wanted) = &wanted.json {
            self.compare("body", wanted, Some(&json), &mut lines);
        }
        for (pointer, wanted) in &wanted.pointers {
            self.compare(pointer, wanted, json.pointer(pointer), &mut lines);
        }
        lines
    }

    fn compare(&self, place: &str, wanted: &Value, got: Option<&Value>, lines: &mut Vec<String>) {
        let same = match (wanted, got) {
            (Value::String(wanted), _) if wanted == "<none>" => got.is_none(),
            (_, None) => false,
            (Value::String(wanted), Some(_)) if wanted == "<any>" => true,
            (Value::String(wanted), Some(Value::String(got))) if wanted == "<uuid>" => is_uuid(got),
            (Value::String(wanted), Some(Value::String(got))) => {
                *got == self.fill(wanted).replacen("<base>", &self.base_url, 1)
            }
            (Value::Array(wanted), Some(Value::Array(got))) if wanted.len() == got.len() => {
                for (index, wanted) in wanted.iter().enumerate() {
                    self.compare(&format!("{place}/{index}"), wanted, got.get(index), lines);
                }
                true
            }
            (Value::Object(wanted), Some(Value::Object(got))) if wanted.len() == got.len() => {
                for (key, wanted) in wanted {
                    self.compare(&format!("{place}/{key}"), wanted, got.get(key), lines);
                }
                true
            }
            (wanted, Some(got)) => wanted == got,
        };
        if !same {
            lines.push(format!("{place} is {got:?} instead of {wanted}"));
        }
    }
}

async fn post(address: &str, path: &str, body: Option<&Value>) -> Value {
    let body = body
        .map(|body| body.to_string().into_bytes())
        .into_iter()
        .collect();
    let reply = client::send(
        address,
        &Request {
            method: "POST",
            path,
            headers: Vec::new(),
            body,
        },
    )
    .await;
    assert_eq!(reply.status, 200, "{path}");
    serde_json::from_slice(&reply.body).unwrap()
}

fn is_uuid(text: &str) -> bool {
    let groups: Vec<usize> = text.split('-').map(str::len).collect();
    groups == [8, 4, 4, 4, 12]
        && text
            .bytes()
            .all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
}

/// `<letters:N>` stands for that many letters.
fn padded(value: &str) -> String {
    let count = value
        .strip_prefix("<letters:")
        .and_then(|rest| rest.strip_suffix('>'));
    count.map_or_else(
        || value.to_owned(),
        |count| "p".repeat(count.parse().unwrap()),
    )
}

/// Bodies that do not fit into the file; more than one piece is sent in chunks.
fn generate(recipe: &str) -> Vec<Vec<u8>> {
    let (kind, count) = recipe.split_once(':').unwrap_or((recipe, "0"));
    let count: usize = count.parse().unwrap();
    let text = r#"{"message":"m"}"#;
    match kind {
        "letters" => vec![format!(r#"{{"message":"{}"}}"#, "x".repeat(count)).into_bytes()],
        "nested" => vec![
            format!(
                r#"{{"message":{}{}}}"#,
                "[".repeat(count),
                "]".repeat(count)
            )
            .into_bytes(),
        ],
        "invalid_utf8" => vec![b"{\"message\":\"\xc3(\"}".to_vec()],
        "utf16" => vec![
            format!("\u{feff}{text}")
                .encode_utf16()
                .flat_map(u16::to_le_bytes)
                .collect(),
        ],
        "utf16be" => vec![text.encode_utf16().flat_map(u16::to_be_bytes).collect()],
        "utf32" => vec![
            text.chars()
                .flat_map(|character| u32::from(character).to_le_bytes())
                .collect(),
        ],
        "chunks" => vec![b"{\"mes".to_vec(), b"sage\":".to_vec(), b"\"m\"}".to_vec()],
        _ => panic!("no recipe for {recipe}"),
    }
}
