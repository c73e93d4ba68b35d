//! What a page's markup becomes, from bytes to blocks, and that hostile pages end in time.

use std::fmt::Write;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;
use crate::model::extracted::{BlockKind, Warning};

const PROSE: &str = "<p>A heat pump takes heat from the air outside and brings it into the home, and it does so \
                     even when it is cold, which surprises many people.</p>";
/// Generous: tests run without optimisation on busy machines.
const PATIENCE: Duration = Duration::from_secs(20);

fn read(html: &str) -> Extracted {
    extract(html.as_bytes(), None, &Limits::default()).expect("has text")
}

/// The text of a page whose body is `body`, without the prose that makes it long enough.
fn body(body: &str) -> String {
    let html = format!(
        "<!doctype html><html><body><main>{PROSE}{PROSE}{body}{PROSE}</main></body></html>"
    );
    let prose = PROSE.trim_start_matches("<p>").trim_end_matches("</p>");
    let text = read(&html).text;
    assert_eq!(text.matches(prose).count(), 3, "prose lost: {text}");
    text.replace(prose, "").trim().to_owned()
}

fn kinds(extracted: &Extracted) -> Vec<BlockKind> {
    extracted.blocks.iter().map(|block| block.kind).collect()
}

#[test]
fn a_page_becomes_titled_blocks() {
    let page = read(
        "<!doctype html><html><head><title>Loft insulation | The Trust</title>\
         <link rel=canonical href='https://a.org/loft'></head><body><nav><a href=/>Home</a></nav>\
         <main><h1>Loft insulation<a href='#x'>¶</a></h1><p>Warm air\n rises &amp; leaves.<br>Stop&nbsp;it.</p>\
         <ul><li>Measure <b>twice</b></li><li><p>Cut once</p></li></ul>\
         <table><tr><th>Depth</th><th>U-value</th></tr><tr><td>270 mm</td><td>0.16</td></tr></table>\
         <pre>a\n  b</pre></main><footer>© The Trust</footer></body></html>",
    );
    assert_eq!(page.title.as_deref(), Some("Loft insulation"));
    assert_eq!(page.canonical_url.as_deref(), Some("https://a.org/loft"));
    assert_eq!(
        page.text,
        "Loft insulation\n\nWarm air rises & leaves. Stop it.\n\n- Measure twice\n- Cut once\n\n\
         Depth | U-value\n270 mm | 0.16\n\na\n  b"
    );
    assert_eq!(
        kinds(&page),
        [
            BlockKind::Heading(1),
            BlockKind::Paragraph,
            BlockKind::ListItem,
            BlockKind::ListItem,
            BlockKind::TableRow,
            BlockKind::TableRow,
            BlockKind::Preformatted,
        ]
    );
}

#[test]
fn charsets_are_read_from_header_and_page() {
    let (bytes, _, _) = encoding_rs::SHIFT_JIS.encode("<p>断熱材の選び方</p>");
    let page = extract(
        &bytes,
        Some("text/html; charset=Shift_JIS"),
        &Limits::default(),
    )
    .unwrap();
    assert_eq!(page.text, "断熱材の選び方");
    let page = extract(
        b"<meta charset=windows-1252><p>20 \x80 \x96 caf\xE9</p>",
        None,
        &Limits::default(),
    );
    assert_eq!(page.unwrap().text, "20 € – café");
    let damaged = extract(
        "<p>éééé"
            .bytes()
            .chain([0xFF])
            .collect::<Vec<_>>()
            .as_slice(),
        Some("utf-8"),
        &Limits::default(),
    );
    assert_eq!(
        damaged.unwrap().warnings,
        [Warning::BadEncoding("UTF-8".into())]
    );
}

#[test]
fn nested_lists_are_flattened_with_their_numbers() {
    assert_eq!(
        body(
            "<ol start=3><li>three<ul><li>inner</li></ul></li><li value=7>seven</li><li>eight</li></ol>"
        ),
        "3. three\n- inner\n7. seven\n8. eight"
    );
    assert_eq!(
        body("<ul><li><p>One</p><p>more</p></li><li></li><li>Two<br>lines</li></ul>"),
        "- One more\n- Two lines"
    );
}

