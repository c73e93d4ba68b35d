//! `ingest` against a site full of traps.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use serde_json::{Value, json};

use crate::rude_site::{Reply, Request, RudeSite, page, redirect, status, typed};
use crate::support::{run, text, wattwise};

const POLITE: [&str; 9] = [
    "--allow-private",
    "--pace",
    "0",
    "--retries",
    "1",
    "--fetch-timeout",
    "2",
    "--max-size",
    "1",
];

/// What brotli makes of 64 MiB of the letter a.
const BROTLI_BOMB: &[u8] = &[
    207, 255, 255, 127, 248, 37, 194, 226, 177, 64, 32, 247, 254, 159, 255, 255, 255, 240, 75, 0,
    196, 97, 1, 128, 238, 253, 63, 255, 255, 255, 225, 151, 0, 136, 195, 34, 0, 221, 251, 127, 254,
    255, 255, 195, 47, 1, 16, 135, 5, 0, 186, 247, 255, 3,
];

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

fn encoded(encoding: &str, body: Vec<u8>) -> Reply {
    let headers = vec![
        ("content-type", "text/plain".to_owned()),
        ("content-encoding", encoding.to_owned()),
    ];
    Reply::Whole(200, headers, body)
}

fn advice(topic: &str) -> String {
    format!(
        "<h1>About {topic}</h1><p>This page says what a household should know about {topic}, how much \
         energy {topic} takes in a year, and what a careful family does about {topic} in winter.</p>"
    )
}

/// Answers for the site of the tests.
fn answer(request: &Request) -> Reply {
    let target = request.target.as_str();
    if let Some(number) = target.strip_prefix("/guide/") {
        return guide(number, request);
    }
    if let Some(day) = target.strip_prefix("/calendar?day=") {
        let day: u32 = day.parse().unwrap();
        let mut links = String::new();
        for next in day + 1..=day + 30 {
            write!(links, "<a href='/calendar?day={next}'>{next}</a> ").unwrap();
        }
        return page(
            "",
            &format!("{}{links}", advice(&format!("day number {day}"))),
        );
    }
    match target {
        "/robots.txt" => typed(
            "text/plain",
            b"User-agent: *\nDisallow: /private\nSitemap: /sitemap.xml\nUser-agent: otherbot\nDisallow: /\n".to_vec(),
        ),
        "/" => {
            let mut body = advice("saving energy");
            for number in 1..=20 {
                write!(body, "<a href='guide/{number}?utm_source=home#top'>Guide {number}</a> ").unwrap();
            }
            body.push_str(
                "<a href='http://elsewhere.invalid/'>elsewhere</a><a href='/private/diary'>diary</a>\
                 <a href='/dead'>dead</a><a href='/away'>away</a><a href='/picture'>picture</a>\
                 <a href='/photo.jpg'>photo</a><a rel=nofollow href='/nofollow'>n</a>\
                 <p style='display:none'><a href='/honeypot'>h</a></p>\
                 <a href='/calendar?day=1'>calendar</a><a href='/canonical?print=1'>print</a><a href='/canonical'>c</a>",
            );
            page("<title>Energy</title>", &body)
        }
        "/private/diary" | "/nofollow" | "/honeypot" | "/photo.jpg" => page("", &advice("secrets")),
        "/away" => redirect("http://elsewhere.invalid/"),
        "/loop" => redirect("/loop"),
        "/picture" => typed("image/png", vec![137, 80, 78, 71, 13, 10, 26, 10]),
        "/copy" => guide("1", request),
        "/canonical?print=1" | "/canonical" => {
            let host = &request.headers["host"];
            let head = format!("<link rel=canonical href='http://{host}/canonical'>");
            let extra = if target.contains("print") { "<p>This is the edition to print on paper.</p>" } else { "" };
            page(&head, &format!("{}{extra}", advice("double glazing")))
        }
        "/latin" => typed(
            "text/html",
            "<meta charset=windows-1252><p>Heat the caf\u{e9} to 19 \u{b0}C and no further, whatever the guests say.</p>"
                .chars()
                .map(|c| u8::try_from(u32::from(c)).unwrap())
                .collect(),
        ),
        "/utf16" => {
            let text = "\u{feff}Wärme steigt nach oben, darum wird zuerst das Dach gedämmt.";
            typed("text/plain", text.encode_utf16().flat_map(u16::to_le_bytes).collect())
        }
        "/liar" => typed("text/html; charset=utf-8", b"<p>D\xe4mmen Sie das Dach zuerst, weil W\xe4rme nach oben steigt.</p>".to_vec()),
        "/gzip-bomb" => encoded("gzip", gzip(&vec![b'a'; 64 << 20])),
        "/brotli-bomb" => encoded("br", BROTLI_BOMB.to_vec()),
        "/endless" => Reply::Endless("Turn it down. And then "),
        "/slow" => Reply::Dripping,
        "/nested" => page("", &format!("{}{}", "<div>".repeat(100_000), advice("nesting"))),
        "/busy" if request.earlier == 0 => {
            Reply::Whole(429, vec![("retry-after", "0".to_owned())], Vec::new())
        }
        "/busy" => page("", &advice("kettles")),
        "/shaky" if request.earlier == 0 => status(500),
        "/shaky" => page("", &advice("ovens")),
        "/sitemap.xml" => typed(
            "application/xml",
            b"<sitemapindex><sitemap><loc>/part.xml.gz</loc></sitemap></sitemapindex>".to_vec(),
        ),
        "/part.xml.gz" => typed(
            "application/gzip",
            gzip(b"<urlset><url><loc>/mapped</loc></url><url><loc>http://elsewhere.invalid/</loc></url></urlset>"),
        ),
        "/mapped" => page("", &advice("maps of heat")),
        _ => status(404),
    }
}

