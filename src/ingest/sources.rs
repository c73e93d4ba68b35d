//! What to ingest: addresses from the list, files from the folders.

use std::path::{Path, PathBuf};

use url::Url;

use super::IngestError;
use super::folders::{self, FolderRules, LeftOut};
use crate::crawl::{Credentials, Listed, Masks, normalize, read_url_list};

/// One thing to ingest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    /// A page that the operator named.
    Url(Page),
    /// A page that was found: in a sitemap or behind a link.
    Link(Page),
    File(PathBuf),
    /// A part of a folder that is not read.
    LeftOut(LeftOut),
    /// Something in the list that names no page, as it may be shown, and what is wrong with it.
    Unusable(String, String),
}

/// A page of the web.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Page {
    /// Where it is asked for, without user and password.
    pub(super) url: Url,
    /// Its address as it may be shown.
    pub(super) name: String,
}

impl Page {
    pub(super) fn new(url: Url, masks: &Masks) -> Self {
        Self {
            name: masks.shown(&url),
            url,
        }
    }
}

impl Source {
    /// The address of a page.
    pub(super) fn url(&self) -> Option<&Url> {
        match self {
            Self::Url(page) | Self::Link(page) => Some(&page.url),
            Self::File(_) | Self::LeftOut(_) | Self::Unusable(..) => None,
        }
    }

    /// The name under which its document is known, on every run.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Url(page) | Self::Link(page) => page.name.clone(),
            Self::Unusable(name, _) => name.clone(),
            Self::File(path) | Self::LeftOut(LeftOut { path, .. }) => {
                path.to_string_lossy().replace('\\', "/")
            }
        }
    }
}

/// Where a run is to look for sources.
pub(super) struct Named<'a> {
    /// File with addresses.
    pub(super) urls: Option<&'a Path>,
    /// Pages that are named one by one.
    pub(super) pages: &'a [Url],
    pub(super) folders: &'a [PathBuf],
    pub(super) rules: FolderRules,
    /// The index, which is no document where it lies in a folder.
    pub(super) index: &'a Path,
}

/// Lists all sources: addresses in the order of the list, those named one by one, then files folder by folder, by name, and
/// what of the folders is not read. What sites want to be told goes into `credentials`.
pub(super) fn list(
    named: &Named<'_>,
    masks: &Masks,
    credentials: &mut Credentials,
) -> Result<Vec<Source>, IngestError> {
    let mut sources = Vec::new();
    if let Some(path) = named.urls {
        let listed = read_url_list(path)?.into_iter();
        sources.extend(listed.map(|entry| match entry {
            Listed::Page(url) => Source::Url(Page::new(credentials.take(url), masks)),
            Listed::Unusable { text, reason } => Source::Unusable(masks.shown_text(&text), reason),
        }));
    }
    let page = |url: &Url| Source::Url(Page::new(credentials.take(normalize(url.clone())), masks));
    sources.extend(named.pages.iter().map(page));
    for folder in named.folders {
        let listed = folders::list(folder, named.index, named.rules).map_err(|source| {
            IngestError::Folder {
                path: folder.to_owned(),
                source,
            }
        })?;
        sources.extend(listed.files.into_iter().map(Source::File));
        sources.extend(listed.left_out.into_iter().map(Source::LeftOut));
    }
    let mut seen = std::collections::HashSet::new();
    sources.retain(|source| seen.insert(source.name()));
    Ok(sources)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(folders: &[PathBuf]) -> Result<Vec<Source>, IngestError> {
        let masks = Masks::new(&[], [0; 32]);
        let named = Named {
            urls: None,
            pages: &[],
            folders,
            rules: FolderRules::default(),
            index: Path::new("no-index"),
        };
        list(&named, &masks, &mut Credentials::default())
    }

    #[test]
    fn folders_are_walked_in_order_and_what_is_not_read_comes_after() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b.md", "a.pdf", ".hidden.md", "picture.png", "deep/c.txt"] {
            let path = folder.path().join(name);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, "x").unwrap();
        }
        let sources = listed(&[folder.path().to_owned(), folder.path().to_owned()]).unwrap();
        let names: Vec<String> = sources
            .iter()
            .map(|source| {
                source
                    .name()
                    .strip_prefix(folder.path().to_str().unwrap())
                    .unwrap()
                    .to_owned()
            })
            .collect();
        assert_eq!(
            names,
            [
                "/a.pdf",
                "/b.md",
                "/deep/c.txt",
                "/picture.png",
                "/.hidden.md"
            ]
        );
    }

    #[test]
    fn a_missing_folder_is_named() {
        let error = listed(&[PathBuf::from("no/such/folder")]).unwrap_err();
        assert!(error.to_string().contains("no/such/folder"));
    }
}
