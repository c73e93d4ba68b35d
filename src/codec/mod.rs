//! The one place that knows how structures become bytes in our binary files and pipes.
//!
//! bincode 2 with a limit: without one, a hostile length would make it allocate until it aborts.
//! Only plain, non-recursive structures go through here. Files carry a digest in their manifest,
//! which is checked before decoding; a version number stands in front of every payload.

use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;

/// The most bytes that decoding may ask for: 2 GiB, far above a real snapshot's metadata.
const LIMIT: usize = 1 << 31;

/// Version of the encoding itself, the first byte of every payload.
const VERSION: u8 = 1;

/// Why bytes are not the structure they should be.
#[derive(Debug, Error)]
pub enum CodecError {
    /// There is nothing, or another version of the encoding.
    #[error("encoding version {found:?}, expected {VERSION}")]
    Version {
        /// First byte, if any.
        found: Option<u8>,
    },
    /// The bytes do not decode.
    #[error("cannot decode: {0}")]
    Decode(String),
    /// The structure is followed by bytes that do not belong to it.
    #[error("{0} bytes follow the structure")]
    Trailing(usize),
    /// The structure does not encode.
    #[error("cannot encode: {0}")]
    Encode(String),
}

fn configuration() -> impl bincode::config::Config {
    bincode::config::standard().with_limit::<LIMIT>()
}

/// Encodes `value`.
pub fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, CodecError> {
    let mut bytes = vec![VERSION];
    bincode::serde::encode_into_std_write(value, &mut bytes, configuration())
        .map_err(|error| CodecError::Encode(error.to_string()))?;
    Ok(bytes)
}

/// Decodes exactly one `T` from `bytes`.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError> {
    let (version, payload) = bytes
        .split_first()
        .map_or((None, bytes), |(version, rest)| (Some(*version), rest));
    if version != Some(VERSION) {
        return Err(CodecError::Version { found: version });
    }
    let (value, used) = bincode::serde::decode_from_slice(payload, configuration())
        .map_err(|error| CodecError::Decode(error.to_string()))?;
    if used == payload.len() {
        Ok(value)
    } else {
        Err(CodecError::Trailing(payload.len() - used))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn trailing_bytes_and_other_versions_are_refused() {
        let mut bytes = encode(&vec![1_u32, 2]).unwrap();
        bytes.push(0);
        assert!(matches!(
            decode::<Vec<u32>>(&bytes),
            Err(CodecError::Trailing(1))
        ));
        bytes[0] = 9;
        assert!(matches!(
            decode::<Vec<u32>>(&bytes),
            Err(CodecError::Version { found: Some(9) })
        ));
        assert!(matches!(
            decode::<Vec<u32>>(&[]),
            Err(CodecError::Version { found: None })
        ));
    }

    proptest! {
        #[test]
        fn values_come_back(value in proptest::collection::vec((".{0,20}", any::<u64>()), 0..20)) {
            prop_assert_eq!(decode::<Vec<(String, u64)>>(&encode(&value).unwrap()).unwrap(), value);
        }

        #[test]
        fn any_bytes_are_an_error_or_a_value_never_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode::<Vec<(String, Vec<u64>)>>(&bytes);
        }
    }
}
