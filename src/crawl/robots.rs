//! What a site's robots.txt (RFC 9309) asks of us.
//!
//! The `robotstxt` crate, a port of Google's parser, reads the lines with all the mistakes that
//! webmasters make. Its matcher is not used: it takes time that grows with the square of the path
//! for each `*`, and a hostile file would hold up the run.

use std::time::Duration;

use robotstxt::{RobotsParseHandler, parse_robotstxt};
use url::Url;

/// Bytes of a robots.txt that are read; the standard asks for at least 500 KiB.
pub(super) const MAX_ROBOTS_BYTES: u64 = 512 * 1024;
/// Longer lines are cut, as Google does.
const MAX_LINE_BYTES: usize = 2_083 * 8 - 1;
/// More sitemaps than any site needs.
const MAX_SITEMAPS: usize = 50;

/// The rules for one user agent.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Robots {
    rules: Vec<Rule>,
    /// Seconds to leave between two requests.
    pub(super) crawl_delay: Option<Duration>,
    /// Addresses after `Sitemap:`, whoever they are for.
    pub(super) sitemaps: Vec<String>,
}

#[derive(Debug, Clone, PartialEq)]
struct Rule {
    pattern: String,
    allows: bool,
}

impl Robots {
    /// Reads a file for the program whose groups are named `product`.
    pub(super) fn parse(file: &[u8], product: &str) -> Self {
        let mut reader = Reader {
            product: product.to_owned(),
            ..Reader::default()
        };
        parse_robotstxt(&to_ascii_lines(file), &mut reader);
        // A group that names us replaces the one for everybody, even if it is empty.
        let group = if reader.was_named {
            reader.ours
        } else {
            reader.everyones
        };
        Self {
            rules: group.rules,
            crawl_delay: group.crawl_delay,
            sitemaps: reader.sitemaps,
        }
    }

    /// Whether `url` may be fetched: the longest matching pattern decides, and permission wins a tie.
    pub(super) fn allow(&self, url: &Url) -> bool {
        let mut path = url.path().to_owned();
        if let Some(query) = url.query() {
            path.push('?');
            path.push_str(query);
        }
        self.allow_path(&upper_case_escapes(path.as_bytes()))
    }

    fn allow_path(&self, path: &str) -> bool {
        if path == "/robots.txt" {
            return true;
        }
        let longest = |allows: bool| {
            self.rules
                .iter()
                .filter(|rule| rule.allows == allows && matches(&rule.pattern, path))
                .map(|rule| rule.pattern.len())
                .max()
                .unwrap_or(0)
        };
        longest(true) >= longest(false)
    }
}

/// The part of a user agent that groups are named by: `wattwise` of `wattwise/0.2 (…)`.
pub(super) fn product(user_agent: &str) -> &str {
    let end = user_agent.find(|c: char| !(c.is_ascii_alphabetic() || matches!(c, '-' | '_')));
    &user_agent[..end.unwrap_or(user_agent.len())]
}

#[derive(Debug, Default)]
struct Group {
    rules: Vec<Rule>,
    crawl_delay: Option<Duration>,
}

/// Whom the lines being read are for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Addressee {
    #[default]
    Others,
    Everyone,
    Us,
}

/// Collects what is for us while the parser reads the lines.
#[derive(Debug, Default)]
struct Reader {
    product: String,
    ours: Group,
    everyones: Group,
    was_named: bool,
    addressee: Addressee,
    /// A rule was seen since the last `User-agent`, so that the next one begins a new group.
    has_rules: bool,
    sitemaps: Vec<String>,
}

impl Reader {
    fn group(&mut self) -> Option<&mut Group> {
        match self.addressee {
            Addressee::Us => Some(&mut self.ours),
            Addressee::Everyone => Some(&mut self.everyones),
            Addressee::Others => None,
        }
    }

    fn add_rule(&mut self, pattern: &str, allows: bool) {
        let Some(group) = self.group() else { return };
        // An empty pattern matches nothing: `Disallow:` forbids nothing.
        if !pattern.is_empty() {
            group.rules.push(Rule {
                pattern: pattern.to_owned(),
                allows,
            });
        }
        self.has_rules = true;
    }
}

impl RobotsParseHandler for Reader {
    fn handle_robots_start(&mut self) {}

    fn handle_robots_end(&mut self) {}

