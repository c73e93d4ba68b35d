//! A connection to PostgreSQL, or to what speaks its protocol: the address, TLS, a pool, time-outs,
//! reconnection with back-off, notifications, and a clear error for each thing that can be wrong.
//!
//! Knows no table. A server may go away at any time and come back at another of its addresses: as
//! many hosts as there are stand in one address, and the one that takes writes is found among them.

mod address;
mod error;
mod gate;
mod lease;
mod listen;
mod pool;
mod tls;

pub use address::DatabaseAddress;
pub use error::DatabaseError;
pub use lease::Lease;
pub use listen::{Notice, listen};
pub use pool::{Database, DatabaseOptions};
