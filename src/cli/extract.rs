//! `wattwise extract` and the worker behind `ingest`.

use std::io;
use std::path::Path;

use serde_json::json;

use super::args::{ExtractArguments, WorkerArguments};
use super::{ExitStatus, printer};
use crate::extract::{extract, extract_with_scans, sniff, worker};
use crate::ingest::ocr::{self, OCR_PAGES, OCR_TIMEOUT, Ocr};
use crate::model::{BlockKind, Extracted, Warning};

pub(super) fn run(arguments: &ExtractArguments) -> anyhow::Result<ExitStatus> {
    let mut status = ExitStatus::Done;
    let ocr = Ocr::find(arguments.ocr_command.as_deref(), OCR_TIMEOUT, OCR_PAGES)?;
    for path in &arguments.files {
        match read(path, ocr.as_ref()) {
            Ok(extracted) if arguments.json => printer::result(as_json(&extracted))?,
            Ok(extracted) => printer::result(as_text(path, &extracted))?,
            Err(reason) => {
                printer::note(format!("{}: {reason}", path.display()));
                status = ExitStatus::Partial;
            }
        }
    }
    Ok(status)
}

/// Works for `ingest` until its standard input ends, within its own limit of memory.
pub(super) fn work(arguments: &WorkerArguments) -> anyhow::Result<ExitStatus> {
    let bytes = arguments.memory_mib.saturating_mul(1024 * 1024);
    rlimit::setrlimit(rlimit::Resource::AS, bytes, bytes)?;
    // A worker that dies on a hostile file must not fill the disk with its memory.
    rlimit::setrlimit(rlimit::Resource::CORE, 0, 0)?;
    worker::run(io::stdin().lock(), io::stdout().lock())?;
    Ok(ExitStatus::Done)
}

fn read(path: &Path, ocr: Option<&Ocr>) -> Result<Extracted, String> {
    let bytes = fs_err::read(path).map_err(|error| error.to_string())?;
    let kind = sniff(&bytes, None, &path.to_string_lossy())
        .ok_or("neither PDF, HTML, Markdown nor text")?;
    let Some(ocr) = ocr else {
        return extract(kind, &bytes, None).map_err(|error| error.to_string());
    };
    let with_scans =
        |from| extract_with_scans(kind, &bytes, None, from).map_err(|error| error.to_string());
    let mut document = with_scans(1)?;
    while let Some(next) = ocr.read_scans(&mut document) {
        document.scans = with_scans(next)?.scans;
    }
    ocr::checked(document)
}

fn as_text(path: &Path, extracted: &Extracted) -> String {
    let mut text = format!("== {}\n", path.display());
    if let Some(title) = &extracted.title {
        text.push_str(&format!("title: {title}\n"));
    }
    if let Some(pages) = extracted.page_count {
        text.push_str(&format!("pages: {pages}\n"));
    }
    for warning in &extracted.warnings {
        text.push_str(&format!("warning: {warning}\n"));
    }
    text.push('\n');
    let mut page = None;
    for block in &extracted.blocks {
        if block.page.is_some() && block.page != page {
            page = block.page;
            text.push_str(&format!("-- page {}\n", page.unwrap_or_default()));
        }
        if let BlockKind::Heading(level) = block.kind {
            text.push_str(&"#".repeat(usize::from(level)));
            text.push(' ');
        }
        text.push_str(&extracted.text[block.range.clone()]);
        text.push('\n');
    }
    text
}

fn as_json(extracted: &Extracted) -> String {
    let blocks: Vec<_> = extracted
        .blocks
        .iter()
        .map(|block| {
            let kind = match block.kind {
                BlockKind::Heading(level) => format!("heading{level}"),
                BlockKind::Paragraph => "paragraph".to_owned(),
                BlockKind::ListItem => "list_item".to_owned(),
                BlockKind::TableRow => "table_row".to_owned(),
                BlockKind::Preformatted => "preformatted".to_owned(),
            };
            let mut described = json!({"kind": kind, "start": block.range.start, "end": block.range.end, "page": block.page});
            let is_ocr = |page| extracted.warnings.contains(&Warning::PageReadByOcr(page));
            if block.page.is_some_and(is_ocr) {
                described["ocr"] = json!(true);
            }
            described
        })
        .collect();
    json!({
        "title": extracted.title,
        "text": extracted.text,
        "blocks": blocks,
        "page_count": extracted.page_count,
        "dropped": extracted
            .dropped
            .iter()
            .map(|one| json!({"text": one.text, "pages": one.pages}))
            .collect::<Vec<_>>(),
        "warnings": extracted.warnings.iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
    .to_string()
}
