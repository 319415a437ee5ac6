//! A ring of points, many to each endpoint, as by Karger and others: a hash belongs to the next
//! point. An endpoint that comes or goes moves its own share and no more. Immutable.

use crate::base::hash::hash_with;
use crate::limits::{RING_POINTS_MAX, RING_POINTS_PER_ENDPOINT};
use crate::upstream::cluster::Endpoint;

#[derive(Debug)]
pub struct Ring {
    /// In the order of their hashes.
    points: Box<[(u64, u32)]>,
}

impl Ring {
    pub fn new(endpoints: &[Endpoint], members: &[u32]) -> Self {
        let weight = |place: &u32| u64::from(endpoints[*place as usize].weight);
        let divisor = members.iter().map(weight).fold(0, gcd).max(1);
        let total: u64 = members.iter().map(|place| weight(place) / divisor).sum();
        let most = RING_POINTS_MAX as u64;
        // In steps: who comes or goes changes the number of the others' points hardly ever.
        let mut each = RING_POINTS_PER_ENDPOINT as u64;
        while each > 1 && each * total > most {
            each /= 2;
        }
        let mut points = Vec::new();
        for place in members {
            let name = endpoints[*place as usize].name.as_bytes();
            let own = each * weight(place) / divisor;
            let own = if total > most { (own * most).div_ceil(total) } else { own };
            points.extend((0..own).map(|number| (hash_with(name, number), *place)));
        }
        points.sort_unstable();
        Self { points: points.into() }
    }

    pub fn find(&self, hash: u64, free: impl Fn(u32) -> bool) -> Option<u32> {
        let at = self.points.partition_point(|(point, _)| *point < hash);
        let (before, behind) = self.points.split_at(at);
        let mut next = behind.iter().chain(before).map(|(_, place)| *place);
        next.find(|place| free(*place))
    }
}

const fn gcd(a: u64, b: u64) -> u64 {
    let (mut a, mut b) = (a, b);
    while b > 0 {
        (a, b) = (b, a % b);
    }
    a
}