#[test]
fn definition_lists_put_term_and_meaning_together() {
    assert_eq!(
        body(
            "<dl><dt>EPC</dt><dd>Energy performance certificate</dd><dt>Why?</dt><dd>To compare.</dd></dl>"
        ),
        "- EPC: Energy performance certificate\n- Why? To compare."
    );
}

#[test]
fn tables_are_readable_row_by_row() {
    let table = "<table><caption>Costs</caption><thead><tr><th><p>Kind</p></th><th>Price</th><th></th></tr></thead>\
                 <tbody><tr><td rowspan=2>Loft</td><td>£300<br>to £400</td></tr><tr><td>£500</td></tr>\
                 <tr><td></td><td></td></tr></tbody></table>";
    assert_eq!(
        body(table),
        "Costs\n\nKind | Price\nLoft | £300 to £400\nLoft | £500"
    );
    let layout = format!(
        "<table><tr><td><h2>Left</h2>{}</td><td>Right</td></tr></table>",
        "<p>Some words here.</p>"
    );
    assert_eq!(body(&layout), "Left\n\nSome words here.\n\nRight");
}

#[test]
fn hidden_things_are_dropped() {
    let hidden = "<p hidden>a</p><p aria-hidden=TRUE>b</p><p style='color:red; DISPLAY : none !important'>c</p>\
                  <p style='visibility:hidden'>d</p><script>e</script><style>f</style><noscript>g</noscript>\
                  <template>h</template><svg><text>i</text></svg><button>j</button><!-- k --><nav>l</nav>";
    assert_eq!(body(hidden), "");
}

#[test]
fn furniture_is_dropped() {
    for furniture in [
        "<div class='cookie-banner'>We use cookies</div>",
        "<div id=CookieConsent>Accept</div>",
        "<div class='post__share-bar'>Tweet</div>",
        "<div role=navigation>Menu</div>",
        "<footer>All rights reserved</footer>",
        "<div class=related-posts><h3>Other</h3><a href=x>Other page</a></div>",
        "<div class=toc><a href='#a'>Contents here</a></div>",
        "<section id=comments><p>First!</p></section>",
    ] {
        assert_eq!(body(furniture), "", "{furniture}");
    }
    for content in [
        "body-with-sidebar",
        "has-share-bar",
        "entry-content",
        "shared-ownership",
    ] {
        assert_eq!(
            body(&format!("<div class={content}>Kept</div>")),
            "Kept",
            "{content}"
        );
    }
}

#[test]
fn a_page_wrapped_in_a_furniture_name_is_still_read() {
    let page = read(&format!(
        "<html><body><div class=sidebar>{PROSE}{PROSE}{PROSE}{PROSE}</div></body></html>"
    ));
    assert_eq!(page.blocks.len(), 4);
    let page = read("<html><body><div class=popup>Only this</div></body></html>");
    assert_eq!(page.text, "Only this");
}

#[test]
fn details_are_kept_with_their_summary() {
    assert_eq!(
        body("<details><summary>How long?</summary><p>A day.</p></details>"),
        "How long?\n\nA day."
    );
}

#[test]
fn inline_markup_reads_as_text() {
    assert_eq!(
        body(
            "<p>W/m<sup>2</sup>, CO<sub>2</sub>, 1<sup>st</sup><sup><a href=#n>[3]</a></sup>, <q>so</q>, \
              <a href=x>link</a>, x&lt;y, <code>a&lt;b</code>, &eacute;<img src=x alt=picture>.</p>"
        ),
        "W/m², CO2, 1st, “so”, link, x<y, a<b, é."
    );
    assert_eq!(
        body("<p>one<br><br>two</p><p>Need:<br>• drill<br>•\tfoam</p>"),
        "one\n\ntwo\n\nNeed:\n\n- drill\n- foam"
    );
}

#[test]
fn preformatted_text_keeps_its_lines() {
    assert_eq!(
        body("<pre>fn main() {\n\n    go(<b>1</b>);<br>}\n</pre>"),
        "fn main() {\n\n    go(1);\n}"
    );
}

#[test]
fn emoji_and_other_scripts_pass_the_renderer() {
    assert_eq!(
        body("<p>👨‍👩‍👧 ❤️ 日本語 العربية हिन्दी e\u{301}</p>"),
        "👨‍👩‍👧 ❤️ 日本語 العربية हिन्दी é"
    );
}

