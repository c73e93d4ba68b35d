//! One contract for every embedder, and the default model against a reference implementation.

use std::num::NonZeroUsize;

use serde_json::{Value, json};
use wattwise::embed::ollama::{OllamaEmbedder, OllamaOptions};
use wattwise::embed::openai::{OpenAiEmbedder, OpenAiOptions};
use wattwise::embed::transformer::{ModelFiles, TransformerEmbedder};
use wattwise::embed::{EmbedError, Embedder, Passage};
use wattwise::language::content_words;
use wattwise::model::{UnitVector, WordCodes};
use wiremock::matchers::{header, method, path};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use crate::fake_embedder::HashEmbedder;
use crate::support::{data, run, text};

fn transformer(threads: usize) -> TransformerEmbedder {
    TransformerEmbedder::open(ModelFiles::shipped(), NonZeroUsize::new(threads).unwrap()).unwrap()
}

/// What every caller relies on.
async fn contract(embedder: &dyn Embedder) {
    let texts = [
        "Loft insulation",
        "Draught-proofing",
        "Loft insulation",
        "Heat pumps and radiators",
    ];
    let passages: Vec<Passage> = texts
        .iter()
        .map(|text| Passage {
            text: (*text).to_owned(),
            spans: vec![0..4, 0..text.len()],
            words: content_words(text).collect(),
        })
        .collect();
    let vectors = embedder.embed_passages(passages).await.unwrap();
    assert_eq!(vectors.len(), texts.len());
    for vector in &vectors {
        assert_eq!(vector.whole.dimension(), embedder.fingerprint().dimension);
        assert!(
            (vector.whole.cosine(vector.whole.as_slice()) - 1.0).abs() < 1e-4,
            "unit length"
        );
        assert!(
            vector.spans.is_empty() || vector.spans.len() == 2,
            "a vector for each span, or none at all"
        );
        assert_eq!(
            vector.words.is_empty(),
            vector.spans.is_empty(),
            "who shows the vectors of sentences shows those of words"
        );
    }
    assert_eq!(vectors[0].words, vectors[2].words, "equal words");
    assert!(
        vectors[0].whole.cosine(vectors[2].whole.as_slice()) > 0.9999,
        "equal texts, equal vectors"
    );
    assert!(
        vectors[0].whole.cosine(vectors[1].whole.as_slice()) < 0.999,
        "other texts, other vectors"
    );

    let blank = Passage::whole(" \n");
    assert!(matches!(
        embedder.embed_passages(vec![blank]).await,
        Err(EmbedError::BlankText)
    ));
    assert!(matches!(
        embedder.embed_query("").await,
        Err(EmbedError::BlankText)
    ));
    let query = embedder.embed_query("heat").await.unwrap();
    let dimension = embedder.fingerprint().dimension;
    assert_eq!(query.whole.dimension(), dimension);
    assert!(
        query
            .tokens
            .iter()
            .all(|token| token.dimension() == dimension)
    );
    assert_eq!(query.tokens.is_empty(), vectors[0].words.is_empty());
    assert!(
        embedder
            .embed_passages(Vec::new())
            .await
            .unwrap()
            .is_empty()
    );
    assert!(embedder.count_tokens("one two three") >= 3);
}

#[tokio::test]
async fn the_transformer_keeps_the_contract() {
    contract(&transformer(2)).await;
}

#[tokio::test]
async fn the_fake_keeps_the_contract() {
    contract(&HashEmbedder::named("fake")).await;
}

#[tokio::test]
async fn the_transformer_agrees_with_the_reference_implementation() {
    let reference: Vec<Value> =
        serde_json::from_str(include_str!("golden/reference_vectors.json")).unwrap();
    let embedder = transformer(1);
    assert!(reference.len() >= 8);
    for row in reference {
        let text = row["text"].as_str().unwrap();
        let expected: Vec<f32> = row["vector"]
            .as_array()
            .unwrap()
            .iter()
            .map(|value| value.as_f64().unwrap() as f32)
            .collect();
        let expected = UnitVector::normalize(expected).unwrap();
        let cosine = embedder
            .embed_query(text)
            .await
            .unwrap()
            .whole
            .cosine(expected.as_slice());
        assert!(cosine >= 0.995, "{text:?}: cosine {cosine}");
    }
}

