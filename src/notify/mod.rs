//! Tells somebody elsewhere how a run of `ingest` ended: one signed POST, as the Standard Webhooks
//! specification (standardwebhooks.com, 1.0) has it.
//!
//! Nothing of it can fail a run: whatever goes wrong here is a line of the log.

mod notice;
mod sender;

use std::sync::{Mutex, PoisonError};

use url::Url;

pub use self::notice::{Kind, Notice};
pub use self::sender::{NotifyError, Sender};
use crate::ingest::Report;

/// Whom to tell, and of what.
pub struct Notifier {
    sender: Sender,
    /// Of runs that went well too.
    always: bool,
    /// What was told last, so that a folder that is watched is not complained of at every change.
    last: Mutex<Option<String>>,
}

impl Notifier {
    /// Fails where `url` may not be told anything. `key` signs what is sent.
    pub fn new(url: Url, key: Vec<u8>, always: bool, use_proxy: bool) -> Result<Self, NotifyError> {
        Ok(Self {
            sender: Sender::new(url, key, use_proxy)?,
            always,
            last: Mutex::default(),
        })
    }

    /// Tells of a run that needs a look: of one that failed, was refused by the gate, or has sources
    /// that failed or are stale. What was told of the run before is not told again.
    pub async fn tell(&self, outcome: Result<&Report, &str>) {
        let notice = Notice::of(outcome);
        let matter = notice.matter();
        let before = {
            let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *last, matter.clone())
        };
        if !self.always && (matter.is_none() || matter == before) {
            return;
        }
        match self.sender.send(&notice).await {
            Ok(()) => tracing::info!("{} was told of this run", self.sender.shown()),
            Err(error) => {
                // It may be told when it is there again.
                *self.last.lock().unwrap_or_else(PoisonError::into_inner) = None;
                tracing::error!("the run was not told of: {error}");
            }
        }
    }
}
