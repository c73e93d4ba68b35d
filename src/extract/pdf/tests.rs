//! Whole files, built here with lopdf, and damaged ones.

use lopdf::content::{Content, Operation};
use lopdf::encryption::{EncryptionState, EncryptionVersion, Permissions};
use lopdf::{Document, Object, Stream, StringFormat, dictionary};

use super::{Limits, extract};
use crate::extract::ExtractError;
use crate::model::{BlockKind, Extracted, Warning};

/// One line of text on a page: position, font size, bold or not.
struct Text(f32, f32, f32, bool, &'static str);

fn operations_of(texts: &[Text]) -> Vec<Operation> {
    let mut operations = Vec::new();
    for Text(x, y, size, bold, text) in texts {
        let font = if *bold { "F2" } else { "F1" };
        operations.extend([
            Operation::new("BT", vec![]),
            Operation::new("Tf", vec![font.into(), (*size).into()]),
            Operation::new("Td", vec![(*x).into(), (*y).into()]),
            Operation::new(
                "Tj",
                vec![Object::String(windows_bytes(text), StringFormat::Literal)],
            ),
            Operation::new("ET", vec![]),
        ]);
    }
    operations
}

/// The bytes of a text in the fonts' encoding.
fn windows_bytes(text: &str) -> Vec<u8> {
    let byte = |character| match character {
        '•' => 0x95,
        other => u8::try_from(other).unwrap(),
    };
    text.chars().map(byte).collect()
}

fn document_of(pages: Vec<Vec<Operation>>) -> Document {
    let mut document = Document::with_version("1.5");
    let pages_id = document.new_object_id();
    let fonts: Vec<Object> = ["Helvetica", "Helvetica-Bold"]
        .into_iter()
        .map(|name| {
            let font = dictionary! {
                "Type" => "Font", "Subtype" => "Type1", "BaseFont" => name,
                "Encoding" => "WinAnsiEncoding",
            };
            Object::Reference(document.add_object(font))
        })
        .collect();
    let image = document.add_object(Stream::new(
        dictionary! {
            "Type" => "XObject", "Subtype" => "Image", "Width" => 1, "Height" => 1,
            "ColorSpace" => "DeviceGray", "BitsPerComponent" => 8,
        },
        vec![0],
    ));
    let resources = document.add_object(dictionary! {
        "Font" => dictionary! { "F1" => fonts[0].clone(), "F2" => fonts[1].clone() },
        "XObject" => dictionary! { "Im" => image },
    });
    let kids: Vec<Object> = pages
        .into_iter()
        .map(|operations| {
            let content = Content { operations }.encode().unwrap();
            let content = document.add_object(Stream::new(dictionary! {}, content));
            let page = dictionary! {
                "Type" => "Page", "Parent" => pages_id, "Contents" => content,
                "Resources" => resources,
                "MediaBox" => vec![0.into(), 0.into(), 600.into(), 800.into()],
            };
            Object::Reference(document.add_object(page))
        })
        .collect();
    let count = i64::try_from(kids.len()).unwrap();
    document.objects.insert(
        pages_id,
        Object::Dictionary(dictionary! { "Type" => "Pages", "Kids" => kids, "Count" => count }),
    );
    let catalog = document.add_object(dictionary! { "Type" => "Catalog", "Pages" => pages_id });
    document.trailer.set("Root", catalog);
    document
}

fn bytes_of(mut document: Document) -> Vec<u8> {
    let mut bytes = Vec::new();
    document.save_to(&mut bytes).unwrap();
    bytes
}

fn file_of(pages: &[Vec<Text>]) -> Vec<u8> {
    bytes_of(document_of(
        pages.iter().map(|page| operations_of(page)).collect(),
    ))
}

fn read(pages: &[Vec<Text>]) -> Extracted {
    extract(&file_of(pages), &Limits::default()).unwrap()
}

fn blocks_of(extracted: &Extracted) -> Vec<(BlockKind, &str)> {
    extracted
        .blocks
        .iter()
        .map(|block| (block.kind, &extracted.text[block.range.clone()]))
        .collect()
}

#[test]
fn headings_paragraphs_and_items_are_told_apart() {
    let extracted = read(&[vec![
        Text(50.0, 740.0, 20.0, false, "Keep the heat in"),
        Text(
            50.0,
            700.0,
            10.0,
            false,
            "Draughts are the cheapest thing to stop and they let",
        ),
        Text(
            50.0,
            688.0,
            10.0,
            false,
            "more heat out than most people think they could.",
        ),
        Text(50.0, 660.0, 10.0, true, "What to do first"),
        Text(
            50.0,
            640.0,
            10.0,
            false,
            "• Close the curtains when it gets dark, and",
        ),
        Text(58.0, 628.0, 10.0, false, "leave the radiators free."),
        Text(50.0, 616.0, 10.0, false, "• Seal the windows."),
    ]]);
    assert_eq!(
        blocks_of(&extracted),
        [
            (BlockKind::Heading(1), "Keep the heat in"),
            (
                BlockKind::Paragraph,
                "Draughts are the cheapest thing to stop and they let more heat out than most people think they could."
            ),
            (BlockKind::Heading(2), "What to do first"),
            (
                BlockKind::ListItem,
                "- Close the curtains when it gets dark, and leave the radiators free."
            ),
            (BlockKind::ListItem, "- Seal the windows."),
        ]
    );
    assert!(extracted.text.contains("free.\n- Seal"));
    assert_eq!(extracted.page_count, Some(1));
    assert_eq!(extracted.blocks[0].page, Some(1));
}

#[test]
fn the_title_comes_from_the_metadata() {
    let mut document = document_of(vec![operations_of(&[Text(
        50.0,
        700.0,
        10.0,
        false,
        "Some text here.",
    )])]);
    let info = document.add_object(dictionary! {
        "Title" => Object::String(b"Warm home hacks".to_vec(), StringFormat::Literal),
    });
    document.trailer.set("Info", info);
    let extracted = extract(&bytes_of(document), &Limits::default()).unwrap();
    assert_eq!(extracted.title.as_deref(), Some("Warm home hacks"));
}

#[test]
fn text_drawn_twice_is_kept_once_and_invisible_text_is_kept() {
    let mut operations = operations_of(&[
        Text(50.0, 700.0, 12.0, false, "A shadowed title"),
        Text(50.4, 699.7, 12.0, false, "A shadowed title"),
    ]);
    operations.push(Operation::new("Tr", vec![3.into()]));
    operations.extend(operations_of(&[Text(
        50.0,
        650.0,
        12.0,
        false,
        "Recognised below a scan.",
    )]));
    let extracted = extract(&bytes_of(document_of(vec![operations])), &Limits::default()).unwrap();
    assert_eq!(
        extracted.text,
        "A shadowed title\n\nRecognised below a scan."
    );
}

#[test]
fn turned_pages_are_read_upright() {
    let mut operations = vec![Operation::new(
        "cm",
        vec![
            0.into(),
            1.into(),
            (-1).into(),
            0.into(),
            600.into(),
            0.into(),
        ],
    )];
    operations.extend(operations_of(&[
        Text(
            50.0,
            300.0,
            10.0,
            false,
            "The first line runs up the page and",
        ),
        Text(50.0, 288.0, 10.0, false, "the second one stands beside it."),
    ]));
    let extracted = extract(&bytes_of(document_of(vec![operations])), &Limits::default()).unwrap();
    assert_eq!(
        extracted.text,
        "The first line runs up the page and the second one stands beside it."
    );
}

#[test]
fn a_page_with_only_an_image_needs_ocr() {
    let picture = vec![
        Operation::new(
            "cm",
            vec![
                500.into(),
                0.into(),
                0.into(),
                700.into(),
                50.into(),
                50.into(),
            ],
        ),
        Operation::new("Do", vec!["Im".into()]),
    ];
    let words = operations_of(&[Text(
        50.0,
        700.0,
        10.0,
        false,
        "A page with quite enough words on it.",
    )]);
    let both = bytes_of(document_of(vec![words, picture.clone()]));
    let extracted = extract(&both, &Limits::default()).unwrap();
    assert_eq!(extracted.warnings, [Warning::PageNeedsOcr(2)]);
    assert_eq!(extracted.page_count, Some(2));

    let only = bytes_of(document_of(vec![picture]));
    match extract(&only, &Limits::default()) {
        Err(ExtractError::NoText(reason)) => assert!(reason.contains("OCR"), "{reason}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_empty_page_has_no_text() {
    let empty = bytes_of(document_of(vec![Vec::new()]));
    assert!(matches!(
        extract(&empty, &Limits::default()),
        Err(ExtractError::NoText(_))
    ));
}

#[test]
fn a_page_cap_is_reported() {
    let page = || {
        vec![Text(
            50.0,
            700.0,
            10.0,
            false,
            "Words that fill a page of this file.",
        )]
    };
    let limits = Limits {
        max_pages: 1,
        ..Limits::default()
    };
    let extracted = extract(&file_of(&[page(), page()]), &limits).unwrap();
    assert_eq!(
        extracted.warnings,
        [Warning::Truncated("1 pages".to_owned())]
    );
    assert_eq!(extracted.page_count, Some(2));
    assert_eq!(extracted.blocks.len(), 1);
}

#[test]
fn a_page_that_inflates_too_much_is_left_out() {
    let mut document = document_of(vec![
        operations_of(&[Text(50.0, 700.0, 10.0, false, "The page that can be read.")]),
        Vec::new(),
    ]);
    let page = document.get_pages()[&2];
    let content = document.get_page_contents(page)[0];
    let mut bomb = Stream::new(dictionary! {}, vec![b' '; 4 << 20]);
    bomb.compress().unwrap();
    document.objects.insert(content, Object::Stream(bomb));
    let limits = Limits {
        max_decompressed_bytes: 1 << 20,
        ..Limits::default()
    };
    let extracted = extract(&bytes_of(document), &limits).unwrap();
    assert_eq!(extracted.text, "The page that can be read.");
    assert!(matches!(
        extracted.warnings.as_slice(),
        [Warning::Truncated(_)]
    ));
}

fn encrypted(user: &str) -> Vec<u8> {
    let mut document = document_of(vec![operations_of(&[Text(
        50.0,
        700.0,
        10.0,
        false,
        "A secret text.",
    )])]);
    let id = Object::String(b"0123456789abcdef".to_vec(), StringFormat::Literal);
    document
        .trailer
        .set("ID", Object::Array(vec![id.clone(), id]));
    let state = EncryptionState::try_from(EncryptionVersion::V2 {
        document: &document,
        owner_password: "owner",
        user_password: user,
        key_length: 128,
        permissions: Permissions::all(),
    })
    .unwrap();
    document.encrypt(&state).unwrap();
    bytes_of(document)
}

#[test]
fn a_password_is_asked_for_only_when_the_empty_one_fails() {
    assert!(matches!(
        extract(&encrypted("user"), &Limits::default()),
        Err(ExtractError::Encrypted)
    ));
    let open = extract(&encrypted(""), &Limits::default()).unwrap();
    assert_eq!(open.text, "A secret text.");
}

#[test]
fn garbage_is_malformed() {
    for garbage in [
        &b""[..],
        b"hello",
        b"%PDF-1.7\n",
        b"<html><body>no</body></html>",
        &[0xFF; 4096],
    ] {
        assert!(matches!(
            extract(garbage, &Limits::default()),
            Err(ExtractError::Malformed { kind: "PDF", .. })
        ));
    }
}

#[test]
fn no_truncation_or_flipped_byte_panics() {
    let whole = file_of(&[vec![
        Text(50.0, 740.0, 20.0, true, "A heading"),
        Text(50.0, 700.0, 10.0, false, "and a line of text below it."),
    ]]);
    for length in (0..whole.len()).step_by(37) {
        let _ = extract(&whole[..length], &Limits::default());
    }
    for index in (0..whole.len()).step_by(29) {
        let mut damaged = whole.clone();
        damaged[index] ^= 0x5A;
        let _ = extract(&damaged, &Limits::default());
    }
}

#[test]
fn blocks_cover_the_text_in_order() {
    let extracted = read(&[
        vec![
            Text(50.0, 700.0, 10.0, false, "One page."),
            Text(50.0, 600.0, 10.0, false, "1. An item."),
        ],
        vec![Text(50.0, 700.0, 10.0, false, "Another page.")],
    ]);
    let mut end = 0;
    for block in &extracted.blocks {
        assert!(extracted.text[end..block.range.start].trim().is_empty());
        assert!(!extracted.text[block.range.clone()].contains('\n'));
        end = block.range.end;
    }
    assert_eq!(end, extracted.text.len());
    assert_eq!(
        extracted
            .blocks
            .iter()
            .filter_map(|block| block.page)
            .collect::<Vec<_>>(),
        [1, 1, 2]
    );
}

#[test]
fn a_fraction_is_read_where_it_stands() {
    let mut operations = operations_of(&[
        Text(50.0, 700.0, 10.0, false, "Use"),
        Text(70.0, 704.0, 7.0, false, "1"),
        Text(70.0, 696.5, 7.0, false, "2"),
        Text(76.0, 700.0, 10.0, false, "of the water, and save"),
        Text(50.0, 688.0, 10.0, false, "the other half of the heat."),
    ]);
    operations.extend([
        Operation::new("re", vec![70.into(), 702.into(), 3.9.into(), 0.4.into()]),
        Operation::new("f", vec![]),
    ]);
    let extracted = extract(&bytes_of(document_of(vec![operations])), &Limits::default()).unwrap();
    assert_eq!(
        extracted.text,
        "Use 1/2 of the water, and save the other half of the heat."
    );
}

#[test]
fn a_list_of_terms_drawn_row_by_row_is_a_table() {
    let extracted = read(&[vec![
        Text(50.0, 700.0, 10.0, false, "Winter"),
        Text(200.0, 700.0, 10.0, false, "about half of all heat"),
        Text(50.0, 686.0, 10.0, false, "Spring"),
        Text(200.0, 686.0, 10.0, false, "a quarter of it"),
        Text(50.0, 672.0, 10.0, false, "Summer"),
        Text(200.0, 672.0, 10.0, false, "hardly any"),
    ]]);
    assert_eq!(
        blocks_of(&extracted),
        [
            (BlockKind::TableRow, "Winter | about half of all heat"),
            (BlockKind::TableRow, "Spring | a quarter of it"),
            (BlockKind::TableRow, "Summer | hardly any"),
        ]
    );
}
