//! A double of an OpenAI-compatible embeddings server that counts what it is asked. It never
//! answers to molasses and refuses brimstone.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};

/// Words hashed into 32 directions, a while after they were asked for.
pub(crate) struct EmbeddingServer {
    pub(crate) url: String,
    asked: Arc<AtomicUsize>,
}

impl EmbeddingServer {
    pub(crate) async fn start(delay: Duration) -> Self {
        let asked = Arc::new(AtomicUsize::new(0));
        let router = Router::new()
            .route("/v1/embeddings", post(embed))
            .with_state((Arc::clone(&asked), delay));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/v1", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, asked }
    }

    /// The flags that make the program use it.
    pub(crate) fn flags(&self) -> [&str; 6] {
        [
            "--embedder",
            "openai",
            "--openai-url",
            &self.url,
            "--embed-model",
            "double",
        ]
    }

    /// Texts that were embedded since the last call; one in front of every run is the handshake and
    /// two are probes.
    pub(crate) fn take_count(&self) -> usize {
        self.asked.swap(0, Ordering::SeqCst)
    }
}

async fn embed(
    State((asked, delay)): State<(Arc<AtomicUsize>, Duration)>,
    Json(request): Json<Value>,
) -> Result<Json<Value>, StatusCode> {
    let texts = request["input"].as_array().unwrap();
    let holds = |word: &str| {
        texts
            .iter()
            .any(|text| text.as_str().unwrap().contains(word))
    };
    if holds("molasses") {
        std::future::pending::<()>().await;
    }
    if holds("brimstone") {
        return Err(StatusCode::UNPROCESSABLE_ENTITY);
    }
    if texts.len() > 1 {
        tokio::time::sleep(delay).await;
    }
    asked.fetch_add(texts.len(), Ordering::SeqCst);
    let data: Vec<Value> = texts
        .iter()
        .enumerate()
        .map(|(index, text)| {
            let mut values = vec![0.01_f32; 32];
            for word in text.as_str().unwrap().split_whitespace() {
                values[usize::from(blake3::hash(word.as_bytes()).as_bytes()[0] % 32)] += 1.0;
            }
            json!({"index": index, "embedding": values})
        })
        .collect();
    Ok(Json(json!({"data": data})))
}
