//! `wattwise extract` and the worker behind `ingest`.

use std::collections::BTreeMap;
use std::io::{self, Read as _};
use std::path::Path;
use std::time::Duration;

use serde_json::json;

use super::args::{ExtractArguments, WorkerArguments};
use super::{ExitStatus, printer};
use crate::config::{File, IngestConfig, Layer as _};
use crate::embed::TokenRule;
use crate::extract::{sniff, unread};
use crate::ingest::worker::{self, Job, WorkerLimits};
use crate::ingest::{Extractor, IngestError, read_document};
use crate::model::{BlockKind, Extracted, Location, Warning};
use crate::runtime::blocking;
use crate::wiring;

/// Shows what ingest would keep, within the limits of ingest.
pub(super) async fn run(arguments: &ExtractArguments, file: File) -> anyhow::Result<ExitStatus> {
    let limits = IngestConfig {
        extract_timeout: arguments.extract_timeout,
        extract_memory: arguments.extract_memory,
        max_size: arguments.max_size,
        ocr_command: arguments.ocr_command.clone(),
        ..IngestConfig::default()
    };
    let settings = limits.over(file.ingest).resolve()?;
    let extractor = Extractor::new(wiring::extractor(&settings)?, TokenRule::Estimate);
    let max_bytes = settings.max_size * 1024 * 1024;
    let mut status = ExitStatus::Done;
    for path in &arguments.files {
        match read(path, max_bytes, &extractor).await? {
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

/// Works for `ingest` and `extract` until its standard input ends.
pub(super) fn work(arguments: &WorkerArguments) -> anyhow::Result<ExitStatus> {
    let limits = WorkerLimits {
        memory: arguments.memory_mib.saturating_mul(1024 * 1024),
        timeout: Duration::from_secs(arguments.timeout),
    };
    worker::work(limits, io::stdin().lock(), io::stdout().lock())?;
    Ok(ExitStatus::Done)
}

async fn read(
    path: &Path,
    max_bytes: u64,
    extractor: &Extractor,
) -> Result<Result<Extracted, String>, IngestError> {
    let read = if path == Path::new(printer::STANDARD) {
        blocking::run(move || standard_input(max_bytes)).await
    } else {
        read_document(path.to_owned(), max_bytes).await
    };
    let bytes = match read {
        Ok(bytes) => bytes,
        Err(reason) => return Ok(Err(reason)),
    };
    let Some(kind) = sniff(&bytes, None, &path.to_string_lossy()) else {
        return Ok(Err(unread(&bytes).to_owned()));
    };
    extractor.extract(Job::new(kind, None, bytes)).await
}

fn standard_input(max_bytes: u64) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let mut input = io::stdin().lock().take(max_bytes.saturating_add(1));
    let read = input.read_to_end(&mut bytes);
    match read {
        Ok(_) if bytes.len() as u64 > max_bytes => Err(format!(
            "more bytes than the limit of {max_bytes}; --max-size raises it"
        )),
        Ok(_) => Ok(bytes),
        Err(error) => Err(error.to_string()),
    }
}

fn as_text(path: &Path, extracted: &Extracted) -> String {
    let mut text = format!("== {}\n", path.display());
    if let Some(title) = &extracted.title {
        text.push_str(&format!("title: {title}\n"));
    }
    if let Some(pages) = extracted.page_count {
        text.push_str(&format!("pages: {pages}\n"));
    }
    let named = extracted
        .metadata
        .iter()
        .filter(|(name, _)| name != "title");
    for (name, value) in named {
        text.push_str(&format!("{name}: {value}\n"));
    }
    for warning in &extracted.warnings {
        text.push_str(&format!("warning: {warning}\n"));
    }
    text.push('\n');
    let (mut page, mut location) = (None, None);
    for block in &extracted.blocks {
        if block.page.is_some() && block.page != page {
            page = block.page;
            text.push_str(&format!("-- page {}\n", page.unwrap_or_default()));
        }
        let place = Location::find(&extracted.locations, block.range.start);
        if place.is_some() && place != location {
            location = place;
            text.push_str(&format!("-- {}\n", place.unwrap_or_default()));
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
            let location = Location::find(&extracted.locations, block.range.start);
            let mut described = json!({"kind": kind, "start": block.range.start, "end": block.range.end, "page": block.page, "location": location});
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
        "metadata": extracted.metadata.iter().cloned().collect::<BTreeMap<_, _>>(),
        "dropped": extracted
            .dropped
            .iter()
            .map(|one| json!({"text": one.text, "pages": one.pages}))
            .collect::<Vec<_>>(),
        "warnings": extracted.warnings.iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
    .to_string()
}
