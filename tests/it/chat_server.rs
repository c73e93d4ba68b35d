//! A double of Ollama's and of OpenAI's chat API. It refuses what the real ones refuse: unknown
//! fields and roles, models that are not there, wrong keys.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use futures::{StreamExt, stream};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

pub(crate) const MODEL: &str = "llama3.2:1b";
pub(crate) const KEY: &str = "test-key";

/// How the double behaves to one request.
#[derive(Debug, Clone)]
pub(crate) enum Script {
    /// Says this, in pieces that cut characters in two.
    Says(&'static str),
    /// Refuses with this status and `Retry-After`.
    Refuses(u16, &'static str),
    /// Says this and then nothing more, without an end.
    Stalls(&'static str),
    /// Says this and drops the connection.
    BreaksOff(&'static str),
    /// Says the first, waits for a permit of [`ChatServer::gate`], says the second.
    Waits(&'static str, &'static str),
}

#[derive(Clone)]
struct Shared {
    scripts: Arc<Mutex<VecDeque<Script>>>,
    requests: Arc<Mutex<Vec<Value>>>,
    gate: Arc<Semaphore>,
    gone: Arc<Semaphore>,
}

pub(crate) struct ChatServer {
    /// Without a path; OpenAI's API is below `/v1`.
    pub(crate) url: String,
    shared: Shared,
}

impl ChatServer {
    /// Behaves as the scripts say, one a request; the last one is for all further ones.
    pub(crate) async fn start(scripts: &[Script]) -> Self {
        let shared = Shared {
            scripts: Arc::new(Mutex::new(scripts.iter().cloned().collect())),
            requests: Arc::default(),
            gate: Arc::new(Semaphore::new(0)),
            gone: Arc::new(Semaphore::new(0)),
        };
        let router = Router::new()
            .route("/api/chat", post(ollama_chat))
            .route("/api/tags", get(ollama_tags))
            .route("/v1/chat/completions", post(openai_chat))
            .route("/v1/models", get(openai_models))
            .with_state(shared.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, shared }
    }

    /// Bodies of the requests that were not refused.
    pub(crate) fn requests(&self) -> Vec<Value> {
        self.shared.requests.lock().unwrap().clone()
    }

    /// Lets one answer that waits go on.
    pub(crate) fn go_on(&self) {
        self.shared.gate.add_permits(1);
    }

    /// Waits until a client has left in the middle of an answer.
    pub(crate) async fn client_has_left(&self) {
        self.shared.gone.acquire().await.unwrap().forget();
    }
}

fn refuse(status: u16, body: Value) -> Response {
    (StatusCode::from_u16(status).unwrap(), Json(body)).into_response()
}

/// What is wrong with a request in the eyes of either API.
fn fault(body: &Value, fields: &[&str]) -> Option<String> {
    for field in body.as_object()?.keys() {
        if !fields.contains(&field.as_str()) {
            return Some(format!("unknown field {field}"));
        }
    }
    let messages = body["messages"].as_array()?;
    if messages.is_empty() || !body["stream"].is_boolean() {
        return Some("messages and stream are needed".to_owned());
    }
    messages.iter().find_map(|message| {
        let role = message["role"].as_str().unwrap_or_default();
        let is_known = ["system", "user", "assistant", "tool"].contains(&role);
        (!is_known || !message["content"].is_string()).then(|| format!("bad message {message}"))
    })
}

async fn ollama_tags() -> Json<Value> {
    Json(json!({"models": [{"name": MODEL, "modified_at": "2026-01-01T00:00:00Z", "size": 1}]}))
}

async fn ollama_chat(State(shared): State<Shared>, Json(body): Json<Value>) -> Response {
    let fields = ["model", "messages", "stream", "options", "keep_alive"];
    if let Some(fault) = fault(&body, &fields) {
        return refuse(400, json!({ "error": fault }));
    }
    for option in body["options"].as_object().into_iter().flatten() {
        if !["temperature", "num_ctx", "num_predict"].contains(&option.0.as_str()) {
            return refuse(
                400,
                json!({"error": format!("invalid option {}", option.0)}),
            );
        }
    }
    if !body["keep_alive"]
        .as_str()
        .is_some_and(|time| time.ends_with('s'))
    {
        return refuse(400, json!({"error": "time: missing unit in duration"}));
    }
    if body["model"] != MODEL {
        let error = format!("model '{}' not found", body["model"].as_str().unwrap());
        return refuse(404, json!({ "error": error }));
    }
    let wire = Wire {
        kind: "application/x-ndjson",
        piece: |said| ollama_line(said, false),
        end: ollama_line("", true),
        busy: json!({"error": "server busy, please try again.  maximum pending requests exceeded"}),
    };
    shared.answer(body, wire, |said| ollama_line(said, true))
}

fn ollama_line(said: &str, done: bool) -> String {
    let line = json!({
        "model": MODEL,
        "created_at": "2026-01-01T00:00:00Z",
        "message": {"role": "assistant", "content": said},
        "done": done,
    });
    format!("{line}\n")
}

async fn openai_models(headers: HeaderMap) -> Response {
    if !is_authorized(&headers) {
        return unauthorized();
    }
    Json(json!({"object": "list", "data": [{"id": MODEL, "object": "model"}]})).into_response()
}

fn is_authorized(headers: &HeaderMap) -> bool {
    headers
        .get(header::AUTHORIZATION)
        .is_some_and(|value| *value == format!("Bearer {KEY}"))
}

fn unauthorized() -> Response {
    let error = json!({"message": "Incorrect API key provided", "type": "invalid_request_error", "param": null, "code": "invalid_api_key"});
    refuse(401, json!({ "error": error }))
}

async fn openai_chat(
    State(shared): State<Shared>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Response {
    if !is_authorized(&headers) {
        return unauthorized();
    }
    let fields = ["model", "messages", "stream", "temperature", "max_tokens"];
    if let Some(fault) = fault(&body, &fields) {
        return refuse(400, json!({"error": {"message": fault}}));
    }
    if body["model"] != MODEL {
        let error = json!({"message": "The model does not exist", "code": "model_not_found"});
        return refuse(404, json!({ "error": error }));
    }
    let wire = Wire {
        kind: "text/event-stream",
        piece: |said| {
            let choice = json!({"index": 0, "delta": {"content": said}, "finish_reason": null});
            format!(
                "data: {}\n\n",
                json!({"object": "chat.completion.chunk", "choices": [choice]})
            )
        },
        end: format!(
            "data: {}\n\ndata: [DONE]\n\n",
            json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
        ),
        busy: json!({"error": {"message": "Rate limit reached", "type": "requests"}}),
    };
    shared.answer(body, wire, |said| {
        let message = json!({"role": "assistant", "content": said});
        json!({"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}).to_string()
    })
}

/// How an API writes a stream.
struct Wire {
    kind: &'static str,
    piece: fn(&str) -> String,
    end: String,
    busy: Value,
}

impl Shared {
    fn answer(&self, request: Value, wire: Wire, whole: impl Fn(&str) -> String) -> Response {
        let script = {
            let mut scripts = self.scripts.lock().unwrap();
            if scripts.len() > 1 {
                scripts.pop_front().unwrap()
            } else {
                scripts[0].clone()
            }
        };
        let is_stream = request["stream"] == true;
        self.requests.lock().unwrap().push(request);
        let (before, after, ends) = match script {
            Script::Refuses(status, retry_after) => {
                let mut response = refuse(status, wire.busy);
                let headers = response.headers_mut();
                headers.insert(header::RETRY_AFTER, retry_after.parse().unwrap());
                return response;
            }
            Script::Says(text) if !is_stream => return whole(text).into_response(),
            Script::Says(text) => (text, None, true),
            Script::Waits(before, after) => (before, Some(after), true),
            Script::Stalls(text) | Script::BreaksOff(text) => (text, None, false),
        };
        let is_broken = matches!(script, Script::BreaksOff(_));
        let words = |text: &str| -> String {
            text.split_inclusive(' ')
                .map(|word| (wire.piece)(word))
                .collect()
        };
        let mut parts = vec![(false, words(before))];
        if let Some(after) = after {
            parts.push((true, words(after)));
        }
        if ends {
            parts.push((false, wire.end.clone()));
        }
        let leaving = Leaving {
            gone: Arc::clone(&self.gone),
            is_over: false,
        };
        let gate = Arc::clone(&self.gate);
        // Seven bytes at a time cut many characters and every line.
        let pieces = stream::iter(parts).flat_map(move |(waits, text)| {
            let gate = Arc::clone(&gate);
            let waiting = stream::once(async move {
                if waits {
                    gate.acquire().await.unwrap().forget();
                }
                Bytes::new()
            });
            let bytes = text.into_bytes();
            let cut: Vec<Bytes> = bytes.chunks(7).map(Bytes::copy_from_slice).collect();
            waiting.chain(stream::iter(cut))
        });
        let pieces = pieces.filter(|piece| futures::future::ready(!piece.is_empty()));
        let body = stream::unfold(
            (Box::pin(pieces), leaving),
            move |(mut pieces, mut leaving)| async move {
                match pieces.next().await {
                    Some(piece) => Some((Ok(piece), (pieces, leaving))),
                    None if ends => {
                        leaving.end();
                        None
                    }
                    None if is_broken => {
                        leaving.end();
                        Some((Err(std::io::Error::other("broken")), (pieces, leaving)))
                    }
                    None => {
                        std::future::pending::<Option<(Result<Bytes, std::io::Error>, _)>>().await
                    }
                }
            },
        );
        ([(header::CONTENT_TYPE, wire.kind)], Body::from_stream(body)).into_response()
    }
}

/// Notices when a stream is dropped before its end.
struct Leaving {
    gone: Arc<Semaphore>,
    is_over: bool,
}

impl Leaving {
    fn end(&mut self) {
        self.is_over = true;
    }
}

impl Drop for Leaving {
    fn drop(&mut self) {
        if !self.is_over {
            self.gone.add_permits(1);
        }
    }
}

/// Nobody listens here.
pub(crate) fn nobody() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}
