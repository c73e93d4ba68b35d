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
fn what_nobody_can_see_is_dropped() {
    let unseen = "<p hidden>a</p><p>Kept <i aria-hidden=TRUE>b</i></p><p>so <b style='color:red; DISPLAY : none !important'>c</b></p>\
                  <script>e</script><style>f</style><template>h</template><svg><text>i</text></svg><!-- k --><nav>l</nav>";
    assert_eq!(body(unseen), "Kept\n\nso");
}

#[test]
fn what_a_visitor_can_open_is_text() {
    for (markup, text) in [
        (
            "<h3><button aria-expanded=false>How long?</button></h3><div hidden><p>Ninety days.</p></div>",
            "How long?\n\nNinety days.",
        ),
        (
            "<button aria-controls=p>How long?</button><div id=p hidden><p>Ninety days.</p></div>",
            "How long?\n\nNinety days.",
        ),
        (
            "<div role=tablist><button role=tab aria-controls=t>Gas</button></div><div id=t role=tabpanel hidden>Costs more.</div>",
            "Gas\n\nCosts more.",
        ),
        (
            "<dl><dt>How long?</dt><dd style='display:none'>Ninety days.</dd></dl>",
            "- How long? Ninety days.",
        ),
        (
            "<div style='visibility:hidden;height:0'><p>Ninety days.</p></div>",
            "Ninety days.",
        ),
        (
            "<p>Short <span id=more style='display:none'>and the rest.</span></p>",
            "Short and the rest.",
        ),
        (
            "<noscript><p>Without scripts.</p></noscript>",
            "Without scripts.",
        ),
        (
            "<x-card><template shadowrootmode=open><p>In the shadow.</p></template></x-card>",
            "In the shadow.",
        ),
        (
            "<iframe srcdoc='&lt;p&gt;In a frame.&lt;/p&gt;'></iframe>",
            "In a frame.",
        ),
    ] {
        assert_eq!(body(markup), text, "{markup}");
    }
}

#[test]
fn landmarks_are_dropped_and_names_of_classes_are_not_read() {
    for furniture in [
        "<div role=navigation>Menu</div>",
        "<nav><ul><li><a href=x>Home</a></li></ul></nav>",
        "<div role=search><label>Find</label></div>",
        "<div role=dialog><p>Accept?</p></div>",
    ] {
        assert_eq!(body(furniture), "", "{furniture}");
    }
    for name in [
        "cookie-banner",
        "related",
        "share-bar",
        "popup",
        "sidebar",
        "comments",
        "toc",
        "gdpr-text",
    ] {
        let section = format!(
            "<section id={name} class={name}><h2 id={name}>Of {name}</h2><p class={name}>Kept.</p></section>"
        );
        assert_eq!(body(&section), format!("Of {name}\n\nKept."), "{name}");
        let line = format!("<p>Press the <a class={name} href=x>blue key</a> twice.</p>");
        assert_eq!(body(&line), "Press the blue key twice.", "{name}");
    }
}

#[test]
fn phrases_decide_nothing() {
    for line in [
        "We use cookies to remember your region.",
        "(c) The landlord replaces the alarm.",
        "Subscribe to the topic.",
        "Photo: the sensor takes one each hour",
        "Published 2020",
    ] {
        assert_eq!(body(&format!("<p>{line}</p>")), line);
        assert_eq!(
            body(&format!("<ul><li>{line}</li><li>Close</li></ul>")),
            format!("- {line}\n- Close")
        );
    }
    assert_eq!(
        body("<h2>Apply</h2><p><a href=/f.pdf>Form HB1</a></p><p><a href='tel:1'>0800 111</a></p>"),
        "Apply\n\nForm HB1\n\n0800 111"
    );
}

#[test]
fn a_page_that_is_all_landmark_is_still_read() {
    let page = read(&format!(
        "<html><body><header>{PROSE}{PROSE}</header><nav><a href=x>Home</a></nav></body></html>"
    ));
    assert_eq!(page.blocks.len(), 2);
}

