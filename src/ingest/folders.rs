//! The files of a folder, and why the others are left out.

use std::collections::{HashSet, VecDeque};
use std::path::{Path, PathBuf};

use fs_err as fs;

/// Folders deeper than this are not entered: a loop of mounts must not end the run.
const DEEPEST_FOLDER: usize = 32;
/// Folders into which programs put what they fetch or make, where nothing inside says so.
const TOOL_FOLDERS: [&str; 3] = ["node_modules", "bower_components", "__pycache__"];
/// Files that mark a folder as one of those: a cache by the Cache Directory Tagging Specification,
/// an environment of Python (PEP 405).
const MARKS: [(&str, &str); 2] = [
    ("CACHEDIR.TAG", "a cache (it holds CACHEDIR.TAG)"),
    (
        "pyvenv.cfg",
        "an environment of Python (it holds pyvenv.cfg)",
    ),
];

/// What of a folder is read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FolderRules {
    /// Follow links that lead out of the folder.
    pub follow_links: bool,
    /// Read hidden files and the folders of tools and caches too.
    pub all_files: bool,
}

/// A file or folder that is not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LeftOut {
    pub(super) path: PathBuf,
    pub(super) reason: String,
    /// Whether it should have been read.
    pub(super) is_failure: bool,
}

/// What lies in a folder.
#[derive(Debug, Default)]
pub(super) struct Listed {
    pub(super) files: Vec<PathBuf>,
    pub(super) left_out: Vec<LeftOut>,
}

/// Lists a folder, or the one file that `root` names, by name; the index directory, which may lie in
/// it, is no document. Fails when `root` cannot be read.
pub(super) fn list(root: &Path, index: &Path, rules: FolderRules) -> std::io::Result<Listed> {
    let mut walk = Walk {
        rules,
        index: fs::canonicalize(index).ok(),
        inside: fs::canonicalize(root)?,
        entered: HashSet::new(),
        linked: VecDeque::new(),
        listed: Listed::default(),
    };
    let metadata = fs::metadata(root)?;
    if metadata.is_file() {
        walk.listed.files.push(root.to_owned());
    } else {
        walk.folder(root, 0)?;
    }
    // Folders behind links come last, so that each is read under its own name where it has one.
    while let Some((path, depth)) = walk.linked.pop_front() {
        match fs::canonicalize(&path) {
            Ok(target) if walk.entered.contains(&target) => {
                walk.leave_out(path, "link to a folder that is read under its own name");
            }
            _ => walk.subfolder(path, depth),
        }
    }
    walk.listed.files.sort();
    Ok(walk.listed)
}

struct Walk {
    rules: FolderRules,
    index: Option<PathBuf>,
    /// The folder that links may not leave.
    inside: PathBuf,
    entered: HashSet<PathBuf>,
    /// Links to folders, with their depths.
    linked: VecDeque<(PathBuf, usize)>,
    listed: Listed,
}

impl Walk {
    fn leave_out(&mut self, path: PathBuf, reason: &str) {
        self.listed.left_out.push(LeftOut {
            path,
            reason: reason.to_owned(),
            is_failure: false,
        });
    }

    fn subfolder(&mut self, path: PathBuf, depth: usize) {
        if depth > DEEPEST_FOLDER {
            self.leave_out(path, &format!("more than {DEEPEST_FOLDER} folders deep"));
        } else if self.index.is_some() && fs::canonicalize(&path).ok() == self.index {
            self.leave_out(path, "the index itself");
        } else if let Some(reason) = self.tool_folder(&path) {
            self.leave_out(path, &format!("{reason}; --all-files reads it"));
        } else if let Err(error) = self.folder(&path, depth) {
            self.listed.left_out.push(LeftOut {
                path,
                reason: format!("the folder cannot be read: {}", error.kind()),
                is_failure: true,
            });
        }
    }

