//! What each error is told as.

use super::*;
use crate::store::StoreError;

/// An error, its status, and the header that belongs to it.
type Row = (ApiError, u16, Option<(&'static str, &'static str)>);

fn of_requests() -> Vec<Row> {
    vec![
        (ApiError::Invalid(Problems::default()), 422, None),
        (ApiError::UnreadableBody, 400, None),
        (
            ApiError::CompressedBody,
            415,
            Some(("accept-encoding", "identity")),
        ),
        (ApiError::BodyTooLarge { max_bytes: 5 }, 413, None),
        (
            ApiError::NotAuthenticated,
            401,
            Some(("www-authenticate", "Bearer")),
        ),
        (ApiError::NotFound, 404, None),
        (
            ApiError::NoModel {
                name: "x".into(),
                there: "wattwise",
            },
            404,
            None,
        ),
        (ApiError::NoResponse { id: "x".into() }, 400, None),
        (
            ApiError::MethodNotAllowed("POST"),
            405,
            Some(("allow", "POST")),
        ),
        (ApiError::Busy, 503, Some(("retry-after", "1"))),
        (ApiError::Forbidden { scope: "chat" }, 403, None),
        (ApiError::ForeignSite { origin: None }, 403, None),
        (ApiError::NotJson, 415, None),
        (ApiError::TooManyRequests, 429, None),
        (ApiError::BodyTooSlow, 408, None),
        (ApiError::TimedOut, 504, Some(("retry-after", "1"))),
    ]
}

fn of_the_assistant() -> Vec<Row> {
    vec![
        (AssistantError::SessionFull.into(), 409, None),
        (AssistantError::KeyReused.into(), 422, None),
        (AssistantError::SessionNotFound.into(), 404, None),
        (AssistantError::CitationNotFound.into(), 404, None),
        (AssistantError::DocumentNotFound.into(), 404, None),
        (AssistantError::NoFile.into(), 404, None),
        (
            AssistantError::Overloaded.into(),
            503,
            Some(("retry-after", "1")),
        ),
        (
            AssistantError::Store(StoreError::Closed).into(),
            503,
            Some(("retry-after", "1")),
        ),
        (
            AssistantError::Embedder("secret".into()).into(),
            503,
            Some(("retry-after", "1")),
        ),
        (
            AssistantError::Index("secret".into()).into(),
            503,
            Some(("retry-after", "1")),
        ),
        (AssistantError::Internal("secret".into()).into(), 500, None),
        (
            AssistantError::from(StoreError::NoRoom { reason: "full" }).into(),
            507,
            None,
        ),
        (AssistantError::from(lost()).into(), 503, None),
        (
            AssistantError::Silent {
                part: "index",
                seconds: 5,
            }
            .into(),
            503,
            Some(("retry-after", "1")),
        ),
    ]
}

#[test]
fn each_error_has_its_status() {
    for (error, status, extra) in of_requests().into_iter().chain(of_the_assistant()) {
        let name = format!("{error:?}");
        let response = error.into_response();
        assert_eq!(response.status().as_u16(), status, "{name}");
        for header in [
            "www-authenticate",
            "allow",
            "retry-after",
            "accept-encoding",
        ] {
            let value = response
                .headers()
                .get(header)
                .map(|value| value.to_str().unwrap());
            assert_eq!(
                value,
                extra
                    .filter(|(name, _)| *name == header)
                    .map(|(_, value)| value),
                "{name}"
            );
        }
    }
}

fn lost() -> StoreError {
    StoreError::Lost {
        path: "/srv/state/wattwise.sqlite3".into(),
        fate: "was deleted",
    }
}

#[test]
fn what_is_full_or_gone_is_told_without_a_path() {
    let sentence = |error: StoreError| {
        let sentence = ApiError::from(AssistantError::from(error)).sentence();
        sentence.as_str().unwrap().to_owned()
    };
    let full = sentence(StoreError::NoRoom {
        reason: "the disk is full",
    });
    assert!(full.starts_with("The session store takes no more: the disk is full"));
    let lost = sentence(lost());
    assert!(lost.contains("deleted or replaced") && !lost.contains("srv"));
}

#[test]
fn the_client_learns_no_details_and_the_log_all_of_them() {
    let engine = StoreError::Engine {
        action: "append",
        reason: "disk full".to_owned(),
    };
    let error = ApiError::from(AssistantError::Store(engine));
    assert_eq!(error.sentence(), "The session store is not available");
    let failure = error
        .into_response()
        .extensions()
        .get::<FailureDetails>()
        .cloned()
        .unwrap();
    assert!(failure.0.contains("disk full"), "{}", failure.0);
    assert!(
        !ApiError::from(AssistantError::Internal("secret".into()))
            .sentence()
            .to_string()
            .contains("secret")
    );
}