#[tokio::test]
async fn batches_and_threads_do_not_change_a_vector() {
    let texts: Vec<String> = (0..24)
        .map(|number| format!("Sentence {number} about heating {}", "x ".repeat(number)))
        .collect();
    let passages: Vec<Passage> = texts.iter().map(|text| Passage::whole(text)).collect();
    let embedder = transformer(2);
    let together = embedder.embed_passages(passages).await.unwrap();
    for (text, vector) in texts.iter().zip(together) {
        assert_eq!(
            embedder.embed_query(text).await.unwrap().whole,
            vector.whole,
            "{text:?}"
        );
    }
}

/// A folder with another model: a very small one (`scripts/embedder/tiny_onnx.py`).
fn other_model() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mine = folder.path().join("mine");
    fs_err::create_dir(&mine).unwrap();
    let network = include_bytes!("golden/tiny.onnx");
    fs_err::write(mine.join("model.onnx"), network).unwrap();
    let tokenizer = data("embedder").join("tokenizer.json");
    fs_err::copy(tokenizer, mine.join("tokenizer.json")).unwrap();
    folder
}

#[tokio::test]
async fn a_model_in_a_folder_keeps_the_contract_and_is_named_after_the_folder() {
    let folder = other_model();
    let files = ModelFiles::read(&folder.path().join("mine")).unwrap();
    let other = TransformerEmbedder::open(files, NonZeroUsize::MIN).unwrap();
    assert_eq!(other.fingerprint().model, "mine");
    assert_eq!(other.fingerprint().dimension, 6);
    let shipped = transformer(1);
    assert_ne!(other.fingerprint().digest, shipped.fingerprint().digest);
    contract(&other).await;
}

#[test]
fn what_is_no_network_is_refused_by_name() {
    let folder = other_model();
    let mine = folder.path().join("mine");
    fs_err::write(mine.join("model.onnx"), b"nothing of the kind").unwrap();
    let refused = run(
        folder.path(),
        &["ingest", "--docs", ".", "--model-dir", "mine"],
    );
    assert_eq!(refused.status.code(), Some(3), "{}", text(&refused));
    assert!(text(&refused).contains("model.onnx"), "{}", text(&refused));
}

#[test]
fn an_index_of_another_model_is_refused_by_name_and_embedded_again_by_the_next_ingest() {
    let folder = other_model();
    fs_err::create_dir(folder.path().join("docs")).unwrap();
    let guide = data("guides/renters.md");
    fs_err::copy(guide, folder.path().join("docs/renters.md")).unwrap();
    let ingest = ["ingest", "--docs", "docs", "--index", "index"];
    let other = run(
        folder.path(),
        &[&ingest[..], &["--model-dir", "mine"]].concat(),
    );
    assert!(other.status.success(), "{}", text(&other));
    let ask = ["ask", "--index", "index", "What may renters do?"];
    let refused = run(folder.path(), &ask);
    assert_eq!(refused.status.code(), Some(3), "{}", text(&refused));
    for words in ["mine", "wattwise ingest", "--model-dir"] {
        assert!(text(&refused).contains(words), "{}", text(&refused));
    }
    let again = run(folder.path(), &ingest);
    assert!(again.status.success(), "{}", text(&again));
    assert!(run(folder.path(), &ask).status.success());
}

#[tokio::test]
async fn a_text_beyond_the_window_is_cut_not_refused() {
    let text = "Insulate the loft, the walls and the floor. ".repeat(200);
    let passage = Passage {
        spans: vec![0..43, text.len() - 44..text.len() - 1],
        words: content_words(&text).collect(),
        text,
    };
    let vectors = transformer(1).embed_passages(vec![passage]).await.unwrap();
    assert_eq!(vectors[0].spans.len(), 2);
    let bytes = WordCodes::bytes_per_word(384);
    let words = vectors[0].words.as_bytes().len() / bytes;
    assert!((80..256).contains(&words), "{words} words of the window");
}

