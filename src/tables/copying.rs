//! Rows into a table by `COPY`, in its binary format (PostgreSQL manual, "COPY", file formats).

use std::io::Cursor;
use std::pin::Pin;

use futures::SinkExt as _;
use tokio_postgres::CopyInSink;

use crate::postgres::{DatabaseError, Lease};

/// What the stream begins with: a signature, flags and the length of an extension, both 0.
const FRONT: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";

/// Bytes that are sent at once.
const PIECE: usize = 1 << 17;

const INT4: u32 = 23;
const FLOAT4: u32 = 700;

/// A table that rows are written into.
pub(super) struct Copying<'a> {
    lease: &'a Lease,
    sink: Pin<Box<CopyInSink<Cursor<Vec<u8>>>>>,
    bytes: Vec<u8>,
}

impl<'a> Copying<'a> {
    /// Begins. The table was made in the same transaction, so that its rows are known to be visible to
    /// all that come later (`FREEZE`).
    pub(super) async fn begin(
        lease: &'a Lease,
        table: &str,
        columns: &str,
    ) -> Result<Self, DatabaseError> {
        let copy = format!(
            "COPY wattwise_index.{table} ({columns}) FROM STDIN WITH (FORMAT binary, FREEZE)"
        );
        let sink = lease.copy_in(&copy).await;
        Ok(Self {
            sink: Box::pin(sink.map_err(|error| lease.failed(&error))?),
            lease,
            bytes: FRONT.to_vec(),
        })
    }

    /// Adds a row.
    pub(super) async fn push(&mut self, row: &Fields) -> Result<(), DatabaseError> {
        self.bytes.extend_from_slice(&row.count.to_be_bytes());
        self.bytes.extend_from_slice(&row.bytes);
        if self.bytes.len() < PIECE {
            return Ok(());
        }
        self.send().await
    }

    async fn send(&mut self) -> Result<(), DatabaseError> {
        let bytes = std::mem::take(&mut self.bytes);
        let sent = self.sink.send(Cursor::new(bytes)).await;
        sent.map_err(|error| self.lease.failed(&error))
    }

    /// Ends, and returns how many rows came.
    pub(super) async fn finish(mut self) -> Result<u64, DatabaseError> {
        self.bytes.extend_from_slice(&(-1_i16).to_be_bytes());
        self.send().await?;
        let rows = self.sink.as_mut().finish().await;
        rows.map_err(|error| self.lease.failed(&error))
    }
}

/// The fields of one row.
#[derive(Default)]
pub(super) struct Fields {
    count: i16,
    bytes: Vec<u8>,
}

impl Fields {
    fn put(mut self, write: impl FnOnce(&mut Vec<u8>)) -> Self {
        let at = self.bytes.len();
        self.bytes.extend_from_slice(&[0; 4]);
        write(&mut self.bytes);
        let length = i32::try_from(self.bytes.len() - at - 4);
        let length = length.expect("a field is far smaller than 2 GiB");
        self.bytes[at..at + 4].copy_from_slice(&length.to_be_bytes());
        self.count += 1;
        self
    }

    /// `text` or `bytea`.
    pub(super) fn bytes(self, bytes: &[u8]) -> Self {
        self.put(|to| to.extend_from_slice(bytes))
    }

    /// `int4`, as which PostgreSQL takes numbers of rows.
    pub(super) fn number(self, number: u32) -> Self {
        self.put(|to| to.extend_from_slice(&number.to_be_bytes()))
    }

    /// `int8`.
    pub(super) fn long(self, number: u64) -> Self {
        self.put(|to| to.extend_from_slice(&number.to_be_bytes()))
    }

    /// `int4[]`.
    pub(super) fn numbers(self, numbers: impl ExactSizeIterator<Item = u32>) -> Self {
        self.array(INT4, numbers.map(u32::to_be_bytes))
    }

    /// `float4[]`.
    pub(super) fn values(self, values: impl ExactSizeIterator<Item = f32>) -> Self {
        self.array(FLOAT4, values.map(f32::to_be_bytes))
    }

    /// One dimension, no nulls, the first index 1.
    fn array(self, kind: u32, values: impl ExactSizeIterator<Item = [u8; 4]>) -> Self {
        self.put(|to| {
            let count = u32::try_from(values.len()).expect("an index holds fewer than 2^32 rows");
            for number in [1, 0, kind, count, 1] {
                to.extend_from_slice(&number.to_be_bytes());
            }
            for value in values {
                to.extend_from_slice(&4_u32.to_be_bytes());
                to.extend_from_slice(&value);
            }
        })
    }

    /// `halfvec` of pgvector: the dimension, two bytes of 0, the values in half precision (IEEE 754
    /// binary16), each rounded to the nearest.
    pub(super) fn half_vector(self, values: &[f32]) -> Self {
        self.put(|to| {
            let dimension = u16::try_from(values.len()).unwrap_or(u16::MAX);
            to.extend_from_slice(&dimension.to_be_bytes());
            to.extend_from_slice(&[0, 0]);
            for value in values {
                to.extend_from_slice(&half::f16::from_f32(*value).to_be_bytes());
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_what_the_format_says() {
        let row = Fields::default()
            .number(7)
            .bytes(b"ab")
            .numbers([1].into_iter())
            .half_vector(&[1.0, -0.5]);
        assert_eq!(row.count, 4);
        let expected: [&[u8]; 4] = [
            &[0, 0, 0, 4, 0, 0, 0, 7],
            &[0, 0, 0, 2, b'a', b'b'],
            &[
                0, 0, 0, 28, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 23, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0,
                4, 0, 0, 0, 1,
            ],
            &[0, 0, 0, 8, 0, 2, 0, 0, 0x3c, 0, 0xb8, 0],
        ];
        assert_eq!(row.bytes, expected.concat());
        assert_eq!(FRONT.len(), 19);
    }
}
