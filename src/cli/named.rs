//! Sources that arguments name: folders, files, and addresses of pages.

use std::io;
use std::path::PathBuf;

use crate::config::{ConfigError, IngestConfig};

/// What is named, by its kind.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Named {
    pages: Vec<String>,
    paths: Vec<PathBuf>,
}

impl Named {
    /// An address begins with `http://` or `https://`; everything else must be a file or folder.
    pub(super) fn read(arguments: &[String]) -> Result<Self, ConfigError> {
        let mut named = Self::default();
        for argument in arguments {
            if is_address(argument) {
                named.pages.push(argument.clone());
            } else {
                fs_err::metadata(argument).map_err(|error| not_found(argument, &error))?;
                named.paths.push(argument.into());
            }
        }
        Ok(named)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.pages.is_empty() && self.paths.is_empty()
    }

    /// The settings with these sources beside those of the flags, and instead of those of the file.
    pub(super) fn over(
        self,
        mut flags: IngestConfig,
        mut file: IngestConfig,
    ) -> (IngestConfig, IngestConfig) {
        if self.is_empty() {
            return (flags, file);
        }
        (file.urls, file.pages, file.docs, file.sitemap) = (None, None, None, None);
        flags.pages.get_or_insert_default().extend(self.pages);
        flags.docs.get_or_insert_default().extend(self.paths);
        (flags, file)
    }

    /// The same for another working folder.
    pub(super) fn absolute(&self) -> std::io::Result<Vec<String>> {
        let paths = self.paths.iter().map(|path| -> std::io::Result<String> {
            let path = fs_err::canonicalize(path)?;
            Ok(path.to_string_lossy().into_owned())
        });
        self.pages.iter().cloned().map(Ok).chain(paths).collect()
    }
}

fn is_address(argument: &str) -> bool {
    let scheme = argument.split_once("://").map(|(scheme, _)| scheme);
    scheme.is_some_and(|scheme| {
        ["http", "https"]
            .iter()
            .any(|known| scheme.eq_ignore_ascii_case(known))
    })
}

/// What is wrong with a source that cannot be looked at.
fn not_found(argument: &str, error: &io::Error) -> ConfigError {
    let reason = if error.kind() == io::ErrorKind::NotFound {
        format!(
            "there is no file or folder {argument:?}; an address is written with https:// in front"
        )
    } else {
        error.to_string()
    };
    ConfigError::Invalid {
        name: "FOLDER|FILE|URL",
        reason,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_told_apart_and_take_the_place_of_the_files_sources() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_str().unwrap().to_owned();
        let named = Named::read(&[path.clone(), "HTTPS://a.example/b".to_owned()]).unwrap();
        let file = IngestConfig {
            docs: Some(vec!["from-file".into()]),
            depth: Some(2),
            ..IngestConfig::default()
        };
        let (flags, rest) = named.over(IngestConfig::default(), file.clone());
        assert_eq!(flags.docs, Some(vec![PathBuf::from(path)]));
        assert_eq!(flags.pages, Some(vec!["HTTPS://a.example/b".to_owned()]));
        assert_eq!((rest.docs, rest.depth), (None, Some(2)));
        let (_, kept) = Named::default().over(IngestConfig::default(), file);
        assert!(kept.docs.is_some());
        let wrong = Named::read(&["www.example.org/page".to_owned()]).unwrap_err();
        assert!(wrong.to_string().contains("https://"), "{wrong}");
    }
}
