//! Text whose lines are its own: logs, settings, source code.

use super::ExtractError;
use super::builder::TextBuilder;
use super::charset::{self, Markup};
use super::limits::Limits;
use crate::model::extracted::{BlockKind, Extracted};

/// Lines of a piece of code that stay together: about a screen.
const MAX_BLOCK_LINES: usize = 30;

/// Reads a file line by line. A run of lines without indentation is a list of records, each of
/// which stands for itself; lines with structure stay together as they are written.
pub(super) fn extract(
    bytes: &[u8],
    charset: Option<&str>,
    limits: &Limits,
) -> Result<Extracted, ExtractError> {
    let (text, warning) = charset::read(bytes, charset, Markup::None)?;
    let mut builder = TextBuilder::new(limits.max_text_bytes);
    let lines: Vec<&str> = text.lines().collect();
    let numbered: Vec<(usize, &str)> = (1..).zip(lines).collect();
    let is_blank = |line: &(usize, &str)| line.1.trim().is_empty();
    for group in numbered.split(is_blank) {
        push_group(&mut builder, group);
        if builder.is_full() {
            break;
        }
    }
    if builder.is_empty() {
        return Err(ExtractError::NoText(
            "the file holds nothing but white space".to_owned(),
        ));
    }
    let mut extracted = builder.finish();
    extracted.warnings.extend(warning);
    Ok(extracted)
}

fn push_group(builder: &mut TextBuilder, group: &[(usize, &str)]) {
    let is_flat = group.iter().all(|(_, line)| !line.starts_with([' ', '\t']));
    if is_flat {
        for (number, line) in group {
            builder.at(Some(format!("line {number}")));
            builder.push(BlockKind::ListItem, line, None);
        }
        return;
    }
    for part in group.chunks(MAX_BLOCK_LINES) {
        let (Some((first, _)), Some((last, _))) = (part.first(), part.last()) else {
            continue;
        };
        let lines: Vec<&str> = part.iter().map(|(_, line)| *line).collect();
        builder.at(Some(if first == last {
            format!("line {first}")
        } else {
            format!("lines {first} to {last}")
        }));
        builder.push(BlockKind::Preformatted, &lines.join("\n"), None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_stand_for_themselves_and_code_stays_together() {
        let source = "10:00 ERROR E-133\n10:01 INFO ok\n\ndef f(x):\n    return x\n";
        let file = extract(source.as_bytes(), None, &Limits::default()).unwrap();
        assert_eq!(
            file.text,
            "10:00 ERROR E-133\n10:01 INFO ok\n\ndef f(x):\n    return x"
        );
        let names: Vec<&str> = file
            .locations
            .iter()
            .map(|place| place.name.as_str())
            .collect();
        assert_eq!(names, ["line 1", "line 2", "lines 4 to 5"]);
    }
}
