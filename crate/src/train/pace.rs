//! How fast steps are whose ends become known late and in bunches, as those on a GPU do.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Steps that a pace is the mean of.
const STEPS: usize = 20;

/// When the beginning and the latest ends became known.
#[derive(Debug)]
pub(super) struct Pace {
    known: VecDeque<Instant>,
}

impl Pace {
    pub(super) fn from(beginning: Instant) -> Self {
        Self {
            known: VecDeque::from([beginning]),
        }
    }

    /// The end of another step: what each of the latest took, on average. One alone may seem to take no time, or twice its
    /// time, because a driver that has done two says so at once.
    pub(super) fn step(&mut self, end: Instant) -> Duration {
        if self.known.len() > STEPS {
            self.known.pop_front();
        }
        self.known.push_back(end);
        let count = self.known.len() as u32 - 1;
        end.duration_since(self.known[0]) / count.max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_that_becomes_known_with_the_one_before_is_no_faster() {
        let start = Instant::now();
        let mut pace = Pace::from(start);
        let mut took = |seconds: u64| pace.step(start + Duration::from_secs(seconds));
        assert_eq!(took(2), Duration::from_secs(2));
        for step in 2..=30 {
            assert_eq!(took(2 * step), Duration::from_secs(2));
        }
        // The 31st with the 30th, and the 32nd with the 33rd.
        assert_eq!(took(60), Duration::from_millis(1900));
        assert_eq!(took(66), Duration::from_millis(2100));
        assert_eq!(took(66), Duration::from_secs(2));
    }
}