fn guide(number: &str, request: &Request) -> Reply {
    let number: u32 = number.parse().unwrap();
    let tag = format!("\"{number}\"");
    if request.headers.get("if-none-match") == Some(&tag) {
        return Reply::Whole(304, vec![("etag", tag)], Vec::new());
    }
    let body = format!(
        "{}<a href='/guide/{}'>next</a>",
        advice(&format!("appliance number {number}")),
        number + 1
    );
    let Reply::Whole(status, mut headers, body) = page("", &body) else {
        unreachable!("pages are whole");
    };
    headers.push(("etag", tag));
    Reply::Whole(status, headers, body)
}

fn list(folder: &Path, addresses: &[String]) {
    let list = json!({"energy_saving_resources": addresses});
    std::fs::write(folder.join("urls.json"), list.to_string()).unwrap();
}

fn ingest(folder: &Path, arguments: &[&str], expected_status: i32) -> Value {
    let mut all = vec!["ingest", "--index", "index", "--report", "report.json"];
    all.extend(POLITE);
    all.extend(arguments);
    let output = run(folder, &all);
    assert_eq!(
        output.status.code(),
        Some(expected_status),
        "{}",
        text(&output)
    );
    serde_json::from_slice(&std::fs::read(folder.join("report.json")).unwrap()).unwrap()
}

/// Status and reason of one row.
fn row<'a>(report: &'a Value, source: &str) -> (&'a str, &'a str) {
    let rows = report["sources"].as_array().unwrap();
    let row = rows
        .iter()
        .find(|row| row["source"].as_str().unwrap().ends_with(source));
    let row = row.unwrap_or_else(|| panic!("{source} is not in {report:#}"));
    (
        row["status"].as_str().unwrap(),
        row["reason"].as_str().unwrap_or_default(),
    )
}

/// What becomes of the pages: source, status, a part of the reason.
const FATES: [(&str, &str, &str); 23] = [
    ("/loop", "failed", "more than 5 redirects"),
    (
        "/private/asked",
        "failed",
        "robots.txt of 127.0.0.1 forbids it",
    ),
    (
        "/private/diary",
        "skipped",
        "robots.txt of 127.0.0.1 forbids it",
    ),
    ("/latin", "added", ""),
    ("/utf16", "added", ""),
    ("/liar", "added", ""),
    ("/gzip-bomb", "failed", "larger than 1048576 bytes"),
    ("/brotli-bomb", "failed", "larger than 1048576 bytes"),
    ("/endless", "failed", "larger than 1048576 bytes"),
    ("/slow", "failed", "timed out after 2 s"),
    ("/nested", "failed", "over the limit"),
    ("/busy", "added", ""),
    ("/shaky", "added", ""),
    ("/absent", "failed", "404"),
    ("/guide/20", "added", ""),
    ("/guide/21", "added", ""),
    ("/dead", "skipped", "404"),
    (
        "/away",
        "skipped",
        "redirects off the site to elsewhere.invalid",
    ),
    ("/picture", "skipped", "a picture (PNG)"),
    (
        "/canonical?print=1",
        "duplicate",
        "its canonical address is",
    ),
    ("/canonical", "added", ""),
    ("/guide/1", "duplicate", "/copy"),
    ("/mapped", "added", ""),
];

