//! Connections that are kept, and who may have one.

use std::sync::Arc;
use std::time::{Duration, Instant};

use deadpool_postgres::{
    Hook, HookError, Manager, ManagerConfig, Object, Pool, PoolError, RecyclingMethod, Runtime,
    TimeoutType,
};
use tokio_postgres::Config;
use tokio_postgres::config::{Host, TargetSessionAttrs};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::error::Place;
use super::gate::Gate;
use super::{DatabaseAddress, DatabaseError};
use crate::runtime::stages;

/// The oldest version that is still looked after when this is written; older ones were never tried.
const OLDEST_VERSION: u32 = 14;

/// One host has so long to answer when a connection is made.
const CONNECT_LIMIT: Duration = Duration::from_secs(3);

/// All hosts together.
const CREATE_LIMIT: Duration = Duration::from_secs(10);

/// What is sent and not acknowledged for so long is lost with its connection (Linux).
const SILENCE_LIMIT: Duration = Duration::from_secs(8);

/// Silent connections are asked for a sign of life.
const KEEPALIVE: Duration = Duration::from_secs(10);

/// How a database is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DatabaseOptions {
    /// Most connections at once.
    pub connections: usize,
    /// The longest that one statement may take, lock waits included.
    pub statement_limit: Duration,
    /// How long to wait for a connection while all are in use.
    pub wait_limit: Duration,
    /// Whether a host must take writes to be good enough.
    pub writes: bool,
    /// The stage of a request that time spent here is noted under.
    pub stage: Option<&'static str>,
    /// Statements that each connection is told first; none if empty.
    pub session: &'static str,
}

impl Default for DatabaseOptions {
    fn default() -> Self {
        Self {
            connections: 16,
            statement_limit: Duration::from_secs(5),
            wait_limit: Duration::from_secs(5),
            writes: true,
            stage: None,
            session: "",
        }
    }
}

/// A database, with a pool of connections to it. Clones share the pool.
///
/// While nobody answers, attempts to connect are made with back-off, and whoever asks in between is
/// told at once. Connections live on the runtime that made them.
#[derive(Clone)]
pub struct Database(Arc<Parts>);

struct Parts {
    pool: Pool,
    config: Config,
    connector: MakeRustlsConnect,
    place: Place,
    options: DatabaseOptions,
    hosts: Vec<(String, u16)>,
    gate: Gate,
}

impl Database {
    /// Connects and checks that the server is new enough and holds every text. Errors that may pass by
    /// themselves are tried again for as long as `patience`.
    pub async fn open(
        address: &DatabaseAddress,
        options: DatabaseOptions,
        patience: Duration,
    ) -> Result<Self, DatabaseError> {
        let database = Self::new(address, options)?;
        let end = Instant::now() + patience;
        let mut told = false;
        loop {
            match database.check().await {
                Err(error) if error.may_pass() && Instant::now() < end => {
                    if !std::mem::replace(&mut told, true) {
                        tracing::warn!(%error, "waiting for the database: {error}");
                    }
                    tokio::time::sleep(super::gate::FIRST_WAIT).await;
                }
                outcome => return outcome.map(|()| database),
            }
        }
    }

    fn new(address: &DatabaseAddress, options: DatabaseOptions) -> Result<Self, DatabaseError> {
        let place = Place {
            name: address.to_string(),
            user: address.user().to_owned(),
            database: address.database().to_owned(),
        };
        let connector = super::tls::connector(
            address.authorities().map(std::path::PathBuf::as_path),
            &place.name,
        )?;
        let config = complete(address.config().clone(), options);
        let manager = Manager::from_config(
            config.clone(),
            connector.clone(),
            ManagerConfig {
                recycling_method: RecyclingMethod::Fast,
            },
        );
        let setup = setup(options);
        let prepare = Hook::async_fn(move |client: &mut deadpool_postgres::ClientWrapper, _| {
            let setup = setup.clone();
            Box::pin(async move {
                client
                    .batch_execute(&setup)
                    .await
                    .map_err(HookError::Backend)
            })
        });
        let pool = Pool::builder(manager)
            .max_size(options.connections)
            .wait_timeout(Some(options.wait_limit))
            .create_timeout(Some(CREATE_LIMIT))
            .runtime(Runtime::Tokio1)
            .post_create(prepare)
            .build()
            .map_err(|error| DatabaseError::Address {
                reason: error.to_string(),
            })?;
        let hosts = address.hosts().into_iter();
        let hosts = hosts.filter_map(|(host, port)| match host {
            Host::Tcp(name) => Some((name.clone(), port)),
            Host::Unix(_) => None,
        });
        Ok(Self(Arc::new(Parts {
            pool,
            config,
            connector,
            place,
            options,
            hosts: hosts.collect(),
            gate: Gate::default(),
        })))
    }

