//! Values in files with their length and digest in front, so that a torn or damaged one is known.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::codec;

/// Bytes of a digest.
pub(super) const DIGEST: usize = 16;

/// Length, digest, payload.
pub(super) fn seal<T: Serialize>(value: &T) -> std::io::Result<Vec<u8>> {
    let payload = codec::encode(value).map_err(std::io::Error::other)?;
    let length = u32::try_from(payload.len()).map_err(std::io::Error::other)?;
    let mut bytes = length.to_le_bytes().to_vec();
    bytes.extend_from_slice(&blake3::hash(&payload).as_bytes()[..DIGEST]);
    bytes.extend(payload);
    Ok(bytes)
}

/// The first sealed value and what follows it; `None` when it is torn or damaged.
pub(super) fn unseal<T: DeserializeOwned>(bytes: &[u8]) -> Option<(T, &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let (digest, rest) = rest.split_at_checked(DIGEST)?;
    let (payload, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
    if blake3::hash(payload).as_bytes()[..DIGEST] != *digest {
        return None;
    }
    Some((codec::decode(payload).ok()?, rest))
}
