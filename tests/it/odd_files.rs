//! Something else where a regular file should lie: it is refused by what it is, and nobody waits.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

use rustix::fs::{CWD, FileType, Mode, makedev, mknodat};
use wattwise::snapshot::{SnapshotError, current, lock, open, unpublished};

use crate::snapshots::publish;

/// What may lie where a regular file should.
const KINDS: [&str; 6] = [
    "a FIFO",
    "a directory",
    "a device",
    "a link",
    "a socket",
    "unreadable",
];

#[expect(clippy::print_stderr, reason = "nothing is left out in silence")]
fn skipped(why: &str, path: &Path) {
    eprintln!("not tried, this user {why}: {}", path.display());
}

/// Puts something else in a file's place; false where this machine does not let this user.
fn put(kind: &str, path: &Path) -> bool {
    let whole = std::fs::read(path).unwrap_or_default();
    let _ = std::fs::remove_file(path);
    match kind {
        "a FIFO" => mknodat(CWD, path, FileType::Fifo, Mode::RWXU, 0).unwrap(),
        "a directory" => std::fs::create_dir(path).unwrap(),
        // It would be read for ever.
        "a device" => {
            let zero = makedev(1, 5);
            if mknodat(CWD, path, FileType::CharacterDevice, Mode::RWXU, zero).is_err() {
                skipped("may not make devices", path);
                return false;
            }
        }
        "a link" => symlink("/dev/zero", path).unwrap(),
        "a socket" => drop(UnixListener::bind(path).unwrap()),
        "unreadable" => {
            std::fs::write(path, whole).unwrap();
            std::fs::set_permissions(path, PermissionsExt::from_mode(0o0)).unwrap();
            if std::fs::File::open(path).is_ok() {
                skipped("may read everything", path);
                return false;
            }
        }
        other => unreachable!("{other}"),
    }
    true
}

fn remove(path: &Path) {
    if path.is_dir() && !path.is_symlink() {
        std::fs::remove_dir(path).unwrap();
    } else {
        std::fs::remove_file(path).unwrap();
    }
}

/// Runs `work` on a thread of its own, so that one that hangs is named.
fn ends<T: Send + 'static>(name: &str, work: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, result) = mpsc::channel();
    std::thread::spawn(move || done.send(work()));
    result
        .recv_timeout(Duration::from_mins(1))
        .unwrap_or_else(|_| panic!("{name} hangs"))
}

#[tokio::test]
async fn a_lost_current_falls_back_to_the_newest_whole_generation() {
    let folder = tempfile::tempdir().unwrap();
    let index = folder.path().to_owned();
    let older = publish(&index, 3).await;
    let newer = publish(&index, 4).await;
    let path = index.join("CURRENT");
    let answering = |name: &str| {
        let index = index.clone();
        let open = move || open::open_usable(&index, 64).unwrap().0.id().clone();
        ends(name, open)
    };
    for kind in KINDS {
        if put(kind, &path) {
            assert!(current::read(&index).is_err(), "{kind}");
            assert_eq!(answering(kind), newer, "{kind}");
        }
        remove(&path);
    }
    for (damage, bytes) in [
        ("empty", ""),
        ("no id", "yesterday"),
        ("long", &"x".repeat(9_000)),
    ] {
        std::fs::write(&path, bytes).unwrap();
        assert_eq!(answering(damage), newer, "{damage}");
    }
    remove(&path);
    assert_eq!(answering("lost"), newer);
    // What was never live is no fallback, whatever its mark is, and a damaged one is passed over.
    let mark = index.join(format!("{newer}.unpublished"));
    for kind in KINDS {
        if put(kind, &mark) {
            let (index, id) = (index.clone(), newer.clone());
            let reason = ends(kind, move || unpublished::reason(&index, &id));
            assert!(reason.is_some(), "{kind}");
            assert_eq!(answering(kind), older, "{kind}");
        }
        remove(&mark);
    }
    std::fs::write(index.join(newer.as_str()).join("chunks.bin"), "x").unwrap();
    assert_eq!(answering("damaged"), older);
    std::fs::remove_dir_all(index.join(newer.as_str())).unwrap();
    std::fs::remove_dir_all(index.join(older.as_str())).unwrap();
    let error = open::open_usable(&index, 64).err().unwrap();
    assert!(matches!(error, SnapshotError::Missing { .. }), "{error}");
}

#[tokio::test]
async fn only_regular_files_are_part_of_a_generation() {
    let folder = tempfile::tempdir().unwrap();
    let index = folder.path().to_owned();
    let older = publish(&index, 3).await;
    let newer = publish(&index, 4).await;
    let files = std::fs::read_dir(index.join(newer.as_str())).unwrap();
    let files: Vec<_> = files.map(|entry| entry.unwrap().path()).collect();
    assert!(files.len() >= 10, "{files:?}");
    let mut tried = 0;
    for file in files {
        let whole = std::fs::read(&file).unwrap();
        for kind in KINDS {
            let name = format!("{} as {kind}", file.display());
            if put(kind, &file) {
                let (index, id) = (index.clone(), newer.clone());
                let opened = ends(&name, move || {
                    let error = open::open(&index, &id, 64).err();
                    (error, open::open_usable(&index, 64).unwrap().0.id().clone())
                });
                let error = opened.0.unwrap_or_else(|| panic!("{name} was opened"));
                assert!(
                    matches!(error, SnapshotError::Damaged { .. }),
                    "{name}: {error}"
                );
                assert_eq!(opened.1, older, "{name}");
                tried += 1;
            }
            remove(&file);
        }
        std::fs::write(&file, whole).unwrap();
    }
    println!("{tried} cases, 0 hangs");
    assert_eq!(open::open_usable(&index, 64).unwrap().0.id(), &newer);
}

#[test]
fn a_lock_that_is_no_file_is_refused() {
    let index = tempfile::tempdir().unwrap();
    let path = index.path().join(".lock");
    for kind in KINDS {
        if put(kind, &path) {
            let index = index.path().to_owned();
            let refusal = ends(kind, move || lock::acquire(&index, "noon").err().unwrap());
            assert!(refusal.to_string().contains(".lock"), "{kind}: {refusal}");
        }
        remove(&path);
    }
}
