//! The vectors of recent questions. Embedding is the dearest step of a request, and the five-step
//! conversation asks for the same question more than once.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::model::UnitVector;

/// Remembers up to `2 * half` texts: when the young half is full it becomes the old one and the old
/// one is forgotten. What is asked for again moves to the young half.
pub(super) struct QueryCache {
    half: usize,
    halves: Mutex<Halves>,
}

#[derive(Default)]
struct Halves {
    young: HashMap<String, UnitVector>,
    old: HashMap<String, UnitVector>,
}

/// Longer texts are not remembered; nobody asks the same long text twice.
const LONGEST_TEXT_BYTES: usize = 2_000;

impl QueryCache {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            half: (capacity / 2).max(1),
            halves: Mutex::default(),
        }
    }

    pub(super) fn find(&self, text: &str) -> Option<UnitVector> {
        let mut halves = self.halves.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(vector) = halves.young.get(text) {
            return Some(vector.clone());
        }
        let vector = halves.old.remove(text)?;
        self.put(&mut halves, text, vector.clone());
        Some(vector)
    }

    pub(super) fn insert(&self, text: &str, vector: UnitVector) {
        if text.len() <= LONGEST_TEXT_BYTES {
            self.put(
                &mut self.halves.lock().unwrap_or_else(PoisonError::into_inner),
                text,
                vector,
            );
        }
    }

    fn put(&self, halves: &mut Halves, text: &str, vector: UnitVector) {
        if halves.young.len() >= self.half {
            halves.old = std::mem::take(&mut halves.young);
        }
        halves.young.insert(text.to_owned(), vector);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_stays_and_the_rest_is_forgotten() {
        let cache = QueryCache::new(4);
        let vector = UnitVector::normalize(vec![1.0]).unwrap();
        cache.insert("kept", vector.clone());
        for number in 0..10 {
            assert!(cache.find("kept").is_some(), "before {number}");
            cache.insert(&number.to_string(), vector.clone());
        }
        assert!(cache.find("0").is_none());
        let halves = cache.halves.lock().unwrap();
        assert!(halves.young.len() + halves.old.len() <= 4);
    }
}
