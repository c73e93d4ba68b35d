//! Contexts in, an answer's sentences out.
//!
//! [`extractive`] is the default generator: it chooses verbatim sentences, so whatever it says
//! stands in the sources.

pub mod extractive;
