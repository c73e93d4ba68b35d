//! How work is run: blocking calls off the async threads, a pool for computation, and retries.
//!
//! Knows nothing of the product.

pub mod blocking;
pub mod cpu_pool;
pub mod retry;
pub mod tls;
