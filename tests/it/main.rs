//! Everything that is tested from outside the library: one program, one module a subject.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "in a test a failure is the message"
)]

mod contract;
mod embedders;
mod embedding_server;
mod fake_embedder;
mod killing;
mod layering;
mod program;
mod reloading;
mod serving;
mod snapshots;
mod support;
mod tiny_generation;