    fn handle_user_agent(&mut self, _line: u32, name: &str) {
        if self.has_rules {
            self.addressee = Addressee::Others;
            self.has_rules = false;
        }
        let after_star = name.strip_prefix('*');
        if after_star.is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t'])) {
            self.addressee = self.addressee.max(Addressee::Everyone);
        } else if !self.product.is_empty() && product(name).eq_ignore_ascii_case(&self.product) {
            self.addressee = Addressee::Us;
            self.was_named = true;
        }
    }

    fn handle_allow(&mut self, _line: u32, pattern: &str) {
        self.add_rule(pattern, true);
        // Who allows the index page means the folder's own address too.
        if let Some((folder, page)) = pattern.rsplit_once('/')
            && page.starts_with("index.htm")
        {
            self.add_rule(&format!("{folder}/$"), true);
        }
    }

    fn handle_disallow(&mut self, _line: u32, pattern: &str) {
        self.add_rule(pattern, false);
    }

    fn handle_sitemap(&mut self, _line: u32, address: &str) {
        if self.sitemaps.len() < MAX_SITEMAPS {
            self.sitemaps.push(address.to_owned());
        }
    }

    fn handle_unknown_action(&mut self, _line: u32, key: &str, value: &str) {
        if !key.eq_ignore_ascii_case("crawl-delay") {
            return;
        }
        let seconds = value.parse::<f64>().ok();
        let delay = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        if let (Some(delay), Some(group)) = (delay, self.group()) {
            group.crawl_delay = Some(group.crawl_delay.map_or(delay, |known| known.max(delay)));
        }
    }
}

/// What the parser can be trusted with: no byte order mark, no over-long line, nothing but ASCII
/// (it cuts multi-byte characters in two and loses text after a lone `%`).
fn to_ascii_lines(file: &[u8]) -> String {
    let mark = [0xef, 0xbb, 0xbf];
    let has = file
        .iter()
        .zip(mark)
        .take_while(|(byte, mark)| **byte == *mark)
        .count();
    let mut text = String::with_capacity(file.len());
    for line in file[has..].split(|byte| matches!(byte, b'\n' | b'\r')) {
        let line = upper_case_escapes(&line[..line.len().min(MAX_LINE_BYTES)]);
        text.push_str(&line[..line.len().min(MAX_LINE_BYTES)]);
        text.push('\n');
    }
    text
}

/// Bytes as they stand in an address: those outside of ASCII escaped, hexadecimal in upper case.
fn upper_case_escapes(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        match (byte, tail) {
            (b'%', [high, low, after @ ..])
                if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() =>
            {
                text.push('%');
                text.push(char::from(high.to_ascii_uppercase()));
                text.push(char::from(low.to_ascii_uppercase()));
                rest = after;
            }
            (0x80.., _) => text.push_str(&format!("%{byte:02X}")),
            _ => text.push(char::from(byte)),
        }
    }
    text
}

/// Whether `pattern` matches a beginning of `path`; `*` stands for anything and a final `$` for the
/// end. Taking the first place for each literal part is enough, so the time is linear.
fn matches(pattern: &str, path: &str) -> bool {
    let (pattern, to_the_end) = match pattern.strip_suffix('$') {
        Some(shorter) => (shorter, true),
        None => (pattern, false),
    };
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = path.strip_prefix(first) else {
        return false;
    };
    let mut parts: Vec<&str> = parts.collect();
    if !to_the_end {
        return parts.iter().all(|part| skip_past(&mut rest, part));
    }
    let Some(last) = parts.pop() else {
        return rest.is_empty();
    };
    parts.iter().all(|part| skip_past(&mut rest, part)) && rest.ends_with(last)
}

