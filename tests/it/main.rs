//! Everything that is tested from outside the library: one program, one module a subject.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "in a test a failure is the message"
)]

mod contract;
mod crawling;
mod embedders;
mod fake_embedder;
mod layering;
mod program;
mod rude_site;
mod serving;
mod snapshots;
mod support;
mod tiny_generation;
