//! What a source gave, before anything is made of it.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use url::Url;

use super::cache::KeptPage;
use crate::crawl::Validators;
use crate::extract::sniff;
use crate::model::{ContentKind, Document};
use crate::runtime::blocking;

/// Bytes that have arrived, before anything is made of them.
pub(super) struct Arrived {
    /// Where it was found, after redirects.
    pub(super) url: Option<Url>,
    /// Empty for a page that an interrupted run dealt with.
    pub(super) bytes: Vec<u8>,
    pub(super) length: usize,
    pub(super) content_digest: String,
    pub(super) kind: Option<ContentKind>,
    pub(super) charset: Option<String>,
    pub(super) validators: Validators,
}

impl Arrived {
    pub(super) fn new(url: Option<Url>, bytes: Vec<u8>, kind: Option<ContentKind>) -> Self {
        Self {
            url,
            length: bytes.len(),
            content_digest: blake3::hash(&bytes).to_hex().to_string(),
            bytes,
            kind,
            charset: None,
            validators: Validators::default(),
        }
    }

    /// What a run that goes on should know of it; nothing of a file, which is at hand.
    pub(super) fn to_keep(&self, now: i64) -> Option<KeptPage> {
        Some(KeptPage {
            url: self.url.as_ref()?.to_string(),
            kind: self.kind?,
            charset: self.charset.clone(),
            content_digest: self.content_digest.clone(),
            etag: self.validators.etag.clone(),
            last_modified: self.validators.last_modified.clone(),
            bytes: self.length,
            fetched_at: now,
        })
    }

    pub(super) fn kept(page: KeptPage) -> Option<Self> {
        Some(Self {
            url: Some(Url::parse(&page.url).ok()?),
            bytes: Vec::new(),
            length: page.bytes,
            content_digest: page.content_digest,
            kind: Some(page.kind),
            charset: page.charset,
            validators: Validators {
                etag: page.etag,
                last_modified: page.last_modified,
            },
        })
    }
}

/// What came of asking a source.
pub(super) enum Arrival {
    New(Arrived),
    NotModified,
    /// The source says that the document is no more.
    Gone(String),
    Failed(String),
}

/// A page of which the server says that it is as it was.
pub(super) fn unchanged_page(url: &Url, document: &Document, now: i64) -> KeptPage {
    KeptPage {
        url: url.to_string(),
        kind: document.kind,
        charset: None,
        content_digest: document.content_digest.clone(),
        etag: document.etag.clone(),
        last_modified: document.last_modified.clone(),
        bytes: 0,
        fetched_at: now,
    }
}

/// Reads a document that is a file.
pub(super) async fn read_file(path: PathBuf, max_bytes: u64) -> Arrival {
    let file = path.clone();
    match read_document(path, max_bytes).await {
        Ok(bytes) => {
            let kind = sniff(&bytes, None, &file.to_string_lossy());
            let kind = kind.filter(|_| !bytes.is_empty());
            Arrival::New(Arrived::new(None, bytes, kind))
        }
        Err(reason) => match blocking::run(move || unread_front(&file)).await {
            Some(front) => Arrival::New(Arrived::new(None, front, None)),
            None => Arrival::Failed(reason),
        },
    }
}

/// The bytes of a file of at most `max_bytes`, or in one line why there are none.
pub async fn read_document(path: PathBuf, max_bytes: u64) -> Result<Vec<u8>, String> {
    let read = move || -> std::io::Result<Result<Vec<u8>, String>> {
        let metadata = fs_err::metadata(&path)?;
        // Opening a pipe waits for whoever writes into it; a device has no end.
        if !metadata.is_file() {
            return Ok(Err("no regular file".to_owned()));
        }
        let mut bytes = Vec::new();
        let file = fs_err::File::open(&path)?;
        file.take(max_bytes.saturating_add(1))
            .read_to_end(&mut bytes)?;
        if bytes.len() as u64 > max_bytes {
            let length = metadata.len().max(bytes.len() as u64);
            let reason = format!("{length} bytes, more than the limit of {max_bytes}");
            return Ok(Err(reason));
        }
        Ok(Ok(bytes))
    };
    blocking::run(read)
        .await
        .unwrap_or_else(|error| Err(error.to_string()))
}

/// The front of a file that is of no format that is read, whatever its length.
fn unread_front(path: &Path) -> Option<Vec<u8>> {
    if !fs_err::metadata(path).ok()?.is_file() {
        return None;
    }
    let mut front = Vec::new();
    let file = fs_err::File::open(path).ok()?;
    file.take(64 * 1024).read_to_end(&mut front).ok()?;
    let is_unread = sniff(&front, None, &path.to_string_lossy()).is_none();
    is_unread.then_some(front)
}

/// The `charset` parameter of a content type.
pub(super) fn charset_parameter(content_type: &str) -> Option<String> {
    content_type.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim()
            .eq_ignore_ascii_case("charset")
            .then(|| value.trim().trim_matches('"').to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_charset_is_read_out_of_the_content_type() {
        assert_eq!(
            charset_parameter("text/html; charset=\"ISO-8859-1\"").as_deref(),
            Some("ISO-8859-1")
        );
        assert_eq!(
            charset_parameter("text/html;Charset=utf-8").as_deref(),
            Some("utf-8")
        );
        assert_eq!(charset_parameter("text/html"), None);
    }
}
