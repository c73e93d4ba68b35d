//! What whoever starts a server is told.

use std::fmt;
use std::net::SocketAddr;
use std::process::Stdio;

use tokio::process::Command;

use super::{ports, printer};
use crate::config::ServeSettings;
use crate::model::GenerationId;

/// A server that answers.
pub(super) struct Start {
    /// Where it listens.
    pub(super) address: SocketAddr,
    /// Whether it speaks TLS.
    pub(super) tls: bool,
    /// Documents that it answers from.
    pub(super) documents: usize,
    /// Whether clients must send a key.
    pub(super) needs_key: bool,
    /// The language model, if one writes the answers.
    pub(super) generator: Option<String>,
}

impl Start {
    /// Where a browser on this machine finds it.
    fn url(&self) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        format!("{scheme}://{}/", ports::reachable(self.address))
    }

    /// For whoever reads the log.
    pub(super) fn log(&self, generation: &GenerationId, chunks: usize) {
        tracing::info!(
            server.address = %self.address,
            snapshot.generation = %generation,
            snapshot.documents = self.documents,
            snapshot.chunks = chunks,
            "ready: {self}"
        );
    }

    /// For the person at the terminal.
    pub(super) fn tell(&self, settings: &ServeSettings) {
        let (index, state) = (settings.index.display(), &settings.state);
        printer::note(format!(
            "{self}\nIndex: {index}. State: {state}. Ctrl-C ends."
        ));
    }

    /// Asks the desktop for a browser; whoever has none still has the address.
    pub(super) fn open(&self) {
        let (opener, url) = (
            if cfg!(target_os = "macos") {
                "open"
            } else {
                "xdg-open"
            },
            self.url(),
        );
        let started = Command::new(opener)
            .arg(&url)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        if let Err(error) = started {
            printer::note(format!(
                "{opener} opens no browser ({error}); the address is {url}"
            ));
        }
    }
}

impl fmt::Display for Start {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (url, documents) = (self.url(), self.documents);
        let noun = if documents == 1 {
            "document"
        } else {
            "documents"
        };
        let key = if self.needs_key { "a" } else { "no" };
        let writer = self.generator.as_deref();
        let writer = writer.map_or_else(
            || "in the documents' own words".to_owned(),
            |writer| format!("written by {writer}"),
        );
        write!(
            f,
            "{url} answers from {documents} {noun}; {key} key is needed; answers are {writer}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_has_the_address_and_what_clients_need() {
        let start = Start {
            address: "0.0.0.0:80".parse().unwrap(),
            tls: true,
            documents: 1,
            needs_key: true,
            generator: Some("ollama/m".to_owned()),
        };
        assert_eq!(
            start.to_string(),
            "https://127.0.0.1:80/ answers from 1 document; a key is needed; answers are written by ollama/m"
        );
    }
}
