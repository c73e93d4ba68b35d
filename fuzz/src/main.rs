//! One program for all targets, so that it is linked once. `WATTWISE_FUZZ` names the target.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use wattwise::fuzzing::{self, Target};

static TARGET: LazyLock<Target> = LazyLock::new(|| {
    let name = std::env::var("WATTWISE_FUZZ").unwrap_or_default();
    fuzzing::find(&name).unwrap_or_else(|| {
        eprintln!("WATTWISE_FUZZ={name:?} is no target of src/fuzzing.rs");
        std::process::exit(2)
    })
});

fuzz_target!(|bytes: &[u8]| (*TARGET)(bytes));
