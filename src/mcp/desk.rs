//! Who is served, and what they may do.

use std::sync::Arc;

use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer};

use crate::assistant::Assistant;
use crate::assistant::access::Caller;
use crate::model::Scope;

/// Answers one program.
#[derive(Clone)]
pub struct McpServer {
    pub(super) assistant: Arc<Assistant>,
    /// Who calls, where it is not the request that says so.
    caller: Option<Caller>,
}

impl McpServer {
    /// For the user's own process.
    pub fn of_user(assistant: Arc<Assistant>) -> Self {
        Self {
            assistant,
            caller: Some(Caller::OPERATOR),
        }
    }

    /// For requests that carry their caller.
    pub(super) fn of_callers(assistant: Arc<Assistant>) -> Self {
        Self {
            assistant,
            caller: None,
        }
    }

    /// The caller, if they may do what needs `scope`.
    pub(super) fn admit(
        &self,
        context: &RequestContext<RoleServer>,
        scope: Scope,
    ) -> Result<Caller, ErrorData> {
        let parts = context.extensions.get::<axum::http::request::Parts>();
        let of_request = parts.and_then(|parts| parts.extensions.get::<Caller>());
        let caller = self.caller.or(of_request.copied());
        caller
            .filter(|caller| caller.scopes.allow(scope))
            .ok_or_else(|| {
                let message = format!("this key lacks the scope {}", scope.as_str());
                ErrorData::invalid_request(message, None)
            })
    }
}
