//! Workbooks of Excel, by calamine: each sheet under its name, each row in its place, numbers as the
//! sheet shows them.

use std::io::Cursor;

use calamine::{Data, DataRef, ExcelDateTime, Reader, Style, Xls, Xlsx};

use super::super::ExtractError;
use super::super::builder::{TextBuilder, join_cells};
use super::super::limits::Limits;
use super::container::Container;
use crate::model::extracted::{BlockKind, Extracted};

/// Columns of a row that are kept.
const MAX_COLUMNS: usize = 1_024;

/// Reads a workbook of Office Open XML, cell by cell.
pub(in crate::extract) fn extract_xlsx(
    bytes: &[u8],
    limits: &Limits,
) -> Result<Extracted, ExtractError> {
    let failed = |error: calamine::XlsxError| ExtractError::malformed("xlsx", error);
    let mut package = Container::open(bytes, "xlsx")?;
    // calamine unpacks without bounds.
    package.check_all()?;
    let properties = package.properties()?;
    let mut workbook: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).map_err(failed)?;
    let mut builder = TextBuilder::new(limits.max_text_bytes);
    for name in workbook.sheet_names() {
        let mut cells = match workbook.worksheet_cells_reader(&name) {
            Ok(cells) => cells,
            // A sheet that holds a chart and no cells.
            Err(calamine::XlsxError::NotAWorksheet(_)) => continue,
            Err(error) => return Err(failed(error)),
        };
        let mut sheet = Sheet::begin(&name);
        while let Some((cell, style)) = cells.next_cell_with_style_id().map_err(failed)? {
            let (row, column) = cell.get_position();
            let format = cells.styles().get(style).and_then(format_of);
            let text = shown_ref(cell.get_value(), format.as_deref());
            sheet.add(row, column, text, &mut builder);
            if builder.is_full() {
                break;
            }
        }
        sheet.end_row(&mut builder);
    }
    let mut extracted = finish(builder)?;
    extracted.title = properties.title();
    extracted.metadata = properties.all;
    Ok(extracted)
}

/// Reads a workbook of Excel 97 to 2003. Its format bounds a sheet to 65,536 rows of 256 columns.
pub(in crate::extract) fn extract_xls(
    bytes: &[u8],
    limits: &Limits,
) -> Result<Extracted, ExtractError> {
    let failed = |error: calamine::XlsError| {
        if matches!(error, calamine::XlsError::Password) {
            ExtractError::Encrypted
        } else {
            ExtractError::malformed("xls", error)
        }
    };
    let mut workbook: Xls<_> = Xls::new(Cursor::new(bytes)).map_err(failed)?;
    let mut builder = TextBuilder::new(limits.max_text_bytes);
    for name in workbook.sheet_names() {
        let range = workbook.worksheet_range(&name).map_err(failed)?;
        let (first, left) = range.start().unwrap_or_default();
        let mut sheet = Sheet::begin(&name);
        for (row, column, value) in range.used_cells() {
            let (row, column) = (first + row as u32, left + column as u32);
            sheet.add(row, column, shown(value), &mut builder);
        }
        sheet.end_row(&mut builder);
    }
    finish(builder)
}

fn finish(builder: TextBuilder) -> Result<Extracted, ExtractError> {
    if builder.is_empty() {
        return Err(ExtractError::NoText(
            "the sheets have no cell with text".to_owned(),
        ));
    }
    Ok(builder.finish())
}

/// A sheet that is being read, row by row.
struct Sheet<'a> {
    name: &'a str,
    /// Whether its name stands above its first row.
    is_named: bool,
    /// Counted from 0.
    row: u32,
    cells: Vec<String>,
}

impl<'a> Sheet<'a> {
    fn begin(name: &'a str) -> Self {
        Self {
            name,
            is_named: false,
            row: 0,
            cells: Vec::new(),
        }
    }

    fn add(&mut self, row: u32, column: u32, text: String, builder: &mut TextBuilder) {
        if row != self.row {
            self.end_row(builder);
            self.row = row;
        }
        let column = column as usize;
        if column >= MAX_COLUMNS || text.is_empty() {
            return;
        }
        if self.cells.len() <= column {
            self.cells.resize(column + 1, String::new());
        }
        self.cells[column] = text;
    }

    fn end_row(&mut self, builder: &mut TextBuilder) {
        let cells = std::mem::take(&mut self.cells);
        if let Some(line) = join_cells(&cells) {
            let row = self.row.saturating_add(1);
            if !std::mem::replace(&mut self.is_named, true) {
                builder.at(Some(format!("sheet {}", self.name)));
                builder.push(BlockKind::Heading(2), self.name, None);
            }
            builder.at(Some(format!("sheet {}, row {row}", self.name)));
            builder.push(BlockKind::TableRow, &line, None);
        }
    }
}

fn format_of(style: &Style) -> Option<String> {
    style
        .number_format
        .as_ref()
        .map(|format| format.format_code.clone())
}