#[test]
fn a_declared_main_part_outranks_the_rest_and_little_of_a_page_is_none() {
    let beside = format!("<div>{}</div>", PROSE.repeat(3));
    let page = read(&format!(
        "<html><body><main><h1>T</h1>{PROSE}{PROSE}</main>{beside}</body></html>"
    ));
    assert_eq!(page.text.matches("heat pump").count(), 2, "{}", page.text);
    let page = read(&format!(
        "<html><body><main><p>Loading the text.</p></main>{beside}</body></html>"
    ));
    assert_eq!(page.text.matches("heat pump").count(), 3, "{}", page.text);
}

#[test]
fn little_of_an_article_is_said() {
    let beside = PROSE.replace("heat pump", "boiler").repeat(10);
    let more = PROSE.replace("home", "house");
    let page = read(&format!(
        "<html><head><meta property=og:type content=article></head><body><article><h1>T</h1>{PROSE}{more}</article>\
         <div>{beside}</div></body></html>"
    ));
    assert!(
        matches!(page.warnings[..], [Warning::LittleKept { kept, of }] if kept * 5 < of),
        "{:?}",
        page.warnings
    );
}

#[test]
fn lists_count_as_they_show() {
    assert_eq!(
        body("<ol type=a><li>meter</li><li>leaks</li></ol>"),
        "a. meter\nb. leaks"
    );
    assert_eq!(
        body("<ol reversed><li>two</li><li>one</li></ol>"),
        "2. two\n1. one"
    );
    assert_eq!(
        body("<ol style='list-style-type:upper-roman' start=4><li>four</li></ol>"),
        "IV. four"
    );
}

#[test]
fn controls_and_pictures_speak_inside_lines() {
    for (markup, text) in [
        (
            "<p>Click <button>Save</button> and then <input type=submit value=Send>.</p>",
            "Click Save and then Send .",
        ),
        (
            "<p>Efficiency: <meter value=0.9>90 percent</meter>.</p>",
            "Efficiency: 90 percent.",
        ),
        (
            "<p>Hold the <img src=b.png alt='blue key'> down.</p>",
            "Hold the blue key down.",
        ),
        (
            "<p><img src=p.jpg alt='A man at a door'>He waits.</p>",
            "He waits.",
        ),
        (
            "<table><tr><th>Key</th><th>Use</th></tr><tr><td><img src=x alt=Blue></td><td>Reset</td></tr></table>",
            "Key | Use\nBlue | Reset",
        ),
        ("<p>It costs <s>£20</s> £15.</p>", "It costs ~~£20~~ £15."),
        (
            "<p>The <abbr title='energy certificate'>EPC</abbr>, or <abbr title='energy certificate'>EPC</abbr></p>",
            "The EPC (energy certificate), or EPC",
        ),
    ] {
        assert_eq!(body(markup), text, "{markup}");
    }
}

#[test]
fn tables_by_role_and_code_by_line_keep_their_cells_and_lines() {
    let table = "<div role=table><div role=row><span role=columnheader>Model</span><span role=columnheader>Price</span></div>\
                 <div role=row><span role=cell>B-20</span><span role=cell>410</span></div></div>";
    assert_eq!(body(table), "Model | Price\nB-20 | 410");
    assert_eq!(
        body("<pre><code><div>port = 1</div><div>host = 2</div></code></pre>"),
        "port = 1\nhost = 2"
    );
    assert_eq!(
        body("<pre><span style='display:block'>a</span><span style='display:block'>b</span></pre>"),
        "a\nb"
    );
}

