use std::io::ErrorKind;
use std::time::Duration;

use super::*;
use crate::net::tests::{on_both_drivers, pattern, read_some, write};

#[test]
fn bytes_go_through_in_order() {
    on_both_drivers(async |rig| {
        let (from, sender) = rig.pair();
        let (to, receiver) = rig.pair();
        let mut pipe = Pipe::new(PIPE_BYTES).unwrap();
        assert_eq!(pipe.fill(&from, 10).unwrap_err().kind(), ErrorKind::WouldBlock);
        let bytes = pattern(20_000);
        write(&sender, &bytes);
        let mut moved = 0;
        while moved < bytes.len() {
            from.readable().await.unwrap();
            let count = pipe.fill(&from, 7_000.min(bytes.len() - moved)).unwrap();
            assert!(count > 0 && pipe.held() == count);
            moved += pipe.empty(&to, false).unwrap();
            assert_eq!(pipe.held(), 0);
        }
        assert_eq!(read_some(&receiver, bytes.len()), bytes);
        drop(sender);
        from.readable().await.unwrap();
        assert_eq!(pipe.fill(&from, 10).unwrap(), 0, "the end of the stream");
    });
}

#[test]
fn a_pipe_with_bytes_in_it_is_never_used_again() {
    on_both_drivers(async |rig| {
        let (from, sender) = rig.pair();
        let pipes = Pipes::default();
        let mut pipe = pipes.take().unwrap();
        write(&sender, b"for one client only");
        from.readable().await.unwrap();
        pipe.fill(&from, 1_000).unwrap();
        assert_eq!(pipe.held(), 19);
        pipes.give(pipe);
        assert!(pipes.kept.borrow().is_empty());
        let clean = pipes.take().unwrap();
        let end = clean.read.as_raw_fd();
        pipes.give(clean);
        assert_eq!(pipes.take().unwrap().read.as_raw_fd(), end, "an empty one is");
        rig.sleep(Duration::ZERO).await;
    });
}

#[test]
fn no_more_are_lent_than_may_be() {
    let pipes = Pipes::default();
    let lent: Vec<_> = std::iter::from_fn(|| pipes.lend()).collect();
    assert_eq!((lent.len(), pipes.counts().1), (RELAY_PIPES_MAX, RELAY_PIPES_MAX));
    assert!(pipes.take().is_some(), "bodies have theirs");
    drop(lent);
    assert_eq!(pipes.counts(), (PIPES_KEPT_MAX, 0));
    assert!(pipes.lend().is_some());
}

#[test]
fn no_more_are_kept_than_may_be() {
    let pipes = Pipes::default();
    let many: Vec<_> = (0..PIPES_KEPT_MAX + 4).filter_map(|_| pipes.take()).collect();
    assert_eq!(many.len(), PIPES_KEPT_MAX + 4);
    many.into_iter().for_each(|pipe| pipes.give(pipe));
    assert_eq!(pipes.kept.borrow().len(), PIPES_KEPT_MAX);
}
