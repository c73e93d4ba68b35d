//! One run: from sources to a published generation.
//!
//! Start reading at [`Ingestor::run`]. Stages hand each other values; only this module knows their
//! order. A bad document is a row of the [`Report`], never the end of the run.

mod arrived;
mod assemble;
mod build;
mod cache;
mod confine;
mod embed;
mod error;
mod extractor;
mod folders;
mod gate;
mod gather;
mod gathered;
mod kept_vectors;
mod last_time;
mod memory;
pub mod ocr;
mod options;
mod pipeline;
mod prepare;
mod progress;
mod recall;
mod renew;
mod report;
mod seal;
mod select;
mod sources;
mod split;
mod template;
mod walk;
mod watch;
mod watchdog;
pub mod worker;

pub use arrived::read_document;
pub use error::IngestError;
pub use extractor::{Extractor, ExtractorOptions};
pub use folders::FolderRules;
pub use gate::{PublishGate, Verdict};
pub use options::IngestOptions;
pub use pipeline::Ingestor;
pub use progress::Progress;
pub use report::{Report, Row, Status, Totals};
pub use watch::{Seen, Watch};

/// Files beside the generations in which a run leaves word for the next one.
pub const MEMORY: [&str; 2] = [memory::FILE, template::FILE];
