//! Table rows as they are written in texts: cells separated by ` | `.

/// The cells of a row.
pub fn cells(row: &str) -> Vec<&str> {
    row.split(" | ").map(str::trim).collect()
}

/// Whether the first row of a table names its columns: names are words (or years), and where a cell
/// is a value the row is one like the others.
pub fn names_columns(row: &str) -> bool {
    let is_value = |cell: &str| {
        let digits = cell.chars().filter(char::is_ascii_digit).count();
        let starts =
            cell.trim_start_matches(['-', '+', '<', '>', '~', '≤', '≥', '£', '€', '$', ' ']);
        let is_year = digits == 4 && cell.len() == 4;
        starts.starts_with(|c: char| c.is_ascii_digit()) && !is_year
    };
    let cells = cells(row);
    cells.len() > 1 && !cells.iter().any(|cell| is_value(cell))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_names_columns_and_holds_no_values() {
        for head in [
            "Code | Meaning",
            "Part number | Price EUR",
            "Plan | 2023 | 2024",
            "Item | <b> size",
        ] {
            assert!(names_columns(head), "{head}");
        }
        for row in ["Height | 85 cm", "Boulder | 1 TB | €9", "one cell"] {
            assert!(!names_columns(row), "{row}");
        }
    }
}
