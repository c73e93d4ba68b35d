//! Clients of the providers, out of their usual environment variables.

use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::http::HttpBuilder;
use object_store::local::LocalFileSystem;
use object_store::{BackoffConfig, ClientConfigKey, ClientOptions, ObjectStore, RetryConfig};

use super::{Address, ObjectsError, Provider};
use crate::runtime::tls;

/// To connect.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// For which a connection may say nothing; a part of an upload must have been sent in that time.
const SILENCE_LIMIT: Duration = Duration::from_mins(1);
/// A request as a whole is bounded by its caller, who knows how much is to come.
const REQUEST_LIMIT: Duration = Duration::from_hours(24);
/// Attempts after the first, and how long they may go on.
const RETRIES: usize = 3;
const RETRY_LIMIT: Duration = Duration::from_secs(20);

/// A client for the address. Nothing is asked yet.
pub(super) fn connect(address: &Address) -> Result<Arc<dyn ObjectStore>, ObjectsError> {
    tls::install_provider();
    let store: object_store::Result<Arc<dyn ObjectStore>> = match address.provider() {
        Provider::S3 => amazon(address),
        Provider::Google => google(address),
        Provider::Azure => azure(address),
        Provider::Http => http(address),
        Provider::File => Ok(Arc::new(LocalFileSystem::new())),
    };
    store.map_err(|error| ObjectsError::Settings {
        address: address.to_string(),
        reason: error.to_string(),
    })
}

fn limits() -> [(ClientConfigKey, String); 3] {
    let seconds = |limit: Duration| format!("{} seconds", limit.as_secs());
    [
        (ClientConfigKey::ConnectTimeout, seconds(CONNECT_LIMIT)),
        (ClientConfigKey::ReadTimeout, seconds(SILENCE_LIMIT)),
        (ClientConfigKey::Timeout, seconds(REQUEST_LIMIT)),
    ]
}

fn retries() -> RetryConfig {
    RetryConfig {
        backoff: BackoffConfig {
            max_backoff: Duration::from_secs(5),
            ..BackoffConfig::default()
        },
        max_retries: RETRIES,
        retry_timeout: RETRY_LIMIT,
    }
}

fn amazon(address: &Address) -> object_store::Result<Arc<dyn ObjectStore>> {
    let builder = AmazonS3Builder::from_env()
        .with_bucket_name(address.root())
        .with_retry(retries());
    let builder = limits().into_iter().fold(builder, |builder, (key, value)| {
        builder.with_config(AmazonS3ConfigKey::Client(key), value)
    });
    Ok(Arc::new(builder.build()?))
}

fn google(address: &Address) -> object_store::Result<Arc<dyn ObjectStore>> {
    let builder = GoogleCloudStorageBuilder::from_env()
        .with_bucket_name(address.root())
        .with_retry(retries());
    let builder = limits().into_iter().fold(builder, |builder, (key, value)| {
        builder.with_config(GoogleConfigKey::Client(key), value)
    });
    Ok(Arc::new(builder.build()?))
}

fn azure(address: &Address) -> object_store::Result<Arc<dyn ObjectStore>> {
    let builder = MicrosoftAzureBuilder::from_env()
        .with_container_name(address.root())
        .with_retry(retries());
    let builder = limits().into_iter().fold(builder, |builder, (key, value)| {
        builder.with_config(AzureConfigKey::Client(key), value)
    });
    Ok(Arc::new(builder.build()?))
}

fn http(address: &Address) -> object_store::Result<Arc<dyn ObjectStore>> {
    let plain = ClientOptions::new().with_allow_http(address.root().starts_with("http:"));
    let options = limits().into_iter().fold(plain, |options, (key, value)| {
        options.with_config(key, value)
    });
    let builder = HttpBuilder::new()
        .with_url(address.root())
        .with_client_options(options)
        .with_retry(retries());
    Ok(Arc::new(builder.build()?))
}
