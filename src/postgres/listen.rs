//! What other programs on the same database say.

use std::time::Duration;

use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::task::JoinHandle;

use super::{Database, DatabaseError};

/// Between two attempts to listen again.
const RETRY: Duration = Duration::from_millis(500);

/// Something was said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// On this channel, with these words.
    Said {
        /// The channel.
        channel: String,
        /// At most 8000 bytes.
        words: String,
    },
    /// Listening has begun, or begun again: what was said before may have been missed.
    Listening,
}

/// Listens on channels, over a connection of its own that is made again whenever it breaks. Ends when
/// the receiver is dropped. `channels` are identifiers, not foreign text.
pub fn listen(database: Database, channels: &'static [&'static str]) -> Receiver<Notice> {
    let (sender, receiver) = mpsc::channel(64);
    tokio::spawn(async move {
        let mut is_told = false;
        while !sender.is_closed() {
            match hear(&database, channels, &sender, &mut is_told).await {
                Ok(()) => tracing::debug!("the connection that listens has ended"),
                Err(error) if !is_told => {
                    is_told = true;
                    tracing::warn!(%error, "what other servers say is not heard: {error}");
                }
                Err(_) => {}
            }
            tokio::time::sleep(RETRY).await;
        }
    });
    receiver
}

/// Until the connection breaks.
async fn hear(
    database: &Database,
    channels: &[&str],
    sender: &Sender<Notice>,
    is_told: &mut bool,
) -> Result<(), DatabaseError> {
    const ACTION: &str = "listen for changes";
    let failed = |error: tokio_postgres::Error| database.failed(ACTION, &error);
    let (client, drive, mut said) = database.connect().await.map_err(failed)?;
    let _driver = Driver(tokio::spawn(drive));
    for channel in channels {
        let listen = format!("LISTEN {channel}");
        client.batch_execute(&listen).await.map_err(failed)?;
    }
    if std::mem::take(is_told) {
        tracing::info!("what other servers say is heard again");
    }
    if sender.send(Notice::Listening).await.is_err() {
        return Ok(());
    }
    loop {
        let notice = tokio::select! {
            notice = said.recv() => notice,
            () = sender.closed() => None,
        };
        let Some(notice) = notice else { return Ok(()) };
        let notice = Notice::Said {
            channel: notice.channel().to_owned(),
            words: notice.payload().to_owned(),
        };
        if sender.send(notice).await.is_err() {
            return Ok(());
        }
    }
}

/// Ends with whoever listens.
struct Driver(JoinHandle<()>);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}
