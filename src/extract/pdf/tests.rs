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

/// A document of one page with the fonts F1 and F2, whose page has more entries.
fn with_annotations(texts: &[Text], annotations: Vec<lopdf::Dictionary>) -> Vec<u8> {
    let mut document = document_of(vec![operations_of(texts)]);
    let annotations: Vec<Object> = annotations
        .into_iter()
        .map(|annotation| Object::Reference(document.add_object(annotation)))
        .collect();
    let page = document.page_iter().next().unwrap();
    let page = document.get_object_mut(page).unwrap();
    page.as_dict_mut().unwrap().set("Annots", annotations);
    bytes_of(document)
}

fn rectangle(left: i64, bottom: i64, right: i64, top: i64) -> Object {
    vec![left.into(), bottom.into(), right.into(), top.into()].into()
}

#[test]
fn what_a_form_was_filled_with_is_read_beside_its_label() {
    let texts = [
        Text(50.0, 700.0, 10.0, false, "Name:"),
        Text(70.0, 660.0, 10.0, false, "The boiler is new"),
        Text(70.0, 640.0, 10.0, false, "The meter is new"),
    ];
    let tick = |bottom: i64, state: &str| {
        dictionary! {
            "Subtype" => "Widget", "FT" => "Btn", "T" => Object::string_literal("box"),
            "Rect" => rectangle(52, bottom, 62, bottom + 10), "AS" => state, "V" => state,
        }
    };
    let file = with_annotations(
        &texts,
        vec![
            dictionary! {
                "Subtype" => "Widget", "FT" => "Tx", "V" => Object::string_literal("Ada Byron"),
                "Rect" => rectangle(84, 697, 250, 711),
            },
            tick(658, "Yes"),
            tick(638, "Off"),
        ],
    );
    let text = extract(&file, &Limits::default()).unwrap().text;
    for line in [
        "Name: Ada Byron",
        "[x] The boiler is new",
        "[ ] The meter is new",
    ] {
        assert!(text.contains(line), "{text}");
    }
}

#[test]
fn notes_are_read_and_attachments_are_named() {
    let texts = [Text(50.0, 700.0, 10.0, false, "The loft hatch")];
    let note = |kind: &str, text: &str| {
        dictionary! {
            "Subtype" => kind, "Contents" => Object::string_literal(text),
            "Rect" => rectangle(300, 600, 420, 640),
        }
    };
    let file = with_annotations(
        &texts,
        vec![
            note("Text", "It was replaced in 2021."),
            note("FreeText", "Ask the caretaker for the key to the loft"),
            dictionary! {
                "Subtype" => "FileAttachment", "Rect" => rectangle(10, 10, 20, 20),
                "FS" => dictionary! { "F" => Object::string_literal("prices.xlsx") },
            },
        ],
    );
    let extracted = extract(&file, &Limits::default()).unwrap();
    assert!(extracted.text.contains("It was replaced in 2021."));
    assert!(
        extracted
            .text
            .contains("Ask the caretaker for the key to the loft")
    );
    let named = Warning::Attachment("prices.xlsx".to_owned());
    assert_eq!(extracted.warnings, [named]);
}

#[test]
fn a_file_that_was_cut_off_is_rebuilt_from_its_pages() {
    let whole = file_of(&[
        vec![Text(50.0, 700.0, 10.0, false, "Upstairs rooms are cold")],
        vec![Text(50.0, 700.0, 10.0, false, "The hatch leaks heat")],
    ]);
    // Neither the table of objects nor the way from the page tree to its pages is left.
    let position = |what: &[u8]| whole.windows(what.len()).position(|window| window == what);
    let mut cut = whole[..position(b"/XRef").unwrap()].to_vec();
    let kids = position(b"/Kids").unwrap();
    cut[kids..kids + 5].copy_from_slice(b"/Lost");
    let text = extract(&cut, &Limits::default()).unwrap().text;
    assert!(text.contains("Upstairs rooms are cold") && text.contains("The hatch leaks heat"));
}

#[test]
fn glyphs_of_type_3_with_numbers_for_names_are_read() {
    let mut document = document_of(vec![operations_of(&[Text(
        50.0, 700.0, 10.0, false, "ABA",
    )])]);
    let glyph = document.add_object(Stream::new(
        dictionary! {},
        b"500 0 0 0 500 500 d1 0 0 500 500 re f".to_vec(),
    ));
    let font = document.add_object(dictionary! {
        "Type" => "Font", "Subtype" => "Type3", "FirstChar" => 65, "LastChar" => 66,
        "FontBBox" => rectangle(0, 0, 500, 500),
        "FontMatrix" => vec![
            Object::Real(0.001), 0.into(), 0.into(), Object::Real(0.001), 0.into(), 0.into(),
        ],
        "Widths" => vec![500.into(), 500.into()],
        "CharProcs" => dictionary! { "a104" => glyph, "a105" => glyph },
        "Encoding" => dictionary! { "Differences" => vec![
            65.into(), Object::Name(b"a104".to_vec()), Object::Name(b"a105".to_vec()),
        ] },
    });
    for object in document.objects.values_mut() {
        if let Ok(fonts) = object
            .as_dict_mut()
            .and_then(|resources| resources.get_mut(b"Font"))
            .and_then(Object::as_dict_mut)
        {
            fonts.set("F1", font);
        }
    }
    let text = extract(&bytes_of(document), &Limits::default())
        .unwrap()
        .text;
    assert_eq!(text, "hih");
}

