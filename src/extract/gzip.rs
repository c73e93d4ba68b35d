//! Files packed by gzip.

use std::io::Read as _;

use flate2::read::MultiGzDecoder;

use super::ExtractError;

const MAGIC: &[u8] = b"\x1F\x8B\x08";
/// Unpacked, a file may be as large as the largest that is read plain.
const MAX_UNPACKED: u64 = 64 * 1024 * 1024;

/// The first bytes of what is packed, at most `length`; `None` if nothing is.
pub(super) fn front(bytes: &[u8], length: usize) -> Option<Vec<u8>> {
    if !bytes.starts_with(MAGIC) {
        return None;
    }
    let mut front = Vec::new();
    // What of a damaged file can be read is enough to tell its kind.
    let _ = MultiGzDecoder::new(bytes)
        .take(length as u64)
        .read_to_end(&mut front);
    Some(front)
}

/// What is packed, or `None` if nothing is.
pub(super) fn unpack(bytes: &[u8]) -> Result<Option<Vec<u8>>, ExtractError> {
    if !bytes.starts_with(MAGIC) {
        return Ok(None);
    }
    let mut unpacked = Vec::new();
    MultiGzDecoder::new(bytes)
        .take(MAX_UNPACKED + 1)
        .read_to_end(&mut unpacked)
        .map_err(|error| ExtractError::malformed("gzip", error))?;
    if unpacked.len() as u64 > MAX_UNPACKED {
        let limit = MAX_UNPACKED >> 20;
        return Err(ExtractError::OverLimit(format!(
            "more than {limit} MiB unpacked"
        )));
    }
    Ok(Some(unpacked))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use crate::extract::{ExtractError, extract, sniff};
    use crate::model::ContentKind;

    fn packed(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn a_packed_file_is_read_as_what_it_holds() {
        let bytes = packed(b"Model,Price\nB-20,410\n");
        assert_eq!(sniff(&bytes, None, "prices.csv.gz"), Some(ContentKind::Csv));
        let extracted = extract(ContentKind::Csv, &bytes, None).unwrap();
        assert_eq!(extracted.text, "Model | Price\nB-20 | 410");
    }

    #[test]
    fn a_bomb_and_a_torn_file_are_errors_that_say_so() {
        let bomb = packed(&vec![b' '; 70 << 20]);
        let refused = extract(ContentKind::Text, &bomb, None).unwrap_err();
        assert!(matches!(refused, ExtractError::OverLimit(_)), "{refused}");
        let whole = packed(&b"Close the curtains. ".repeat(50));
        let refused = extract(ContentKind::Text, &whole[..20], None).unwrap_err();
        assert!(refused.to_string().contains("gzip"), "{refused}");
    }
}
