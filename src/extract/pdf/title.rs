//! Whether the title that a file gives itself is one to show.

use crate::language::lists;

/// Endings of file names.
const FILE_ENDINGS: &[&str] = &[
    ".doc", ".docx", ".pdf", ".indd", ".qxd", ".qxp", ".ppt", ".pptx", ".xls", ".xlsx", ".odt",
    ".rtf", ".tex", ".dvi", ".ps", ".eps", ".ai", ".txt", ".htm", ".html", ".pub", ".pages",
    ".psd", ".cdr", ".md", ".tif", ".tiff", ".jpg", ".png", ".wpd", ".fm",
];
const MAX_CHARS: usize = 300;

/// The title in one line, or `None` if it is a file name or says nothing.
pub(super) fn fit_title(raw: &str) -> Option<String> {
    let readable: String = raw
        .chars()
        .map(|character| {
            if character.is_control() {
                ' '
            } else {
                character
            }
        })
        .collect();
    let title = readable.split_whitespace().collect::<Vec<_>>().join(" ");
    let lower = title.to_lowercase();
    let letters = title
        .chars()
        .filter(|character| character.is_alphabetic())
        .count();
    let says_nothing = letters < 3
        || title.chars().count() > MAX_CHARS
        || title.contains('\u{FFFD}')
        || lists().layout.file_titles.has(&lower)
        || lists().layout.program_prefixes.begins(&lower)
        || FILE_ENDINGS.iter().any(|ending| lower.ends_with(ending))
        || is_path_or_name(&title);
    (!says_nothing).then_some(title)
}

/// `C:\texts\final`, `/home/me/x`, `report_v2_FINAL`, `file:///…`.
fn is_path_or_name(title: &str) -> bool {
    let one_word = !title.contains(' ');
    title.starts_with("file:")
        || title.contains(":\\")
        || title.starts_with('/')
        || (one_word && title.contains(['_', '/', '\\']))
        || (one_word && title.contains("://"))
        || (one_word && title.chars().any(|character| character.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn real_titles_are_kept() {
        let title = "Energy Savers: Tips on Saving  Money\nand Energy at Home";
        assert_eq!(
            fit_title(title).as_deref(),
            Some("Energy Savers: Tips on Saving Money and Energy at Home")
        );
        assert_eq!(fit_title("Geotopologie").as_deref(), Some("Geotopologie"));
    }

    #[test]
    fn file_names_and_placeholders_are_not_titles() {
        for title in [
            "Microsoft Word - report.doc",
            "report_final_v2",
            "guide.indd",
            "Untitled",
            "  ",
            "untitled-1",
            "C:\\texts\\guide",
            "12",
            "Document1",
            "file:///tmp/x y",
            "PowerPoint Presentation",
        ] {
            assert_eq!(fit_title(title), None, "{title}");
        }
    }
}