    /// A connection of the pool.
    pub(super) async fn connection(&self, action: &'static str) -> Result<Object, DatabaseError> {
        self.0.gate.pass()?;
        match self.timed(self.0.pool.get()).await {
            Ok(object) => {
                self.0.gate.open();
                Ok(object)
            }
            Err(error) => Err(self.no_connection(action, error).await),
        }
    }

    /// How long a statement may take.
    pub(super) fn statement_limit(&self) -> Duration {
        self.0.options.statement_limit
    }

    /// The client's error in our words. Connections that the failure has made useless are given up.
    pub fn failed(&self, action: &'static str, error: &tokio_postgres::Error) -> DatabaseError {
        let seconds = self.0.options.statement_limit.as_secs();
        let error = self.0.place.explain(action, error, seconds);
        if matches!(
            error,
            DatabaseError::Away { .. } | DatabaseError::ReadOnly { .. }
        ) {
            // The others lead to the same server: what was the primary may be one no longer.
            self.0.pool.retain(|_, _| false);
        }
        error
    }

    /// The address without its password, for messages.
    pub fn place(&self) -> &str {
        &self.0.place.name
    }

    /// Who connects.
    pub fn user(&self) -> &str {
        &self.0.place.user
    }

    /// Notes how long something takes.
    pub(super) async fn timed<F: Future>(&self, work: F) -> F::Output {
        match self.0.options.stage {
            Some(stage) => stages::timed(stage, work).await,
            None => work.await,
        }
    }

    pub(super) fn given_up(&self) -> DatabaseError {
        DatabaseError::Away {
            place: self.0.place.name.clone(),
            reason: "the connection failed before".to_owned(),
        }
    }

    pub(super) fn too_slow(&self, action: &'static str, limit: Duration) -> DatabaseError {
        DatabaseError::TooSlow {
            place: self.0.place.name.clone(),
            action,
            seconds: limit.as_secs(),
        }
    }

    /// A connection beside the pool.
    pub(super) async fn connect(
        &self,
    ) -> Result<
        (
            tokio_postgres::Client,
            impl Future<Output = ()> + use<>,
            tokio::sync::mpsc::Receiver<tokio_postgres::Notification>,
        ),
        tokio_postgres::Error,
    > {
        let (client, mut connection) = self.0.config.connect(self.0.connector.clone()).await?;
        let (sender, receiver) = tokio::sync::mpsc::channel(64);
        let drive = async move {
            let mut messages =
                futures::stream::poll_fn(move |context| connection.poll_message(context));
            while let Some(Ok(message)) = futures::StreamExt::next(&mut messages).await {
                if let tokio_postgres::AsyncMessage::Notification(notice) = message
                    && sender.send(notice).await.is_err()
                {
                    return;
                }
            }
        };
        Ok((client, drive, receiver))
    }

    async fn check(&self) -> Result<(), DatabaseError> {
        let place = self.0.place.name.clone();
        let mut lease = self.lease("tell its version").await?;
        let row = lease
            .row(
                "SELECT current_setting('server_version_num')::int4 / 10000,
                     current_setting('server_version'), current_setting('server_encoding'),
                     current_setting('fsync')",
                &[],
            )
            .await?;
        let Some(row) = row else { return Ok(()) };
        let (major, found): (i32, String) = (row.get(0), row.get(1));
        if major < OLDEST_VERSION.cast_signed() {
            return Err(DatabaseError::TooOld {
                place,
                found,
                needed: OLDEST_VERSION,
            });
        }
        let encoding: String = row.get(2);
        if encoding != "UTF8" {
            return Err(DatabaseError::Encoding {
                place,
                found: encoding,
            });
        }
        let sync: String = row.get(3);
        if sync != "on" {
            tracing::warn!(
                database = place,
                "fsync is off at the database: a power cut there loses what was acknowledged"
            );
        }
        Ok(())
    }

