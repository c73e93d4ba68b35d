//! How many requests a minute one client may send.
//!
//! Each client has a bucket that holds a minute's worth of requests and fills at an even pace. A
//! bucket is one number, the moment at which it is full again; a full one needs no memory.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::model::Owner;

/// Buckets that are not full. Beyond this many, full ones are thrown away, and if there are none,
/// all: forgetting is better than running out of memory.
const MOST_BUCKETS: usize = 50_000;

const WINDOW: Duration = Duration::from_mins(1);

/// Whom requests are counted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Client {
    /// The holder of a key.
    Holder(Owner),
    /// An address; a whole network of IPv6, which one machine can have.
    Address(IpAddr),
    /// Not known, as when there is no socket.
    Unknown,
}

impl Client {
    pub(super) fn at(address: Option<IpAddr>) -> Self {
        match address.map(|address| address.to_canonical()) {
            None => Self::Unknown,
            Some(IpAddr::V4(address)) => Self::Address(address.into()),
            Some(IpAddr::V6(address)) => {
                let network = address.to_bits() >> 64 << 64;
                Self::Address(IpAddr::V6(network.into()))
            }
        }
    }
}

/// What the limiter says to one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Verdict {
    /// Whether the request may go on.
    pub(super) allowed: bool,
    quota: u32,
    remaining: u32,
    /// Until the next request is allowed if this one was not, else until the bucket is full.
    wait: Duration,
}

impl Verdict {
    /// Tells the client where it stands.
    pub(super) fn add_headers(self, headers: &mut HeaderMap) {
        let seconds = self.wait.as_secs() + u64::from(self.wait.subsec_nanos() > 0);
        let policy = format!("\"default\";q={};w={}", self.quota, WINDOW.as_secs());
        let state = format!("\"default\";r={};t={seconds}", self.remaining);
        let mut add = |name: HeaderName, value: String| {
            if let Ok(value) = HeaderValue::try_from(value) {
                headers.insert(name, value);
            }
        };
        add(HeaderName::from_static("ratelimit-policy"), policy);
        add(HeaderName::from_static("ratelimit"), state);
        if !self.allowed {
            add(header::RETRY_AFTER, seconds.max(1).to_string());
        }
    }
}

/// The buckets.
pub(super) struct RateLimiter {
    quota: u32,
    /// How many servers share the quota.
    servers: Arc<AtomicU32>,
    full_at: Mutex<HashMap<Client, Instant>>,
}

impl RateLimiter {
    /// `None` for no limit. Of the quota each of the `servers` gives out its part, at least one
    /// request a minute.
    pub(super) fn new(requests_per_minute: u32, servers: Arc<AtomicU32>) -> Option<Self> {
        (requests_per_minute > 0).then(|| Self {
            quota: requests_per_minute,
            servers,
            full_at: Mutex::default(),
        })
    }

    /// Counts one request of `client`.
    pub(super) fn take(&self, client: Client, now: Instant) -> Verdict {
        let servers = self.servers.load(Ordering::Relaxed).max(1);
        let quota = (self.quota / servers).max(1);
        let step = WINDOW / quota;
        let mut full_at = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        if full_at.len() >= MOST_BUCKETS {
            full_at.retain(|_, full_at| *full_at > now);
            if full_at.len() >= MOST_BUCKETS {
                full_at.clear();
            }
        }
        let before = full_at.get(&client).copied().unwrap_or(now).max(now);
        let after = before + step;
        let allowed = after <= now + WINDOW;
        if allowed {
            full_at.insert(client, after);
        }
        let until_full = if allowed { after } else { before } - now;
        let left = WINDOW.saturating_sub(until_full).as_nanos() / step.as_nanos().max(1);
        Verdict {
            allowed,
            quota,
            remaining: u32::try_from(left).unwrap_or(u32::MAX).min(quota),
            wait: if allowed {
                until_full
            } else {
                (after - now).saturating_sub(WINDOW)
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minutes_worth_may_come_at_once_and_the_rest_at_an_even_pace() {
        let limiter = RateLimiter::new(60, one()).unwrap();
        let (start, client) = (Instant::now(), Client::Unknown);
        for left in (0..60).rev() {
            let verdict = limiter.take(client, start);
            assert!(verdict.allowed);
            assert_eq!(verdict.remaining, left);
        }
        let refused = limiter.take(client, start);
        assert!(!refused.allowed);
        assert_eq!(refused.wait, Duration::from_secs(1));
        assert!(limiter.take(client, start + Duration::from_secs(1)).allowed);
        assert!(!limiter.take(client, start + Duration::from_secs(1)).allowed);
        assert!(limiter.take(Client::Holder(Owner::OPERATOR), start).allowed);
        assert!(RateLimiter::new(0, one()).is_none());
    }

    fn one() -> Arc<AtomicU32> {
        Arc::new(AtomicU32::new(1))
    }

    #[test]
    fn servers_divide_what_a_client_may() {
        let servers = Arc::new(AtomicU32::new(3));
        let limiter = RateLimiter::new(60, Arc::clone(&servers)).unwrap();
        let (now, client) = (Instant::now(), Client::Unknown);
        let allowed = || {
            (0..100)
                .filter(|_| limiter.take(client, now).allowed)
                .count()
        };
        assert_eq!(allowed(), 20);
        // What another server gave out is not known here: a part that grows begins with what is new.
        servers.store(1, Ordering::Relaxed);
        assert_eq!(allowed(), 0);
        let later = now + Duration::from_secs(30);
        assert_eq!(
            (0..100)
                .filter(|_| limiter.take(client, later).allowed)
                .count(),
            30
        );
        servers.store(1000, Ordering::Relaxed);
        let later = later + WINDOW;
        assert!(limiter.take(client, later).allowed, "never none at all");
    }

    #[test]
    fn what_it_remembers_is_bounded() {
        let limiter = RateLimiter::new(1, one()).unwrap();
        let now = Instant::now();
        for number in 0..u32::try_from(MOST_BUCKETS).unwrap() + 10 {
            limiter.take(Client::at(Some(IpAddr::V4(number.into()))), now);
        }
        assert!(limiter.full_at.lock().unwrap().len() <= MOST_BUCKETS);
    }

    #[test]
    fn neighbours_in_a_network_count_as_one() {
        let at = |text: &str| Client::at(Some(text.parse().unwrap()));
        assert_eq!(at("2001:db8::1"), at("2001:db8::2"));
        assert_ne!(at("2001:db8::1"), at("2001:db8:0:1::1"));
        assert_eq!(at("::ffff:192.0.2.1"), at("192.0.2.1"));
    }
}
