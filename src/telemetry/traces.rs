//! Traces over OTLP (HTTP, protobuf): a span for each request, and one for each of its stages.
//!
//! Spans are made of what was measured anyway, when a request has ended, and put into a queue of the
//! SDK; a thread of its own sends them. Where that is full, or nobody takes them, they are dropped.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use opentelemetry::propagation::TextMapPropagator as _;
use opentelemetry::trace::{
    Span as _, SpanBuilder, SpanKind, Status, TraceContextExt as _, Tracer as _,
    TracerProvider as _,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use tokio::runtime::Handle;
use url::Url;

use crate::config::ConfigError;
use crate::runtime::tls;
use crate::runtime::trace::{TraceSink, Traced};

/// For one batch, by the specification's default.
const TIMEOUT: Duration = Duration::from_secs(10);

/// What is left at the end is sent within this time or not at all.
const LAST_SPANS: Duration = Duration::from_secs(3);

/// Of a collector's reply no more is read: it says how many spans it did not take.
const LONGEST_REPLY: usize = 64 << 10;

/// Sends what it is told to one collector.
pub(crate) struct Traces {
    provider: SdkTracerProvider,
    tracer: SdkTracer,
}

impl Traces {
    /// Begins to send to the collector at this base address. What the environment says in
    /// `OTEL_EXPORTER_OTLP_HEADERS`, `OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES`,
    /// `OTEL_TRACES_SAMPLER` and `OTEL_BSP_…` holds. Must be called on a runtime.
    pub(crate) fn install(endpoint: &Url) -> Result<Self, ConfigError> {
        let invalid = |reason: String| ConfigError::Invalid {
            name: "--otlp-endpoint",
            reason: format!("no traces can be sent there: {reason}; leave it out to send none"),
        };
        let collector = Collector::new(endpoint).map_err(|error| invalid(error.to_string()))?;
        let address = format!("{}/v1/traces", endpoint.as_str().trim_end_matches('/'));
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(collector)
            .with_endpoint(address)
            .with_timeout(TIMEOUT)
            .build()
            .map_err(|error| invalid(error.to_string()))?;
        let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
        let mut resource = Resource::builder().with_attribute(version);
        if std::env::var_os("OTEL_SERVICE_NAME").is_none() {
            resource = resource.with_service_name("wattwise");
        }
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_resource(resource.build())
            .build();
        let tracer = provider.tracer("wattwise");
        Ok(Self { provider, tracer })
    }

    /// Where requests that have ended are told.
    pub(crate) fn sink(&self) -> TraceSink {
        let tracer = self.tracer.clone();
        Arc::new(move |traced| record(&tracer, &traced))
    }

    /// Sends what is left; waits for that, so not on an async thread.
    pub(crate) fn close(&self) {
        if let Err(error) = self.provider.shutdown_with_timeout(LAST_SPANS) {
            tracing::debug!(%error, "the last traces were not sent");
        }
    }
}

/// Makes the spans of a request, with the names and attributes of OpenTelemetry's semantic conventions
/// for HTTP servers.
fn record(tracer: &SdkTracer, traced: &Traced) {
    let caller: HashMap<String, String> = traced
        .caller
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.clone()))
        .collect();
    let parent = TraceContextPropagator::new().extract_with_context(&Context::new(), &caller);
    let mut attributes = vec![
        KeyValue::new("http.request.method", traced.method.clone()),
        KeyValue::new("http.route", traced.route),
        KeyValue::new("wattwise.request.id", traced.request_id.clone()),
    ];
    if let Some(status) = traced.status {
        attributes.push(KeyValue::new(
            "http.response.status_code",
            i64::from(status),
        ));
    }
    let request = SpanBuilder::from_name(format!("{} {}", traced.method, traced.route))
        .with_kind(SpanKind::Server)
        .with_start_time(traced.began)
        .with_attributes(attributes);
    let mut request = tracer.build_with_context(request, &parent);
    if !request.is_recording() {
        return;
    }
    match traced.status {
        Some(500..) => request.set_status(Status::error("")),
        None => request.set_attribute(KeyValue::new("error.type", "client_left")),
        Some(_) => {}
    }
    let inside = parent.with_remote_span_context(request.span_context().clone());
    for (after, stage) in &traced.stages {
        let begun = traced.began + *after;
        let busy = KeyValue::new("wattwise.stage.busy_seconds", stage.took.as_secs_f64());
        let span = SpanBuilder::from_name(stage.name)
            .with_kind(SpanKind::Internal)
            .with_start_time(begun)
            .with_attributes([busy]);
        let mut span = tracer.build_with_context(span, &inside);
        span.end_with_timestamp(begun + stage.ended.duration_since(stage.begun));
    }
    request.end_with_timestamp(traced.began + traced.took);
}

/// Sends batches on the program's own runtime: the SDK's thread has none.
#[derive(Debug)]
struct Collector {
    client: reqwest::Client,
    runtime: Handle,
    /// As it may be shown.
    site: String,
    is_away: AtomicBool,
}

impl Collector {
    fn new(endpoint: &Url) -> reqwest::Result<Self> {
        tls::install_provider();
        let client = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        Ok(Self {
            client,
            runtime: Handle::current(),
            site: endpoint.origin().ascii_serialization(),
            is_away: AtomicBool::new(false),
        })
    }

    /// Says once that traces are lost, and once that they are not.
    fn note(&self, fault: Option<&str>) {
        let was_away = self.is_away.swap(fault.is_some(), Ordering::Relaxed);
        match fault {
            Some(fault) if !was_away => tracing::warn!(
                "traces are dropped: {} does not take them: {fault}",
                self.site
            ),
            None if was_away => tracing::info!("{} takes traces again", self.site),
            Some(_) | None => {}
        }
    }
}

#[async_trait::async_trait]
impl HttpClient for Collector {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let sent = exchange(self.client.clone(), request);
        let outcome = self.runtime.spawn(sent).await.map_err(HttpError::from);
        let outcome = outcome.and_then(|outcome| outcome);
        match &outcome {
            Ok(response) if response.status().is_success() => self.note(None),
            Ok(response) => self.note(Some(response.status().as_str())),
            Err(error) => self.note(Some(&innermost(error.as_ref()))),
        }
        outcome
    }
}

async fn exchange(
    client: reqwest::Client,
    request: Request<Bytes>,
) -> Result<Response<Bytes>, HttpError> {
    let mut reply = client.execute(request.try_into()?).await?;
    let mut body = Vec::new();
    while body.len() < LONGEST_REPLY
        && let Some(piece) = reply.chunk().await?
    {
        body.extend_from_slice(&piece);
    }
    let response = Response::builder().status(reply.status());
    Ok(response.body(body.into())?)
}

fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}