#[test]
fn a_site_full_of_traps_is_walked_and_each_trap_is_named() {
    let site = RudeSite::start(answer);
    let folder = tempfile::tempdir().unwrap();
    let named = [
        "/",
        "/copy",
        "/loop",
        "/private/asked",
        "/latin",
        "/utf16",
        "/liar",
        "/gzip-bomb",
        "/brotli-bomb",
        "/endless",
        "/slow",
        "/nested",
        "/busy",
        "/shaky",
        "/absent",
    ];
    list(
        folder.path(),
        &named.map(|path| format!("{}{path}", site.origin)),
    );
    let robots = format!("{}/robots.txt", site.origin);
    let arguments = ["--urls", "urls.json", "--depth", "2", "--sitemap", &robots];
    let report = ingest(folder.path(), &arguments, 1);
    for (source, status, reason) in FATES {
        let found = row(&report, source);
        assert!(
            found.0 == status && found.1.contains(reason),
            "{source}: {found:?}"
        );
    }
    let rows = report["sources"].as_array().unwrap();
    assert!(rows.len() > 50, "{} pages", rows.len());
    let days = rows
        .iter()
        .filter(|row| row["source"].as_str().unwrap().contains("calendar"))
        .count();
    assert_eq!(days, 20, "the calendar has an end");
    for never in [
        "/private/diary",
        "/private/asked",
        "/nofollow",
        "/honeypot",
        "/photo.jpg",
    ] {
        assert_eq!(site.times_asked(never), 0, "{never}");
    }
    assert!(
        !rows
            .iter()
            .any(|row| row["source"].as_str().unwrap().contains("elsewhere"))
    );
    assert!(site.asked().iter().all(|target| !target.contains("utm_")));
    assert_eq!(site.times_asked("/robots.txt"), 1);
    assert_eq!(
        (site.times_asked("/busy"), site.times_asked("/shaky")),
        (2, 2)
    );
    let extracted = text(&run(
        folder.path(),
        &["ask", "--index", "index", "How warm should the café be?"],
    ));
    assert!(extracted.contains("café to 19 °C"), "{extracted}");

    let second = ingest(folder.path(), &arguments, 1);
    assert_eq!(
        (
            &second["published"],
            &second["totals"]["embedded"],
            &second["totals"]["documents"]
        ),
        (&json!(false), &json!(0), &report["totals"]["documents"]),
        "pages behind pages that have not changed are still found: {second:#}"
    );
}

#[test]
fn only_the_named_pages_are_fetched_unless_links_are_asked_for() {
    let site = RudeSite::start(answer);
    let folder = tempfile::tempdir().unwrap();
    list(folder.path(), &[format!("{}/", site.origin)]);
    let report = ingest(folder.path(), &["--urls", "urls.json"], 0);
    assert_eq!(report["sources"].as_array().unwrap().len(), 1);
    assert_eq!(site.asked(), ["/robots.txt", "/"]);

    let report = ingest(
        folder.path(),
        &["--urls", "urls.json", "--depth", "5", "--max-pages", "7"],
        0,
    );
    assert_eq!(report["sources"].as_array().unwrap().len(), 7);
}

