//! How long a group of writes is let gather.

use std::time::Duration;

use tokio::sync::mpsc;

/// So many writes share one commit well enough; more are not waited for.
const GOOD_LENGTH: usize = 32;

/// For how long a group gathers before somebody looks whether it still grows.
const STEP: Duration = Duration::from_millis(1);

/// How many such steps a group may gather at most.
const MOST_STEPS: u32 = 3;

/// Where waiting brought nothing, so many groups pass before it is tried again.
const GROUPS_BETWEEN_TRIALS: u32 = 16;

/// How many writes share one commit at most, so that the first of them is not kept waiting.
pub(super) const GROUP_LENGTH: usize = 256;

/// How long groups are let gather: longer while that makes them grow, not at all where it does not,
/// and never while one write comes at a time.
#[derive(Debug, Default)]
pub(super) struct GroupWindow {
    steps: u32,
    until_trial: u32,
    length_before: usize,
}

impl GroupWindow {
    /// Lets more writes join a group that was just taken from the queue.
    pub(super) fn gather<T>(&mut self, group: &mut Vec<T>, queue: &mut mpsc::Receiver<T>) {
        for step in 0..self.steps_for(group.len()) {
            if group.len() >= GOOD_LENGTH {
                break;
            }
            std::thread::sleep(STEP);
            let before = group.len();
            while group.len() < GROUP_LENGTH
                && let Ok(command) = queue.try_recv()
            {
                group.push(command);
            }
            self.learn(step, group.len() > before);
            if group.len() == before {
                break;
            }
        }
        self.length_before = group.len();
    }

    fn steps_for(&mut self, length: usize) -> u32 {
        if length.max(self.length_before) < 2 {
            return 0;
        }
        if self.steps == 0 {
            self.until_trial = self.until_trial.saturating_sub(1);
            return u32::from(self.until_trial == 0);
        }
        self.steps
    }

    /// Takes note of whether a group grew in a step of its wait.
    fn learn(&mut self, step: u32, grew: bool) {
        if !grew {
            self.steps = step;
            self.until_trial = GROUPS_BETWEEN_TRIALS;
        } else if step + 1 >= self.steps {
            self.steps = (step + 2).min(MOST_STEPS);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_comes_alone_is_not_kept_waiting() {
        let (_sender, mut queue) = mpsc::channel::<i64>(4);
        let mut window = GroupWindow::default();
        for _ in 0..100 {
            assert_eq!(window.steps_for(1), 0);
            window.gather(&mut vec![1], &mut queue);
        }
    }

    #[test]
    fn a_group_gathers_while_it_grows_and_stops_where_it_does_not() {
        let mut window = GroupWindow::default();
        assert_eq!(window.steps_for(2), 1, "a trial");
        window.learn(0, true);
        assert_eq!(window.steps_for(2), 2);
        window.learn(0, true);
        window.learn(1, true);
        assert_eq!(window.steps_for(2), MOST_STEPS);
        window.learn(0, false);
        for _ in 1..GROUPS_BETWEEN_TRIALS {
            assert_eq!(window.steps_for(2), 0);
        }
        assert_eq!(window.steps_for(2), 1, "another trial");
    }

    #[test]
    fn what_comes_in_time_joins_the_group() {
        let (sender, mut queue) = mpsc::channel(4);
        let mut window = GroupWindow::default();
        let mut group = vec![1, 2];
        sender.try_send(3).unwrap();
        window.gather(&mut group, &mut queue);
        assert_eq!(group, [1, 2, 3]);
    }
}
