//! How many connections may be open, in all and from one address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::proto::throttle::network;

/// The places of one door. An address has no entry when nothing is open from it, so there are at most as many entries as places.
pub struct Places {
    in_all: usize,
    each: usize,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    in_all: usize,
    each: HashMap<IpAddr, usize>,
}

/// A taken place, free again when dropped.
pub struct Place {
    places: Arc<Places>,
    address: IpAddr,
}

impl Places {
    pub fn new(in_all: usize, each: usize) -> Arc<Self> {
        Arc::new(Self { in_all, each, taken: Mutex::default() })
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a connection from there, or the name of the limit that is reached.
    pub fn take(self: &Arc<Self>, address: IpAddr) -> Result<Place, &'static str> {
        let address = network(address);
        let mut taken = self.taken();
        if taken.in_all >= self.in_all {
            return Err("limits.connections");
        }
        if taken.each.get(&address).is_some_and(|open| *open >= self.each) {
            return Err("limits.connections_per_address");
        }
        taken.in_all += 1;
        *taken.each.entry(address).or_default() += 1;
        Ok(Place { places: self.clone(), address })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken();
        taken.in_all = taken.in_all.saturating_sub(1);
        let left = taken.each.get_mut(&self.address).map_or(0, |open| {
            *open -= 1;
            *open
        });
        if left == 0 {
            taken.each.remove(&self.address);
        }
    }
}
