//! How many requests are worked on at once, and that no client takes all the places.
//!
//! A client may hold a fixed multiple of what is free (dynamic thresholds: Choudhury and Hahne,
//! "Dynamic queue length thresholds for shared-memory packet switches", IEEE/ACM Transactions on
//! Networking 6(2), 1998). One alone gets nearly all, several share, and something is always left
//! for the next one.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use super::rate::Client;

/// A client holds at most so many times what is free: alone, seven places of eight.
const SHARE: usize = 7;

/// Bytes of a body that a place includes; a larger one takes more places, so that what requests
/// under way hold in memory is bounded.
const BYTES_A_PLACE: usize = 256 << 10;

/// The places.
pub(super) struct Permits {
    capacity: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    used: usize,
    /// Those who wait, of all clients.
    waiting: usize,
    clients: HashMap<Client, Held>,
}

#[derive(Default)]
struct Held {
    places: usize,
    /// Replies that go on as soon as there is a place.
    waiting: VecDeque<oneshot::Sender<Permit>>,
}

/// Places for one request; dropping it gives them back.
pub(super) struct Permit {
    permits: Arc<Permits>,
    client: Client,
    places: usize,
}

impl Permits {
    pub(super) fn new(capacity: usize) -> Arc<Self> {
        Arc::new(Self {
            capacity,
            state: Mutex::default(),
        })
    }

    /// The places for a request with a body of so many bytes, if they are free and the client's to
    /// take.
    pub(super) fn take(self: &Arc<Self>, client: Client, body_bytes: usize) -> Option<Permit> {
        let places = (1 + body_bytes / BYTES_A_PLACE).min(self.capacity.max(1));
        let mut state = self.lock();
        state.take(self.capacity, client, places).then(|| Permit {
            permits: Arc::clone(self),
            client,
            places,
        })
    }

    /// A place as soon as there is one. The next who wait are those whose client holds least.
    pub(super) fn wait(self: &Arc<Self>, client: Client) -> oneshot::Receiver<Permit> {
        let (sender, receiver) = oneshot::channel();
        let mut state = self.lock();
        let held = state.clients.entry(client).or_default();
        held.waiting.push_back(sender);
        state.waiting += 1;
        drop(state);
        self.hand_on();
        receiver
    }

    fn release(self: &Arc<Self>, client: Client, places: usize) {
        let mut state = self.lock();
        state.used -= places;
        if let Some(held) = state.clients.get_mut(&client) {
            held.places -= places;
            if held.places == 0 && held.waiting.is_empty() {
                state.clients.remove(&client);
            }
        }
        drop(state);
        self.hand_on();
    }

    /// Gives free places to those who wait.
    fn hand_on(self: &Arc<Self>) {
        loop {
            let mut state = self.lock();
            let Some((client, sender)) = state.next(self.capacity) else {
                return;
            };
            drop(state);
            let permits = Arc::clone(self);
            // Who has left gives it back, by dropping it.
            let _ = sender.send(Permit {
                permits,
                client,
                places: 1,
            });
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn take(&mut self, capacity: usize, client: Client, places: usize) -> bool {
        let free = capacity.saturating_sub(self.used);
        let held = self.clients.get(&client).map_or(0, |held| held.places);
        let is_within_share = held == 0 || held + places <= SHARE * free;
        let may = places <= free && is_within_share;
        if may {
            self.used += places;
            self.clients.entry(client).or_default().places += places;
        }
        may
    }

    /// Takes a place for the next who waits.
    fn next(&mut self, capacity: usize) -> Option<(Client, oneshot::Sender<Permit>)> {
        if self.waiting == 0 {
            return None;
        }
        let mut left = 0;
        self.clients.retain(|_, held| {
            while held.waiting.front().is_some_and(oneshot::Sender::is_closed) {
                held.waiting.pop_front();
                left += 1;
            }
            held.places > 0 || !held.waiting.is_empty()
        });
        self.waiting -= left;
        let waiting = self.clients.iter();
        let waiting = waiting.filter(|(_, held)| !held.waiting.is_empty());
        let (client, _) = waiting.min_by_key(|(_, held)| held.places)?;
        let client = *client;
        if !self.take(capacity, client, 1) {
            return None;
        }
        let sender = self.clients.get_mut(&client)?.waiting.pop_front()?;
        self.waiting -= 1;
        Some((client, sender))
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.permits.release(self.client, self.places);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(number: u8) -> Client {
        Client::at(Some([10, 0, 0, number].into()))
    }

    fn take_all(permits: &Arc<Permits>, client: Client) -> Vec<Permit> {
        std::iter::from_fn(|| permits.take(client, 0)).collect()
    }

    #[test]
    fn no_client_takes_all_places() {
        let permits = Permits::new(256);
        let first = take_all(&permits, client(1));
        let second = take_all(&permits, client(2));
        let third = take_all(&permits, client(3));
        assert_eq!((first.len(), second.len()), (224, 28));
        assert!(!third.is_empty());
        // A few places serve one client as they would without shares.
        for capacity in [1, 2, 7] {
            let few = Permits::new(capacity);
            assert_eq!(take_all(&few, client(1)).len(), capacity);
        }
        assert!(Permits::new(0).take(client(1), 0).is_none());
        drop((first, second, third));
        assert_eq!(take_all(&permits, client(9)).len(), 224);
    }

    #[test]
    fn a_large_body_takes_more_places() {
        let permits = Permits::new(64);
        let large = permits.take(client(1), 60 * BYTES_A_PLACE).unwrap();
        assert!(permits.take(client(2), 10 * BYTES_A_PLACE).is_none());
        assert!(permits.take(client(2), 10).is_some());
        drop(large);
        assert!(permits.take(client(2), 10 * BYTES_A_PLACE).is_some());
        // Larger than all of it, it still has its turn.
        assert!(Permits::new(1).take(client(1), 2 << 20).is_some());
    }

    #[test]
    fn who_waits_is_served_by_what_its_client_holds() {
        let permits = Permits::new(2);
        let [first, second] = [1, 2].map(|number| permits.take(client(number), 0).unwrap());
        let gone = permits.wait(client(3));
        drop(gone);
        let mut same = permits.wait(client(1));
        let mut other = permits.wait(client(3));
        assert!(same.try_recv().is_err() && other.try_recv().is_err());
        drop(second);
        let permit = other.try_recv().unwrap();
        assert!(same.try_recv().is_err());
        drop(permit);
        assert!(same.try_recv().is_ok());
        drop((first, same));
        assert!(permits.lock().clients.is_empty());
    }
}