#[test]
fn fragments_and_templates_are_content_all_through() {
    let page = read(
        "<div class=grants *ngIf='x'><h2>Grants</h2><a class=card><h3>Boilers</h3><div>For {{name}}.</div></a></div>",
    );
    assert_eq!(page.text, "Grants\n\nBoilers\n\nFor ….");
    assert_eq!(read("just words").text, "just words");
}

#[test]
fn articles_lose_what_the_press_sets_around_them() {
    let page = read(&format!(
        "<html><head><meta property=og:type content=article><title>Cold homes</title></head><body><article>\
         <h1>Cold homes</h1><p>By Ann Lee</p><p>3 May 2024</p>{PROSE}<p><a href=x>READ MORE: Boilers explained</a></p>\
         {PROSE}{PROSE}{PROSE}{PROSE}<ul><li><a href=a>One other page</a></li><li><a href=b>Another page</a></li></ul>\
         </article></body></html>"
    ));
    assert_eq!(page.title.as_deref(), Some("Cold homes"));
    assert_eq!(
        page.blocks
            .iter()
            .filter(|block| block.kind == BlockKind::Paragraph)
            .count(),
        5,
        "{}",
        page.text
    );
    assert!(
        !page.text.contains("other page")
            && !page.text.contains("Ann Lee")
            && !page.text.contains("READ")
    );
}

#[test]
fn nothing_to_read_is_an_error() {
    for html in [
        "",
        " ",
        "<html></html>",
        "<nav>Home</nav>",
        "<script>x</script>",
        "<p>•</p>",
    ] {
        let result = extract(html.as_bytes(), None, &Limits::default());
        assert!(matches!(result, Err(ExtractError::NoText(_))), "{html}");
    }
}

#[test]
fn limits_are_kept() {
    let limits = Limits {
        max_bytes: 1_000,
        max_text_bytes: 50,
        ..Limits::default()
    };
    let big = "x".repeat(1_001);
    assert!(matches!(
        extract(big.as_bytes(), None, &limits),
        Err(ExtractError::OverLimit(_))
    ));
    let page = extract(PROSE.as_bytes(), None, &limits).unwrap();
    assert!(page.text.len() <= 50);
    assert_eq!(
        page.warnings,
        [Warning::Truncated("50 bytes of text".into())]
    );
}

fn ends_in_time(name: &str, html: &str) {
    let begun = Instant::now();
    let _ = extract(html.as_bytes(), None, &Limits::default());
    assert!(
        begun.elapsed() < PATIENCE,
        "{name} took {:?}",
        begun.elapsed()
    );
}

#[test]
fn hostile_pages_end_in_time() {
    let nested = |tag: &str, count: usize| format!("<{tag}>").repeat(count);
    let closed =
        |count: usize| format!("{}{PROSE}{}", nested("div", count), "</div>".repeat(count));
    let attribute = format!("<html><body><p title='{}'>x{PROSE}", "a b ".repeat(250_000));
    let name = format!("<html><body><{}>x{PROSE}", "a".repeat(1_000_000));
    let mut reopened = String::from("<html><body>");
    for number in 0..20_000 {
        write!(reopened, "<p><b id={number}>x").unwrap();
    }
    for (name, html) in [
        ("nested divs", nested("div", 100_000)),
        (
            "deepest allowed",
            format!("<html><body>{}", closed(120).repeat(20)),
        ),
        (
            "unclosed paragraphs",
            format!("<html><body>{}", "<p>word ".repeat(20_000)),
        ),
        (
            "unclosed inline",
            format!("<html><body>{}", "<span>word ".repeat(20_000)),
        ),
        ("reopened formatting", reopened),
        (
            "long line",
            format!("<html><body><p>{}", "word ".repeat(400_000)),
        ),
        (
            "long word",
            format!("<html><body><p>{}", "x".repeat(2_000_000)),
        ),
        ("long attribute", attribute),
        ("long name", name),
        (
            "comments",
            format!("<html><body>{PROSE}{}", "<!-- a --".repeat(100_000)),
        ),
        (
            "closed comments",
            format!("<html><body>{PROSE}{}", "<!-- a -->".repeat(100_000)),
        ),
        (
            "scripts",
            format!("<html><body>{PROSE}{}", "<script></scrip".repeat(100_000)),
        ),
        ("brackets", "<".repeat(500_000)),
        (
            "end tags",
            format!("<html><body>{PROSE}{}", "</div>".repeat(200_000)),
        ),
        ("entities", format!("<p>{}", "&amp".repeat(200_000))),
    ] {
        ends_in_time(name, &html);
    }
}

