//! Everything that is tested from outside the library: one program, one module a subject.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "in a test a failure is the message"
)]

mod addresses;
mod answer_cache;
mod bounds;
mod browsers;
mod chat_server;
mod chatting;
mod client;
mod command_line;
mod contract;
mod crawling;
mod dashboard;
mod databases;
mod documentation;
mod documents;
mod durability;
mod embedders;
mod embedding_server;
mod fake_embedder;
mod generators;
mod incremental;
mod keys;
mod killing;
mod layering;
mod limits;
mod mcp;
mod messages;
mod notifying;
mod objects;
mod ocr;
mod odd_files;
mod openai_api;
mod openai_more;
mod operations;
mod pages;
mod program;
mod reloading;
mod rude_site;
mod saying;
mod serving;
mod slow_clients;
mod snapshots;
mod support;
mod tiny_generation;
mod tls;
mod traces;
mod unread_bodies;
mod words;
