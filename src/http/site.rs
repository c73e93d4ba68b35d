//! Which site's page is behind a request, as browsers tell it.
//!
//! A page of any site can send this server requests that need no preflight; it cannot read the
//! replies, but what it sent would be kept, answered and paid for. A key stops it, since pages know
//! none; without keys only these headers do, which no page can set: `Sec-Fetch-Site` (W3C Fetch
//! Metadata) where it is there, else `Origin` beside the name that the server was called by.

use axum::extract::Request;
use axum::http::uri::{Authority, Uri};
use axum::http::{HeaderMap, HeaderValue, Method, header};

use super::cors::Cors;

/// Where a request comes from.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Site {
    /// No page, or one of this server's own.
    Own,
    /// A page of a site that the operator has named.
    Named,
    /// A page of another site, with its name if the browser tells it.
    Foreign(Option<String>),
}

impl Site {
    /// The site behind `request`. A page that only shows itself when a reader follows a link may be
    /// opened from anywhere: `is_page`.
    pub(super) fn of(request: &Request, cors: Option<&Cors>, is_page: bool) -> Self {
        let headers = request.headers();
        let origins = headers.get_all(header::ORIGIN);
        let mut origins = origins.iter();
        let (origin, more) = (origins.next(), origins.next());
        if more.is_none()
            && origin.is_some_and(|origin| cors.is_some_and(|cors| cors.names(origin)))
        {
            return Self::Named;
        }
        let is_foreign = match said(headers, "sec-fetch-site") {
            Some(b"same-origin") => more.is_some(),
            Some(b"cross-site") => !(is_page && is_visit(request)),
            Some(b"same-site") if !is_safe(request.method()) => true,
            _ => more.is_some() || origin.is_some_and(|origin| !is_own(origin, request)),
        };
        if !is_foreign {
            return Self::Own;
        }
        let name = origin.and_then(|origin| origin.to_str().ok());
        Self::Foreign(name.map(|name| name.chars().take(255).collect()))
    }
}

fn said<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a [u8]> {
    headers.get(name).map(HeaderValue::as_bytes)
}

fn is_safe(method: &Method) -> bool {
    [Method::GET, Method::HEAD].contains(method)
}

/// Whether a reader follows a link, so that the page fills the window and its address is shown.
fn is_visit(request: &Request) -> bool {
    let headers = request.headers();
    is_safe(request.method())
        && said(headers, "sec-fetch-mode") == Some(b"navigate")
        && said(headers, "sec-fetch-dest") == Some(b"document")
}

/// Whether an origin names this server as the request does. The scheme cannot be compared, because
/// a proxy in front may speak TLS.
fn is_own(origin: &HeaderValue, request: &Request) -> bool {
    let called = match request.uri().authority() {
        Some(authority) => Some(authority.clone()),
        None => said(request.headers(), "host").and_then(|host| Authority::try_from(host).ok()),
    };
    let origin = Uri::try_from(origin.as_bytes()).ok();
    let (Some(called), Some(origin)) = (called, origin) else {
        return false;
    };
    let default = match origin.scheme_str() {
        Some("http") => 80,
        Some("https") => 443,
        Some(_) | None => return false,
    };
    let place = |authority: &Authority| {
        let port = authority.port_u16().unwrap_or(default);
        (authority.host().to_ascii_lowercase(), port)
    };
    origin
        .authority()
        .is_some_and(|origin| place(origin) == place(&called))
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    fn site(method: &str, headers: &[(&str, &str)]) -> Site {
        let cors = Cors::new(&["https://app.example.org".to_owned()]);
        let mut request = Request::builder()
            .method(method)
            .uri("/chat")
            .header("host", "localhost:8000");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::empty()).unwrap();
        Site::of(&request, cors.as_ref(), false)
    }

    #[test]
    fn pages_of_other_sites_are_told_from_our_own_and_from_programs() {
        let own: [&[(&str, &str)]; 6] = [
            &[],
            &[("origin", "http://localhost:8000")],
            &[
                ("origin", "http://LOCALHOST:8000"),
                ("sec-fetch-site", "same-origin"),
            ],
            // The browser knows better than the name that a proxy has put there.
            &[
                ("origin", "https://assistant.example"),
                ("sec-fetch-site", "same-origin"),
            ],
            &[("sec-fetch-site", "none")],
            &[("sec-fetch-site", "odd")],
        ];
        for headers in own {
            assert_eq!(site("POST", headers), Site::Own, "{headers:?}");
        }
        let foreign: [&[(&str, &str)]; 10] = [
            &[("origin", "https://evil.example")],
            &[("origin", "null")],
            &[("origin", "")],
            &[("origin", "http://localhost:9000")],
            &[("origin", "http://localhost")],
            &[("origin", "file://localhost:8000")],
            &[
                ("origin", "http://localhost:8000"),
                ("origin", "https://evil.example"),
            ],
            &[("sec-fetch-site", "cross-site")],
            &[("sec-fetch-site", "same-site")],
            &[
                ("sec-fetch-site", "none"),
                ("origin", "https://evil.example"),
            ],
        ];
        for headers in foreign {
            assert!(
                matches!(site("POST", headers), Site::Foreign(_)),
                "{headers:?}"
            );
        }
        let named = [
            ("origin", "https://app.example.org"),
            ("sec-fetch-site", "cross-site"),
        ];
        assert_eq!(site("POST", &named), Site::Named);
    }

    #[test]
    fn only_a_page_may_be_visited_from_elsewhere() {
        let visit = |mode: &str, dest: &str, is_page| {
            let request = Request::get("/docs")
                .header("host", "localhost")
                .header("sec-fetch-site", "cross-site")
                .header("sec-fetch-mode", mode)
                .header("sec-fetch-dest", dest);
            Site::of(&request.body(Body::empty()).unwrap(), None, is_page) == Site::Own
        };
        assert!(visit("navigate", "document", true));
        assert!(!visit("navigate", "document", false));
        assert!(!visit("navigate", "iframe", true));
        assert!(!visit("no-cors", "image", true));
    }
}
