//! The program as people start it: from nothing to an answer, by arguments, pipes and cron.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

use crate::client::answer;
use crate::support::{run, text, wattwise};

const LOFT: &str =
    "# Loft insulation\n\nLay 270 mm of mineral wool across the joists of the loft.\n";
const DOOR: &str =
    "# Front door\n\nA brush strip on the letterbox keeps the draught out of the hall.\n";

fn write(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

fn with_input(folder: &Path, arguments: &[&str], input: &str) -> Output {
    let mut child = wattwise(folder, arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    child.wait_with_output().unwrap()
}

/// `wattwise up` until it is stopped.
struct Up {
    child: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStderr>>,
}

impl Up {
    fn start(folder: &Path, arguments: &[&str]) -> Self {
        wattwise::runtime::tls::install_provider();
        let mut child = wattwise(folder, arguments)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        Self { child, lines }
    }

    /// The next line that holds `words`.
    fn says(&mut self, words: &str) -> String {
        let mut seen = Vec::new();
        for line in self.lines.by_ref().map_while(Result::ok) {
            if line.contains(words) {
                return line;
            }
            seen.push(line);
        }
        panic!("{words:?} was not said: {seen:#?}")
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn asked(start: &str, question: &str) -> Value {
    let url = start.split(' ').next().unwrap();
    let client = reqwest::Client::new();
    let body = serde_json::json!({"message": question});
    answer(client.post(format!("{url}chat")).json(&body))
        .await
        .1
}

#[tokio::test(flavor = "multi_thread")]
async fn up_reads_what_is_named_answers_and_is_quick_the_next_time() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "docs/loft.md", LOFT);
    let mut up = Up::start(folder.path(), &["up", "docs", "--port", "0"]);
    assert!(up.says("Reading").contains("docs"));
    let start = up.says("answers from");
    assert!(start.contains("1 document; no key is needed"), "{start}");
    let data = folder.path().join("wattwise");
    assert!(up.says("Index").contains(data.to_str().unwrap()));
    let reply = asked(&start, "How deep should the mineral wool be?").await;
    assert!(reply.to_string().contains("270 mm"), "{reply}");
    drop(up);

    // From elsewhere, without a word: the same sources, read again beside the server.
    write(folder.path(), "docs/door.md", DOOR);
    write(folder.path(), "elsewhere/empty", "");
    let elsewhere = folder.path().join("elsewhere");
    let mut command = wattwise(&elsewhere, &["--port", "0", "-v"]);
    let mut child = command
        .env("XDG_DATA_HOME", folder.path())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut up = Up { child, lines };
    let start = up.says("answers from 1 document");
    up.says("published generation");
    up.says("now answering");
    let url = start.split("ready: ").last().unwrap().to_owned();
    let reply = asked(&url, "What keeps the draught out of the hall?").await;
    assert!(reply.to_string().contains("brush strip"), "{reply}");
    // Every other command finds it too.
    let listed = wattwise(&elsewhere, &["snapshot", "list"])
        .env("XDG_DATA_HOME", folder.path())
        .output()
        .unwrap();
    assert_eq!(text(&listed).lines().count(), 2, "{}", text(&listed));
}

#[test]
fn arguments_and_lists_name_sources_in_every_form() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "docs/loft.md", LOFT);
    write(folder.path(), "door.txt", DOOR);
    let ingest = |arguments: &[&str], input: &str| {
        let all = [&["ingest", "--index", "index", "--report", "-"], arguments].concat();
        let output = with_input(folder.path(), &all, input);
        let report: Value =
            serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", text(&output)));
        let rows = report["sources"].as_array().unwrap().clone();
        rows.iter()
            .map(|row| {
                format!(
                    "{} {}",
                    row["status"].as_str().unwrap(),
                    row["source"].as_str().unwrap()
                )
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(
        ingest(&["docs", "door.txt"], ""),
        ["added docs/loft.md", "added door.txt"]
    );
    // Private, so that it is refused without being asked.
    let page = "http://127.0.0.1:9/page";
    assert_eq!(
        ingest(
            &["--urls", "-", "docs", page],
            "# list\nhttp://127.0.0.1:9/listed\n"
        ),
        [
            "failed http://127.0.0.1:9/listed",
            "failed http://127.0.0.1:9/page",
            "unchanged docs/loft.md",
            "removed door.txt"
        ]
    );
    let wrong = run(folder.path(), &["ingest", "www.example.org/page"]);
    assert!(
        wrong.status.code() == Some(2) && text(&wrong).contains("https://"),
        "{}",
        text(&wrong)
    );
    // Two generations now, named by how they begin or not at all.
    let diff = run(folder.path(), &["snapshot", "diff"]);
    assert!(
        text(&diff).contains("removed") && text(&diff).contains("door.txt"),
        "{}",
        text(&diff)
    );
    let verified = run(
        folder.path(),
        &["snapshot", "verify", "--files-only", "ffff"],
    );
    assert!(
        text(&verified).contains("snapshot list"),
        "{}",
        text(&verified)
    );
}

#[test]
fn a_conversation_and_a_question_come_through_pipes() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "docs/loft.md", LOFT);
    run(folder.path(), &["ingest", "docs", "--index", "index"]);
    let said = "/sources\nHow deep should the mineral wool be?\n/sources\n/history\n/nonsense\n/new\n/history\n/quit\nnever asked\n";
    let output = with_input(folder.path(), &["chat"], said);
    let shown = String::from_utf8_lossy(&output.stdout);
    for words in [
        "Nothing has been answered yet.",
        "270 mm of mineral wool across the joists of the loft. [1]",
        "[1] Loft insulation (docs/loft.md)",
        "“Lay 270 mm",
        "1. How deep should the mineral wool be?",
        "There is no /nonsense; /help",
        "Nothing has been asked yet.",
    ] {
        assert!(shown.contains(words), "no {words:?} in {shown}");
    }
    assert!(!shown.contains("**") && !shown.contains("never"), "{shown}");
    let output = with_input(
        folder.path(),
        &["ask", "-"],
        "How deep should the mineral wool be?\n",
    );
    assert!(text(&output).contains("270 mm"), "{}", text(&output));
    let output = with_input(folder.path(), &["extract", "-"], LOFT);
    assert!(
        text(&output).contains("# Loft insulation"),
        "{}",
        text(&output)
    );
}

/// The line stands in README; whoever changes it sees here what cron would mail.
#[test]
fn the_cron_line_of_the_readme_reports_trouble_and_nothing_else() {
    let readme = include_str!("../../README.md");
    let block = readme.split("```cron\n").nth(1).unwrap();
    let line = block.lines().next().unwrap();
    let command = line.splitn(6, ' ').nth(5).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path().to_str().unwrap();
    assert!(
        command.contains("cd /opt/wattwise && wattwise ingest "),
        "{command}"
    );
    let command = command.replace("/opt/wattwise", here);
    for name in ["bin", "data/pdfs"] {
        std::fs::create_dir_all(folder.path().join(name)).unwrap();
    }
    std::os::unix::fs::symlink(
        env!("CARGO_BIN_EXE_wattwise"),
        folder.path().join("bin/wattwise"),
    )
    .unwrap();
    write(folder.path(), "data/guides/loft.md", LOFT);
    write(
        folder.path(),
        "data/energySavingUrls.json",
        "{\"energy_saving_resources\": []}",
    );
    let cron = || {
        let mut shell = Command::new("/bin/sh");
        shell
            .args(["-c", &command])
            .env("PATH", format!("{here}/bin:/usr/bin:/bin"));
        let like_a_test = wattwise(folder.path(), &[]);
        for (name, value) in like_a_test.get_envs() {
            match value {
                Some(value) => shell.env(name, value),
                None => shell.env_remove(name),
            };
        }
        shell.output().unwrap()
    };
    let log = || std::fs::read_to_string(folder.path().join("ingest.log")).unwrap();
    let well = cron();
    assert_eq!((well.status.code(), text(&well).as_str()), (Some(0), ""));
    assert!(
        log().contains("published generation") && log().contains("loft.md"),
        "{}",
        log()
    );
    // An address that must not be asked.
    write(
        folder.path(),
        "data/energySavingUrls.json",
        "[\"http://127.0.0.1:9/\"]",
    );
    let badly = cron();
    assert_eq!(badly.status.code(), Some(1));
    let mail = text(&badly);
    assert!(
        mail.contains("127.0.0.1 is the private address") && !mail.contains("loft.md"),
        "{mail}"
    );
    assert!(
        log().contains("127.0.0.1 is the private address"),
        "{}",
        log()
    );
    std::fs::remove_dir_all(folder.path().join("data")).unwrap();
    let broken = cron();
    assert_eq!(broken.status.code(), Some(3));
    assert!(
        text(&broken).contains("data/energySavingUrls.json"),
        "{}",
        text(&broken)
    );
}

#[test]
fn watching_sees_a_change_and_an_interrupted_run_says_what_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "docs/loft.md", LOFT);
    let arguments = ["ingest", "docs", "--watch", "--index", "index"];
    let mut watching = Up::start(folder.path(), &arguments);
    watching.says("published generation");
    watching.says("Watching");
    write(folder.path(), "docs/door.md", DOOR);
    watching.says("docs/door.md");
    watching.says("Watching");
    let interrupted = Command::new("kill")
        .args(["-INT", &watching.child.id().to_string()])
        .status()
        .unwrap();
    assert!(interrupted.success());
    assert!(watching.says("is kept").contains("answers as before"));
    assert_eq!(watching.child.wait().unwrap().code(), Some(130));
}