fn skip_past(rest: &mut &str, part: &str) -> bool {
    match rest.find(part) {
        Some(at) => {
            *rest = &rest[at + part.len()..];
            true
        }
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn allows(file: &str, path: &str) -> bool {
        let url = Url::parse("https://advice.example")
            .unwrap()
            .join(path)
            .unwrap();
        Robots::parse(file.as_bytes(), product("wattwise/0.2 (document indexer)")).allow(&url)
    }

    #[test]
    fn the_group_that_names_us_replaces_the_one_for_everybody() {
        let file = "User-agent: *\nDisallow: /\n\nUser-agent: WattWise\nDisallow: /private\n";
        assert!(allows(file, "/tips"));
        assert!(!allows(file, "/private/tips"));
        assert!(allows(
            "user-agent: *\ndisallow: /\nuser-agent: wattwise\n",
            "/tips"
        ));
        assert!(!allows("user-agent: *\ndisallow: /", "/tips"));
        assert!(allows("user-agent: otherbot\ndisallow: /", "/tips"));
        assert!(allows("user-agent: wattwise-images\ndisallow: /", "/tips"));
        assert!(!allows("user-agent: wattwise/2.0\ndisallow: /", "/tips"));
        assert!(!allows("user-agent: * everyone\ndisallow: /", "/tips"));
    }

    #[test]
    fn agents_above_one_rule_share_it_and_groups_of_one_name_are_joined() {
        let file = "user-agent: a\nuser-agent: wattwise\ndisallow: /x\nuser-agent: b\ndisallow: /y\nuser-agent: wattwise\ndisallow: /z";
        assert!(!allows(file, "/x"));
        assert!(allows(file, "/y"));
        assert!(!allows(file, "/z"));
    }

    #[test]
    fn the_longest_pattern_decides_and_permission_wins_a_tie() {
        let file = "user-agent: *\ndisallow: /guides\nallow: /guides/loft\n";
        assert!(allows(file, "/guides/loft.html"));
        assert!(!allows(file, "/guides/wall"));
        assert!(allows(
            "user-agent: *\ndisallow: /page\nallow: /page",
            "/page"
        ));
        assert!(!allows(
            "user-agent: *\ndisallow: /*.html\nallow: /page",
            "/page.html"
        ));
        assert!(allows(
            "user-agent: *\nallow: /a/index.html\ndisallow: /a/",
            "/a/"
        ));
        assert!(!allows(
            "user-agent: *\nallow: /a/index.html\ndisallow: /a/",
            "/a/b"
        ));
    }

    #[test]
    fn stars_and_dollars_are_special_and_case_counts() {
        for (pattern, path, is_match) in [
            ("/", "/anything", true),
            ("/fish", "/fishes/cod", true),
            ("/fish", "/Fish", false),
            ("/fish/", "/fish", false),
            ("/fish*", "/fish.html", true),
            ("/*.php", "/folder/page.php?x=1", true),
            ("/*.php$", "/page.php?x=1", false),
            ("/*.php$", "/a.php/b.php", true),
            ("/a*b*c$", "/a-b-b-c-c", true),
            ("/a*b*c$", "/a-b", false),
            ("/a$", "/a", true),
            ("/a$b", "/a$b", true),
            ("*", "/", true),
            ("/x***y", "/x1y", true),
            ("/*$", "/", true),
        ] {
            assert_eq!(matches(pattern, path), is_match, "{pattern} {path}");
        }
    }

    #[test]
    fn escapes_and_characters_outside_of_ascii_compare_as_bytes() {
        assert!(!allows("user-agent: *\ndisallow: /wärme", "/w%c3%a4rme"));
        assert!(!allows("user-agent: *\ndisallow: /w%c3%A4rme", "/wärme"));
        assert!(!allows("user-agent: *\ndisallow: /%zz-é", "/%zz-é"));
        assert!(allows("user-agent: *\ndisallow: /a%2Fb", "/a/b"));
    }

    #[test]
    fn mistakes_of_webmasters_are_understood() {
        for file in [
            "USER-AGENT: *\nDISALLOW: /x",
            "user agent: *\ndisallow: /x",
            "useragent: *\ndisalow: /x",
            "user-agent *\ndisallow /x",
            "user-agent: * # all\r\n\r\n  disallow: /x # not this\r",
            "\u{feff}user-agent: *\ndisallow: /x",
            "nonsense\nuser-agent: *\nfavourite-colour: green\ndisallow: /x",
        ] {
            assert!(!allows(file, "/x"), "{file:?}");
            assert!(allows(file, "/y"), "{file:?}");
        }
        assert!(
            allows("disallow: /x", "/x"),
            "rules before any agent are nobody's"
        );
        assert!(allows("user-agent: *\ndisallow:", "/x"));
        assert!(allows("", "/x"));
        assert!(allows("user-agent: *\ndisallow: /", "/robots.txt"));
    }

    #[test]
    fn delay_and_sitemaps_are_read() {
        let file = "Sitemap: https://a.example/s.xml\nuser-agent: *\ncrawl-delay: 2.5\ndisallow: /x\nuser-agent: other\ncrawl-delay: 60\nsite-map: https://a.example/t.xml";
        let robots = Robots::parse(file.as_bytes(), "wattwise");
        assert_eq!(robots.crawl_delay, Some(Duration::from_millis(2_500)));
        assert_eq!(
            robots.sitemaps,
            ["https://a.example/s.xml", "https://a.example/t.xml"]
        );
        for bad in ["-1", "NaN", "inf", "1e300", "soon", ""] {
            let file = format!("user-agent: *\ncrawl-delay: {bad}");
            assert_eq!(
                Robots::parse(file.as_bytes(), "wattwise").crawl_delay,
                None,
                "{bad}"
            );
        }
    }

    proptest! {
        #[test]
        fn no_file_and_no_address_panics(file in proptest::collection::vec(any::<u8>(), 0..400), long in 16_000..17_000_usize, path in "[/a-z*$%é?]{0,40}") {
            let mut bytes = b"user-agent: *\ndisallow: /".to_vec();
            bytes.extend("é".repeat(long / 2).bytes());
            bytes.push(b'\n');
            bytes.extend(file);
            let url = Url::parse("http://a.example").unwrap().join(&format!("/{path}"));
            if let Ok(url) = url {
                Robots::parse(&bytes, "wattwise").allow(&url);
            }
        }
    }
}
