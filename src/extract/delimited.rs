//! Tables as text: values separated by commas, semicolons, tabs or bars (RFC 4180 and its kin).

use csv::ReaderBuilder;

use super::ExtractError;
use super::builder::{TextBuilder, join_cells};
use super::charset::{self, Markup};
use super::limits::Limits;
use crate::model::extracted::{BlockKind, Extracted, Warning};

const DELIMITERS: [u8; 4] = [b'\t', b';', b',', b'|'];
/// Rows by which the delimiter is recognised.
const SAMPLE_ROWS: usize = 50;
/// Bytes of the file from which they are taken.
const SAMPLE_BYTES: usize = 64 * 1024;

/// Reads a file of delimited values, one row each.
pub(super) fn extract(
    bytes: &[u8],
    charset: Option<&str>,
    limits: &Limits,
) -> Result<Extracted, ExtractError> {
    let (text, warning) = charset::read(bytes, charset, Markup::None)?;
    let delimiter = detect(&text).unwrap_or_else(|| most_frequent(&text));
    extract_text(&text, delimiter, warning, limits)
}

/// The rows of a decoded table.
pub(super) fn extract_text(
    text: &str,
    delimiter: u8,
    warning: Option<Warning>,
    limits: &Limits,
) -> Result<Extracted, ExtractError> {
    let mut builder = TextBuilder::new(limits.max_text_bytes);
    for (row, cells) in (1_u64..).zip(rows(text, delimiter)) {
        if let Some(line) = join_cells(&cells) {
            builder.at(Some(format!("row {row}")));
            builder.push(BlockKind::TableRow, &line, None);
        }
        if builder.is_full() {
            break;
        }
    }
    if builder.is_empty() {
        return Err(ExtractError::NoText(
            "the table has no cell with text".to_owned(),
        ));
    }
    let mut extracted = builder.finish();
    extracted.warnings.extend(warning);
    Ok(extracted)
}

/// The delimiter under which a text is a table beyond doubt: at least two rows, all of the same
/// number of cells. In prose a comma is followed by a space, in a table it is not.
pub(super) fn detect(text: &str) -> Option<u8> {
    let sample = sample(text);
    DELIMITERS.into_iter().find(|delimiter| {
        let rows: Vec<Vec<String>> = rows(sample, *delimiter).take(SAMPLE_ROWS).collect();
        let width = rows.first().map_or(0, Vec::len);
        let cells = || rows.iter().flatten();
        let spaced = cells().filter(|cell| cell.starts_with(' ')).count();
        let is_tight = *delimiter == b'|' || *delimiter == b'\t' || spaced * 5 <= cells().count();
        let is_flat = cells().all(|cell| !cell.contains('\n') || cell.len() < 2_000);
        rows.len() >= 2
            && width >= 2
            && rows.iter().all(|row| row.len() == width)
            && is_tight
            && is_flat
            && rows
                .iter()
                .any(|row| row.iter().all(|cell| !cell.trim().is_empty()))
    })
}

fn most_frequent(text: &str) -> u8 {
    let line = text
        .lines()
        .find(|line| !line.trim().is_empty())
        .unwrap_or_default();
    let count = |delimiter: &u8| line.bytes().filter(|byte| byte == delimiter).count();
    DELIMITERS.into_iter().max_by_key(count).unwrap_or(b',')
}

/// Whole lines from the beginning.
fn sample(text: &str) -> &str {
    let front = &text[..text.floor_char_boundary(SAMPLE_BYTES.min(text.len()))];
    if front.len() == text.len() {
        return text;
    }
    front.rsplit_once('\n').map_or(front, |(whole, _)| whole)
}

fn rows(text: &str, delimiter: u8) -> impl Iterator<Item = Vec<String>> {
    let text = text.trim_start_matches('\u{FEFF}');
    // Excel names the delimiter in a first line of its own.
    let has_directive =
        text.len() > 5 && text.is_char_boundary(4) && text[..4].eq_ignore_ascii_case("sep=");
    let text = if has_directive {
        text.split_once('\n').map_or("", |(_, rest)| rest)
    } else {
        text
    };
    let reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        .from_reader(std::io::Cursor::new(text.as_bytes().to_vec()));
    let records = reader.into_records().map_while(Result::ok);
    records.map(|record| record.iter().map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Extracted {
        extract(text.as_bytes(), None, &Limits::default()).unwrap()
    }

    #[test]
    fn rows_keep_their_cells_and_their_numbers() {
        let table = read("Model;Note;Price\r\n\"B;20\";\"two\nlines\";410\r\n;;\r\nB-30;;530\r\n");
        assert_eq!(
            table.text,
            "Model | Note | Price\nB;20 | two lines | 410\nB-30 | | 530"
        );
        let names: Vec<&str> = table
            .locations
            .iter()
            .map(|place| place.name.as_str())
            .collect();
        assert_eq!(names, ["row 1", "row 2", "row 4"]);
    }

    #[test]
    fn prose_is_no_table() {
        for prose in [
            "Close the curtains, please.\nAnd the door, too.",
            "One, two, three.\nFour.",
            "A single line",
            "",
        ] {
            assert_eq!(detect(prose), None, "{prose}");
        }
        assert_eq!(detect("a,b\n1,2"), Some(b','));
    }

    #[test]
    fn a_quote_that_never_closes_and_a_long_file_are_read() {
        assert!(
            read(&format!("a,b\n\"{}", "x,y\n".repeat(50_000)))
                .text
                .len()
                > 1000
        );
        assert_eq!(read(&"a,b\n".repeat(20_000)).blocks.len(), 20_000);
    }
}
