//! Every bound of the server in one place.

use std::time::Duration;

/// What a client may cost. Each default suits one small machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ServerLimits {
    /// Open connections, as far as the file descriptors reach. For a further one, the one that has
    /// been idle longest is closed; where all are at work it waits in the operating system's queue.
    pub max_connections: usize,
    /// Time for a new connection to say which protocol it speaks.
    pub first_bytes_timeout: Duration,
    /// Time for a request's head to arrive; an idle kept-alive connection is closed after it too.
    pub header_timeout: Duration,
    /// Bytes of a request's head.
    pub max_header_bytes: u32,
    /// Bytes of a request's body; more is 413.
    pub max_body_bytes: usize,
    /// Time for a request's body to arrive; more is 408.
    pub body_timeout: Duration,
    /// Time from a request's head to the head of its reply, reading the body included; more is 504.
    pub request_timeout: Duration,
    /// Time a reply may wait to be sent while its client reads nothing; the connection is cut then.
    pub write_timeout: Duration,
    /// Bytes of request bodies on their way, together, and 16 KiB for each. Beyond it, the one that
    /// waits longest is given up with 408.
    pub max_arriving_bytes: usize,
    /// Bytes of replies that wait for their clients, together, and 16 KiB for each. Beyond it, the
    /// connection of the one that waits longest is cut.
    pub max_unread_bytes: usize,
    /// Such bytes of one connection; beyond it, its next request waits.
    pub max_unread_bytes_per_connection: usize,
    /// Requests being worked on, those with large bodies counted more than once; further ones are
    /// refused at once with 503 and `Retry-After`. One client may hold seven times what is free.
    pub max_concurrent_requests: usize,
    /// Requests a minute of one key, or of one address where there are no keys; 0 is no limit.
    pub requests_per_minute: u32,
    /// Bytes of a message, a question or a comment; more is 422.
    pub max_message_bytes: usize,
    /// Contexts that a request may ask for or send along; more is 422.
    pub max_contexts: usize,
    /// Nesting of a JSON body; more is 400.
    pub max_json_depth: usize,
    /// Time that running requests have to finish after a shutdown began.
    pub drain_timeout: Duration,
}

impl Default for ServerLimits {
    fn default() -> Self {
        Self {
            max_connections: 1024,
            first_bytes_timeout: Duration::from_secs(10),
            header_timeout: Duration::from_secs(30),
            max_header_bytes: 128 << 10,
            max_body_bytes: 2 << 20,
            body_timeout: Duration::from_secs(30),
            request_timeout: Duration::from_mins(1),
            write_timeout: Duration::from_secs(30),
            max_arriving_bytes: 64 << 20,
            max_unread_bytes: 64 << 20,
            max_unread_bytes_per_connection: 8 << 20,
            max_concurrent_requests: 256,
            requests_per_minute: 0,
            max_message_bytes: 2 << 20,
            max_contexts: 50,
            max_json_depth: 900,
            drain_timeout: Duration::from_secs(20),
        }
    }
}