fn shown_ref(value: &DataRef<'_>, format: Option<&str>) -> String {
    match value {
        DataRef::Int(number) => formatted(*number as f64, format),
        DataRef::Float(number) => formatted(*number, format),
        DataRef::SharedString(text) => (*text).to_owned(),
        DataRef::String(text) | DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => {
            text.clone()
        }
        DataRef::Bool(flag) => flag.to_string().to_uppercase(),
        DataRef::DateTime(moment) => date(moment),
        DataRef::Error(error) => error.to_string(),
        DataRef::Empty => String::new(),
    }
}

fn shown(value: &Data) -> String {
    match value {
        Data::DateTime(moment) => date(moment),
        Data::Float(number) => formatted(*number, None),
        Data::Bool(flag) => flag.to_string().to_uppercase(),
        Data::Int(_)
        | Data::String(_)
        | Data::DateTimeIso(_)
        | Data::DurationIso(_)
        | Data::Error(_)
        | Data::Empty => value.to_string(),
    }
}

/// `2024-05-03`, with the time if it has one; a duration as hours and minutes.
fn date(moment: &ExcelDateTime) -> String {
    let value = moment.as_f64();
    let (year, month, day, hour, minute, _, _) = moment.to_ymd_hms_milli();
    let time = format!("{hour:02}:{minute:02}");
    if moment.is_duration() {
        let minutes = (value * 1440.0).round() as i64;
        format!("{}:{:02}", minutes / 60, (minutes % 60).abs())
    } else if value < 1.0 {
        time
    } else if value.fract() == 0.0 {
        format!("{year:04}-{month:02}-{day:02}")
    } else {
        format!("{year:04}-{month:02}-{day:02} {time}")
    }
}

/// A number as its format shows it (ECMA-376 part 1, 18.8.31): decimals, groups, per cent, and the
/// signs around it. Formats beyond that leave the number as it is.
fn formatted(number: f64, format: Option<&str>) -> String {
    let plain = || {
        // Sums of decimals end in a tail of binary rounding.
        let rounded = format!("{number:.10}");
        rounded
            .trim_end_matches('0')
            .trim_end_matches('.')
            .to_owned()
    };
    let Some(form) = format.and_then(Form::read) else {
        return plain();
    };
    let scaled = if form.is_percent {
        number * 100.0
    } else {
        number
    };
    let digits = format!("{:.*}", form.decimals, scaled.abs());
    let (whole, fraction) = digits.split_once('.').unwrap_or((&digits, ""));
    let whole = if form.is_grouped {
        grouped(whole)
    } else {
        whole.to_owned()
    };
    let point = if fraction.is_empty() { "" } else { "." };
    let sign = if number < 0.0 { "-" } else { "" };
    format!(
        "{sign}{}{whole}{point}{fraction}{}",
        form.before, form.after
    )
}

fn grouped(digits: &str) -> String {
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[derive(Debug, Default)]
struct Form {
    before: String,
    after: String,
    decimals: usize,
    is_grouped: bool,
    is_percent: bool,
}

impl Form {
    /// `None` for general numbers, fractions, exponents and whatever else is no plain number.
    fn read(code: &str) -> Option<Self> {
        let mut form = Self::default();
        let (mut has_digits, mut in_fraction) = (false, false);
        let mut letters = code.chars();
        while let Some(letter) = letters.next() {
            let mut literal = String::new();
            match letter {
                ';' => break,
                '0' | '#' | '?' => {
                    has_digits = true;
                    form.decimals += usize::from(in_fraction);
                }
                '.' if has_digits => in_fraction = true,
                ',' if has_digits && !in_fraction => form.is_grouped = true,
                '%' => {
                    form.is_percent = true;
                    literal.push('%');
                }
                '"' => literal.extend(letters.by_ref().take_while(|c| *c != '"')),
                '\\' => literal.extend(letters.next()),
                '_' | '*' => {
                    letters.next();
                }
                '[' => {
                    let inside: String = letters.by_ref().take_while(|c| *c != ']').collect();
                    let currency = inside.strip_prefix('$')?;
                    literal.push_str(currency.split('-').next().unwrap_or_default());
                }
                '$' | '£' | '€' | '¥' | ' ' | '+' | '(' | ')' => literal.push(letter),
                '-' => {}
                _ => return None,
            }
            let side = if has_digits {
                &mut form.after
            } else {
                &mut form.before
            };
            side.push_str(&literal);
        }
        form.decimals = form.decimals.min(10);
        has_digits.then_some(form)
    }
}

#[cfg(test)]
mod tests {
    use super::formatted;

    #[test]
    fn numbers_are_shown_as_the_sheet_shows_them() {
        for (number, format, shown) in [
            (0.1 + 0.2, None, "0.3"),
            (410.0, Some("General"), "410"),
            (0.256, Some("0%"), "26%"),
            (1_234_567.5, Some("#,##0.00"), "1,234,567.50"),
            (
                -12.5,
                Some("[$£-809]#,##0.00;[Red]-[$£-809]#,##0.00"),
                "-£12.50",
            ),
            (20.0, Some("0.0\" kW\""), "20.0 kW"),
            (0.5, Some("# ?/?"), "0.5"),
        ] {
            assert_eq!(formatted(number, format), shown, "{format:?}");
        }
    }
}
