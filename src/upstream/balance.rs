//! Which endpoint of a cluster an attempt goes to.

use super::local::Local;

/// The next endpoint in turn, and not `avoid` if there is another: the one that just failed.
/// None when the cluster has no endpoint.
pub fn pick(local: &Local, avoid: Option<usize>) -> Option<usize> {
    let count = local.cluster.endpoints.len();
    if count <= 1 {
        return (count == 1).then_some(0);
    }
    let turn = local.cursor.get();
    let mut chosen = turn as usize % count;
    let mut next = turn.wrapping_add(1);
    if avoid == Some(chosen) {
        chosen = next as usize % count;
        next = next.wrapping_add(1);
    }
    local.cursor.set(next);
    Some(chosen)
}

#[cfg(test)]
mod tests;
