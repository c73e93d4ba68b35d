//! Small packages, made here part by part.

use std::io::{Cursor, Write as _};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::extract::{ExtractError, extract, sniff};
use crate::model::{ContentKind, Extracted};

const RELATIONS: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";

fn package(parts: &[(&str, &str)]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in parts {
        let method = match *name {
            // As the formats want it, so that the file can be told by its beginning.
            "mimetype" => CompressionMethod::Stored,
            _ => CompressionMethod::Deflated,
        };
        let options = SimpleFileOptions::default().compression_method(method);
        writer.start_file(*name, options).unwrap();
        writer.write_all(content.as_bytes()).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn relations(all: &[(&str, &str, &str)]) -> String {
    let relation = |(id, kind, target): &(&str, &str, &str)| {
        let mode = if target.contains(':') {
            " TargetMode=\"External\""
        } else {
            ""
        };
        format!("<Relationship Id=\"{id}\" Type=\"{RELATIONS}/{kind}\" Target=\"{target}\"{mode}/>")
    };
    let all: String = all.iter().map(relation).collect();
    format!("<Relationships>{all}</Relationships>")
}

fn read(bytes: &[u8], kind: ContentKind) -> Extracted {
    assert_eq!(sniff(bytes, None, "named.txt"), Some(kind));
    extract(kind, bytes, None).unwrap()
}

fn places(extracted: &Extracted) -> Vec<&str> {
    extracted
        .locations
        .iter()
        .map(|place| place.name.as_str())
        .collect()
}

fn docx(body: &str) -> Vec<u8> {
    let main = relations(&[
        ("s", "styles", "styles.xml"),
        ("n", "numbering", "numbering.xml"),
        ("f", "footnotes", "footnotes.xml"),
        ("l", "hyperlink", "https://e.org/a"),
    ]);
    package(&[
        (
            "_rels/.rels",
            &relations(&[("m", "officeDocument", "word/document.xml")]),
        ),
        (
            "word/document.xml",
            &format!("<w:document xmlns:w='w' xmlns:r='r'><w:body>{body}</w:body></w:document>"),
        ),
        ("word/_rels/document.xml.rels", &main),
        (
            "word/styles.xml",
            "<w:styles><w:style w:styleId='U1'><w:name w:val='heading 1'/></w:style><w:style w:styleId='U1b'><w:name w:val='Mine'/><w:basedOn w:val='U1'/></w:style></w:styles>",
        ),
        (
            "word/numbering.xml",
            "<w:numbering><w:abstractNum w:abstractNumId='0'><w:lvl w:ilvl='0'><w:start w:val='1'/><w:numFmt w:val='lowerLetter'/><w:lvlText w:val='(%1)'/></w:lvl></w:abstractNum><w:num w:numId='3'><w:abstractNumId w:val='0'/></w:num></w:numbering>",
        ),
        (
            "word/footnotes.xml",
            "<w:footnotes><w:footnote><w:p><w:r><w:t>A note.</w:t></w:r></w:p></w:footnote></w:footnotes>",
        ),
        (
            "docProps/core.xml",
            "<cp:coreProperties><dc:creator>Ann</dc:creator></cp:coreProperties>",
        ),
    ])
}

#[test]
fn a_word_document_keeps_headings_lists_tables_links_and_struck_text() {
    let item = |text: &str| {
        format!(
            "<w:p><w:pPr><w:numPr><w:ilvl w:val='0'/><w:numId w:val='3'/></w:numPr></w:pPr><w:r><w:t>{text}</w:t></w:r></w:p>"
        )
    };
    let cell = |text: &str| format!("<w:tc><w:p><w:r><w:t>{text}</w:t></w:r></w:p></w:tc>");
    let body = [
        "<w:p><w:pPr><w:pStyle w:val='U1b'/></w:pPr><w:r><w:t>Tariff</w:t></w:r></w:p>".to_owned(),
        "<w:p><w:r><w:t>See </w:t></w:r><w:hyperlink r:id='l'><w:r><w:t>the form</w:t></w:r></w:hyperlink><w:r><w:t> &amp; pay </w:t></w:r><w:r><w:rPr><w:strike/></w:rPr><w:t>60</w:t></w:r><w:r><w:t> 48</w:t></w:r><w:del><w:r><w:delText>gone</w:delText></w:r></w:del></w:p>".to_owned(),
        item("One") + &item("Two"),
        format!("<w:tbl><w:tr>{}{}</w:tr><w:tr>{}{}</w:tr></w:tbl>", cell("Model"), cell("Price"), cell("B-20"), cell("410")),
    ];
    let read = read(&docx(&body.concat()), ContentKind::Docx);
    assert_eq!(
        read.text,
        "Tariff\n\nSee the form (https://e.org/a) & pay ~~60~~ 48\n\n(a) One\n(b) Two\n\nModel | Price\nB-20 | 410\n\nA note."
    );
    assert_eq!(read.title.as_deref(), Some("Tariff"));
    assert_eq!(read.metadata, [("creator".to_owned(), "Ann".to_owned())]);
}

#[test]
fn slides_are_read_in_the_order_of_the_show() {
    let slide = |title: &str, body: &str| {
        format!(
            "<p:sld><p:sp><p:nvSpPr><p:nvPr><p:ph type='title'/></p:nvPr></p:nvSpPr><a:p><a:r><a:t>{title}</a:t></a:r></a:p></p:sp><p:sp><p:nvSpPr><p:nvPr><p:ph idx='1'/></p:nvPr></p:nvSpPr><a:p><a:r><a:t>{body}</a:t></a:r></a:p></p:sp></p:sld>"
        )
    };
    let bytes = package(&[
        (
            "ppt/presentation.xml",
            "<p:presentation><p:sldIdLst><p:sldId id='256' r:id='r2'/><p:sldId id='257' r:id='r1'/></p:sldIdLst></p:presentation>",
        ),
        (
            "ppt/_rels/presentation.xml.rels",
            &relations(&[
                ("r1", "slide", "slides/slide1.xml"),
                ("r2", "slide", "slides/slide2.xml"),
            ]),
        ),
        ("ppt/slides/slide1.xml", &slide("Costs", "Twelve pounds")),
        ("ppt/slides/slide2.xml", &slide("Tariff", "Begins at 22:30")),
        (
            "ppt/slides/_rels/slide2.xml.rels",
            &relations(&[("n", "notesSlide", "../notesSlides/n.xml")]),
        ),
        (
            "ppt/notesSlides/n.xml",
            "<p:notes><p:sp><p:nvPr><p:ph type='sldNum'/></p:nvPr><a:p><a:r><a:t>1</a:t></a:r></a:p></p:sp><p:sp><p:nvPr><p:ph type='body'/></p:nvPr><a:p><a:r><a:t>Say it slowly.</a:t></a:r></a:p></p:sp></p:notes>",
        ),
    ]);
    let read = read(&bytes, ContentKind::Pptx);
    assert_eq!(
        read.text,
        "Tariff\n\n- Begins at 22:30\n\nSay it slowly.\n\nCosts\n\n- Twelve pounds"
    );
    assert_eq!(places(&read), ["slide 1", "slide 2"]);
}

fn workbook(sheet: &str) -> Vec<u8> {
    package(&[
        ("[Content_Types].xml", "<Types/>"),
        (
            "_rels/.rels",
            &relations(&[("m", "officeDocument", "xl/workbook.xml")]),
        ),
        (
            "xl/workbook.xml",
            "<workbook xmlns:r='r'><sheets><sheet name='Prices' sheetId='1' r:id='r1'/></sheets></workbook>",
        ),
        (
            "xl/_rels/workbook.xml.rels",
            &relations(&[
                ("r1", "worksheet", "worksheets/sheet1.xml"),
                ("r2", "styles", "styles.xml"),
            ]),
        ),
        (
            "xl/styles.xml",
            "<styleSheet><numFmts><numFmt numFmtId='164' formatCode='&quot;£&quot;#,##0.00'/></numFmts><cellXfs><xf numFmtId='0'/><xf numFmtId='164'/><xf numFmtId='14'/></cellXfs></styleSheet>",
        ),
        (
            "xl/worksheets/sheet1.xml",
            &format!("<worksheet><sheetData>{sheet}</sheetData></worksheet>"),
        ),
    ])
}

#[test]
fn a_sheet_names_its_rows_and_shows_numbers_as_people_see_them() {
    let text =
        |cell: &str, text: &str| format!("<c r='{cell}' t='inlineStr'><is><t>{text}</t></is></c>");
    let sheet = format!(
        "<row r='1'>{}{}{}</row><row r='12'>{}<c r='C12' s='1'><v>1410.5</v></c><c r='D12' s='2'><v>45415</v></c></row>",
        text("A1", "Model"),
        text("C1", "Price"),
        text("D1", "From"),
        text("A12", "B-20")
    );
    let read = read(&workbook(&sheet), ContentKind::Xlsx);
    assert_eq!(
        read.text,
        "Prices\n\nModel | | Price | From\nB-20 | | £1,410.50 | 2024-05-03"
    );
    assert_eq!(
        places(&read),
        [
            "sheet Prices",
            "sheet Prices, row 1",
            "sheet Prices, row 12"
        ]
    );
}

#[test]
fn one_cell_far_away_costs_nothing() {
    let sheet = "<row r='1048576'><c r='XFD1048576' t='inlineStr'><is><t>far</t></is></c><c r='A1048576' t='inlineStr'><is><t>near</t></is></c></row>";
    assert_eq!(
        read(&workbook(sheet), ContentKind::Xlsx).text,
        "Prices\n\nnear"
    );
}

fn odf(kind: &str, content: &str) -> Vec<u8> {
    let stated = format!("application/vnd.oasis.opendocument.{kind}");
    package(&[
        ("mimetype", &stated),
        (
            "content.xml",
            &format!(
                "<office:document-content><office:automatic-styles><style:style style:name='T1'><style:text-properties style:text-line-through-style='solid'/></style:style></office:automatic-styles><office:body>{content}</office:body></office:document-content>"
            ),
        ),
        ("meta.xml", "<m><dc:title>Tariff</dc:title></m>"),
    ])
}

#[test]
fn open_documents_of_all_three_kinds_are_read() {
    let text = "<office:text><text:tracked-changes><text:p>gone</text:p></text:tracked-changes><text:h text:outline-level='2'>Costs</text:h><text:p>It is <text:span text:style-name='T1'>60</text:span><text:s/>48<text:note><text:note-citation>1</text:note-citation><text:note-body><text:p>A note.</text:p></text:note-body></text:note>, see <text:a xlink:href='https://e.org'>it</text:a>.</text:p><text:list><text:list-item><text:p>One</text:p></text:list-item></text:list><table:table><table:table-row><table:table-cell><text:p>B-20</text:p></table:table-cell><table:table-cell><text:p>410</text:p></table:table-cell></table:table-row></table:table></office:text>";
    let read_text = read(&odf("text", text), ContentKind::Odt);
    assert_eq!(
        read_text.text,
        "Costs\n\nIt is ~~60~~ 48, see it (https://e.org).\n\nA note.\n\n- One\n\nB-20 | 410"
    );
    assert_eq!(read_text.title.as_deref(), Some("Tariff"));

    let sheet = "<table:table table:name='Prices'><table:table-row table:number-rows-repeated='11'><table:table-cell/></table:table-row><table:table-row><table:table-cell><text:p>B-20</text:p></table:table-cell><table:table-cell table:number-columns-repeated='2'/><table:table-cell><text:p>£410</text:p></table:table-cell></table:table-row><table:table-row table:number-rows-repeated='1048000'><table:table-cell table:number-columns-repeated='16384'/></table:table-row></table:table>";
    let sheet = read(&odf("spreadsheet", sheet), ContentKind::Ods);
    assert_eq!(sheet.text, "Prices\n\nB-20 | | | £410");
    assert_eq!(places(&sheet)[1], "sheet Prices, row 12");

    let show = "<draw:page><draw:frame presentation:class='title'><text:p>Tariff</text:p></draw:frame><draw:frame><text:p>Begins.</text:p></draw:frame></draw:page><draw:page><draw:frame><text:p>Ends.</text:p></draw:frame></draw:page>";
    let show = read(&odf("presentation", show), ContentKind::Odp);
    assert_eq!(
        (show.text.as_str(), places(&show)),
        ("Tariff\n\nBegins.\n\nEnds.", vec!["slide 1", "slide 2"])
    );
}

#[test]
fn a_book_is_read_chapter_by_chapter() {
    let bytes = package(&[
        ("mimetype", "application/epub+zip"),
        (
            "META-INF/container.xml",
            "<container><rootfiles><rootfile full-path='OEBPS/b.opf'/></rootfiles></container>",
        ),
        (
            "OEBPS/b.opf",
            "<package><metadata><dc:title>Warm homes</dc:title></metadata><manifest><item id='a' href='a%20b.xhtml'/><item id='n' href='n.xhtml' properties='nav'/><item id='c' href='c.xhtml'/></manifest><spine><itemref idref='n'/><itemref idref='c'/><itemref idref='a'/></spine></package>",
        ),
        (
            "OEBPS/a b.xhtml",
            "<html><body><h1>Costs</h1><p>It costs twelve pounds a month.</p></body></html>",
        ),
        (
            "OEBPS/c.xhtml",
            "<html><body><p>Close the curtains at dusk.</p></body></html>",
        ),
        ("OEBPS/n.xhtml", "<html><body><p>Contents</p></body></html>"),
    ]);
    let book = read(&bytes, ContentKind::Epub);
    assert_eq!(
        book.text,
        "Close the curtains at dusk.\n\nCosts\n\nIt costs twelve pounds a month."
    );
    assert_eq!(places(&book), ["part 2", "chapter Costs"]);
    assert_eq!(book.title.as_deref(), Some("Warm homes"));
}

#[test]
fn bombs_are_refused_and_torn_files_named() {
    let bomb = format!("<w:p><w:r><w:t>{}</w:t></w:r></w:p>", " ".repeat(40 << 20));
    let deep = "<w:tbl><w:tr><w:tc>".repeat(50_000);
    for body in [bomb.as_str(), &deep] {
        let refused = extract(ContentKind::Docx, &docx(body), None).unwrap_err();
        assert!(matches!(refused, ExtractError::OverLimit(_)), "{refused}");
    }
    let sheet = format!(
        "<row r='1'><c r='A1'><v>{}</v></c></row>",
        "0".repeat(40 << 20)
    );
    let refused = extract(ContentKind::Xlsx, &workbook(&sheet), None).unwrap_err();
    assert!(matches!(refused, ExtractError::OverLimit(_)), "{refused}");

    let whole = docx("<w:p><w:r><w:t>One</w:t></w:r></w:p>");
    for (kind, bytes) in [
        (ContentKind::Docx, &whole[..whole.len() / 2]),
        (ContentKind::Xlsx, &whole[..]),
        (ContentKind::Odt, &whole[..]),
        (ContentKind::Epub, &whole[..]),
        (ContentKind::Xls, b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1 torn"),
    ] {
        let error = extract(kind, bytes, None).unwrap_err().to_string();
        assert!(error.contains(kind.as_str()), "{kind}: {error}");
    }
    let locked = extract(
        ContentKind::Docx,
        b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1 locked",
        None,
    );
    assert!(matches!(locked, Err(ExtractError::Encrypted)));
}