    fn folder(&mut self, folder: &Path, depth: usize) -> std::io::Result<()> {
        self.entered.insert(fs::canonicalize(folder)?);
        let mut entries = fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let path = entry.path();
            let is_hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
            let kind = entry.file_type()?;
            if is_hidden && !self.rules.all_files {
                let reason = if kind.is_dir() {
                    "hidden folder"
                } else {
                    "hidden file"
                };
                self.leave_out(path, &format!("{reason}; --all-files reads it"));
            } else if kind.is_symlink() {
                self.link(path, depth);
            } else if kind.is_dir() {
                self.subfolder(path, depth + 1);
            } else if kind.is_file() {
                self.listed.files.push(path);
            } else {
                self.leave_out(path, "no regular file");
            }
        }
        Ok(())
    }

    fn link(&mut self, path: PathBuf, depth: usize) {
        let Ok(target) = fs::canonicalize(&path) else {
            self.leave_out(path, "link leads nowhere");
            return;
        };
        if !self.rules.follow_links && !target.starts_with(&self.inside) {
            self.leave_out(path, "link leads outside; --follow-links allows it");
            return;
        }
        match fs::metadata(&target) {
            Ok(metadata) if metadata.is_dir() => self.linked.push_back((path, depth + 1)),
            Ok(metadata) if metadata.is_file() => self.listed.files.push(path),
            _ => self.leave_out(path, "no regular file"),
        }
    }

    /// Why a folder is passed over, if it is.
    fn tool_folder(&self, path: &Path) -> Option<String> {
        if self.rules.all_files {
            return None;
        }
        let name = path.file_name()?.to_string_lossy();
        if TOOL_FOLDERS.contains(&name.as_ref()) {
            return Some(format!("folder of a tool ({name})"));
        }
        let mut marks = MARKS.iter();
        let (_, reason) = marks.find(|(mark, _)| path.join(mark).is_file())?;
        Some((*reason).to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names below the folder: those that are read, and those that are not with their reasons.
    fn listed(folder: &Path, rules: FolderRules) -> (Vec<String>, Vec<(String, String)>) {
        let name = |path: &Path| {
            path.strip_prefix(folder)
                .unwrap()
                .to_string_lossy()
                .into_owned()
        };
        let listed = list(folder, &folder.join("own-index"), rules).unwrap();
        let left_out = listed.left_out.iter();
        (
            listed.files.iter().map(|path| name(path)).collect(),
            left_out
                .map(|left| (name(&left.path), left.reason.clone()))
                .collect(),
        )
    }

    fn make(folder: &Path, names: &[&str]) {
        for name in names {
            let path = folder.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "x").unwrap();
        }
    }

    #[test]
    fn tools_and_hidden_names_are_told_and_a_flag_reads_them() {
        let folder = tempfile::tempdir().unwrap();
        let names = [
            "a.md",
            "deep/c.txt",
            ".git/HEAD",
            "node_modules/x/readme.md",
            "target/CACHEDIR.TAG",
            "env/pyvenv.cfg",
            "own-index/manifest.json",
        ];
        make(folder.path(), &names);
        let (files, left_out) = listed(folder.path(), FolderRules::default());
        assert_eq!(files, ["a.md", "deep/c.txt"]);
        let left_out: Vec<&str> = left_out.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(
            left_out,
            [".git", "env", "node_modules", "own-index", "target"]
        );
        let all = FolderRules {
            all_files: true,
            ..FolderRules::default()
        };
        assert_eq!(listed(folder.path(), all).0.len(), names.len() - 1);
    }

    #[cfg(unix)]
    #[test]
    fn links_stay_inside_and_nothing_but_files_is_opened() {
        use std::os::unix::fs::symlink;

        let outside = tempfile::tempdir().unwrap();
        make(outside.path(), &["secret.txt", "more/b.txt"]);
        let folder = tempfile::tempdir().unwrap();
        make(folder.path(), &["a.md", ".versions/3/c.md", "deep/d.md"]);
        for (target, link) in [
            (outside.path().join("secret.txt"), "passwd.txt"),
            (outside.path().join("more"), "more"),
            (folder.path().join("a.md"), "again.md"),
            (folder.path().join(".versions/3"), "current"),
            (folder.path().join("deep"), "twice"),
            (folder.path().to_owned(), "deep/loop"),
            (folder.path().join("gone"), "nowhere"),
            (PathBuf::from("/dev/zero"), "zero.txt"),
        ] {
            symlink(target, folder.path().join(link)).unwrap();
        }
        let made = std::process::Command::new("mkfifo")
            .arg(folder.path().join("pipe.txt"))
            .status();
        assert!(made.unwrap().success());

        let (files, left_out) = listed(folder.path(), FolderRules::default());
        assert_eq!(files, ["a.md", "again.md", "current/c.md", "deep/d.md"]);
        let reason = |name: &str| {
            left_out
                .iter()
                .find(|(left, _)| left == name)
                .unwrap()
                .1
                .as_str()
        };
        for name in ["passwd.txt", "more", "zero.txt"] {
            assert!(reason(name).starts_with("link leads outside"), "{name}");
        }
        assert_eq!(reason("nowhere"), "link leads nowhere");
        assert_eq!(reason("pipe.txt"), "no regular file");
        assert!(reason("twice").contains("own name") && reason("deep/loop").contains("own name"));

        let follow = FolderRules {
            follow_links: true,
            ..FolderRules::default()
        };
        let (files, left_out) = listed(folder.path(), follow);
        assert!(
            files.contains(&"passwd.txt".to_owned()) && files.contains(&"more/b.txt".to_owned())
        );
        assert!(
            left_out
                .iter()
                .any(|(name, reason)| name == "zero.txt" && reason == "no regular file")
        );
    }
}