#[test]
fn addresses_are_taken_as_people_write_them() {
    let folder = tempfile::tempdir().unwrap();
    for (arguments, bind) in [
        (&["--bind", "localhost:9001"][..], "127.0.0.1:9001"),
        (&["--bind", ":9001"], "127.0.0.1:9001"),
        (&["--port", "9001"], "127.0.0.1:9001"),
        (&["-p", "9001", "--host", "::1"], "[::1]:9001"),
    ] {
        let output = run(
            folder.path(),
            &[&["serve", "--print-config"], arguments].concat(),
        );
        assert!(
            text(&output).contains(&format!("bind = \"{bind}\"")),
            "{}",
            text(&output)
        );
    }
    let output = run(folder.path(), &["serve", "--bind", "nonsense:x"]);
    assert!(
        output.status.code() == Some(2) && text(&output).contains("localhost:8000"),
        "{}",
        text(&output)
    );
}

#[test]
fn a_refused_setting_names_the_variable_or_the_line_that_it_stands_in() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |variable: Option<&str>, flags: &[&str]| {
        let mut command = wattwise(
            folder.path(),
            &[&["serve", "--print-config"], flags].concat(),
        );
        if let Some(value) = variable {
            command.env("WATTWISE_MAX_BODY", value);
        }
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{}", text(&output));
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(refused(Some("much"), &[]).contains("the variable WATTWISE_MAX_BODY"));
    let zero = refused(Some("0"), &[]);
    assert!(zero.contains("--max-body: from 1 to"), "{zero}");
    assert!(
        zero.contains("set by the variable WATTWISE_MAX_BODY"),
        "{zero}"
    );
    let flag = refused(Some("8"), &["--max-body", "much"]);
    assert!(!flag.contains("WATTWISE_MAX_BODY"), "{flag}");
    std::fs::write(
        folder.path().join("wattwise.toml"),
        "[limits]\nmax-body = 0\n",
    )
    .unwrap();
    let file = refused(None, &[]);
    assert!(
        file.contains("max-body of [limits] in wattwise.toml"),
        "{file}"
    );
}
