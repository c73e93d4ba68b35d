//! State in a database: what the command line says without one. What it does with one is tested where a
//! PostgreSQL is (`scripts/postgres.sh`) and by `scripts/check_scale.py`.

use crate::support::{run, text};

const AWAY: &str = "postgres://me:s3cr3t@127.0.0.1:1/wattwise";

#[test]
fn a_database_that_is_away_is_named_without_its_password() {
    let folder = tempfile::tempdir().unwrap();
    for command in [
        &["keys", "list"][..],
        &["migrate"],
        &["migrate", "--grant", "r"],
    ] {
        let output = run(folder.path(), &[command, &["--state", AWAY]].concat());
        let said = text(&output);
        assert_eq!(output.status.code(), Some(3), "{command:?}: {said}");
        let place = "postgres://me@127.0.0.1:1/wattwise";
        assert!(
            said.contains(place) && said.contains("check that it runs there"),
            "{said}"
        );
        assert!(!said.contains("s3cr3t"), "{said}");
    }
    assert_eq!(
        std::fs::read_dir(folder.path()).unwrap().count(),
        0,
        "no folder is made"
    );
}

#[test]
fn settings_show_a_database_without_its_password() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(folder.path(), &["serve", "--state", AWAY, "--print-config"]);
    let said = text(&output);
    assert!(
        said.contains("state = \"postgres://me@127.0.0.1:1/wattwise\""),
        "{said}"
    );
    assert!(
        said.contains("database-connections = 16") && !said.contains("s3cr3t"),
        "{said}"
    );
}

#[test]
fn what_no_database_can_mean_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for (arguments, words) in [
        (
            &["keys", "list", "--state", "postgres://"][..],
            "postgres://user:password@host",
        ),
        (
            &["migrate", "--state", "postgres://u@h/d?sslmode=perhaps"],
            "sslmode",
        ),
        (
            &["migrate", "--state", "folder", "--grant", "r"],
            "a folder knows no roles",
        ),
    ] {
        let output = run(folder.path(), arguments);
        let said = text(&output);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
        assert!(said.contains(words), "{arguments:?}: {said}");
    }
    let output = run(folder.path(), &["migrate", "--state", "folder"]);
    assert!(output.status.success(), "{}", text(&output));
    assert!(folder.path().join("folder/wattwise.sqlite3").exists());
}
