//! Readings of recent questions: a conversation retrieves and then answers, over the same passages.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::{Mutex, PoisonError};

use super::{Excerpt, ReadError, Reader, Reading};

/// Readings in one half of the memory; 16 bytes for each of at most 160 tokens.
const HALF: usize = 1_024;

/// A reader that reads no passage twice for the same question while it remembers the first time.
///
/// Kept by a keyed hash of 128 bits, so that nobody can make two texts meet. When the young half is
/// full it becomes the old one, and the old one is forgotten.
pub struct Remembered<R> {
    reader: R,
    keys: [RandomState; 2],
    halves: Mutex<Halves>,
}

#[derive(Default)]
struct Halves {
    young: HashMap<[u64; 2], Reading>,
    old: HashMap<[u64; 2], Reading>,
}

impl Halves {
    fn find(&self, key: &[u64; 2]) -> Option<Reading> {
        self.young.get(key).or_else(|| self.old.get(key)).cloned()
    }

    fn insert(&mut self, key: [u64; 2], reading: Reading) {
        if self.young.len() >= HALF {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, reading);
    }
}

impl<R: Reader> Remembered<R> {
    /// Remembers what `reader` says.
    pub fn new(reader: R) -> Self {
        Self {
            reader,
            keys: [RandomState::new(), RandomState::new()],
            halves: Mutex::default(),
        }
    }

    fn key(&self, sentence: &str, passage: &Excerpt) -> [u64; 2] {
        let hash = |keys: &RandomState| keys.hash_one((sentence, passage));
        [hash(&self.keys[0]), hash(&self.keys[1])]
    }

    fn halves(&self) -> std::sync::MutexGuard<'_, Halves> {
        self.halves.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<R: Reader> Reader for Remembered<R> {
    fn read(&self, sentence: &str, passages: &[Excerpt]) -> Result<Vec<Reading>, ReadError> {
        let keys: Vec<[u64; 2]> = passages
            .iter()
            .map(|passage| self.key(sentence, passage))
            .collect();
        let known: Vec<Option<Reading>> = {
            let halves = self.halves();
            keys.iter().map(|key| halves.find(key)).collect()
        };
        let unread = passages.iter().zip(&known);
        let unread: Vec<Excerpt> = unread
            .filter(|(_, known)| known.is_none())
            .map(|(passage, _)| passage.clone())
            .collect();
        let mut read = self.reader.read(sentence, &unread)?.into_iter();
        let mut halves = self.halves();
        let mut readings = Vec::with_capacity(passages.len());
        for (key, known) in keys.into_iter().zip(known) {
            let Some(reading) = known.or_else(|| {
                let reading = read.next()?;
                halves.insert(key, reading.clone());
                Some(reading)
            }) else {
                return Err(ReadError::Inference(
                    "fewer readings than passages".to_owned(),
                ));
            };
            readings.push(reading);
        }
        Ok(readings)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    struct Counting(AtomicUsize);

    impl Reader for &Counting {
        fn read(&self, _: &str, passages: &[Excerpt]) -> Result<Vec<Reading>, ReadError> {
            self.0.fetch_add(passages.len(), Ordering::Relaxed);
            let of = |passage: &Excerpt| Reading {
                answers: passage.text.len() as f32,
                supports: 0.0,
                places: [].into(),
            };
            Ok(passages.iter().map(of).collect())
        }
    }

    #[test]
    fn what_was_read_is_not_read_again() {
        let counting = Counting(AtomicUsize::new(0));
        let reader = Remembered::new(&counting);
        let passages: Vec<Excerpt> = ["one", "three", "four!!"]
            .map(|text| Excerpt {
                heading: String::new(),
                text: text.to_owned(),
            })
            .to_vec();
        let lengths =
            |readings: Vec<Reading>| readings.iter().map(|r| r.answers).collect::<Vec<_>>();
        assert_eq!(
            lengths(reader.read("q", &passages[1..]).unwrap()),
            [5.0, 6.0]
        );
        assert_eq!(
            lengths(reader.read("q", &passages).unwrap()),
            [3.0, 5.0, 6.0]
        );
        assert_eq!(counting.0.load(Ordering::Relaxed), 3);
        reader.read("another", &passages).unwrap();
        assert_eq!(counting.0.load(Ordering::Relaxed), 6);
    }
}