#[test]
fn what_a_page_says_only_as_data_is_read_once() {
    let script = r#"<script type="application/ld+json">{"@type":"NewsArticle","articleBody":"The night tariff begins at ten."}</script>"#;
    let page = read(&format!(
        "<html><head><title>T</title>{script}</head><body><div id=root></div></body></html>"
    ));
    assert_eq!(page.text, "The night tariff begins at ten.");
    let faq = r#"<script type="application/ld+json">{"@type":"FAQPage","mainEntity":[{"@type":"Question","name":"When?","acceptedAnswer":{"text":"<p>At ten.</p>"}}]}</script>"#;
    assert_eq!(body(faq), "When?\n\nAt ten.");
    assert_eq!(
        body(&format!("{faq}<h3>When?</h3><p>At ten.</p>")),
        "When?\n\nAt ten."
    );
}

#[test]
fn pages_in_place_of_a_document_say_what_they_are() {
    let page = "<html><head><meta name=robots content=noindex><meta http-equiv=refresh content=300></head><body><p>Wait.</p></body></html>";
    let refused = extract(page.as_bytes(), None, &Limits::default());
    assert!(
        matches!(refused, Err(ExtractError::NoDocument(_))),
        "{refused:?}"
    );
    let leads = b"<html><head><meta http-equiv=refresh content='0; url=/new'></head><body><a href=/new>Here</a></body></html>";
    assert_eq!(refresh_target(leads).as_deref(), Some("/new"));
}

#[test]
fn the_title_is_the_articles_although_a_logo_is_the_first_heading() {
    let page = read(&format!(
        "<html><head><title>Peanuts early - Site</title></head><body><div><h1>Health Center</h1></div>\
         <div><h2>Peanuts early</h2>{PROSE}{PROSE}</div></body></html>"
    ));
    assert_eq!(page.title.as_deref(), Some("Peanuts early"));
}

#[test]
fn lines_of_chinese_join_without_spaces() {
    assert_eq!(
        body("<p>夜间电价从<b>晚上\n</b>十点半\n开始。</p>"),
        "夜间电价从晚上十点半开始。"
    );
    let mislabelled = extract(
        "<meta charset=gb2312><p>夜间电价".as_bytes(),
        None,
        &Limits::default(),
    );
    assert_eq!(mislabelled.unwrap().text, "夜间电价");
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
              <a href=x>link</a>, x&lt;y, <code>a&lt;b</code>, &eacute;.</p>"
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
         <h1>Cold homes</h1><div><a rel=author href=l>Ann Lee</a> <time>3 May 2024</time></div>{PROSE}<div><a href=x>Boilers explained</a></div>\
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
    assert!(!page.text.contains("other page"), "{}", page.text);
}

#[test]
fn nothing_to_read_is_an_error() {
    for html in [
        "",
        " ",
        "<html></html>",
        "<html><body><nav>Home</nav></body></html>",
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

#[test]
fn what_stands_around_the_text_goes_and_a_table_among_it_stays() {
    let html = "<html><head><title>Heat pumps in old houses</title></head><body><div><h1>Heat pumps in old houses</h1>\
        <div><a href=/anna>Anna Berg</a> 12 May</div><div>\
        <p>A heat pump can warm an old house if its radiators are large enough, and most of them are larger than they need to be.</p>\
        <p>Measure the flow temperature on a cold day, and lower it step by step until a room gets no longer warm.</p>\
        <table><tr><td>Flow</td><td>Share of houses</td></tr><tr><td>45 degrees</td><td>60 %</td></tr></table>\
        <p>Below fifty degrees the pump works well, and the bill is lower than that of a gas boiler of the same age.</p></div>\
        <div><div><a href=/1>Solar roofs for beginners</a></div><div><a href=/2>Which boiler is allowed</a></div></div></div>";
    let text = extract(html.as_bytes(), None, &Limits::default())
        .unwrap()
        .text;
    assert!(text.contains("45 degrees | 60 %"), "{text}");
    for around in ["Anna Berg", "12 May", "Solar roofs", "Which boiler"] {
        assert!(!text.contains(around), "{around} in {text}");
    }
}
