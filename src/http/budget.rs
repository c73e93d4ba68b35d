//! What waits for clients, within a bound, and who has to go when there is too much of it.
//!
//! A bound that turns newcomers away lets whoever came first keep everybody out, by waiting. Here
//! the newcomer comes in and another goes: of the clients that hold no less than the newcomer's, the
//! one that holds most (max-min fairness), and of what it holds, what has waited longest.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::metrics;
use super::rate::Client;

/// Whatever holds a share.
pub(super) trait Holder: Send + Sync {
    /// Since when it waits for its client; `None` while it is us who work for it.
    fn idle_since(&self) -> Option<Instant>;

    /// Ends it. Its share counts no longer.
    fn give_up(&self);
}

/// So much may be held at once.
pub(super) struct Budget {
    capacity: usize,
    /// The name under which what was given up is counted.
    reason: &'static str,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    used: usize,
    next: u64,
    shares: HashMap<u64, Entry>,
}

struct Entry {
    client: Client,
    weight: usize,
    holder: Arc<dyn Holder>,
}

impl Budget {
    pub(super) fn new(capacity: usize, reason: &'static str) -> Arc<Self> {
        Arc::new(Self {
            capacity,
            reason,
            state: Mutex::default(),
        })
    }

    /// What is held in all.
    pub(super) fn used(&self) -> usize {
        self.lock().used
    }

    /// Gives `holder` a share of `weight`, whether there is room or not.
    pub(super) fn open(
        self: &Arc<Self>,
        client: Client,
        holder: Arc<dyn Holder>,
        weight: usize,
    ) -> Share {
        let mut state = self.lock();
        let id = state.next;
        state.next += 1;
        state.used += weight;
        let entry = Entry {
            client,
            weight,
            holder,
        };
        state.shares.insert(id, entry);
        drop(state);
        let budget = Arc::clone(self);
        Share { budget, id }
    }

