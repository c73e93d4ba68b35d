//! The contract of generators, for every adapter, against a double of its API.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use wattwise::generate::ollama::{OllamaChatOptions, OllamaGenerator};
use wattwise::generate::openai::{OpenAiChatOptions, OpenAiGenerator};
use wattwise::generate::{GenerateError, Generator, Prompt, Role, TimeLimits, TokenLimits};

use crate::chat_server::{ChatServer, KEY, MODEL, Script, nobody};

const TOKENS: TokenLimits = TokenLimits {
    context: 2048,
    answer: 100,
};

/// So long that no test lives to see it, unless it wants to.
const LONG: Duration = Duration::from_mins(10);

fn time(first_words: Duration) -> TimeLimits {
    TimeLimits {
        connect: LONG,
        first_words,
        total: LONG,
    }
}

fn ollama(url: &str, model: &str, time: TimeLimits) -> Arc<dyn Generator> {
    let options = OllamaChatOptions {
        url: url.parse().unwrap(),
        model: model.to_owned(),
        keep_alive: Duration::from_mins(5),
        tokens: TOKENS,
        time,
        retries: 2,
    };
    Arc::new(OllamaGenerator::new(options).unwrap())
}

fn openai(url: &str, model: &str, key: &str, time: TimeLimits) -> Arc<dyn Generator> {
    let options = OpenAiChatOptions {
        url: format!("{url}/v1").parse().unwrap(),
        model: model.to_owned(),
        api_key: Some(key.to_owned()),
        tokens: TOKENS,
        time,
        retries: 2,
    };
    Arc::new(OpenAiGenerator::new(options).unwrap())
}

/// Both adapters for a server.
fn both(url: &str, time: TimeLimits) -> [Arc<dyn Generator>; 2] {
    [ollama(url, MODEL, time), openai(url, MODEL, KEY, time)]
}

fn prompt() -> Prompt {
    Prompt {
        messages: vec![
            (Role::System, "Be brief.".to_owned()),
            (Role::User, "Why?".to_owned()),
        ],
    }
}

async fn streamed(generator: &dyn Generator) -> (String, Option<GenerateError>) {
    let mut text = String::new();
    let mut pieces = match generator.stream(&prompt()).await {
        Ok(pieces) => pieces,
        Err(error) => return (text, Some(error)),
    };
    while let Some(piece) = pieces.next().await {
        match piece {
            Ok(piece) => text.push_str(&piece),
            Err(error) => return (text, Some(error)),
        }
    }
    (text, None)
}

const SAID: &str = "Stell’ die Heizung auf 21 °C 🔥 – das spart “Energie”.\nZweite Zeile.";

#[tokio::test]
async fn a_stream_says_what_a_whole_answer_says() {
    let server = ChatServer::start(&[Script::Says(SAID)]).await;
    for generator in both(&server.url, time(LONG)) {
        generator.probe().await.unwrap();
        assert_eq!(generator.complete(&prompt()).await.unwrap(), SAID);
        let (text, error) = streamed(generator.as_ref()).await;
        assert!(error.is_none(), "{error:?}");
        assert_eq!(text, SAID, "{}", generator.name());
    }
    assert_eq!(server.requests().len(), 4);
}

#[tokio::test]
async fn what_is_wrong_is_named_with_its_fix() {
    let server = ChatServer::start(&[Script::Says(SAID)]).await;
    let absent = [
        ollama(&server.url, "absent", time(LONG)),
        openai(&server.url, "absent", KEY, time(LONG)),
    ];
    for (generator, fix) in absent.iter().zip(["`ollama pull absent`", "--chat-model"]) {
        for error in [
            generator.probe().await.unwrap_err(),
            generator.complete(&prompt()).await.unwrap_err(),
            streamed(generator.as_ref()).await.1.unwrap(),
        ] {
            assert_eq!(error.kind(), "model_missing", "{error}");
            assert!(error.to_string().contains(fix), "{error}");
        }
    }
    let wrong_key = openai(&server.url, MODEL, "wrong", time(LONG));
    for error in [
        wrong_key.probe().await.unwrap_err(),
        wrong_key.complete(&prompt()).await.unwrap_err(),
        streamed(wrong_key.as_ref()).await.1.unwrap(),
    ] {
        assert!(error.to_string().contains("OPENAI_API_KEY"), "{error}");
        assert!(!error.to_string().contains("wrong"), "{error}");
    }
    for generator in both(&nobody(), time(LONG)) {
        for error in [
            generator.probe().await.unwrap_err(),
            generator.complete(&prompt()).await.unwrap_err(),
            streamed(generator.as_ref()).await.1.unwrap(),
        ] {
            assert!(error.to_string().contains("not running"), "{error}");
        }
    }
}

#[tokio::test]
async fn a_busy_server_is_asked_again_as_it_wishes_and_not_for_ever() {
    let says = Script::Says("Yes.");
    for status in [429, 503] {
        let server = ChatServer::start(&[Script::Refuses(status, "0"), says.clone()]).await;
        let generator = openai(&server.url, MODEL, KEY, time(LONG));
        assert_eq!(generator.complete(&prompt()).await.unwrap(), "Yes.");
        assert_eq!(server.requests().len(), 2);
    }
    // More patience than we have: not even tried.
    let server = ChatServer::start(&[Script::Refuses(429, "3600")]).await;
    let generator = openai(&server.url, MODEL, KEY, time(Duration::from_mins(1)));
    let error = streamed(generator.as_ref()).await.1.unwrap();
    assert_eq!(error.kind(), "busy");
    assert_eq!(server.requests().len(), 1);
    // Three attempts in all.
    let server = ChatServer::start(&[Script::Refuses(500, "0")]).await;
    let generator = ollama(&server.url, MODEL, time(LONG));
    assert_eq!(streamed(generator.as_ref()).await.1.unwrap().kind(), "busy");
    assert_eq!(server.requests().len(), 3);
}

#[tokio::test]
async fn an_answer_that_does_not_end_well_is_an_error_behind_what_it_said() {
    let server = ChatServer::start(&[Script::BreaksOff("Half an")]).await;
    for generator in both(&server.url, time(LONG)) {
        let (text, error) = streamed(generator.as_ref()).await;
        // What was still under way when the connection broke is lost with it.
        assert!("Half an".starts_with(&text), "{text}");
        assert_eq!(error.unwrap().kind(), "broke_off");
    }
    let server = ChatServer::start(&[Script::Stalls("Half an")]).await;
    for generator in both(&server.url, time(Duration::from_millis(300))) {
        let (text, error) = streamed(generator.as_ref()).await;
        assert_eq!(
            (text.as_str(), error.unwrap().kind()),
            ("Half an", "too_slow")
        );
        server.client_has_left().await;
    }
    let limits = TimeLimits {
        total: Duration::from_millis(300),
        ..time(LONG)
    };
    for generator in both(&server.url, limits) {
        assert_eq!(
            streamed(generator.as_ref()).await.1.unwrap().kind(),
            "too_slow"
        );
        let error = generator.complete(&prompt()).await.unwrap_err();
        assert_eq!(error.kind(), "too_slow", "{error}");
    }
}

#[tokio::test]
async fn dropping_a_stream_ends_its_request() {
    let server = ChatServer::start(&[Script::Stalls("Half an answer")]).await;
    for generator in both(&server.url, time(LONG)) {
        let mut text = generator.stream(&prompt()).await.unwrap();
        assert!(text.next().await.unwrap().is_ok());
        drop(text);
        server.client_has_left().await;
    }
}
