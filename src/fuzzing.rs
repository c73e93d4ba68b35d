//! Every parser of foreign bytes under a name, for `make fuzz` and for the test that runs what once
//! made one fail. Only with the feature `fuzzing`, and in tests.

use std::path::Path;

use crate::extract::extract;
use crate::language::sentences;
use crate::model::ContentKind;
use crate::{crawl, generate, http, snapshot};

/// Takes foreign bytes.
pub type Target = fn(&[u8]);

/// The targets. One returns whatever the bytes are; a panic, a hang or an exhausted memory is a fault.
pub const TARGETS: [(&str, Target); 13] = [
    ("pdf", |bytes| document(ContentKind::Pdf, bytes)),
    ("html", |bytes| document(ContentKind::Html, bytes)),
    ("markdown", |bytes| document(ContentKind::Markdown, bytes)),
    ("text", |bytes| document(ContentKind::Text, bytes)),
    ("formats", any_format),
    ("sentences", split),
    ("sitemap", crawl::fuzz::sitemap),
    ("robots", crawl::fuzz::robots),
    ("url_list", url_list),
    ("json", http::fuzz::body),
    ("sse", generate::fuzz::events),
    ("ndjson", generate::fuzz::lines),
    ("snapshot", snapshot_file),
];

/// The target of this name.
pub fn find(name: &str) -> Option<Target> {
    let mut targets = TARGETS.iter();
    targets
        .find(|(known, _)| *known == name)
        .map(|(_, target)| *target)
}

fn document(kind: ContentKind, bytes: &[u8]) {
    let Ok(extracted) = extract(kind, bytes, None) else {
        return;
    };
    let mut end = 0;
    for block in &extracted.blocks {
        assert!(block.range.start >= end, "blocks overlap");
        assert!(extracted.text.get(block.range.clone()).is_some());
        end = block.range.end;
    }
}

/// A document of the kind that its first line names.
fn any_format(bytes: &[u8]) {
    let Some(end) = bytes.iter().take(20).position(|byte| *byte == b'\n') else {
        return;
    };
    let name = String::from_utf8_lossy(&bytes[..end]);
    if let Some(kind) = ContentKind::from_name(&name) {
        document(kind, &bytes[end + 1..]);
    }
}

fn split(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let mut end = 0;
    for sentence in sentences(&text, 0..text.len()) {
        assert!(sentence.start >= end, "sentences overlap");
        assert!(text.get(sentence.clone()).is_some());
        end = sentence.end;
    }
}

fn url_list(bytes: &[u8]) {
    in_file(|path| {
        if fs_err::write(path, bytes).is_ok() {
            crawl::fuzz::url_list(path);
        }
    });
}

fn snapshot_file(bytes: &[u8]) {
    in_file(|path| snapshot::fuzz::file(bytes, path));
}

/// With a path of this thread's own.
fn in_file(work: impl FnOnce(&Path)) {
    thread_local! {
        static FILE: Option<tempfile::TempPath> =
            tempfile::NamedTempFile::new().ok().map(tempfile::NamedTempFile::into_temp_path);
    }
    FILE.with(|file| file.as_deref().map(work));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Inputs that lie in the repository: examples to begin with, and what once was a fault.
    #[test]
    fn what_once_made_a_parser_fail_no_longer_does() {
        let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
        let mut tried = 0;
        for (name, target) in TARGETS {
            for folder in ["seeds", "regressions"] {
                let folder = fuzz.join(folder).join(name);
                for entry in fs_err::read_dir(folder).into_iter().flatten() {
                    let path = entry.unwrap().path();
                    println!("{}", path.display());
                    target(&fs_err::read(path).unwrap());
                    tried += 1;
                }
            }
        }
        assert!(tried >= TARGETS.len() - 4, "{tried} inputs");
    }
}
