//! Everything that is tested from outside the library: one program, one module a subject.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "in a test a failure is the message"
)]

mod client;
mod contract;
mod crawling;
mod durability;
mod embedders;
mod fake_embedder;
mod keys;
mod layering;
mod limits;
mod operations;
mod program;
mod rude_site;
mod serving;
mod snapshots;
mod support;
mod tiny_generation;
