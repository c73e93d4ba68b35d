//! The contract against a real server, and what only several servers on one database can show.
//! `scripts/postgres.sh run cargo nextest run --run-ignored all -E 'test(postgres)'` runs these; without
//! it they are told as ignored.

use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::model::{Key, KeyHash, KeyId, Scopes};
use crate::postgres::{DatabaseAddress, DatabaseError, DatabaseOptions};
use crate::store::answers::AnswerStore as _;
use crate::store::contract::{self, own};
use crate::store::shared::{Change, SharedStore as _};
use crate::store::{KeyStore as _, question_contract};

/// A database of its own, which goes with the server.
struct Fresh {
    name: String,
}

impl Fresh {
    async fn make() -> Self {
        let name = format!("test_{}", uuid::Uuid::new_v4().simple());
        let root = open(&server_address(), 1).await.unwrap();
        let create = format!("CREATE DATABASE {name}");
        root.lease("make a database")
            .await
            .unwrap()
            .batch(&create)
            .await
            .unwrap();
        Self { name }
    }

    fn address(&self, user: &str) -> DatabaseAddress {
        let address = server_address();
        let (_, rest) = address.split_once('@').unwrap();
        let (host, _) = rest.split_once('/').unwrap();
        let address = format!("postgres://{user}@{host}/{}", self.name);
        address.parse().unwrap()
    }

    async fn database(&self) -> Database {
        let options = DatabaseOptions {
            wait_limit: Duration::from_mins(1),
            statement_limit: Duration::from_mins(1),
            ..DatabaseOptions::default()
        };
        let address = self.address("postgres");
        Database::open(&address, options, Duration::ZERO)
            .await
            .unwrap()
    }

    async fn store(&self, limits: SessionLimits) -> PostgresStore {
        PostgresStore::open(self.database().await, limits)
            .await
            .unwrap()
    }
}

/// Of the server that `scripts/postgres.sh` has started.
fn server_address() -> String {
    let named = std::env::var_os("WATTWISE_TEST_POSTGRES");
    let named =
        named.expect("NOT RUN: scripts/postgres.sh run … starts the server that this needs");
    named.into_string().unwrap()
}

async fn open(address: &str, connections: usize) -> Result<Database, DatabaseError> {
    let options = DatabaseOptions {
        connections,
        ..DatabaseOptions::default()
    };
    Database::open(&address.parse()?, options, Duration::ZERO).await
}

