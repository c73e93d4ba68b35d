//! What was asked lately and need not be worked out again, within a bound of bytes.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};

/// Remembers values of up to so many bytes together: when the young half is full it becomes the old
/// one and the old one is forgotten. What is asked for again moves to the young half.
pub(crate) struct Recent<K, V> {
    half_bytes: usize,
    halves: Mutex<Halves<K, V>>,
}

struct Halves<K, V> {
    young: HashMap<K, (V, usize)>,
    young_bytes: usize,
    old: HashMap<K, (V, usize)>,
}

impl<K: Hash + Eq, V: Clone> Recent<K, V> {
    /// Remembers values of up to `bytes` together.
    pub(crate) fn of_bytes(bytes: usize) -> Self {
        Self {
            half_bytes: bytes / 2,
            halves: Mutex::new(Halves {
                young: HashMap::new(),
                young_bytes: 0,
                old: HashMap::new(),
            }),
        }
    }

    /// A value, if it is remembered.
    pub(crate) fn find<Q>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let mut halves = self.halves.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((value, _)) = halves.young.get(key) {
            return Some(value.clone());
        }
        let (key, (value, bytes)) = halves.old.remove_entry(key)?;
        self.put(&mut halves, key, value.clone(), bytes);
        Some(value)
    }

    /// How many values are remembered.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        let halves = self.halves.lock().unwrap_or_else(PoisonError::into_inner);
        halves.young.len() + halves.old.len()
    }

    /// `bytes` are those of key and value; one that would fill a half alone is not remembered.
    pub(crate) fn insert(&self, key: K, value: V, bytes: usize) {
        if bytes < self.half_bytes {
            let mut halves = self.halves.lock().unwrap_or_else(PoisonError::into_inner);
            self.put(&mut halves, key, value, bytes);
        }
    }

    fn put(&self, halves: &mut Halves<K, V>, key: K, value: V, bytes: usize) {
        if halves.young_bytes + bytes > self.half_bytes {
            halves.old = std::mem::take(&mut halves.young);
            halves.young_bytes = 0;
        }
        let before = halves.young.insert(key, (value, bytes));
        halves.young_bytes += bytes - before.map_or(0, |(_, bytes)| bytes).min(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_stays_and_the_rest_is_forgotten() {
        let recent: Recent<String, u32> = Recent::of_bytes(40);
        recent.insert("kept".to_owned(), 1, 10);
        for number in 0..10 {
            assert_eq!(recent.find("kept"), Some(1), "before {number}");
            recent.insert(number.to_string(), number, 10);
        }
        assert_eq!(recent.find("0"), None);
        assert!(recent.len() <= 4);
        recent.insert("too long".to_owned(), 2, 30);
        assert_eq!(recent.find("too long"), None);
    }
}