#[test]
fn hostile_tables_and_lists_end_in_time() {
    let row = format!("<tr>{}</tr>", "<td>cell</td>".repeat(50));
    let spans = format!(
        "<tr>{}</tr>",
        format!("<td rowspan=65534>{}</td>", "x".repeat(190)).repeat(900)
    );
    let lists = format!("{}{}", "<ul><li>x".repeat(60), "</li></ul>".repeat(60));
    for (name, html) in [
        ("cells", format!("<html><body><table>{}", row.repeat(400))),
        (
            "one row",
            format!("<html><body><table><tr>{}", "<td>cell".repeat(20_000)),
        ),
        (
            "spans",
            format!(
                "<html><body><table>{spans}{}",
                "<tr><td>a</td></tr>".repeat(2_000)
            ),
        ),
        (
            "colspan",
            "<table><tr><td colspan=999999999>a</td><td>b</table>".repeat(500),
        ),
        (
            "tables",
            format!(
                "<html><body>{}",
                "<table><tr><td>a<td>b</table>".repeat(5_000)
            ),
        ),
        (
            "nested tables",
            format!("<html><body>{}x", "<table><tr><td>".repeat(40)),
        ),
        ("lists", format!("<html><body>{}", lists.repeat(60))),
        ("breaks", format!("<html><body>x{}", "<br>".repeat(50_000))),
        (
            "links",
            format!("<html><body>{}", "<a href=x>y</a> ".repeat(20_000)),
        ),
        (
            "forms",
            format!(
                "<html><body>{}",
                "<form><input><select><option>x".repeat(5_000)
            ),
        ),
        (
            "furniture",
            format!("<html><body>{}{PROSE}", "<div class=share>".repeat(200)),
        ),
        (
            "classes",
            format!(
                "<html><body><p class='{}'>{PROSE}",
                "share-a-b-c ".repeat(50_000)
            ),
        ),
        (
            "headings",
            format!("<html><body>{}", "<h1>a</h1>".repeat(10_000)),
        ),
        (
            "mains",
            format!("<html><body>{}", "<main>a</main>".repeat(5_000)),
        ),
    ] {
        ends_in_time(name, &html);
    }
}

fn any_markup() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("<p>"),
        Just("</p>"),
        Just("<div class=share>"),
        Just("</div>"),
        Just("<ul>"),
        Just("<li>"),
        Just("</ul>"),
        Just("<ol start=-1>"),
        Just("<table>"),
        Just("<tr>"),
        Just("<td rowspan=3>"),
        Just("</table>"),
        Just("<pre>"),
        Just("</pre>"),
        Just("<b>"),
        Just("</b>"),
        Just("<a href=x>"),
        Just("</a>"),
        Just("<h1>"),
        Just("</h1>"),
        Just("<br>"),
        Just("<dl><dt>"),
        Just("<dd>"),
        Just("<sup>"),
        Just("</sup>"),
        Just("<main>"),
        Just("<script>"),
        Just("</script>"),
        Just("<!--"),
        Just("-->"),
        Just("<svg>"),
        Just("<math><mi>"),
        Just("<q>"),
        Just("text"),
        Just(" 2 "),
        Just("é\u{301}"),
        Just("\u{E000}"),
        Just("👨‍👩‍👧"),
        Just("&lt;"),
        Just("&#xE000;"),
        Just("\n"),
        Just("<select>"),
        Just("<template>"),
        Just("<body>"),
        Just("<frameset>"),
        Just("<caption>"),
        Just("\0"),
    ];
    proptest::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_markup_is_read_or_refused(html in any_markup()) {
        if let Ok(extracted) = extract(html.as_bytes(), None, &Limits::default()) {
            let mut end = 0;
            for block in &extracted.blocks {
                prop_assert!(extracted.text[end..block.range.start].trim().is_empty());
                let has_mark = extracted.text[block.range.clone()].contains('\u{E000}');
                prop_assert!(!has_mark);
                end = block.range.end;
            }
            prop_assert_eq!(end, extracted.text.len());
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = extract(&bytes, None, &Limits::default());
    }
}
