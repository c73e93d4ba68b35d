//! The vectors of recent questions. Embedding is the dearest step of a request, and the five-step
//! conversation asks for the same question more than once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::query::Query;

/// Remembers up to `2 * half` texts: when the young half is full it becomes the old one and the old
/// one is forgotten. What is asked for again moves to the young half.
pub(super) struct QueryCache {
    half: usize,
    halves: Mutex<Halves>,
}

#[derive(Default)]
struct Halves {
    young: HashMap<String, Arc<Query>>,
    old: HashMap<String, Arc<Query>>,
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

    pub(super) fn find(&self, text: &str) -> Option<Arc<Query>> {
        let mut halves = self.halves.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(query) = halves.young.get(text) {
            return Some(Arc::clone(query));
        }
        let query = halves.old.remove(text)?;
        self.put(&mut halves, text, Arc::clone(&query));
        Some(query)
    }

    pub(super) fn insert(&self, text: &str, query: Arc<Query>) {
        if text.len() <= LONGEST_TEXT_BYTES {
            self.put(
                &mut self.halves.lock().unwrap_or_else(PoisonError::into_inner),
                text,
                query,
            );
        }
    }

    fn put(&self, halves: &mut Halves, text: &str, query: Arc<Query>) {
        if halves.young.len() >= self.half {
            halves.old = std::mem::take(&mut halves.young);
        }
        halves.young.insert(text.to_owned(), query);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::embed::QueryVectors;
    use crate::model::UnitVector;

    #[test]
    fn what_is_used_stays_and_the_rest_is_forgotten() {
        let cache = QueryCache::new(4);
        let query = Arc::new(Query::of(QueryVectors {
            whole: UnitVector::normalize(vec![1.0]).unwrap(),
            tokens: Vec::new(),
        }));
        cache.insert("kept", Arc::clone(&query));
        for number in 0..10 {
            assert!(cache.find("kept").is_some(), "before {number}");
            cache.insert(&number.to_string(), Arc::clone(&query));
        }
        assert!(cache.find("0").is_none());
        let halves = cache.halves.lock().unwrap();
        assert!(halves.young.len() + halves.old.len() <= 4);
    }
}