/// A strict double of Ollama's `/api/embed`: it checks what the real one would refuse.
fn ollama_double(request: &Request) -> ResponseTemplate {
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    if body["model"] != "nomic-embed-text" {
        return ResponseTemplate::new(404)
            .set_body_json(json!({"error": format!("model {} not found", body["model"])}));
    }
    let texts = body["input"].as_array().expect("a list of texts");
    let embeddings: Vec<Value> = texts
        .iter()
        .map(|text| letters(text.as_str().unwrap()))
        .collect();
    ResponseTemplate::new(200)
        .set_body_json(json!({"model": body["model"], "embeddings": embeddings}))
}

fn letters(text: &str) -> Value {
    let mut counts = [0.1_f32; 26];
    for letter in text.bytes().filter(u8::is_ascii_alphabetic) {
        counts[usize::from(letter.to_ascii_lowercase() - b'a')] += 1.0;
    }
    json!(counts.to_vec())
}

async fn ollama(server: &MockServer, model: &str) -> Result<OllamaEmbedder, EmbedError> {
    OllamaEmbedder::connect(OllamaOptions {
        url: server.uri().parse().unwrap(),
        model: model.to_owned(),
    })
    .await
}

#[tokio::test]
async fn ollama_keeps_the_contract_and_sends_the_prefixes() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path("/api/embed"))
        .respond_with(ollama_double)
        .mount(&server)
        .await;
    let embedder = ollama(&server, "nomic-embed-text").await.unwrap();
    assert_eq!(embedder.fingerprint().dimension, 26);
    contract(&embedder).await;
    let bodies: Vec<String> = server
        .received_requests()
        .await
        .unwrap()
        .iter()
        .map(|request| String::from_utf8_lossy(&request.body).into_owned())
        .collect();
    assert!(
        bodies
            .iter()
            .any(|body| body.contains("search_document: Loft insulation"))
    );
    assert!(
        bodies
            .iter()
            .any(|body| body.contains("search_query: heat"))
    );
}

#[tokio::test]
async fn ollama_faults_say_what_to_do() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path("/api/embed"))
        .respond_with(ollama_double)
        .mount(&server)
        .await;
    let missing = ollama(&server, "other").await.err().unwrap().to_string();
    assert!(missing.contains("ollama pull other"), "{missing}");

    let short = MockServer::start().await;
    let answer = ResponseTemplate::new(200).set_body_json(json!({"embeddings": []}));
    Mock::given(method("POST"))
        .respond_with(answer)
        .mount(&short)
        .await;
    assert!(matches!(
        ollama(&short, "nomic-embed-text").await,
        Err(EmbedError::BadAnswer { .. })
    ));

    // A port that was free a moment ago: nobody listens there.
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let options = OllamaOptions {
        url: format!("http://127.0.0.1:{port}").parse().unwrap(),
        model: "nomic-embed-text".to_owned(),
    };
    let unreachable = OllamaEmbedder::connect(options)
        .await
        .err()
        .unwrap()
        .to_string();
    assert!(unreachable.contains("is it running"), "{unreachable}");
}

/// A double of `/v1/embeddings` that answers out of order, as the API allows.
fn openai_double(request: &Request) -> ResponseTemplate {
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    let mut data: Vec<Value> = body["input"]
        .as_array()
        .unwrap()
        .iter()
        .enumerate()
        .map(|(index, text)| json!({"object": "embedding", "index": index, "embedding": letters(text.as_str().unwrap())}))
        .collect();
    data.reverse();
    ResponseTemplate::new(200)
        .set_body_json(json!({"object": "list", "data": data, "model": body["model"]}))
}

#[tokio::test]
async fn openai_compatible_servers_keep_the_contract() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path("/v1/embeddings"))
        .and(header("authorization", "Bearer a-key"))
        .respond_with(openai_double)
        .mount(&server)
        .await;
    let options = |key: &str| OpenAiOptions {
        url: format!("{}/v1", server.uri()).parse().unwrap(),
        model: "small".to_owned(),
        api_key: Some(key.to_owned()),
    };
    contract(&OpenAiEmbedder::connect(options("a-key")).await.unwrap()).await;
    assert!(
        !format!("{:?}", options("a-key")).contains("a-key"),
        "keys are never printed"
    );
    let refused = OpenAiEmbedder::connect(options("wrong"))
        .await
        .err()
        .unwrap()
        .to_string();
    assert!(refused.contains("404"), "{refused}");
}
