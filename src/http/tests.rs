//! The router in process: what belongs to every request rather than to one route. What the routes
//! give is in `tests/it/contract`.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Request, StatusCode, Version};
use axum::response::Response;
use futures::executor::block_on;
use serde_json::Value;

use super::router::Application;
use super::*;
use crate::assistant::access::Access;
use crate::assistant::{AssistantError, fixture};
use crate::model::KeyHash;

pub(super) struct App {
    application: Application,
    _directory: tempfile::TempDir,
}

impl App {
    pub(super) fn new(key: Option<&str>, limits: ServerLimits) -> Self {
        Self::with(key, limits, application)
    }

    fn with(
        key: Option<&str>,
        limits: ServerLimits,
        application: impl FnOnce(AppState) -> Application,
    ) -> Self {
        Self::open_to(&[], key, limits, application)
    }

    fn open_to(
        origins: &[&str],
        key: Option<&str>,
        limits: ServerLimits,
        application: impl FnOnce(AppState) -> Application,
    ) -> Self {
        Self::known_as(None, origins, key, limits, application)
    }

    pub(super) fn known_as(
        known_hosts: Option<KnownHosts>,
        origins: &[&str],
        key: Option<&str>,
        limits: ServerLimits,
        application: impl FnOnce(AppState) -> Application,
    ) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (assistant, store) = fixture::assistant(directory.path());
        let admin = fixture::admin(directory.path(), &assistant, &store);
        let operator = key.map(|key| KeyHash::of(key.as_bytes()));
        let access = block_on(Access::open(store, operator)).unwrap();
        let state = AppState::new(Parts {
            assistant,
            access: Arc::new(access),
            limits,
            known_hosts,
            cors_origins: origins.iter().map(|origin| (*origin).to_owned()).collect(),
            admin: Some(admin),
            lists_sources: true,
            figures: None,
            traces: None,
            servers: Arc::default(),
        });
        Self {
            application: application(state),
            _directory: directory,
        }
    }

    pub(super) async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Response {
        self.send_with(method, path, headers, Body::empty()).await
    }

    pub(super) async fn send_with(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Body,
    ) -> Response {
        let mut request = Request::builder().method(method).uri(path);
        if headers.iter().all(|(name, _)| *name != "host") {
            request = request.header("host", "localhost");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.application.answer(request.body(body).unwrap()).await
    }
}

pub(super) async fn json(response: Response) -> Value {
    let bytes = axum::body::to_bytes(response.into_body(), 10 << 20)
        .await
        .unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

pub(super) fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response
        .headers()
        .get(name)
        .map_or("", |value| value.to_str().unwrap())
}