#[test]
fn what_robots_txt_says_and_whether_it_can_be_read_decides() {
    let slow = RudeSite::start(|request| match request.target.as_str() {
        "/robots.txt" => typed("text/plain", b"user-agent: *\ncrawl-delay: 90\n".to_vec()),
        _ => page("", &advice("patience")),
    });
    let broken = RudeSite::start(|request| match request.target.as_str() {
        "/robots.txt" => status(503),
        _ => page("", &advice("mystery")),
    });
    let closed = RudeSite::start(|request| match request.target.as_str() {
        "/robots.txt" => status(403),
        _ => page("", &advice("a closed file of rules")),
    });
    let moved = RudeSite::start(|request| match request.target.as_str() {
        "/robots.txt" => redirect("/rules"),
        "/rules" => typed(
            "text/plain",
            b"user-agent: wattwise\ncrawl-delay: 0.1\ndisallow: /no\n".to_vec(),
        ),
        _ => page("", &advice("moving house")),
    });
    let folder = tempfile::tempdir().unwrap();
    let pages = [
        (&slow, "/slow"),
        (&broken, "/broken"),
        (&closed, "/closed"),
        (&moved, "/yes"),
        (&moved, "/no"),
    ];
    list(
        folder.path(),
        &pages.map(|(site, path)| format!("{}{path}", site.origin)),
    );
    let report = ingest(folder.path(), &["--urls", "urls.json"], 1);
    for (source, status, reason) in [
        (
            "/slow",
            "failed",
            "asks for 90s between requests, more than --max-crawl-delay allows",
        ),
        (
            "/broken",
            "failed",
            "cannot be read, so nothing there may be fetched: the server answered 503",
        ),
        ("/closed", "added", ""),
        ("/yes", "added", ""),
        ("/no", "failed", "forbids it"),
    ] {
        let found = row(&report, source);
        assert!(
            found.0 == status && found.1.contains(reason),
            "{source}: {found:?}"
        );
    }
    assert_eq!(slow.asked(), ["/robots.txt"]);
    assert_eq!(
        broken.asked(),
        ["/robots.txt", "/robots.txt"],
        "tried once more"
    );
}

#[test]
fn a_server_that_wants_to_be_left_alone_is() {
    let site = RudeSite::start(|request| match request.target.as_str() {
        "/robots.txt" => status(404),
        _ => Reply::Whole(429, vec![("retry-after", "3600".to_owned())], Vec::new()),
    });
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("note.md"),
        "# Note\n\nClose the curtains at dusk.",
    )
    .unwrap();
    list(
        folder.path(),
        &["/a", "/b"].map(|path| format!("{}{path}", site.origin)),
    );
    let report = ingest(
        folder.path(),
        &[
            "--urls",
            "urls.json",
            "--docs",
            "note.md",
            "--concurrency",
            "1",
        ],
        1,
    );
    assert_eq!(
        row(&report, "/a"),
        ("failed", "the server answered 429 and asks to wait 3600 s")
    );
    assert!(
        row(&report, "/b")
            .1
            .contains("127.0.0.1 asked to be left alone"),
        "{report}"
    );
    assert_eq!(site.asked(), ["/robots.txt", "/a"]);
}

#[test]
fn a_page_that_is_forbidden_now_goes_and_one_that_is_out_of_sight_stays() {
    let site = RudeSite::start(|request| match (request.target.as_str(), request.earlier) {
        ("/robots.txt", 0) => status(404),
        ("/robots.txt", _) => typed("text/plain", b"user-agent: *\ndisallow: /diary\n".to_vec()),
        ("/", 0) => page("", &format!("{}<a href=/diary>d</a>", advice("homes"))),
        ("/hub", 0) => page("", &format!("{}<a href=/leaf>l</a>", advice("hubs"))),
        ("/hub", _) => status(500),
        ("/", _) => page("", &format!("{}<a href=/diary>d</a> new", advice("homes"))),
        ("/diary", _) => page("", &advice("diaries")),
        ("/leaf", _) => page("", &advice("leaves")),
        _ => status(404),
    });
    let folder = tempfile::tempdir().unwrap();
    list(
        folder.path(),
        &["/", "/hub"].map(|path| format!("{}{path}", site.origin)),
    );
    let arguments = ["--urls", "urls.json", "--depth", "1"];
    ingest(folder.path(), &arguments, 0);
    let second = ingest(folder.path(), &arguments, 1);
    assert_eq!(
        row(&second, "/diary"),
        ("removed", "robots.txt of 127.0.0.1 forbids it")
    );
    assert_eq!(row(&second, "/hub").0, "kept_stale");
    assert_eq!(row(&second, "/leaf").0, "unchanged");
    // Without its memory a failing page no longer tells where it leads; what it led to stays.
    std::fs::remove_file(folder.path().join("index/links.json")).unwrap();
    let third = ingest(folder.path(), &arguments, 1);
    assert_eq!(row(&third, "/leaf").0, "unchanged");
}

