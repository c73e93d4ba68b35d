//! The operator's view in process: who gets in, and what the lists say.

use axum::body::Body;
use axum::http::StatusCode;
use axum::response::Response;

use super::tests::{App, header, json};
use super::*;

/// Routes of the operator's view that read.
const ADMIN_ROUTES: [&str; 6] = [
    "/admin/generations",
    "/admin/documents",
    "/admin/last_run",
    "/admin/unanswered",
    "/admin/bad_answers",
    "/admin/figures",
];

/// An application that only this machine reaches.
fn on_loopback(key: Option<&str>) -> App {
    let known = Some(KnownHosts::with(Vec::new()));
    App::known_as(known, &[], key, ServerLimits::default(), application)
}

#[tokio::test]
async fn the_operators_view_is_for_operators() {
    let own = on_loopback(None);
    let in_the_open = App::new(None, ServerLimits::default());
    let keyed = on_loopback(Some("secret"));
    for path in ADMIN_ROUTES {
        let status = |response: Response| response.status().as_u16();
        assert_eq!(status(own.send("GET", path, &[]).await), 200, "{path}");
        assert_eq!(status(keyed.send("GET", path, &[]).await), 401, "{path}");
        let key = [("x-api-key", "secret")];
        assert_eq!(status(keyed.send("GET", path, &key).await), 200, "{path}");
        let foreign = [("sec-fetch-site", "cross-site")];
        assert_eq!(status(own.send("GET", path, &foreign).await), 403, "{path}");
        let refused = in_the_open.send("GET", path, &[]).await;
        assert_eq!(refused.status(), StatusCode::FORBIDDEN, "{path}");
        let detail = json(refused).await["detail"].to_string();
        assert!(detail.contains("wattwise keys create"), "{detail}");
    }
    // The page itself holds nothing.
    for app in [own, in_the_open, keyed] {
        let page = app.send("GET", "/status", &[]).await;
        assert_eq!(page.status(), StatusCode::OK);
        assert!(header(&page, "content-security-policy").starts_with("default-src 'none'"));
    }
}

#[tokio::test]
async fn a_generation_is_made_live_by_the_operator_and_by_no_page_of_another_site() {
    let app = on_loopback(None);
    let listed = json(app.send("GET", "/admin/generations", &[]).await).await;
    let live = &listed["generations"][0];
    assert_eq!(live["state"], "live");
    assert!(live["bytes"].as_u64().unwrap() > 1000, "{live}");
    assert_eq!(live["documents"], 6);
    let id = live["generation"].as_str().unwrap();
    let send = async |headers: &[(&str, &str)], id: &str| {
        let body = Body::from(format!("{{\"generation\":\"{id}\"}}"));
        let reply = app.send_with("POST", "/admin/rollback", headers, body);
        reply.await.status().as_u16()
    };
    let typed = ("content-type", "application/json");
    assert_eq!(send(&[typed], id).await, 200);
    assert_eq!(send(&[typed], "20200101T000000Z-00000000").await, 404);
    assert_eq!(send(&[typed], "../escape").await, 404);
    // As the scripts and the forms of other sites would send it.
    assert_eq!(send(&[], id).await, 415);
    for foreign in [
        ("origin", "https://evil.example"),
        ("sec-fetch-site", "cross-site"),
    ] {
        assert_eq!(send(&[typed, foreign], id).await, 403, "{foreign:?}");
        let bare = app.send("POST", "/admin/rollback", &[foreign]).await;
        assert!(bare.status().is_client_error());
    }
}

#[tokio::test]
async fn sources_are_listed_by_state_and_text_in_pages() {
    let app = on_loopback(None);
    let list = async |query: &str| {
        let path = format!("/admin/documents?{query}");
        json(app.send("GET", &path, &[]).await).await
    };
    let all = list("").await;
    assert_eq!(all["total"], 6);
    assert_eq!(all["documents"][0]["state"], "fresh");
    assert!(all["documents"][0]["chunks"].as_u64().unwrap() > 0);
    let page = list("skip=4&limit=1").await;
    assert_eq!(page["documents"][0], all["documents"][4]);
    assert_eq!(page["documents"].as_array().unwrap().len(), 1);
    let found = list("q=GUIDE-3").await;
    assert_eq!(
        (&found["total"], &found["documents"][0]["source"]),
        (&1.into(), &"guide-3.txt".into())
    );
    assert_eq!(list("state=failed").await["total"], 0);
    let wrong = app.send("GET", "/admin/documents?state=odd", &[]).await;
    assert_eq!(wrong.status(), StatusCode::UNPROCESSABLE_ENTITY);
}
