//! The dashboard in deploy/grafana asks for figures and labels that a running server tells.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::chat_server::nobody;
use crate::client::{Server, answer, indexed};

/// Labels that Prometheus itself gives to what it scrapes.
const SCRAPED: [&str; 2] = ["job", "instance"];

type Figures = BTreeMap<String, BTreeSet<String>>;

/// The names in `/metrics`, each with its labels.
fn figures(page: &str) -> Figures {
    let mut figures = Figures::new();
    for line in page
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
    {
        let end = line.find(['{', ' ']).unwrap();
        let labels = figures.entry(line[..end].to_owned()).or_default();
        if let Some((inside, _)) = line[end..]
            .strip_prefix('{')
            .and_then(|rest| rest.rsplit_once('}'))
        {
            labels.extend(
                inside
                    .split("\",")
                    .map(|label| label.split('=').next().unwrap().to_owned()),
            );
        }
    }
    figures
}

/// Every string under the key, wherever it stands.
fn strings(value: &Value, key: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value.as_str() {
                    Some(text) if name == key => found.push(text.to_owned()),
                    _ => strings(value, key, found),
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| strings(value, key, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The names that an expression asks for, each with the labels that it selects by, and the labels that
/// it groups by.
fn asked(expression: &str) -> (Vec<(String, Vec<String>)>, Vec<String>) {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut names = Vec::new();
    let mut rest = expression;
    while let Some(at) = rest.find("wattwise_") {
        let end = rest[at..]
            .find(|c| !is_part(c))
            .map_or(rest.len(), |end| at + end);
        let (name, after) = (rest[at..end].to_owned(), &rest[end..]);
        let inside = after
            .strip_prefix('{')
            .and_then(|inside| inside.split_once('}'));
        let labels = inside.map_or("", |(labels, _)| labels).split(", ");
        let labels = labels.filter_map(|label| label.split(['=', '!', '~']).next());
        let labels = labels.filter(|label| !label.is_empty()).map(str::to_owned);
        names.push((name, labels.collect()));
        rest = after;
    }
    let groups = expression.split("by (").skip(1);
    let groups = groups.flat_map(|group| group.split(')').next().unwrap().split(','));
    (names, groups.map(|label| label.trim().to_owned()).collect())
}

/// What is wrong with a panel's query.
fn faults(expression: &str, legend: &str, figures: &Figures) -> Vec<String> {
    let (names, groups) = asked(expression);
    let mut faults = Vec::new();
    let mut known: BTreeSet<&str> = SCRAPED.into();
    if names.is_empty() {
        faults.push(format!("{expression} asks for no figure"));
    }
    for (name, labels) in &names {
        let Some(has) = figures.get(name) else {
            faults.push(format!("there is no {name}"));
            continue;
        };
        known.extend(has.iter().map(String::as_str));
        for label in labels {
            if !has.contains(label) && !SCRAPED.contains(&label.as_str()) {
                faults.push(format!("{name} has no {label}"));
            }
        }
    }
    let shown = legend
        .split("{{")
        .skip(1)
        .map(|rest| rest.split("}}").next().unwrap());
    for label in groups.iter().map(String::as_str).chain(shown) {
        if !known.contains(label) {
            faults.push(format!("nothing in {expression} has {label}"));
        }
    }
    faults
}

#[test]
fn a_wrong_name_or_label_is_a_fault() {
    let figures = figures("# HELP x\nwattwise_a_total{kind=\"b,c\",of=\"d\"} 1\nwattwise_b 2\n");
    let good = "sum by (kind) (rate(wattwise_a_total{job=~\"$job\", of=\"d\"}[5m])) / wattwise_b";
    assert_eq!(faults(good, "{{kind}}", &figures), Vec::<String>::new());
    for (expression, legend) in [
        ("wattwise_c", ""),
        ("up", ""),
        ("wattwise_a_total{kinds=\"b\"}", ""),
        ("sum by (c) (wattwise_a_total)", ""),
        ("wattwise_b", "{{kind}}"),
    ] {
        assert_eq!(
            faults(expression, legend, &figures).len(),
            1,
            "{expression}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_query_of_the_dashboard_finds_its_figures() {
    let folder = indexed();
    let model = nobody();
    let flags = [
        "--generator",
        "ollama",
        "--chat-url",
        &model,
        "--chat-retries",
        "0",
    ];
    let server = Server::start(folder.path(), &flags);
    let question = json!({"message": "How deep should mineral wool in a loft be?"});
    let (status, reply) = server.post("/chat", Some(question)).await;
    assert_eq!(status, 200, "{reply}");
    answer(server.request("GET /sessions/nothing")).await;
    let page = server.request("GET /metrics").send().await.unwrap();
    let figures = figures(&page.text().await.unwrap());

    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/grafana/wattwise.json");
    let dashboard: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let (mut expressions, mut legends) = (Vec::new(), Vec::new());
    strings(&dashboard, "expr", &mut expressions);
    strings(&dashboard, "legendFormat", &mut legends);
    assert!(expressions.len() > 20 && expressions.len() == legends.len());
    let panels = expressions.iter().zip(&legends);
    let wrong: Vec<String> = panels.flat_map(|(e, l)| faults(e, l, &figures)).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    let Some(checked) = syntax(&expressions) else {
        eprintln!("skipped: promtool is not installed (Debian: prometheus)");
        return;
    };
    assert!(checked.status.success(), "{checked:?}");
}

/// What Prometheus' own parser says, where it is installed.
fn syntax(expressions: &[String]) -> Option<Output> {
    let rules = expressions.iter().enumerate().map(|(number, expression)| {
        let expression = expression.replace("$__rate_interval", "5m");
        json!({"record": format!("panel:{number}"), "expr": expression})
    });
    let rules: Vec<Value> = rules.collect();
    let file = json!({"groups": [{"name": "dashboard", "rules": rules}]});
    let mut rules = tempfile::Builder::new().suffix(".yaml").tempfile().unwrap();
    // JSON is YAML.
    rules.write_all(file.to_string().as_bytes()).unwrap();
    let checked = Command::new("promtool")
        .args(["check", "rules"])
        .arg(rules.path())
        .output();
    checked.ok()
}