    async fn no_connection(&self, action: &'static str, error: PoolError) -> DatabaseError {
        let place = self.0.place.name.clone();
        let away = |reason: &str| DatabaseError::Away {
            place: place.clone(),
            reason: reason.to_owned(),
        };
        let error = match error {
            PoolError::Timeout(TimeoutType::Wait) => return DatabaseError::Busy { place },
            PoolError::Timeout(TimeoutType::Create | TimeoutType::Recycle) => {
                away("it took too long to connect")
            }
            PoolError::Backend(error) | PoolError::PostCreateHook(HookError::Backend(error)) => {
                let explained = self.failed(action, &error);
                self.unknown_host(&explained).await.unwrap_or(explained)
            }
            PoolError::Closed
            | PoolError::NoRuntimeSpecified
            | PoolError::PostCreateHook(HookError::Message(_)) => away("the pool is closed"),
        };
        self.0.gate.shut(&error);
        error
    }

    /// A name that cannot be resolved, if that is why nobody answers.
    async fn unknown_host(&self, error: &DatabaseError) -> Option<DatabaseError> {
        if !matches!(error, DatabaseError::Away { .. }) {
            return None;
        }
        let mut unknown = None;
        for (host, port) in &self.0.hosts {
            match tokio::net::lookup_host((host.as_str(), *port)).await {
                Ok(_) => return None,
                Err(error) => {
                    let (host, reason) = (host.clone(), error.to_string());
                    unknown = Some(DatabaseError::NoHost { host, reason });
                }
            }
        }
        unknown
    }
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Database({})", self.0.place.name)
    }
}

fn complete(mut config: Config, options: DatabaseOptions) -> Config {
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(CONNECT_LIMIT);
    }
    if config.get_application_name().is_none() {
        config.application_name("wattwise");
    }
    if options.writes {
        config.target_session_attrs(TargetSessionAttrs::ReadWrite);
    }
    config
        .tcp_user_timeout(SILENCE_LIMIT)
        .keepalives_idle(KEEPALIVE)
        .keepalives_interval(KEEPALIVE / 4)
        .keepalives_retries(3);
    config
}

/// What every connection of the pool is told first. A commit must wait for the log whatever the role's
/// or the database's default is, since what is acknowledged must not be lost.
fn setup(options: DatabaseOptions) -> String {
    let limit = options.statement_limit.as_millis();
    format!(
        "SET statement_timeout = {limit}; SET idle_in_transaction_session_timeout = {idle};
         SELECT set_config('synchronous_commit', 'on', false)
             WHERE current_setting('synchronous_commit') IN ('off', 'local');
         {session}",
        idle = limit * 2,
        session = options.session,
    )
}

/// Lets a lease's end find the pool's way of giving a connection up.
pub(super) fn give_up(object: Object) {
    drop(Object::take(object));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_is_not_there_is_named_and_left_alone_for_a_while() {
        // Nothing listens on the port of a listener that is gone.
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let address = format!("postgres://me:secret@127.0.0.1:{port}/w");
        let address: DatabaseAddress = address.parse().unwrap();
        let database = Database::new(&address, DatabaseOptions::default()).unwrap();
        let refused = database.lease("look").await.err().unwrap();
        let DatabaseError::Away { place, reason } = &refused else {
            panic!("{refused}")
        };
        assert_eq!(*place, format!("postgres://me@127.0.0.1:{port}/w"));
        assert!(reason.contains("refused"), "{reason}");
        assert!(database.0.gate.pass().is_err());
        assert_eq!(database.lease("look").await.err(), Some(refused));

        let unknown = "postgres://me@no-such-host.invalid/w?sslmode=disable";
        let database = Database::new(&unknown.parse().unwrap(), DatabaseOptions::default());
        let refused = database.unwrap().lease("look").await.err().unwrap();
        assert!(
            matches!(&refused, DatabaseError::NoHost { host, .. } if host == "no-such-host.invalid"),
            "{refused}"
        );
    }
}