    /// Ends what has waited longest, if anything waits.
    pub(super) fn give_one_up(&self) -> bool {
        let mut state = self.lock();
        let victim = state.victim(None);
        victim.is_some_and(|victim| {
            state.give_up(victim, self.reason);
            true
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Who goes first for the sake of a newcomer, or for nobody's.
    fn victim(&self, newcomer: Option<u64>) -> Option<u64> {
        let mut totals: HashMap<Client, usize> = HashMap::new();
        for entry in self.shares.values() {
            *totals.entry(entry.client).or_default() += entry.weight;
        }
        let total = |entry: &Entry| totals.get(&entry.client).copied().unwrap_or(0);
        let least = newcomer
            .and_then(|id| self.shares.get(&id))
            .map_or(0, total);
        let others = self.shares.iter().filter(|(id, _)| Some(**id) != newcomer);
        others
            .filter(|(_, entry)| total(entry) >= least)
            .filter_map(|(id, entry)| Some((id, total(entry), entry.holder.idle_since()?)))
            .max_by_key(|(_, total, since)| (*total, std::cmp::Reverse(*since)))
            .map(|(id, _, _)| *id)
    }

    fn give_up(&mut self, id: u64, reason: &'static str) {
        if let Some(entry) = self.shares.remove(&id) {
            self.used -= entry.weight;
            entry.holder.give_up();
            metrics::shed(reason);
        }
    }
}

/// A part of the budget; dropping it gives it back.
pub(super) struct Share {
    budget: Arc<Budget>,
    id: u64,
}

impl Share {
    /// Adds to the share. One that was given up stays so.
    pub(super) fn grow(&self, by: usize) {
        let mut state = self.budget.lock();
        if let Some(entry) = state.shares.get_mut(&self.id) {
            entry.weight += by;
            state.used += by;
        }
    }

    /// Takes from the share what was added to it.
    pub(super) fn shrink(&self, by: usize) {
        let mut state = self.budget.lock();
        if let Some(entry) = state.shares.get_mut(&self.id) {
            let by = by.min(entry.weight);
            entry.weight -= by;
            state.used -= by;
        }
    }

    /// Ends others until all that is held is within the bound; `false` if none of them can go or
    /// has to.
    pub(super) fn make_room(&self) -> bool {
        let mut state = self.budget.lock();
        while state.used > self.budget.capacity {
            let Some(victim) = state.victim(Some(self.id)) else {
                return false;
            };
            state.give_up(victim, self.budget.reason);
        }
        true
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut state = self.budget.lock();
        if let Some(entry) = state.shares.remove(&self.id) {
            state.used -= entry.weight;
            // The holder's own end may give back another share.
            drop(state);
            drop(entry);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::Duration;

    use super::*;

    struct Waiting {
        since: Option<Instant>,
        gone: AtomicBool,
    }

    impl Holder for Waiting {
        fn idle_since(&self) -> Option<Instant> {
            self.since
        }

        fn give_up(&self) {
            self.gone.store(true, Ordering::Relaxed);
        }
    }

    fn client(number: u8) -> Client {
        Client::at(Some([10, 0, 0, number].into()))
    }

    /// A holder that began to wait so many seconds after the first; one without a time is at work.
    fn held(
        budget: &Arc<Budget>,
        number: u8,
        second: Option<u64>,
        weight: usize,
    ) -> (Arc<Waiting>, Share) {
        let start = Instant::now();
        let holder = Arc::new(Waiting {
            since: second.map(|second| start + Duration::from_secs(second)),
            gone: AtomicBool::new(false),
        });
        let share = budget.open(
            client(number),
            Arc::clone(&holder) as Arc<dyn Holder>,
            weight,
        );
        (holder, share)
    }

    fn gone(held: &[&(Arc<Waiting>, Share)]) -> Vec<bool> {
        held.iter()
            .map(|(holder, _)| holder.gone.load(Ordering::Relaxed))
            .collect()
    }

    #[test]
    fn of_whoever_holds_most_what_waited_longest_goes() {
        let budget = Budget::new(4, "test");
        let oldest_of_one = held(&budget, 1, Some(0), 1);
        let newer = held(&budget, 2, Some(20), 1);
        let at_work = held(&budget, 2, None, 1);
        let older = held(&budget, 2, Some(10), 1);
        let newcomer = held(&budget, 3, Some(30), 1);
        assert!(newcomer.1.make_room());
        let all = [&oldest_of_one, &newer, &at_work, &older, &newcomer];
        assert_eq!(gone(&all), [false, false, false, true, false]);
        assert_eq!(budget.used(), 4);
        // What was given up gives nothing back a second time.
        drop(older);
        assert_eq!(budget.used(), 4);
        drop(newer);
        assert_eq!(budget.used(), 3);
    }

    #[test]
    fn who_holds_less_does_not_make_room_for_who_holds_most() {
        let budget = Budget::new(10, "test");
        let small = held(&budget, 1, Some(0), 1);
        let giant = held(&budget, 2, Some(1), 0);
        giant.1.grow(100);
        assert!(!giant.1.make_room());
        assert_eq!(gone(&[&small, &giant]), [false, false]);
        small.1.grow(1);
        assert!(small.1.make_room());
        assert_eq!(gone(&[&small, &giant]), [false, true]);
        small.1.shrink(50);
        assert_eq!(budget.used(), 0);
    }

    #[test]
    fn nothing_goes_while_all_are_at_work() {
        let budget = Budget::new(1, "test");
        let busy = held(&budget, 1, None, 1);
        let newcomer = held(&budget, 2, Some(0), 1);
        assert!(!newcomer.1.make_room());
        assert_eq!(gone(&[&busy, &newcomer]), [false, false]);
        assert!(budget.give_one_up());
        assert_eq!(gone(&[&busy, &newcomer]), [false, true]);
        assert!(!budget.give_one_up());
    }
}
