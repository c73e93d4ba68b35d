//! Jupyter notebooks (nbformat 3 and 4), cell by cell.

use serde_json::Value;

use super::builder::TextBuilder;
use super::limits::Limits;
use super::{ExtractError, markdown};
use crate::model::extracted::{BlockKind, Extracted};

pub(super) fn extract(bytes: &[u8], limits: &Limits) -> Result<Extracted, ExtractError> {
    let notebook: Value = serde_json::from_slice(bytes)
        .map_err(|error| ExtractError::malformed("notebook", error))?;
    let older = notebook["worksheets"][0]["cells"].as_array();
    let cells = notebook["cells"].as_array().or(older);
    let mut builder = TextBuilder::new(limits.max_text_bytes);
    let (mut title, mut warnings) = (None, Vec::new());
    for (number, cell) in (1..).zip(cells.into_iter().flatten()) {
        builder.at(Some(format!("cell {number}")));
        let source = joined(&cell["source"]).or_else(|| joined(&cell["input"]));
        let source = source.unwrap_or_default();
        if cell["cell_type"] == "code" {
            builder.push(BlockKind::Preformatted, &source, None);
            for output in cell["outputs"].as_array().into_iter().flatten() {
                builder.push(BlockKind::Preformatted, &printed(output), None);
            }
        } else if let Ok(part) = markdown::extract(source.as_bytes(), None, limits) {
            title = title.or_else(|| part.title.clone());
            warnings.extend(builder.append(&part));
        }
        if builder.is_full() {
            break;
        }
    }
    if builder.is_empty() {
        return Err(ExtractError::NoText(
            "the notebook has no cell with text".to_owned(),
        ));
    }
    let mut extracted = builder.finish();
    extracted.title = title;
    extracted.warnings.extend(warnings);
    Ok(extracted)
}

/// What an output shows as text.
fn printed(output: &Value) -> String {
    let shown = [&output["text"], &output["data"]["text/plain"]];
    shown.into_iter().find_map(joined).unwrap_or_default()
}

/// Text is stored as one string or as a list of lines.
fn joined(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(lines) => Some(lines.iter().filter_map(Value::as_str).collect()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_read_in_order_with_what_they_print() {
        let file = r##"{"cells":[
            {"cell_type":"markdown","source":["# Tariff\n","Begins at 22:30."]},
            {"cell_type":"code","source":"print(2)","outputs":[{"output_type":"stream","text":["2\n"]}]}],"nbformat":4}"##;
        let read = extract(file.as_bytes(), &Limits::default()).unwrap();
        assert_eq!(read.text, "Tariff\n\nBegins at 22:30.\n\nprint(2)\n\n2");
        assert_eq!(read.title.as_deref(), Some("Tariff"));
        assert_eq!(read.locations[1].name, "cell 2");
        let torn = extract(&file.as_bytes()[..40], &Limits::default()).unwrap_err();
        assert!(torn.to_string().contains("notebook"), "{torn}");
    }
}