#[test]
fn every_hop_is_checked_and_the_proxy_of_the_environment_is_used_only_on_demand() {
    // As a proxy, a site on loopback can speak for a public one.
    let proxy = RudeSite::start(|request| match request.target.as_str() {
        "http://advice.example/page" => redirect("http://127.0.0.1:9/admin"),
        "http://advice.example/metadata" => redirect("http://[::ffff:169.254.169.254]/"),
        "http://advice.example/file" => redirect("file:///etc/passwd"),
        "http://advice.example/good" => page("", &advice("proxies")),
        _ => status(404),
    });
    let folder = tempfile::tempdir().unwrap();
    list(
        folder.path(),
        &["page", "metadata", "file", "good"].map(|page| format!("http://advice.example/{page}")),
    );
    let ingest = |use_proxy: &[&str]| {
        let mut all = vec![
            "ingest",
            "--index",
            "index",
            "--urls",
            "urls.json",
            "--pace",
            "0",
            "--retries",
            "0",
        ];
        all.extend(use_proxy);
        let output = wattwise(folder.path(), &all)
            .env("HTTP_PROXY", &proxy.origin)
            .env("http_proxy", &proxy.origin)
            .env_remove("NO_PROXY")
            .env_remove("no_proxy")
            .output()
            .unwrap();
        (output.status.code(), text(&output))
    };
    let (status, said) = ingest(&["--use-proxy"]);
    assert_eq!(status, Some(1), "{said}");
    assert!(
        said.contains("refused: 127.0.0.1 is the private address"),
        "{said}"
    );
    assert!(
        said.contains("169.254.169.254 is the private address") || said.contains("::ffff:"),
        "{said}"
    );
    assert!(said.contains("not an http or https address"), "{said}");
    let asked = proxy.asked().len();
    ingest(&[]);
    assert_eq!(proxy.asked().len(), asked, "the proxy was not asked again");
}

#[test]
fn a_pause_may_be_a_date_and_a_stalled_body_has_its_own_time() {
    let site = RudeSite::start(|request| match (request.target.as_str(), request.earlier) {
        ("/robots.txt", _) => status(404),
        ("/again", 0) => {
            let long_ago = "Sun, 06 Nov 1994 08:49:37 GMT".to_owned();
            Reply::Whole(503, vec![("retry-after", long_ago)], Vec::new())
        }
        ("/stalled", _) => Reply::Stalled,
        ("/again", _) => page("<title>Again</title>", &advice("curtains")),
        _ => {
            let later = std::time::SystemTime::now() + std::time::Duration::from_hours(1);
            let far_away = httpdate::fmt_http_date(later);
            Reply::Whole(429, vec![("retry-after", far_away)], Vec::new())
        }
    });
    let folder = tempfile::tempdir().unwrap();
    list(
        folder.path(),
        &["/stalled", "/again", "/never"].map(|path| format!("{}{path}", site.origin)),
    );
    let mut arguments = vec!["ingest", "--index", "index", "--report", "report.json"];
    arguments.extend(["--urls", "urls.json", "--allow-private", "127.0.0.1"]);
    arguments.extend(["--pace", "0", "--retries", "1", "--concurrency", "1"]);
    // The whole fetch would have an hour.
    arguments.extend(["--read-timeout", "1", "--fetch-timeout", "3600"]);
    let output = run(folder.path(), &arguments);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    let report = std::fs::read(folder.path().join("report.json")).unwrap();
    let report: Value = serde_json::from_slice(&report).unwrap();
    let (status, reason) = row(&report, "/stalled");
    assert!(
        status == "failed" && reason.starts_with("timed out after 1 s; --fetch-timeout"),
        "{reason}"
    );
    assert_eq!(row(&report, "/again").0, "added");
    assert_eq!(site.times_asked("/again"), 2);
    let (status, reason) = row(&report, "/never");
    assert!(
        status == "failed" && reason.contains("asks to wait"),
        "{reason}"
    );
    assert_eq!(site.times_asked("/never"), 1);
}
