//! `ingest` is killed, starved of disk and run twice at once; the live generation stays whole and the
//! next run goes on where the last one was.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use wattwise::snapshot::{current, lock, open};

use crate::embedding_server::EmbeddingServer;
use crate::rude_site::{Reply, RudeSite};
use crate::support::{text, wattwise};

const DOCUMENTS: usize = 5;
const SECTIONS: usize = 24;
/// Passages whose vectors may be on their way when the run is killed: four batches of eight.
const UNDER_WAY: usize = 32;

/// Rewrites all documents, so that the next run has everything to do.
fn write_documents(folder: &Path, edition: usize) {
    let docs = folder.join("docs");
    std::fs::create_dir_all(&docs).unwrap();
    for document in 0..DOCUMENTS {
        let mut page = format!("# Guide {document}, edition {edition}\n\n");
        for section in 0..SECTIONS {
            page.push_str(&format!(
                "## Measure {section} of {document}\n\nIn edition {edition} measure {section} saves {} kWh a year. \
                 Lower the flow temperature, close the curtains and seal the letterbox before winter comes.\n\n",
                edition * 100 + section
            ));
        }
        std::fs::write(docs.join(format!("guide-{document}.md")), page).unwrap();
    }
}

fn ingest(folder: &Path, server: &EmbeddingServer) -> Command {
    let mut arguments = vec!["ingest", "--docs", "docs", "--index", "index"];
    arguments.extend(["--report", "report.json", "--chunk-tokens", "32"]);
    arguments.extend(server.flags());
    wattwise(folder, &arguments)
}

async fn finish(mut command: Command) -> Output {
    tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap()
}

async fn succeed(folder: &Path, server: &EmbeddingServer) -> Value {
    let output = finish(ingest(folder, server)).await;
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    serde_json::from_slice(&std::fs::read(folder.join("report.json")).unwrap()).unwrap()
}

fn start(mut command: Command) -> Child {
    command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// When to kill.
enum Moment {
    After(Duration),
    /// As soon as the index directory shows this.
    Seen(&'static str, fn(&Path) -> bool),
}

fn names(directory: &Path) -> Vec<String> {
    std::fs::read_dir(directory)
        .map(|entries| {
            entries
                .filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned()))
                .collect()
        })
        .unwrap_or_default()
}

fn unfinished_has(index: &Path, file: &str) -> bool {
    names(index)
        .iter()
        .filter(|name| name.starts_with(".writing-"))
        .any(|name| index.join(name).join(file).exists())
}

