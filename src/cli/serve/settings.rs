//! The settings of a server: flags, environment and file as one, and as each part wants them.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::assistant::upkeep::Retention;
use crate::cli::args::ServeArguments;
use crate::config::{
    ConfigError, EmbedSettings, File, GenerateSettings, Layer as _, LimitsSettings, ServeSettings,
    Switch,
};
use crate::http;
use crate::retrieve::reload::ReloadOptions;
use crate::runtime::cpu_pool;
use crate::store::SessionLimits;
use crate::wiring::{self, Index, StoreOptions};

/// A server that starts with its database, or while that moves, waits so long for it.
const DATABASE_PATIENCE: Duration = Duration::from_mins(1);

/// Flags, environment and file as one.
pub(super) struct Resolved {
    pub(super) settings: ServeSettings,
    pub(super) embed: EmbedSettings,
    pub(super) generate: GenerateSettings,
    pub(super) reader: Switch,
    pub(super) limits: LimitsSettings,
}

impl Resolved {
    pub(super) fn of(arguments: ServeArguments, file: File) -> Result<Self, ConfigError> {
        let settings = arguments.serve.over(file.serve).resolve()?;
        let embed = arguments.embed.over(file.embed);
        let generate = arguments.generate.over(file.generate);
        let reader = generate.reader();
        let generate = generate.resolve(&embed)?;
        let limits = arguments.limits.over(file.limits).resolve()?;
        generate.check_request_timeout(limits.request_timeout)?;
        Ok(Self {
            settings,
            embed: embed.resolve(cpu_pool::available_threads())?,
            generate,
            reader,
            limits,
        })
    }

    /// Without secrets.
    pub(super) fn to_toml(&self) -> Result<String, toml::ser::Error> {
        let parts = [
            toml::to_string(&self.settings)?,
            toml::to_string(&self.limits)?,
            toml::to_string(&self.embed)?,
            toml::to_string(&self.generate)?,
            // This key is no part of what writes answers.
            toml::to_string(&BTreeMap::from([("reader", self.reader)]))?,
        ];
        Ok(parts.join("\n"))
    }
}

pub(super) fn reload_options(settings: &ServeSettings, index: &Index) -> ReloadOptions {
    ReloadOptions {
        index: settings.index.clone(),
        search_width: wiring::SEARCH_WIDTH,
        interval: Duration::from_secs(settings.reload_interval),
        supply: index.supply(),
    }
}

/// Who listens to the whole network, or says that it is safe, is called by any name.
pub(super) fn known_hosts(settings: &ServeSettings) -> Option<http::KnownHosts> {
    (settings.bind.ip().is_loopback() && !settings.insecure)
        .then(|| http::KnownHosts::with(settings.allowed_host.clone()))
}

pub(super) fn store_options(settings: &ServeSettings, limits: &LimitsSettings) -> StoreOptions {
    StoreOptions {
        limits: session_limits(limits),
        most_bytes: limits.max_state_size << 20,
        connections: settings.database_connections,
        patience: DATABASE_PATIENCE,
    }
}

pub(super) fn retention(limits: &LimitsSettings, settings: &ServeSettings) -> Retention {
    Retention {
        session_ttl: (limits.session_ttl > 0).then(|| Duration::from_secs(limits.session_ttl)),
        questions: settings.question_retention(),
    }
}

pub(super) fn session_limits(limits: &LimitsSettings) -> SessionLimits {
    SessionLimits {
        entries: limits.max_session_entries,
        bytes: limits.max_session_size * 1024,
    }
}

pub(super) fn server_limits(limits: &LimitsSettings, drain: u64) -> http::ServerLimits {
    http::ServerLimits {
        max_connections: limits.max_connections,
        first_bytes_timeout: Duration::from_secs(limits.first_bytes_timeout),
        header_timeout: Duration::from_secs(limits.header_timeout),
        max_header_bytes: limits.max_header * 1024,
        max_body_bytes: limits.max_body * 1024,
        body_timeout: Duration::from_secs(limits.body_timeout),
        request_timeout: Duration::from_secs(limits.request_timeout),
        write_timeout: Duration::from_secs(limits.write_timeout),
        max_arriving_bytes: limits.max_arriving * 1024 * 1024,
        max_unread_bytes: limits.max_unread * 1024 * 1024,
        max_unread_bytes_per_connection: limits.max_unread_per_connection * 1024,
        max_concurrent_requests: limits.max_concurrent,
        requests_per_minute: limits.requests_per_minute,
        max_message_bytes: limits.max_message * 1024,
        max_contexts: limits.max_contexts,
        max_json_depth: limits.max_json_depth,
        drain_timeout: Duration::from_secs(drain),
    }
}
