//! What a tracing system is told of a request, in types that need none.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::stages::Stage;

/// Takes requests that have ended; must not wait.
pub(crate) type TraceSink = Arc<dyn Fn(Traced) + Send + Sync>;

/// A request that has ended.
#[derive(Debug, Clone)]
pub(crate) struct Traced {
    /// HTTP's method.
    pub method: String,
    /// The route's pattern, never an address that a client made up.
    pub route: &'static str,
    /// `None` where the client left before there was a reply.
    pub status: Option<u16>,
    /// The id that the reply and the log carry.
    pub request_id: String,
    /// The caller's headers `traceparent` and `tracestate` (W3C Trace Context), as they came.
    pub caller: Vec<(&'static str, String)>,
    /// When its head was there.
    pub began: SystemTime,
    /// Until the client had its reply, or went.
    pub took: Duration,
    /// Its stages, each with its beginning in the time of the request.
    pub stages: Vec<(Duration, Stage)>,
}
