//! The page that a quote names is the page where it stands, as another extractor sees it.

use std::fmt::Write as _;
use std::path::Path;

use lopdf::content::{Content, Operation};
use lopdf::{Document as Pdf, Object, Stream, dictionary};
use proptest::prelude::*;
use wattwise::chunk::{ChunkParameters, split};
use wattwise::extract::extract;
use wattwise::model::{ContentKind, Document, DocumentId, Extracted};

/// Letters and digits alone, so that readers do not differ in their spaces and signs.
fn letters(text: &str) -> String {
    text.chars().filter(|one| one.is_alphanumeric()).collect()
}

fn document(extracted: &Extracted) -> Document {
    Document {
        id: DocumentId::of_source("a.pdf"),
        source: "a.pdf".to_owned(),
        title: String::new(),
        kind: ContentKind::Pdf,
        content_digest: String::new(),
        text_digest: String::new(),
        page_count: extracted.page_count,
        blocks: extracted.blocks.clone(),
        fetched_at: 0,
        etag: None,
        last_modified: None,
        stale_since: None,
        locations: Vec::new(),
        metadata: Vec::new(),
    }
}

/// Every quote that an answer could hold, with the pages that it would name.
fn quotes(bytes: &[u8]) -> Vec<(String, u32, u32)> {
    let extracted = extract(ContentKind::Pdf, bytes, None).unwrap();
    let document = document(&extracted);
    let count = |text: &str| text.split_whitespace().count();
    let pieces = split(
        &extracted.text,
        &extracted.blocks,
        &ChunkParameters::default(),
        &count,
    );
    pieces
        .iter()
        .flat_map(|piece| &piece.sentences)
        .map(|range| {
            let (first, last) = document.pages_of(range);
            let quote = extracted.text[range.clone()].to_owned();
            (quote, first.unwrap(), last.unwrap())
        })
        .collect()
}

#[test]
fn quotes_of_the_shipped_files_stand_on_their_pages() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/pdfs");
    let (mut right, mut unseen) = (0, 0);
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "pdf") {
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        let other = Pdf::load_mem(&bytes).unwrap();
        let pages: Vec<String> = (1..=u32::try_from(other.get_pages().len()).unwrap())
            .map(|page| letters(&other.extract_text(&[page]).unwrap()))
            .collect();
        let on = |begin: &str, page: u32| pages[page as usize - 1].contains(begin);
        for (quote, first, _) in quotes(&bytes) {
            let begin: String = letters(&quote).chars().take(20).collect();
            if on(&begin, first) {
                right += 1;
            } else {
                let elsewhere =
                    (1..=pages.len()).any(|page| on(&begin, u32::try_from(page).unwrap()));
                assert!(
                    !elsewhere,
                    "{}: {quote:?} is not on page {first}",
                    path.display()
                );
                unseen += 1;
            }
        }
    }
    assert!(
        right > 200 && unseen * 10 < right,
        "{right} right, {unseen} unseen"
    );
}

/// A file whose pages hold these lines, each page from the top.
fn file_of(pages: &[Vec<String>]) -> Vec<u8> {
    let mut pdf = Pdf::with_version("1.5");
    let tree = pdf.new_object_id();
    let font = pdf.add_object(dictionary! {
        "Type" => "Font", "Subtype" => "Type1", "BaseFont" => "Helvetica",
        "Encoding" => "WinAnsiEncoding",
    });
    let mut kids: Vec<Object> = Vec::new();
    for lines in pages {
        let mut operations = Vec::new();
        for (index, line) in lines.iter().enumerate() {
            let y = i64::try_from(740 - index * 12).unwrap();
            operations.extend([
                Operation::new("BT", vec![]),
                Operation::new("Tf", vec!["F1".into(), 10.into()]),
                Operation::new("Td", vec![50.into(), y.into()]),
                Operation::new("Tj", vec![Object::string_literal(line.as_str())]),
                Operation::new("ET", vec![]),
            ]);
        }
        let content = Content { operations }.encode().unwrap();
        let content = pdf.add_object(Stream::new(dictionary! {}, content));
        let page = pdf.add_object(dictionary! {
            "Type" => "Page", "Parent" => tree, "Contents" => content,
            "Resources" => dictionary! { "Font" => dictionary! { "F1" => font } },
            "MediaBox" => vec![0.into(), 0.into(), 600.into(), 800.into()],
        });
        kids.push(page.into());
    }
    let count = i64::try_from(kids.len()).unwrap();
    let root = dictionary! { "Type" => "Pages", "Kids" => kids, "Count" => count };
    pdf.objects.insert(tree, root.into());
    let catalog = pdf.add_object(dictionary! { "Type" => "Catalog", "Pages" => tree });
    pdf.trailer.set("Root", catalog);
    let mut bytes = Vec::new();
    pdf.save_to(&mut bytes).unwrap();
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn quotes_of_short_pages_name_the_page_of_their_first_word(
        words in proptest::collection::vec(1_usize..6, 3..40),
        broken in proptest::collection::vec(any::<bool>(), 40),
    ) {
        // Page n says which it is in each of its sentences, one of which may run on to the next page.
        let mut pages: Vec<Vec<String>> = Vec::new();
        let mut rest = String::new();
        for (number, (&count, &breaks)) in words.iter().zip(&broken).enumerate() {
            let mut lines = vec![];
            if !rest.is_empty() {
                lines.push(std::mem::take(&mut rest));
            }
            for line in 0..count {
                lines.push(format!("Meter {number:03} of house {line} was read by its caretaker."));
            }
            if breaks && number + 1 < words.len() {
                let mut open = format!("Meter {number:03} has a seal which was put on by hand so that it is");
                lines.push(open.clone());
                open.clear();
                let _ = write!(open, "seen from the door and from afar and that");
                lines.push(open);
                "nobody breaks it.".clone_into(&mut rest);
            }
            pages.push(lines);
        }
        let found = quotes(&file_of(&pages));
        prop_assert!(found.len() >= pages.len());
        for (quote, first, last) in found {
            let named = quote.split(' ').skip_while(|word| *word != "Meter").nth(1);
            if quote.starts_with("Meter") {
                let number: u32 = named.unwrap().parse().unwrap();
                prop_assert_eq!(first, number + 1, "{}", quote);
                let over = quote.ends_with("nobody breaks it.");
                prop_assert_eq!(last, first + u32::from(over), "{}", quote);
            }
        }
    }
}