/// What an index directory shows at each stage of a run.
type Event = (&'static str, fn(&Path) -> bool);

const EVENTS: [Event; 14] = [
    ("a text in the cache", |index| {
        !names(&index.join(".cache/texts")).is_empty()
    }),
    ("all texts in the cache", |index| {
        names(&index.join(".cache/texts")).len() >= DOCUMENTS
    }),
    ("vectors in the cache", |index| {
        names(&index.join(".cache"))
            .iter()
            .any(|name| name.starts_with("vectors-"))
    }),
    ("a directory being written", |index| {
        unfinished_has(index, ".")
    }),
    ("texts", |index| unfinished_has(index, "texts.bin")),
    ("documents", |index| unfinished_has(index, "documents.bin")),
    ("chunks", |index| unfinished_has(index, "chunks.bin")),
    ("vectors", |index| unfinished_has(index, "vectors.bin")),
    ("words", |index| unfinished_has(index, "lexical.bin")),
    ("the graph", |index| unfinished_has(index, "graph.bin")),
    ("the manifest", |index| {
        unfinished_has(index, "manifest.json")
    }),
    ("its digest", |index| unfinished_has(index, "manifest.b3")),
    ("the mark of an unpublished generation", |index| {
        names(index)
            .iter()
            .any(|name| name.ends_with(".unpublished"))
    }),
    ("the next CURRENT", |index| {
        index.join(".CURRENT.new").exists()
    }),
];

/// Kills the run at that instant. False when it had ended before.
fn kill_at(child: &mut Child, instant: &Moment, index: &Path) -> bool {
    let begun = Instant::now();
    loop {
        let is_time = match instant {
            Moment::After(delay) => begun.elapsed() >= *delay,
            Moment::Seen(_, seen) => seen(index),
        };
        let has_ended = child.try_wait().unwrap().is_some();
        if has_ended {
            return false;
        }
        if is_time {
            child.kill().unwrap();
            child.wait().unwrap();
            return true;
        }
        std::thread::sleep(Duration::from_micros(100));
    }
}

/// Kills a run over an edition of the documents. A run that was quicker than the one that was timed is
/// repeated and killed earlier; an event that is too short to be seen is passed over.
fn kill_a_run(folder: &Path, server: &EmbeddingServer, moment: &Moment, edition: usize) -> bool {
    let index = folder.join("index");
    let mut delay = match moment {
        Moment::After(delay) => *delay,
        Moment::Seen(..) => Duration::ZERO,
    };
    for attempt in 0..6 {
        write_documents(folder, edition + attempt * 1_000);
        server.take_count();
        let mut child = start(ingest(folder, server));
        let next = match moment {
            Moment::After(_) => Moment::After(delay),
            Moment::Seen(name, seen) => Moment::Seen(name, *seen),
        };
        if kill_at(&mut child, &next, &index) {
            return true;
        }
        if matches!(moment, Moment::Seen(..)) {
            return false;
        }
        delay = delay * 2 / 3;
    }
    false
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_may_be_killed_at_any_instant() {
    let folder = tempfile::tempdir().unwrap();
    let index = folder.path().join("index");
    let server = EmbeddingServer::start(Duration::from_millis(8)).await;
    write_documents(folder.path(), 0);
    succeed(folder.path(), &server).await;
    write_documents(folder.path(), 1);
    let begun = Instant::now();
    let report = succeed(folder.path(), &server).await;
    let length = begun.elapsed();
    let all = usize::try_from(report["totals"]["chunks"].as_u64().unwrap()).unwrap();
    assert_eq!(report["totals"]["embedded"], all);
    assert!(all > 3 * UNDER_WAY, "{all} chunks are too few to tell");

    let mut instants: Vec<Moment> = (0..50)
        .map(|step| Moment::After(length * step / 50))
        .collect();
    instants.extend(EVENTS.map(|(name, seen)| Moment::Seen(name, seen)));
    let (mut killed, mut saved, mut resumed_runs) = (0, 0, 0);
    for (number, moment) in instants.iter().enumerate() {
        if !kill_a_run(folder.path(), &server, moment, number + 2) {
            continue;
        }
        killed += 1;
        let name = match moment {
            Moment::After(delay) => format!("after {delay:?}"),
            Moment::Seen(name, _) => format!("at {name}"),
        };
        drop(lock::acquire(&index, "the test").unwrap_or_else(|error| panic!("{name}: {error}")));
        let live = current::read(&index).unwrap();
        open::open(&index, &live, 64).unwrap_or_else(|error| panic!("killed {name}: {error}"));
        let (answering, refused) = open::open_usable(&index, 64).unwrap();
        assert!(refused.is_empty() && *answering.id() == live, "{name}");

        let asked_by_the_killed = server.take_count();
        let next = succeed(folder.path(), &server).await;
        let count = |field: &str| usize::try_from(next["totals"][field].as_u64().unwrap()).unwrap();
        if next["published"] == true {
            assert_ne!(next["generation"].as_str(), Some(live.as_str()), "{name}");
            assert_eq!(count("embedded") + count("resumed"), all, "{name}");
            // The handshake and two probes are no passages.
            let finished = asked_by_the_killed.saturating_sub(3);
            assert!(
                count("embedded") + finished <= all + UNDER_WAY + 3,
                "{name}: {finished} were embedded before the kill and {} after it",
                count("embedded")
            );
            saved += count("resumed");
            resumed_runs += usize::from(count("resumed") > 0);
        } else {
            assert_eq!(
                next["published"], false,
                "killed after it published, {name}"
            );
        }
        let left: Vec<String> = names(&index)
            .into_iter()
            .filter(|name| name.starts_with(".writing") || name.ends_with(".unpublished"))
            .collect();
        assert!(left.is_empty(), "{name}: {left:?}");
        assert!(
            names(&index.join(".cache"))
                .iter()
                .all(|name| name == "texts" || name == "pages")
        );
    }
    println!(
        "killed at {killed} instants of a run of {length:?} with {all} passages; {resumed_runs} next runs resumed, \
         {saved} passages were not embedded again"
    );
    assert!(
        killed >= 50,
        "only {killed} runs were alive when their time came"
    );
    assert!(resumed_runs >= 10, "only {resumed_runs} runs resumed");
}

/// Runs over a web site may take hours; what was fetched is not asked for again.
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_run_over_pages_is_taken_over() {
    const PAGES: usize = 9;
    let folder = tempfile::tempdir().unwrap();
    let server = EmbeddingServer::start(Duration::ZERO).await;
    let site = RudeSite::start(|request| match request.target.as_str() {
        "/robots.txt" => Reply::Whole(404, Vec::new(), Vec::new()),
        // The last page hangs the first time.
        "/8" if request.earlier == 0 => Reply::Dripping,
        target => {
            let page = format!(
                "<title>Page {target}</title><h1>Measure {target}</h1><p>Measure {target} seals \
                 the letterbox before the winter comes and keeps the hall of the house warm.</p>"
            );
            let html = ("content-type", "text/html".to_owned());
            Reply::Whole(200, vec![html], page.into_bytes())
        }
    });
    let pages: Vec<String> = (0..PAGES)
        .map(|page| format!("{}/{page}", site.origin))
        .collect();
    let list = serde_json::json!({ "energy_saving_resources": pages });
    std::fs::write(folder.path().join("urls.json"), list.to_string()).unwrap();
    let command = || {
        let mut arguments = vec![
            "ingest",
            "--urls",
            "urls.json",
            "--allow-private",
            "127.0.0.1",
        ];
        arguments.extend(["--index", "index", "--report", "report.json", "--pace", "0"]);
        arguments.extend(server.flags());
        wattwise(folder.path(), &arguments)
    };
    let mut first = start(command());
    let kept = folder.path().join("index/.cache/pages");
    let kept_whole = || names(&kept).iter().filter(|at| !at.contains('.')).count();
    // Killed before it asks for the last page, it would leave the waiting to the next run.
    while kept_whole() < PAGES - 1 || site.times_asked("/8") == 0 {
        assert!(first.try_wait().unwrap().is_none(), "the first run ended");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    first.kill().unwrap();
    first.wait().unwrap();
    let output = finish(command()).await;
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let report: Value =
        serde_json::from_slice(&std::fs::read(folder.path().join("report.json")).unwrap()).unwrap();
    assert_eq!(report["totals"]["added"], PAGES, "{report}");
    let asked = site.asked();
    for page in 0..PAGES {
        let times = asked
            .iter()
            .filter(|target| **target == format!("/{page}"))
            .count();
        assert_eq!(
            times,
            1 + usize::from(page == PAGES - 1),
            "/{page} in {asked:?}"
        );
    }
    assert!(
        names(&kept).is_empty(),
        "a run that has ended remembers no pages"
    );
    // The next run asks for all of them.
    let output = finish(command()).await;
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    assert!(site.asked().len() >= asked.len() + PAGES);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_runs_at_once_the_second_names_the_first() {
    let folder = tempfile::tempdir().unwrap();
    let server = EmbeddingServer::start(Duration::from_millis(300)).await;
    write_documents(folder.path(), 0);
    let mut first = start(ingest(folder.path(), &server));
    let texts = folder.path().join("index/.cache/texts");
    while names(&texts).is_empty() {
        assert!(first.try_wait().unwrap().is_none(), "the first run is slow");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let second = finish(ingest(folder.path(), &server)).await;
    assert_eq!(second.status.code(), Some(3), "{}", text(&second));
    assert!(
        text(&second).contains(&format!("process {}", first.id())),
        "{}",
        text(&second)
    );
    assert!(
        first.wait().unwrap().success(),
        "the first is not disturbed"
    );
}

/// A file system of `kilobytes`, or `None` where mounting is forbidden.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(at: &Path, kilobytes: usize) -> Option<Self> {
        std::fs::create_dir_all(at).unwrap();
        let size = format!("size={kilobytes}k");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &size, "tmpfs"])
            .arg(at)
            .output();
        mounted
            .is_ok_and(|output| output.status.success())
            .then(|| Self(at.to_owned()))
    }

    fn resize(&self, kilobytes: usize) {
        let size = format!("remount,size={kilobytes}k");
        let output = Command::new("mount")
            .args(["-o", &size])
            .arg(&self.0)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", text(&output));
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).output();
    }
}

