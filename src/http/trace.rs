//! A request as a tracing system is told of it, from its head until the client has its reply.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use axum::extract::Request;
use axum::response::Response;

use super::AppState;
use super::route::{HEALTH_PATHS, Known};
use crate::runtime::stages::Stages;
use crate::runtime::trace::{TraceSink, Traced};

/// The headers of W3C Trace Context.
const CALLER: [&str; 2] = ["traceparent", "tracestate"];

/// Tells of the request when it is dropped: with the last of the reply, or where the client left.
pub(super) struct Trace {
    sink: TraceSink,
    begun: Instant,
    stages: Stages,
    /// Without what is known only at the end.
    told: Traced,
}

impl Trace {
    /// `None` where nobody is told, and of health checks.
    pub(super) fn begin(
        state: &AppState,
        request: &Request,
        route: Option<&'static Known>,
        id: &str,
        stages: &Stages,
        begun: Instant,
    ) -> Option<Self> {
        let sink = state.traces()?;
        let route = route.map_or("none", |route| route.path);
        if HEALTH_PATHS.contains(&route) {
            return None;
        }
        let header = |name| {
            let value = request.headers().get(name)?.to_str().ok()?;
            Some((name, value.to_owned()))
        };
        Some(Self {
            sink: Arc::clone(sink),
            begun,
            stages: stages.clone(),
            told: Traced {
                method: request.method().to_string(),
                route,
                status: None,
                request_id: id.to_owned(),
                caller: CALLER.into_iter().filter_map(header).collect(),
                began: SystemTime::now(),
                took: begun.elapsed(),
                stages: Vec::new(),
            },
        })
    }

    /// Goes on as long as the reply, which carries it to where it is given out.
    pub(super) fn end_with(mut self, response: &mut Response) {
        self.told.status = Some(response.status().as_u16());
        response.extensions_mut().insert(Arc::new(self));
    }
}

impl Drop for Trace {
    fn drop(&mut self) {
        let mut told = self.told.clone();
        told.took = self.begun.elapsed();
        let stages = self.stages.all().into_iter();
        told.stages = stages
            .map(|stage| (stage.begun.saturating_duration_since(self.begun), stage))
            .collect();
        (self.sink)(told);
    }
}
