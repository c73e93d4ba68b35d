//! A mutex for each key.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OwnedMutexGuard;

/// Lets one task at a time go on under each key; the others wait in the order in which they came. A
/// key needs memory only while somebody holds or wants it.
#[derive(Debug)]
pub(crate) struct KeyedMutex<K> {
    keys: Mutex<HashMap<K, Arc<tokio::sync::Mutex<()>>>>,
}

/// The right to go on; dropping it lets the next one.
#[derive(Debug)]
pub(crate) struct KeyedGuard {
    _key: OwnedMutexGuard<()>,
}

impl<K> Default for KeyedMutex<K> {
    fn default() -> Self {
        Self {
            keys: Mutex::default(),
        }
    }
}

impl<K: Eq + Hash> KeyedMutex<K> {
    /// Waits until nobody else holds `key`.
    pub(crate) async fn lock(&self, key: K) -> KeyedGuard {
        let key = {
            let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
            // Whoever holds or wants one has another reference.
            keys.retain(|_, key| Arc::strong_count(key) > 1);
            Arc::clone(keys.entry(key).or_default())
        };
        KeyedGuard {
            _key: key.lock_owned().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[tokio::test]
    async fn a_key_is_held_once_and_another_is_not_held_up() {
        let mutex = KeyedMutex::default();
        let first = mutex.lock("a").await;
        let mut second = Box::pin(mutex.lock("a"));
        assert!((&mut second).now_or_never().is_none());
        let other = mutex.lock("b").now_or_never().expect("nobody is there");
        drop(first);
        let second = second.now_or_never().expect("it is its turn");
        drop((second, other));
        mutex.lock("c").await;
        assert_eq!(mutex.keys.lock().unwrap().len(), 1, "keys are let go");
    }
}
