//! `wattwise keys`

use anyhow::{Context as _, bail};
use serde_json::json;

use super::args::{KeysAction, KeysArguments};
use super::{ExitStatus, printer};
use crate::assistant::access::new_key;
use crate::config::{ConfigError, File, Layer as _, ServeConfig};
use crate::model::{Key, KeyId, Scopes};
use crate::runtime::clock::now;
use crate::runtime::clock::utc;
use crate::store::{KeyStore, SessionLimits};
use crate::wiring::{self, StoreOptions};

pub(super) async fn run(arguments: KeysArguments, file: File) -> anyhow::Result<ExitStatus> {
    let settings = ServeConfig {
        state: arguments.state,
        ..ServeConfig::default()
    }
    .over(file.serve)
    .resolve()?;
    let store = wiring::store(
        &settings.state,
        StoreOptions::once(SessionLimits::default()),
    )
    .await?;
    match arguments.action {
        KeysAction::Create { name, scopes, json } => {
            create(store.as_ref(), name, &scopes, json).await
        }
        KeysAction::List { json } => list(store.as_ref(), json).await,
        KeysAction::Revoke { key } => revoke(store.as_ref(), &key).await,
    }
}

async fn create(
    store: &dyn KeyStore,
    name: String,
    scopes: &str,
    json: bool,
) -> anyhow::Result<ExitStatus> {
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
    printer::result(if json {
        json!({"id": id.to_string(), "key": text}).to_string()
    } else {
        text
    })?;
    Ok(ExitStatus::Done)
}

async fn list(store: &dyn KeyStore, json: bool) -> anyhow::Result<ExitStatus> {
    let keys = store.keys().await?;
    if keys.is_empty() {
        printer::note("There are no keys; `wattwise keys create --name NAME` makes one.");
    }
    for key in &keys {
        printer::result(if json { as_json(key) } else { line(key) })?;
    }
    Ok(ExitStatus::Done)
}

fn as_json(key: &Key) -> String {
    json!({
        "id": key.id.to_string(),
        "name": key.name,
        "scopes": key.scopes.to_string(),
        "created_at": key.created_at,
        "last_used_at": key.last_used_at,
        "revoked_at": key.revoked_at,
    })
    .to_string()
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

async fn revoke(store: &dyn KeyStore, named: &str) -> anyhow::Result<ExitStatus> {
    let id = find(&store.keys().await?, named)?;
    if !store.revoke_key(id, now()).await? {
        bail!("there is no key {id}; `wattwise keys list` shows all");
    }
    printer::result(format!(
        "{id} is revoked; a running server refuses it within a second"
    ))?;
    Ok(ExitStatus::Done)
}

/// The one key that has this id or this name, or whose id begins so. A key that is revoked already
/// gives way to one that is not.
fn find(keys: &[Key], named: &str) -> anyhow::Result<KeyId> {
    let by: [&dyn Fn(&Key) -> bool; 3] = [
        &|key| key.id.to_string() == named,
        &|key| key.name == named,
        &|key| !named.is_empty() && key.id.to_string().starts_with(named),
    ];
    for fits in by {
        let mut found: Vec<&Key> = keys.iter().filter(|key| fits(key)).collect();
        if found.iter().any(|key| key.revoked_at.is_none()) {
            found.retain(|key| key.revoked_at.is_none());
        }
        match found[..] {
            [] => {}
            [key] => return Ok(key.id),
            _ => {
                let ids: Vec<String> = found.iter().map(|key| key.id.to_string()).collect();
                bail!("{named:?} may be {}; name one by its id", ids.join(" or "));
            }
        }
    }
    bail!("no key has the name or id {named:?}; `wattwise keys list` shows all")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_found_by_name_by_id_and_by_its_beginning() {
        let key = |number, name: &str, revoked_at| {
            let (mut key, _) = new_key(
                KeyId::from_random(number),
                &[0; 32],
                name.to_owned(),
                Scopes::parse("chat").unwrap(),
                0,
            );
            key.revoked_at = revoked_at;
            key
        };
        let keys = [
            key(0x0101 << 40, "app", Some(1)),
            key(0x0202 << 40, "app", None),
            key(0x0203 << 40, "other", None),
        ];
        let id = |position: usize| keys[position].id;
        let found = |named: &str| find(&keys, named).ok();
        assert_eq!(found(&id(2).to_string()), Some(id(2)));
        assert_eq!(found("app"), Some(id(1)), "the other one is revoked");
        let whole = id(2).to_string();
        let other = id(1).to_string();
        let shared = whole
            .bytes()
            .zip(other.bytes())
            .take_while(|(a, b)| a == b)
            .count();
        assert_eq!(found(&whole[..=shared]), Some(id(2)));
        for (named, words) in [
            (&whole[..shared], "may be"),
            ("nobody", "keys list"),
            ("", "keys list"),
        ] {
            let reason = find(&keys, named).unwrap_err().to_string();
            assert!(reason.contains(words), "{reason}");
        }
    }
}
