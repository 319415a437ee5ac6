use std::net::TcpStream;

use super::*;
use crate::net::tests::{Rig, on_both_drivers, write};

const SECOND: Duration = Duration::from_secs(1);

fn connections(rig: &Rig, buffers: &Buffers, count: usize) -> Vec<(Connection, TcpStream)> {
    let pairs = (0..count).map(|_| rig.pair());
    pairs.map(|(stream, peer)| (Connection::new(stream, buffers), peer)).collect()
}

/// Fills a pool; gives the descriptors in their order, and the peers.
fn filled(rig: &Rig, buffers: &Buffers, count: usize) -> (Pool, Vec<i32>, Vec<TcpStream>) {
    let pool = Pool::default();
    let (mut fds, mut peers) = (Vec::new(), Vec::new());
    for (connection, peer) in connections(rig, buffers, count) {
        fds.push(connection.stream.fd());
        peers.push(peer);
        assert!(pool.give(connection, count).is_none());
    }
    (pool, fds, peers)
}

async fn close(connections: impl IntoIterator<Item = Connection>, buffers: &Buffers) {
    for connection in connections {
        connection.close(buffers).await;
    }
}

fn fds(connections: &[Connection]) -> Vec<i32> {
    connections.iter().map(|connection| connection.stream.fd()).collect()
}

#[test]
fn the_last_in_is_the_first_out() {
    on_both_drivers(async |rig| {
        let buffers = Buffers::default();
        let (pool, given, _peers) = filled(&rig, &buffers, 3);
        let mut discarded = Discarded::new();
        let mut taken = Vec::new();
        while let Some(connection) = pool.take(&buffers, &mut discarded) {
            taken.push(connection);
        }
        assert_eq!(fds(&taken), given.into_iter().rev().collect::<Vec<_>>());
        assert!(discarded.is_empty() && pool.is_empty());
        close(taken, &buffers).await;
        assert_eq!(buffers.out_bytes(), 0);
    });
}

#[test]
fn no_more_are_kept_than_may_be() {
    on_both_drivers(async |rig| {
        let buffers = Buffers::default();
        let pool = Pool::default();
        let mut surplus = Vec::new();
        for (connection, _) in connections(&rig, &buffers, 5) {
            surplus.extend(pool.give(connection, 3));
        }
        assert_eq!((pool.len(), surplus.len()), (3, 2));
        surplus.extend(pool.empty());
        assert!(pool.is_empty());
        let (connection, _peer) = connections(&rig, &buffers, 1).remove(0);
        surplus.extend(pool.give(connection, 0));
        assert_eq!((pool.len(), surplus.len()), (0, 6), "a retired cluster keeps none");
        close(surplus, &buffers).await;
    });
}

#[test]
fn what_was_closed_or_sent_stray_bytes_is_discarded() {
    on_both_drivers(async |rig| {
        let buffers = Buffers::default();
        let (pool, given, mut peers) = filled(&rig, &buffers, 4);
        // The newest sent what nobody asked for, the next was closed, the next reset.
        write(&peers[3], b"HTTP/1.1 408 Request Timeout\r\n\r\n");
        peers.remove(2);
        crate::net::tests::reset(peers.remove(1));
        rig.sleep(Duration::from_millis(20)).await;
        let mut discarded = Discarded::new();
        let taken = pool.take(&buffers, &mut discarded).unwrap();
        assert_eq!(taken.stream.fd(), given[0], "the one that is quiet");
        assert_eq!(fds(&discarded), [given[3], given[2], given[1]]);
        assert!(discarded.iter().all(|connection| !connection.is_armed()));
        assert!(pool.take(&buffers, &mut discarded).is_none());
        close(discarded.into_iter().chain([taken]), &buffers).await;
        assert_eq!(buffers.out_bytes(), 0);
    });
}

#[test]
fn the_old_and_the_dead_are_reaped() {
    on_both_drivers(async |rig| {
        let buffers = Buffers::default();
        let pool = Pool::default();
        let now = rig.wheel.clock().now().plus(100 * SECOND);
        let mut peers = Vec::new();
        let mut given = Vec::new();
        for (age, (mut connection, peer)) in
            [90, 60, 59, 10, 0].into_iter().zip(connections(&rig, &buffers, 5))
        {
            connection.idle_since = Instant::from_nanos(now.nanos() - age * 1_000_000_000);
            given.push(connection.stream.fd());
            peers.push(peer);
            assert!(pool.give(connection, 5).is_none());
        }
        drop(peers.remove(3));
        rig.sleep(Duration::from_millis(20)).await;
        let reaped = pool.reap(now, 60 * SECOND, &buffers);
        assert_eq!(fds(&reaped), [given[0], given[1], given[3]], "at the limit is too old");
        let mut discarded = Discarded::new();
        let newest = pool.take(&buffers, &mut discarded).unwrap();
        assert_eq!(newest.stream.fd(), given[4], "the order is kept");
        let rest = pool.empty();
        assert_eq!(fds(&rest), [given[2]]);
        close(reaped.into_iter().chain(rest).chain([newest]), &buffers).await;
        assert_eq!(buffers.out_bytes(), 0);
    });
}
