//! Identities. Each is a newtype, so that a chunk's id can never be passed for a document's.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// How many hex digits of a BLAKE3 digest make an id: 128 bits, far beyond accidental collision.
const ID_HEX_DIGITS: usize = 32;

fn short_digest(parts: &[&[u8]]) -> String {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        // The length in front keeps ("ab","c") and ("a","bc") apart.
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    hasher.finalize().to_hex()[..ID_HEX_DIGITS].to_owned()
}

/// A document, stable across runs: derived from its canonical URL or its path.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DocumentId(String);

impl DocumentId {
    /// The id of the document that comes from `source`.
    pub fn of_source(source: &str) -> Self {
        Self(short_digest(&[source.as_bytes()]))
    }

    /// Lower-case hex.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DocumentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A chunk, addressed by its content: the same words in the same document keep their id.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ChunkId(String);

impl ChunkId {
    /// The id of the `occurrence`-th chunk (from 0) with this text in `document`.
    pub fn of_content(document: &DocumentId, embedded_text: &str, occurrence: u32) -> Self {
        Self(short_digest(&[
            document.as_str().as_bytes(),
            embedded_text.as_bytes(),
            &occurrence.to_le_bytes(),
        ]))
    }

    /// Takes an id that a client sent back. Any string is allowed: an id that names no chunk is
    /// simply not found.
    pub fn from_client(id: &str) -> Self {
        Self(id.to_owned())
    }

    /// Lower-case hex.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ChunkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One published version of the index. Sorts by time of creation.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct GenerationId(String);

impl GenerationId {
    /// A new id for a generation made now: a version 7 UUID, whose first bits are the time.
    pub fn new_now() -> Self {
        Self(Uuid::now_v7().to_string())
    }

    /// Reads an id from a file or directory name; anything but a hyphenated UUID is `None`, so an
    /// id can never escape the index directory.
    pub fn parse(text: &str) -> Option<Self> {
        let uuid = Uuid::try_parse(text).ok()?;
        (uuid.to_string() == text).then(|| Self(text.to_owned()))
    }

    /// The hyphenated lower-case form.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for GenerationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The first bits of a session's id count time in steps of this many milliseconds.
const SESSION_TICK_MS: u128 = 16;

/// A conversation. Unguessable: 82 random bits of a cryptographic generator (`ChaCha12`) that the
/// operating system seeds anew every 64 kB; asking the system itself each time is a call into it.
///
/// The 40 bits in front of them tell the time, so that ids made together stand together in an index
/// and share its pages when they are written. A version 8 UUID, which is one of a private layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionId(Uuid);

impl SessionId {
    /// A fresh random id, made now.
    pub fn new_random() -> Self {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH);
        let tick = since_epoch.map_or(0, |time| time.as_millis() / SESSION_TICK_MS);
        // Version 4 is the crate's way to random bits, by way of its feature `fast-rng`.
        let random = Uuid::new_v4().as_u128() & (u128::MAX >> 40);
        let bytes = (tick << 88 | random).to_be_bytes();
        Self(uuid::Builder::from_custom_bytes(bytes).into_uuid())
    }

    /// Reads the hyphenated lower-case form and nothing else, as the original application compares
    /// ids as strings.
    pub fn parse(text: &str) -> Option<Self> {
        let uuid = Uuid::try_parse(text).ok()?;
        let mut plain = Uuid::encode_buffer();
        (uuid.hyphenated().encode_lower(&mut plain) == text).then_some(Self(uuid))
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn document_ids_depend_on_the_source_alone() {
        assert_eq!(
            DocumentId::of_source("a.pdf"),
            DocumentId::of_source("a.pdf")
        );
        assert_ne!(
            DocumentId::of_source("a.pdf"),
            DocumentId::of_source("b.pdf")
        );
        assert_eq!(DocumentId::of_source("a.pdf").as_str().len(), ID_HEX_DIGITS);
    }

    #[test]
    fn parts_of_a_digest_do_not_run_together() {
        assert_ne!(short_digest(&[b"ab", b"c"]), short_digest(&[b"a", b"bc"]));
    }

    #[test]
    fn session_ids_stand_together_and_are_told_apart_by_random_bits() {
        let ids: Vec<u128> = (0..1000)
            .map(|_| SessionId::new_random().0.as_u128())
            .collect();
        let (first, last) = (ids[0] >> 88, ids[999] >> 88);
        assert!(ids.iter().all(|id| (first..=last).contains(&(id >> 88))));
        assert!(last - first < 10_000, "some steps of time");
        // Each bit is set in about half of them, but for the six that name version and variant.
        let is_even = |bit: u32| {
            let set = ids.iter().filter(|id| **id >> bit & 1 == 1).count();
            (350..650).contains(&set)
        };
        assert_eq!((0..88).filter(|bit| is_even(*bit)).count(), 82);
    }

    #[test]
    fn session_ids_are_read_in_one_form_only() {
        let id = SessionId::new_random();
        assert_eq!(SessionId::parse(&id.to_string()), Some(id));
        assert_eq!(SessionId::parse(&id.to_string().to_uppercase()), None);
        assert_eq!(SessionId::parse("abc"), None);
        assert_eq!(SessionId::parse(""), None);
    }

    #[test]
    fn generation_ids_sort_by_time_and_cannot_hold_a_path() {
        let first = GenerationId::new_now();
        let second = GenerationId::new_now();
        assert!(first < second, "{first} then {second}");
        assert_eq!(GenerationId::parse("../etc"), None);
        assert_eq!(GenerationId::parse(first.as_str()), Some(first));
    }
}