#[tokio::test]
async fn without_a_key_nothing_but_health_answers() {
    let app = App::new(Some("secret"), ServerLimits::default());
    for (method, path) in [
        ("POST", "/get_session_id"),
        ("GET", "/get_session_id"),
        ("GET", "/version"),
        ("GET", "/docs"),
        ("GET", "/openapi.json"),
        ("GET", "/nothing"),
        ("GET", "/healthz/"),
    ] {
        let response = app
            .send(method, path, &[("authorization", "Bearer wrong")])
            .await;
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{path}");
        assert_eq!(header(&response, "www-authenticate"), "Bearer");
        assert!(!header(&response, "x-request-id").is_empty());
        assert_eq!(json(response).await["detail"], "Not authenticated");
    }
    for path in ["/healthz", "/readyz", "/%68ealthz"] {
        assert_eq!(
            app.send("GET", path, &[]).await.status(),
            StatusCode::OK,
            "{path}"
        );
    }
    let response = app
        .send("POST", "/get_session_id", &[("authorization", "secret")])
        .await;
    assert_eq!(response.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_request_has_one_host() {
    let app = App::new(None, ServerLimits::default());
    for path in ["/version", "/healthz"] {
        let hosts = [("host", "localhost"), ("host", "other.example")];
        let twice = app.send("GET", path, &hosts).await;
        assert_eq!(twice.status(), StatusCode::BAD_REQUEST, "{path}");
        let nameless = Request::get(path).body(Body::empty()).unwrap();
        let nameless = app.application.answer(nameless).await;
        assert_eq!(nameless.status(), StatusCode::BAD_REQUEST, "{path}");
        // Before HTTP/1.1 there was no such header, after it there is a better place.
        for version in [Version::HTTP_10, Version::HTTP_2] {
            let other = Request::get(path).version(version).body(Body::empty());
            let other = app.application.answer(other.unwrap()).await;
            assert_eq!(other.status(), StatusCode::OK, "{path} {version:?}");
        }
    }
}

#[tokio::test]
async fn head_gets_no_body_even_where_it_is_refused() {
    let app = App::new(Some("secret"), ServerLimits::default());
    for (path, status) in [("/version", 401), ("/v1/models", 401), ("/healthz", 200)] {
        let get = app.send("GET", path, &[]).await;
        let head = app.send("HEAD", path, &[]).await;
        assert_eq!(
            (head.status(), get.status().as_u16()),
            (get.status(), status)
        );
        let length = |response: Response| async {
            let bytes = axum::body::to_bytes(response.into_body(), 1 << 20).await;
            bytes.unwrap().len()
        };
        let told = header(&head, "content-length").to_owned();
        assert_eq!(length(head).await, 0, "{path}");
        assert_eq!(told, length(get).await.to_string(), "{path}");
    }
}

#[tokio::test]
async fn the_headers_of_a_plain_reply_fit_in_the_first_block_of_a_map() {
    let app = App::new(None, ServerLimits::default());
    let mut map = HeaderMap::new();
    map.insert("host", HeaderValue::from_static("localhost"));
    for (method, path) in [("POST", "/get_session_id"), ("GET", "/version")] {
        let response = app.send(method, path, &[]).await;
        assert_eq!(response.status(), StatusCode::OK);
        let headers = response.headers();
        assert_eq!(headers.capacity(), map.capacity(), "{path}: {headers:?}");
    }
}

#[tokio::test]
async fn every_reply_has_the_common_headers() {
    let app = App::new(None, ServerLimits::default());
    for (method, path) in [
        ("POST", "/get_session_id"),
        ("GET", "/ask"),
        ("POST", "/ask"),
        ("GET", "/none"),
        ("GET", "/docs/"),
    ] {
        let response = app.send(method, path, &[("x-request-id", "mine-1")]).await;
        assert_eq!(header(&response, "x-request-id"), "mine-1", "{path}");
        assert!(!header(&response, "x-snapshot-id").is_empty(), "{path}");
        assert_eq!(header(&response, "cache-control"), "no-store", "{path}");
        assert_eq!(
            header(&response, "x-content-type-options"),
            "nosniff",
            "{path}"
        );
    }
}

#[tokio::test]
async fn more_requests_than_allowed_are_refused_at_once() {
    let limits = ServerLimits {
        max_concurrent_requests: 0,
        ..ServerLimits::default()
    };
    let app = App::new(None, limits);
    let response = app.send("POST", "/get_session_id", &[]).await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(header(&response, "retry-after"), "1");
    assert_eq!(
        app.send("GET", "/healthz", &[]).await.status(),
        StatusCode::OK
    );
}

#[tokio::test]
async fn a_body_that_does_not_come_ends_in_time() {
    let limits = ServerLimits {
        request_timeout: std::time::Duration::from_millis(50),
        ..ServerLimits::default()
    };
    let app = App::new(None, limits);
    let never = Body::from_stream(futures::stream::pending::<Result<Vec<u8>, std::io::Error>>());
    let request = Request::post("/save_records").header("host", "localhost");
    let response = app.application.answer(request.body(never).unwrap()).await;
    assert_eq!(response.status(), StatusCode::GATEWAY_TIMEOUT);
    assert_eq!(json(response).await["detail"], "The request took too long");
}

#[tokio::test]
async fn other_sites_pages_may_call_only_if_they_are_named() {
    let site = ("origin", "https://app.example.org");
    let asks = ("access-control-request-method", "POST");
    let limits = ServerLimits::default();
    let app = App::open_to(&[site.1], Some("secret"), limits, application);
    let asked = app.send("OPTIONS", "/ask", &[site, asks]).await;
    assert_eq!(asked.status(), StatusCode::NO_CONTENT);
    assert_eq!(header(&asked, "access-control-allow-origin"), site.1);
    assert!(header(&asked, "access-control-allow-headers").contains("authorization"));
    assert!(header(&asked, "access-control-allow-methods").contains("POST"));
    assert_eq!(header(&asked, "access-control-allow-credentials"), "");
    let key = ("authorization", "secret");
    let reply = app.send("POST", "/get_session_id", &[site, key]).await;
    assert_eq!(reply.status(), StatusCode::OK);
    assert_eq!(header(&reply, "access-control-allow-origin"), site.1);
    assert!(header(&reply, "access-control-expose-headers").contains("x-request-id"));
    assert_eq!(header(&reply, "vary"), "origin");
    // A page may read why it was refused.
    let refused = app.send("POST", "/get_session_id", &[site]).await;
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(header(&refused, "access-control-allow-origin"), site.1);
    // Asking is no way around the key.
    let options = app.send("OPTIONS", "/ask", &[site]).await;
    assert_eq!(options.status(), StatusCode::UNAUTHORIZED);

    let closed = App::new(Some("secret"), limits);
    for (app, origin) in [
        (&app, "https://app.example.org.evil.test"),
        (&app, "http://app.example.org"),
        (&app, "null"),
        (&closed, site.1),
    ] {
        let asked = app
            .send("OPTIONS", "/ask", &[("origin", origin), asks])
            .await;
        assert_eq!(asked.status(), StatusCode::UNAUTHORIZED, "{origin}");
        let reply = app.send("POST", "/ask", &[("origin", origin), key]).await;
        for name in [
            "access-control-allow-origin",
            "access-control-expose-headers",
        ] {
            assert_eq!(header(&reply, name), "", "{origin}");
        }
    }
}

#[tokio::test]
async fn pages_are_locked_in() {
    let app = App::new(None, ServerLimits::default());
    for path in [
        "/status",
        "/docs",
        "/redoc",
        "/docs/oauth2-redirect",
        "/docs/index.html",
    ] {
        let page = app.send("GET", path, &[]).await;
        let policy = header(&page, "content-security-policy");
        for part in [
            "default-src 'none'",
            "frame-ancestors 'none'",
            "script-src 'self';",
        ] {
            assert!(policy.contains(part), "{path}: {policy}");
        }
        assert_eq!(header(&page, "referrer-policy"), "no-referrer");
        assert_eq!(header(&page, "x-frame-options"), "DENY");
        assert_eq!(header(&page, "x-content-type-options"), "nosniff");
    }
}

#[tokio::test]
async fn redirects_name_the_host_only_if_it_is_one() {
    let app = App::new(None, ServerLimits::default());
    for (host, proto, location) in [
        ("a.test:8000", "", "http://a.test:8000/ask?x=1"),
        ("a.test", "https", "https://a.test/ask?x=1"),
        ("a.test/evil", "", "/ask?x=1"),
        ("", "", "/ask?x=1"),
    ] {
        let response = app
            .send(
                "POST",
                "/ask/?x=1",
                &[("host", host), ("x-forwarded-proto", proto)],
            )
            .await;
        assert_eq!(response.status(), StatusCode::TEMPORARY_REDIRECT);
        assert_eq!(header(&response, "location"), location);
    }
}

#[tokio::test]
async fn everything_the_reference_page_loads_is_there() {
    let app = App::new(None, ServerLimits::default());
    let page = app.send("GET", "/docs", &[]).await;
    let html = String::from_utf8(
        axum::body::to_bytes(page.into_body(), 1 << 20)
            .await
            .unwrap()
            .to_vec(),
    )
    .unwrap();
    assert!(html.contains("<base href=\"/docs/\">"));
    let assets: Vec<&str> = html
        .split(['"'])
        .filter(|part| {
            [".css", ".js", ".png"]
                .iter()
                .any(|extension| part.ends_with(extension))
        })
        .collect();
    assert!(assets.len() >= 4, "{assets:?}");
    for asset in assets {
        let path = format!("/docs/{}", asset.trim_start_matches("./"));
        let response = app.send("GET", &path, &[]).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        assert_eq!(header(&response, "cache-control"), "max-age=3600");
    }
}

#[tokio::test]
async fn the_description_and_the_routes_agree() {
    let app = App::new(None, ServerLimits::default());
    let described = json(app.send("GET", "/openapi.json", &[]).await).await;
    let paths = described["paths"].as_object().unwrap();
    let operations: Vec<&str> = paths
        .values()
        .flat_map(|path| path.as_object().unwrap().values())
        .map(|operation| operation["operationId"].as_str().unwrap())
        .collect();
    let names: std::collections::BTreeSet<_> = operations.iter().collect();
    assert_eq!(names.len(), operations.len(), "each has a name of its own");
    let kinds = described.pointer("/paths/~1documents/get/parameters");
    assert!(
        kinds.unwrap().to_string().contains("|docx|"),
        "filters know every kind: {kinds:?}"
    );
    let described: Vec<&String> = paths.keys().collect();
    let undescribed = [
        "/",
        "/status",
        "/assets/{version}/{file}",
        "/save_record",
        // Described by the protocol that it speaks.
        "/mcp",
        "/openapi.json",
        "/docs",
        "/redoc",
        "/docs/oauth2-redirect",
        "/docs/{file}",
    ];
    let routed: Vec<&str> = router::route_table()
        .iter()
        .map(|route| route.known.path)
        .collect();
    for path in &described {
        assert!(
            routed.contains(&path.as_str()),
            "{path} is described and not there"
        );
    }
    for path in routed {
        let is_described = described.iter().any(|described| *described == path);
        assert_ne!(is_described, undescribed.contains(&path), "{path}");
    }
}

#[tokio::test]
async fn a_failure_inside_shows_its_id_and_nothing_else() {
    async fn panics() {
        panic!("hidden words");
    }
    async fn fails() -> error::ApiError {
        AssistantError::Internal("hidden words".to_owned()).into()
    }
    let app = App::with(None, ServerLimits::default(), |state| {
        let routed = axum::Router::new()
            .route("/panics", axum::routing::get(panics))
            .route("/fails", axum::routing::get(fails));
        Application::new(state, routed)
    });
    for path in ["/panics", "/fails"] {
        let response = app.send("GET", path, &[("x-request-id", "id-42")]).await;
        assert_eq!(
            response.status(),
            StatusCode::INTERNAL_SERVER_ERROR,
            "{path}"
        );
        assert_eq!(header(&response, "x-request-id"), "id-42");
        assert_eq!(header(&response, "content-type"), "application/json");
        let body = json(response).await.to_string();
        assert!(body.contains("id-42") && !body.contains("hidden"), "{body}");
    }
}