fn once(key: &str) -> Once {
    Once {
        key: key.to_owned(),
        fingerprint: [7; 32],
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL: scripts/postgres.sh run"]
async fn keeps_the_contract() {
    let fresh = Fresh::make().await;
    contract::holds_while_open(fresh.store(contract::LIMITS).await).await;
    question_contract::holds_for(&fresh.store(SessionLimits::default()).await).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL: scripts/postgres.sh run"]
async fn what_was_acknowledged_outlives_its_server() {
    let fresh = Fresh::make().await;
    let store = fresh.store(contract::LIMITS).await;
    let session = own(store.create_session(Owner::OPERATOR, None).await.unwrap());
    let said = store.append_message(session, "kept".to_owned(), None);
    let said = said.await.unwrap();
    drop(store);
    let store = fresh.store(contract::LIMITS).await;
    assert_eq!(store.messages(session).await.unwrap(), [said]);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL: scripts/postgres.sh run"]
async fn writers_of_several_servers_keep_one_order() {
    let fresh = Fresh::make().await;
    let mut servers = Vec::new();
    for _ in 0..3 {
        servers.push(Arc::new(fresh.store(SessionLimits::default()).await));
    }
    let session = servers[0].create_session(Owner::OPERATOR, None).await;
    let session = own(session.unwrap());
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..50_usize {
        let store = Arc::clone(&servers[number % 3]);
        tasks.spawn(async move {
            let mut last = 0;
            for turn in 0..4 {
                let text = format!("{number}.{turn}");
                let said = store.append_message(session, text, None).await.unwrap();
                assert!(said.sequence > last, "a writer's own order");
                last = said.sequence;
            }
        });
    }
    tasks.join_all().await;
    let kept = servers[1].messages(session).await.unwrap();
    let sequences: Vec<u64> = kept.iter().map(|message| message.sequence).collect();
    assert_eq!(sequences, (1..=200).collect::<Vec<_>>());
    assert!(kept.is_sorted_by_key(|message| message.created_at));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL: scripts/postgres.sh run"]
async fn a_write_repeated_at_other_servers_has_one_effect() {
    let fresh = Fresh::make().await;
    let one = Arc::new(fresh.store(SessionLimits::default()).await);
    let other = Arc::new(fresh.store(SessionLimits::default()).await);
    let session = own(one.create_session(Owner::OPERATOR, None).await.unwrap());
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..20 {
        let store = Arc::clone(if number % 2 == 0 { &one } else { &other });
        tasks.spawn(async move {
            let append = store.append_message(session, "once".to_owned(), Some(once("name")));
            append.await.unwrap()
        });
    }
    let answered = tasks.join_all().await;
    assert_eq!(one.messages(session).await.unwrap(), answered[..1]);
    assert!(answered.iter().all(|message| *message == answered[0]));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL: scripts/postgres.sh run"]
async fn one_server_at_a_time_deletes_what_is_old() {
    let fresh = Fresh::make().await;
    let store = fresh.store(SessionLimits::default()).await;
    store.create_session(Owner::OPERATOR, None).await.unwrap();
    let all = Expiry {
        sessions_before: Some(i64::MAX),
        receipts_before: i64::MAX,
        at_most: 10,
    };
    let mut holder = fresh.database().await.lease("hold").await.unwrap();
    let lock = super::schema::Purpose::Expiry.number();
    holder
        .rows("SELECT pg_advisory_lock($1)", &[&lock])
        .await
        .unwrap();
    assert!(!store.expire(all).await.unwrap());
    let count = async || {
        store
            .sessions(Owner::OPERATOR, None, 9)
            .await
            .unwrap()
            .len()
    };
    assert_eq!(count().await, 1, "another server is at it");
    holder
        .rows("SELECT pg_advisory_unlock($1)", &[&lock])
        .await
        .unwrap();
    store.expire(all).await.unwrap();
    assert_eq!(count().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL: scripts/postgres.sh run"]
async fn other_servers_hear_of_keys_and_forgotten_answers() {
    let fresh = Fresh::make().await;
    let here = fresh.store(SessionLimits::default()).await;
    let there = fresh.store(SessionLimits::default()).await;
    assert_eq!(
        there.next_change().await,
        Change::Unknown,
        "it begins to listen"
    );
    let id = KeyId::from_random(84);
    let key = Key {
        id,
        name: "n".to_owned(),
        hash: KeyHash::of(b"secret"),
        scopes: Scopes::ADMIN,
        created_at: 1,
        last_used_at: None,
        revoked_at: None,
    };
    here.add_key(key.clone()).await.unwrap();
    assert_eq!(there.next_change().await, Change::Keys);
    assert_eq!(there.keys().await.unwrap(), [key]);
    here.touch_keys(vec![(id, 9)]).await.unwrap();
    there.touch_keys(vec![(id, 5)]).await.unwrap();
    assert!(here.revoke_key(id, 10).await.unwrap());
    assert_eq!(there.next_change().await, Change::Keys);
    let kept = there.keys().await.unwrap().remove(0);
    assert_eq!((kept.last_used_at, kept.revoked_at), (Some(9), Some(10)));
    let unknown = KeyId::from_random(86);
    assert!(!here.revoke_key(unknown, 10).await.unwrap());
    here.forget_answers(Owner::of(id)).await.unwrap();
    let forgotten = there.next_change().await;
    assert_eq!(forgotten, Change::Answers(Owner::of(id)));
    assert_eq!(here.count_servers().await.unwrap(), 1);
    assert_eq!(there.count_servers().await.unwrap(), 2);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL: scripts/postgres.sh run"]
async fn a_server_needs_no_right_to_change_tables() {
    let fresh = Fresh::make().await;
    let role = format!("{}_server", fresh.name);
    let database = fresh.database().await;
    let create = format!("CREATE ROLE {role} LOGIN");
    let mut lease = database.lease("make a role").await.unwrap();
    lease.batch(&create).await.unwrap();
    let as_server = async || {
        let address = fresh.address(&role);
        let options = DatabaseOptions::default();
        let database = Database::open(&address, options, Duration::ZERO).await?;
        PostgresStore::open(database, SessionLimits::default()).await
    };
    let refused = as_server().await.unwrap_err();
    assert!(
        matches!(&refused, StoreError::NotMigrated { found: 0, .. }),
        "{refused}"
    );
    let done = migrate(&database).await.unwrap();
    assert_eq!((done.from, done.to), (0, 1));
    assert_eq!(migrate(&database).await.unwrap().from, 1);
    let refused = as_server().await.unwrap_err().to_string();
    assert!(refused.contains("wattwise migrate --grant"), "{refused}");
    grant(&database, &role).await.unwrap();
    let store = as_server().await.unwrap();
    store
        .create_session(Owner::OPERATOR, Some(once("a")))
        .await
        .unwrap();
    store.probe().await.unwrap();
    store.forget_answers(Owner::OPERATOR).await.unwrap();
    for forbidden in [
        "DROP TABLE wattwise.keys",
        "TRUNCATE wattwise.keys",
        "UPDATE wattwise.state_version SET version = 9",
    ] {
        let mut lease = store.database.lease("do harm").await.unwrap();
        let refused = lease.batch(forbidden).await.unwrap_err();
        let is_refused = matches!(refused, DatabaseError::NoRight { .. });
        assert!(is_refused, "{forbidden}: {refused}");
    }
    lease
        .batch("UPDATE wattwise.state_version SET version = 9")
        .await
        .unwrap();
    let refused = as_server().await.unwrap_err();
    assert!(matches!(refused, StoreError::TooNew { found: 9, .. }));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL: scripts/postgres.sh run"]
async fn servers_that_start_together_make_the_tables_once() {
    let fresh = Fresh::make().await;
    let opened = futures::future::join_all((0..5).map(|_| async {
        let database = fresh.database().await;
        migrate(&database).await.unwrap().from
    }));
    let mut found = opened.await;
    found.sort_unstable();
    assert_eq!(found, [0, 1, 1, 1, 1]);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL: scripts/postgres.sh run"]
async fn what_is_wrong_is_named() {
    let address = server_address();
    let refused = async |address: String| open(&address, 1).await.unwrap_err();
    let (server, _) = address.rsplit_once('/').unwrap();
    let absent = refused(format!("{server}/absent")).await;
    assert!(
        matches!(absent, DatabaseError::NoDatabase { .. }),
        "{absent}"
    );
    let nobody = refused(address.replace("postgres@", "nobody@")).await;
    assert!(matches!(nobody, DatabaseError::NotLetIn { .. }), "{nobody}");
    let tls = refused(format!("{address}?sslmode=require")).await;
    assert!(matches!(tls, DatabaseError::Tls { .. }), "{tls}");
    let database = open(&address, 1).await.unwrap();
    let mut lease = database.lease("sleep").await.unwrap();
    let busy = DatabaseOptions {
        connections: 1,
        wait_limit: Duration::from_millis(50),
        ..DatabaseOptions::default()
    };
    lease.batch("SET statement_timeout = 50").await.unwrap();
    let slow = lease.batch("SELECT pg_sleep(5)").await.unwrap_err();
    assert!(matches!(slow, DatabaseError::TooSlow { .. }), "{slow}");
    let parsed: DatabaseAddress = address.parse().unwrap();
    let database = Database::open(&parsed, busy, Duration::ZERO).await.unwrap();
    let held = database.lease("hold").await.unwrap();
    let refused = database.lease("wait").await.err().unwrap();
    assert!(matches!(refused, DatabaseError::Busy { .. }), "{refused}");
    drop(held);
    database.lease("go on").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL: scripts/postgres.sh run"]
async fn a_broken_connection_is_replaced() {
    let fresh = Fresh::make().await;
    let store = fresh.store(SessionLimits::default()).await;
    let session = own(store.create_session(Owner::OPERATOR, None).await.unwrap());
    let database = fresh.database().await;
    let mut lease = database.lease("end connections").await.unwrap();
    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()";
    lease.rows(end, &[]).await.unwrap();
    // The first may learn of it only by asking; what it asks for is not acknowledged then.
    let mut said = 0;
    for _ in 0..20 {
        let append = store.append_message(session, "x".to_owned(), None);
        match append.await {
            Ok(_) => said += 1,
            Err(StoreError::Database(error)) => assert!(error.may_pass(), "{error}"),
            Err(other) => panic!("{other}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let kept = store.messages(session).await.unwrap().len();
    assert!(
        said >= 10 && kept >= said,
        "{said} were acknowledged, {kept} kept"
    );
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL: scripts/postgres.sh run"]
async fn who_goes_away_inside_a_transaction_leaves_nothing() {
    let fresh = Fresh::make().await;
    let store = fresh.store(SessionLimits::default()).await;
    // With one connection, the next to ask gets the one that was left inside its transaction.
    let options = DatabaseOptions {
        connections: 1,
        ..DatabaseOptions::default()
    };
    let address = fresh.address("postgres");
    let database = Database::open(&address, options, Duration::ZERO).await;
    let database = database.unwrap();
    let mut lease = database.lease("begin").await.unwrap();
    lease.begin().await.unwrap();
    let add = "INSERT INTO wattwise.servers VALUES (gen_random_uuid(), now())";
    lease.execute(add, &[]).await.unwrap();
    drop(lease);
    let mut lease = database.lease("look").await.unwrap();
    lease.begin().await.unwrap();
    lease.commit().await.unwrap();
    assert_eq!(store.count_servers().await.unwrap(), 1);
}
