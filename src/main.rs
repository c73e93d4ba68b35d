//! The `wattwise` program. Everything it does is in the library; start reading at [`wattwise::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    wattwise::cli::run().into()
}
