//! `wattwise keys`

use anyhow::{Context as _, bail};

use super::args::{KeysAction, KeysArguments};
use super::{ExitStatus, printer};
use crate::assistant::access::new_key;
use crate::assistant::upkeep::now;
use crate::config::{ConfigError, File, Layer as _, ServeConfig};
use crate::model::{Key, KeyId, Scopes};
use crate::runtime::clock::utc;
use crate::store::{KeyStore, SessionLimits};
use crate::wiring;

pub(super) async fn run(arguments: KeysArguments, file: File) -> anyhow::Result<ExitStatus> {
    let settings = ServeConfig {
        state: arguments.state,
        ..ServeConfig::default()
    }
    .over(file.serve)
    .resolve()?;
    let store = wiring::store(&settings.state, SessionLimits::default(), u64::MAX).await?;
    match arguments.action {
        KeysAction::Create { name, scopes } => create(store.as_ref(), name, &scopes).await,
        KeysAction::List => list(store.as_ref()).await,
        KeysAction::Revoke { id } => revoke(store.as_ref(), &id).await,
    }
}

async fn create(store: &dyn KeyStore, name: String, scopes: &str) -> anyhow::Result<ExitStatus> {
    let scopes = Scopes::parse(scopes).ok_or_else(|| ConfigError::Invalid {
        name: "--scopes",
        reason: format!("{scopes:?} is no list of chat, retrieve and admin"),
    })?;
    let (mut id, mut secret) = ([0; 8], [0; 32]);
    getrandom::fill(&mut id).context("the system gives no random bytes")?;
    getrandom::fill(&mut secret).context("the system gives no random bytes")?;
    let id = KeyId::from_random(u64::from_le_bytes(id));
    let (key, text) = new_key(id, &secret, name, scopes, now());
    store.add_key(key).await?;
    printer::note(format!(
        "Key {id} opens {scopes}. It is shown this once; a running server knows it within a second."
    ));
    printer::result(text)?;
    Ok(ExitStatus::Done)
}

async fn list(store: &dyn KeyStore) -> anyhow::Result<ExitStatus> {
    let keys = store.keys().await?;
    if keys.is_empty() {
        printer::note("There are no keys; `wattwise keys create --name NAME` makes one.");
    }
    for key in &keys {
        printer::result(line(key))?;
    }
    Ok(ExitStatus::Done)
}

fn line(key: &Key) -> String {
    let state = match (key.revoked_at, key.last_used_at) {
        (Some(at), _) => format!("revoked {}", utc(at)),
        (None, Some(at)) => format!("last used {}", utc(at)),
        (None, None) => "never used".to_owned(),
    };
    format!(
        "{}  {:<19}  made {}  {state}  {}",
        key.id,
        key.scopes.to_string(),
        utc(key.created_at),
        key.name.escape_debug()
    )
}

async fn revoke(store: &dyn KeyStore, id: &str) -> anyhow::Result<ExitStatus> {
    let Some(id) = KeyId::parse(id) else {
        bail!("{id:?} is no key's id; `wattwise keys list` shows all");
    };
    if !store.revoke_key(id, now()).await? {
        bail!("there is no key {id}; `wattwise keys list` shows all");
    }
    printer::result(format!(
        "{id} is revoked; a running server refuses it within a second"
    ))?;
    Ok(ExitStatus::Done)
}
