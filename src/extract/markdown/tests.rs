use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;

fn read(source: &str) -> Extracted {
    extract(source.as_bytes(), None, &Limits::default()).expect("has text")
}

#[test]
fn headings_in_both_spellings_and_unwrapped_paragraphs() {
    let page = read("# Warm homes #\n\nA line\nand its rest.\n\nCosts\n-----\n\nLow  \nreally.\n");
    assert_eq!(
        page.text,
        "Warm homes\n\nA line and its rest.\n\nCosts\n\nLow really."
    );
    assert_eq!(page.title.as_deref(), Some("Warm homes"));
    assert_eq!(page.blocks[0].kind, BlockKind::Heading(1));
    assert_eq!(page.blocks[2].kind, BlockKind::Heading(2));
}

#[test]
fn inline_markup_leaves_its_words() {
    let page = read(
        "*Very* **warm** [link](http://x 'y'), `code`, ![a cat](c.png), <b>bold</b><br>x &amp; ~~old~~[^1]\n\n[^1]: Note.",
    );
    assert_eq!(
        page.text,
        "Very warm link (http://x), code, a cat, bold x & ~~old~~\n\nNote."
    );
}

#[test]
fn lists_are_flattened() {
    let page = read("3. three\n   - inner\n\n     more\n4. four\n\n* [ ] todo\n* done\n");
    assert_eq!(
        page.text,
        "3. three\n- inner more\n4. four\n- [ ] todo\n- done"
    );
    assert!(
        page.blocks
            .iter()
            .all(|block| block.kind == BlockKind::ListItem)
    );
}

#[test]
fn tables_are_rows_without_the_rule() {
    let page = read("| Kind | U |\n|------|---|\n| Loft | `0.16` |\n|  |  |\n");
    assert_eq!(page.text, "Kind | U\nLoft | 0.16");
    assert!(
        page.blocks
            .iter()
            .all(|block| block.kind == BlockKind::TableRow)
    );
}

#[test]
fn code_keeps_its_lines() {
    let page = read("Run:\n\n```sh\nmake\n\n  all\n```\n\n    indented\n");
    assert_eq!(page.text, "Run:\n\nmake\n\n  all\n\nindented");
    assert_eq!(page.blocks[1].kind, BlockKind::Preformatted);
}

#[test]
fn front_matter_is_metadata_and_can_be_searched() {
    let page = read(
        "\u{FEFF}---\r\ntitle: Night tariff\r\ndescription: The cheap hours run to 06:00.\r\ndate: 2024-05-03\r\ndraft: false\r\ntags: [tariff, night]\r\n---\r\n\r\n# Heading\r\n\r\nText",
    );
    assert_eq!(page.title.as_deref(), Some("Night tariff"));
    assert_eq!(
        page.text,
        "The cheap hours run to 06:00.\n\ndate: 2024-05-03; tags: tariff, night\n\nHeading\n\nText"
    );
    assert_eq!(page.metadata.len(), 5);
}

#[test]
fn links_keep_where_they_lead() {
    let page = read(
        "The [form](https://e.org/a.pdf), [us](mailto:h@e.org), [here](b.md), <https://e.org>, [e.org](https://e.org/), [![logo](l.png)](https://e.org/x), <a href='https://e.org/y'>it</a>.",
    );
    assert_eq!(
        page.text,
        "The form (https://e.org/a.pdf), us (h@e.org), here, https://e.org, e.org, logo, it (https://e.org/y)."
    );
}

#[test]
fn html_is_read_as_a_page_is() {
    let table = "# A\n\n<table>\n<tr><th>Model</th><th>Price</th></tr>\n\n<tr><td>B-20</td><td>410</td></tr>\n</table>\n\nEnd.";
    assert_eq!(read(table).text, "A\n\nModel | Price\nB-20 | 410\n\nEnd.");
    let page = read(
        "<p>Tom &amp; Jerry&nbsp;pay &pound;12</p>\n\n<style>\n\nx\n</style>\n\nA<script>b</script> c 10<sup>3</sup>\n\n<Tab label=\"Linux\">\n\nRun it.\n\n</Tab>",
    );
    assert_eq!(
        page.text,
        "Tom & Jerry pay £12\n\nA c 10^3\n\nLinux\n\nRun it."
    );
}

#[test]
fn placeholders_stay_as_they_are() {
    let page = read("ssh <user>@<host> and <pod-name>\n\n<pod-name>\n\nA <b>x</b>.");
    assert_eq!(
        page.text,
        "ssh <user>@<host> and <pod-name>\n\n<pod-name>\n\nA x."
    );
}

#[test]
fn source_line_breaks_are_no_spaces_where_the_script_has_none() {
    assert_eq!(
        read("夜间电价从\n晚上十点开始").text,
        "夜间电价从晚上十点开始"
    );
}

#[test]
fn quotes_and_definitions_and_html_blocks() {
    assert_eq!(read("> one\n> two\n").text, "one two");
    assert_eq!(read("EPC\n: A certificate\n").text, "- EPC: A certificate");
    assert_eq!(
        read("<div class='x'>\nInside <!-- no --> it\n</div>\n\nAfter").text,
        "Inside it\n\nAfter"
    );
}

#[test]
fn nothing_to_read_is_an_error() {
    for source in ["", "\n\n", "---\ntitle: x\n---\n", "***", "<!-- only -->"] {
        assert!(
            matches!(
                extract(source.as_bytes(), None, &Limits::default()),
                Err(ExtractError::NoText(_))
            ),
            "{source}"
        );
    }
}

#[test]
fn hostile_files_end_in_time() {
    for source in [
        "> ".repeat(100_000),
        "- ".repeat(100_000),
        "1. ".repeat(100_000),
        "[".repeat(100_000),
        "*a ".repeat(100_000),
        "`a ".repeat(100_000),
        "a | b\n--|--\n".to_owned() + &"x | y\n".repeat(20_000),
        "word ".repeat(400_000),
        "<a ".repeat(50_000),
        "[a](".repeat(50_000),
        (0..300)
            .map(|depth| ["  ".repeat(depth).as_str(), "- x\n"].concat())
            .collect(),
    ] {
        let begun = Instant::now();
        let _ = extract(source.as_bytes(), None, &Limits::default());
        assert!(
            begun.elapsed() < Duration::from_secs(20),
            "{} {:?}",
            &source[..8],
            begun.elapsed()
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_read_or_refused(source in "[-#>*_`|:\\[\\]()<>! a1.\n~^é]{0,200}") {
        let _ = extract(source.as_bytes(), None, &Limits::default());
    }
}
