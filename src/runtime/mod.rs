//! How work is run: blocking calls off the async threads, and a pool for computation.
//!
//! Knows nothing of the product.

pub mod blocking;
pub mod clock;
pub mod cpu_pool;
pub mod tls;
