//! How many streams there may be: each costs a connection and a look at the database every second, so
//! neither one user nor all together may hold so many that others go without.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use crate::{admin::problem::Problem, domain::account::UserId};

/// Streams of one user.
const PER_USER: usize = 16;
/// Streams of one process, well below its connections.
const IN_ALL: usize = 512;

/// The process's streams. Cheap to clone.
#[derive(Clone, Default)]
pub(in crate::admin) struct StreamSlots(Arc<Mutex<HashMap<UserId, usize>>>);

/// A stream's place, given back when it is dropped.
pub(in crate::admin) struct StreamSlot {
    slots: StreamSlots,
    user: UserId,
}

impl StreamSlots {
    /// A place for one more stream of `user`.
    pub(in crate::admin) fn take(&self, user: UserId) -> Result<StreamSlot, Problem> {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let in_all: usize = taken.values().sum();
        let of_user = taken.entry(user).or_default();
        if *of_user >= PER_USER {
            return Err(Problem::unavailable(
                "too-many-streams",
                "Too many streams",
                format!("You have {PER_USER} streams open, which is the most for one user. Close one."),
            ));
        }
        if in_all >= IN_ALL {
            return Err(Problem::unavailable(
                "too-many-streams",
                "Too many streams",
                "This process serves as many streams as it can. Try again later, or read terminal-logs.",
            ));
        }
        *of_user += 1;
        Ok(StreamSlot { slots: self.clone(), user })
    }
}

impl Drop for StreamSlot {
    fn drop(&mut self) {
        let mut taken = self.slots.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(of_user) = taken.get_mut(&self.user) {
            *of_user -= 1;
            if *of_user == 0 {
                taken.remove(&self.user);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_user_has_a_limit_and_leaves_room_for_others() {
        let slots = StreamSlots::default();
        let (one, other) = (UserId::fresh(), UserId::fresh());
        let mut held: Vec<_> = (0..PER_USER).map(|_| slots.take(one).expect("a place")).collect();
        assert!(slots.take(one).is_err());
        assert!(slots.take(other).is_ok());
        held.pop();
        assert!(slots.take(one).is_ok());
        drop(held);
        assert!(slots.0.lock().expect("not poisoned").is_empty());
    }
}
