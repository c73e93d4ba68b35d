//! What is the same for everybody: pages, redirects, the description of the interface.

use axum::http::StatusCode;

use super::tests::{App, header, json};
use super::{ServerLimits, router};

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