/// A table ruled in all directions: `texts` in its cells, 100 points wide and 20 high.
fn ruled(rows: &[&[&'static str]]) -> Vec<Operation> {
    let mut texts = Vec::new();
    let mut operations = Vec::new();
    let mut line = |from: (f32, f32), to: (f32, f32)| {
        operations.extend([
            Operation::new("m", vec![from.0.into(), from.1.into()]),
            Operation::new("l", vec![to.0.into(), to.1.into()]),
            Operation::new("S", vec![]),
        ]);
    };
    let (right, bottom) = (
        50.0 + rows[0].len() as f32 * 100.0,
        700.0 - rows.len() as f32 * 20.0,
    );
    for row in 0..=rows.len() {
        let y = 700.0 - row as f32 * 20.0;
        line((50.0, y), (right, y));
    }
    for column in 0..=rows[0].len() {
        let x = 50.0 + column as f32 * 100.0;
        line((x, 700.0), (x, bottom));
    }
    for (row, cells) in rows.iter().enumerate() {
        for (column, cell) in cells.iter().enumerate() {
            for (index, part) in cell.split('\n').enumerate() {
                let y = 700.0 - row as f32 * 20.0 - 8.0 - index as f32 * 8.0;
                texts.push(Text(53.0 + column as f32 * 100.0, y, 7.0, false, part));
            }
        }
    }
    operations.extend(operations_of(&texts));
    operations
}

#[test]
fn ruled_cells_stay_whole_and_keep_their_columns_on_each_page() {
    let pages = [
        ruled(&[
            &["Plan", "What it is", "Price"],
            &["A", "a sum that is\npaid every day", "11"],
            &["B", "", "31"],
        ]),
        ruled(&[&["C", "for the night", "12"], &["D", "", "13"]]),
    ];
    let file = bytes_of(document_of(pages.to_vec()));
    let extracted = extract(&file, &Limits::default()).unwrap();
    let rows: Vec<(u32, &str)> = extracted
        .blocks
        .iter()
        .map(|block| (block.page.unwrap(), &extracted.text[block.range.clone()]))
        .collect();
    assert_eq!(
        rows,
        [
            (1, "Plan | What it is | Price"),
            (1, "A | a sum that is paid every day | 11"),
            (1, "B | | 31"),
            // The header is carried on, and says which page it stands on.
            (1, "Plan | What it is | Price"),
            (2, "C | for the night | 12"),
            (2, "D | | 13"),
        ]
    );
}

#[test]
fn a_sentence_over_a_page_break_is_one_and_names_both_pages() {
    let extracted = read(&[
        vec![
            Text(
                50.0,
                80.0,
                10.0,
                false,
                "The valves below the pump are closed by hand and",
            ),
            Text(
                50.0,
                68.0,
                10.0,
                false,
                "the engineer is told about it before the pump is",
            ),
        ],
        vec![Text(50.0, 740.0, 10.0, false, "started again.")],
    ]);
    assert!(
        extracted
            .text
            .ends_with("before the pump is started again.")
    );
    let pages: Vec<_> = extracted.blocks.iter().map(|block| block.page).collect();
    assert_eq!(pages, [Some(1), Some(2)]);
}

#[test]
fn the_picture_of_a_scan_is_given_if_it_is_asked_for() {
    let operations = vec![
        Operation::new("q", vec![]),
        Operation::new(
            "cm",
            vec![
                300.into(),
                0.into(),
                0.into(),
                400.into(),
                0.into(),
                400.into(),
            ],
        ),
        Operation::new("Do", vec![Object::Name(b"Im".to_vec())]),
        Operation::new("Q", vec![]),
    ];
    let file = bytes_of(document_of(vec![operations]));
    let limits = Limits {
        scans_from: Some(1),
        ..Limits::default()
    };
    let extracted = extract(&file, &limits).unwrap();
    let image = &extracted.scans[0].image;
    let head = b"P5\n2500 3333\n255\n";
    assert!(image.starts_with(head));
    // The one black pixel of the image fills the upper left quarter of the page.
    let at = |x: usize, y: usize| image[head.len() + y * 2_500 + x];
    assert_eq!(
        (at(600, 800), at(1_900, 800), at(600, 2_500)),
        (0, 255, 255)
    );
}
