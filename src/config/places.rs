//! Where data lie when nobody says.

use std::path::{Path, PathBuf};

use serde::Serializer;
use url::Url;

use super::ConfigError;
use crate::postgres::DatabaseAddress;

/// The folder of this program in a folder for data.
const NAME: &str = "wattwise";

/// Files that tell that a folder has an index, a state or settings of its own.
const SIGNS: [&str; 4] = [
    super::DEFAULT_FILE,
    "index/CURRENT",
    "index/.lock",
    "state/wattwise.sqlite3",
];

/// Where the index and the state lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    /// Generations.
    pub index: PathBuf,
    /// Sessions, records, keys.
    pub state: PathBuf,
}

impl Places {
    /// `index` and `state` here, if there are such already or settings for them; else in the user's
    /// data folder (XDG Base Directory Specification: `$XDG_DATA_HOME`, by default
    /// `~/.local/share`), so that every command finds them from wherever it is started.
    pub fn find() -> Self {
        Self::beside(Path::new(""), data_folder().as_deref())
    }

    fn beside(here: &Path, data: Option<&Path>) -> Self {
        let is_here = SIGNS.iter().any(|sign| here.join(sign).exists());
        let home = match data {
            Some(data) if !is_here => data.join(NAME),
            _ => here.to_owned(),
        };
        Self {
            index: home.join("index"),
            state: home.join("state"),
        }
    }
}

/// The specification has relative paths ignored.
fn data_folder() -> Option<PathBuf> {
    let absolute = |path: PathBuf| path.is_absolute().then_some(path);
    let home = std::env::home_dir().and_then(absolute);
    let default = home.map(|home| home.join(".local/share"));
    let named = std::env::var_os("XDG_DATA_HOME").map(PathBuf::from);
    named.and_then(absolute).or(default)
}

/// Where copies of indexes in object stores are kept when nobody says: the user's cache folder
/// (XDG Base Directory Specification: `$XDG_CACHE_HOME`, by default `~/.cache`).
pub fn index_cache() -> Option<PathBuf> {
    let absolute = |path: PathBuf| path.is_absolute().then_some(path);
    let named = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let home = || Some(std::env::home_dir().and_then(absolute)?.join(".cache"));
    let cache = named.and_then(absolute).or_else(home)?;
    Some(cache.join(NAME).join("index"))
}

/// Whether an index is named by an address, such as `s3://bucket/prefix`.
pub(super) fn is_address(index: &Path) -> bool {
    index.to_string_lossy().contains("://")
}

/// What holds where no index is named, as the help says it.
pub(super) const INDEX_OTHERWISE: &str = "index here, else in the user's data folder";

/// The index that is meant.
pub(super) fn index_place(given: Option<PathBuf>) -> Result<PathBuf, ConfigError> {
    let index = given.unwrap_or_else(|| Places::find().index);
    check_index(&index)?;
    Ok(index)
}

/// An index as it may be shown: the address of a database without its password.
pub fn shown_index(index: &Path) -> String {
    let text = index.to_string_lossy();
    if !DatabaseAddress::is_meant_by(&text) {
        return text.into_owned();
    }
    let address = text.parse::<DatabaseAddress>();
    address.map_or_else(|_| "postgres://…".to_owned(), |address| address.to_string())
}

/// [`shown_index`], for settings.
pub(super) fn serialize_index<S: Serializer>(
    index: &Path,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&shown_index(index))
}

/// Refuses addresses of stores with secrets in them, which are printed and logged, and of databases that
/// cannot be understood.
fn check_index(index: &Path) -> Result<(), ConfigError> {
    let text = index.to_string_lossy();
    if DatabaseAddress::is_meant_by(&text) {
        let parsed = text.parse::<DatabaseAddress>();
        return parsed.map(|_| ()).map_err(|error| ConfigError::Invalid {
            name: "--index",
            reason: error.to_string(),
        });
    }
    let url = is_address(index).then(|| Url::parse(&text).ok()).flatten();
    let has_secrets = url.is_some_and(|url| {
        !url.username().is_empty() || url.password().is_some() || url.query().is_some()
    });
    if has_secrets {
        return Err(ConfigError::Invalid {
            name: "--index",
            reason: "an address holds neither user nor password nor query: credentials come from the provider's environment variables".to_owned(),
        });
    }
    Ok(())
}

/// The guides that come with the program: where a package puts them, or in the source folder.
pub fn guides() -> Option<PathBuf> {
    let program = std::env::current_exe().ok();
    let beside =
        program.and_then(|program| Some(program.parent()?.join("../share/wattwise/guides")));
    let installed = beside.and_then(|path| path.canonicalize().ok());
    let here = PathBuf::from("data/guides");
    installed.or_else(|| here.is_dir().then_some(here))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_with_a_secret_is_refused_without_being_told() {
        for index in ["s3://key:hunter2@bucket/i", "https://h/i?sig=hunter2"] {
            let told = check_index(Path::new(index)).unwrap_err().to_string();
            assert!(told.contains("--index") && !told.contains("hunter2"));
        }
        check_index(Path::new("s3://bucket/prefix")).unwrap();
        check_index(Path::new("a folder?")).unwrap();
        let database = Path::new("postgres://me:hunter2@db/wattwise");
        check_index(database).unwrap();
        assert_eq!(shown_index(database), "postgres://me@db:5432/wattwise");
        assert_eq!(shown_index(Path::new("a folder?")), "a folder?");
        let told = check_index(Path::new("postgres://me:hunter2@")).unwrap_err();
        assert!(!told.to_string().contains("hunter2"));
        assert!(!shown_index(Path::new("postgres://me:hunter2@")).contains("hunter2"));
    }

    #[test]
    fn what_lies_here_is_used_and_else_the_data_folder() {
        let (here, data) = (tempfile::tempdir().unwrap(), Path::new("/data"));
        let find = |data| Places::beside(here.path(), data).index;
        assert_eq!(find(Some(data)), Path::new("/data/wattwise/index"));
        assert_eq!(find(None), here.path().join("index"), "no home");
        // A folder of this name may be anybody's.
        fs_err::create_dir(here.path().join("index")).unwrap();
        assert_eq!(find(Some(data)), Path::new("/data/wattwise/index"));
        fs_err::write(here.path().join("index/CURRENT"), "").unwrap();
        assert_eq!(find(Some(data)), here.path().join("index"));
    }
}
