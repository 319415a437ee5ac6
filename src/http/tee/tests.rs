use std::pin::pin;
use std::task::{Context, Poll, Waker};

use super::*;

fn next(tee: &Tee) -> Option<Copied> {
    match pin!(tee.next()).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(copied) => Some(copied),
        Poll::Pending => None,
    }
}

#[test]
fn what_is_pushed_is_read_and_then_the_end() {
    let tee = Tee::default();
    assert_eq!(next(&tee), None);
    tee.push(b"ab");
    tee.push(b"c");
    assert_eq!(next(&tee), Some(Copied::Bytes(b"abc".to_vec())));
    assert_eq!(next(&tee), None);
    tee.push(b"d");
    tee.end();
    tee.break_off();
    tee.push(b"e");
    assert_eq!(next(&tee), Some(Copied::Bytes(b"d".to_vec())));
    assert_eq!(next(&tee), Some(Copied::End));
}

#[test]
fn what_does_not_fit_breaks_the_copy_off() {
    let tee = Tee::default();
    tee.push(&vec![0; TEE_BYTES_MAX]);
    assert!(matches!(next(&tee), Some(Copied::Bytes(bytes)) if bytes.len() == TEE_BYTES_MAX));
    tee.push(&vec![0; TEE_BYTES_MAX]);
    tee.push(b"a");
    tee.end();
    assert_eq!(next(&tee), Some(Copied::Broken), "and it is never ended");
}

#[test]
fn a_body_that_breaks_is_not_ended() {
    let tee = Tee::default();
    tee.push(b"half");
    tee.break_off();
    tee.end();
    assert_eq!(next(&tee), Some(Copied::Broken));
}
