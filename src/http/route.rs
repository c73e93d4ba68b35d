//! What is known of a route before a request is routed.

use crate::model::Scope;

/// Addresses that answer without a key and under any load.
pub(super) const HEALTH_PATHS: [&str; 2] = ["/healthz", "/readyz"];

/// What is known of a route before a request is routed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known {
    /// Segments in braces stand for any.
    pub(super) path: &'static str,
    /// What a key must hold; any key will do where there is none.
    pub(super) scope: Option<Scope>,
    /// What a POST brings along.
    pub(super) takes: Takes,
    /// Whether it is the same for everybody and asks for no key.
    pub(super) is_open: bool,
}

/// The body of a POST.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Takes {
    /// None, or one that is not read.
    Nothing,
    /// JSON, which the routes of the original application take without a content type too.
    Json {
        /// Whether it may come without a type.
        untyped: bool,
    },
}