fn used_kilobytes(directory: &Path) -> usize {
    let output = Command::new("du")
        .arg("-sk")
        .arg(directory)
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    said.split_whitespace().next().unwrap().parse().unwrap()
}

async fn check_starved(folder: &Path, command: Command, live: &str, what: &str) -> bool {
    let output = finish(command).await;
    if output.status.success() {
        return false;
    }
    let said = text(&output);
    assert_eq!(output.status.code(), Some(3), "{what}: {said}");
    assert!(
        said.contains("error: cannot ") && (said.contains("space") || said.contains("large")),
        "{what}: {said}"
    );
    let index = folder.join("index");
    assert_eq!(current::read(&index).unwrap().as_str(), live, "{what}");
    open::open(&index, &current::read(&index).unwrap(), 64).unwrap();
    let half = names(&index)
        .into_iter()
        .find(|name| name.starts_with(".writing"));
    assert_eq!(half, None, "{what}: no half generation is left");
    true
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_costs_the_new_generation_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let index = folder.path().join("index");
    let disk = SmallDisk::mount(&index, 65_536);
    let server = EmbeddingServer::start(Duration::ZERO).await;
    write_documents(folder.path(), 0);
    let first = succeed(folder.path(), &server).await;
    let live = first["generation"].as_str().unwrap();
    let used = used_kilobytes(&index);
    write_documents(folder.path(), 1);
    let mut failed = 0;
    if let Some(disk) = &disk {
        for free in (0..used).step_by((used / 8).max(8)) {
            disk.resize(used + free + 4);
            let what = format!("{free} kB free");
            let command = ingest(folder.path(), &server);
            failed += usize::from(check_starved(folder.path(), command, live, &what).await);
            if current::read(&index).unwrap().as_str() != live {
                break;
            }
        }
        disk.resize(65_536);
    } else {
        println!(
            "SKIPPED: mounting a tmpfs is not permitted here; a limit on file sizes stands in for it"
        );
        for blocks in [1, 8, 32] {
            let inner = ingest(folder.path(), &server);
            let mut command = Command::new("bash");
            command.current_dir(folder.path()).args([
                "-c",
                "trap '' XFSZ; ulimit -f $0; exec \"$@\"",
                &blocks.to_string(),
            ]);
            command.arg(inner.get_program()).args(inner.get_args());
            let what = format!("files of {blocks} blocks at most");
            failed += usize::from(check_starved(folder.path(), command, live, &what).await);
        }
    }
    println!("{failed} runs failed for want of space");
    assert!(failed >= 2);
    succeed(folder.path(), &server).await;
}
