use std::rc::Rc;
use std::thread;

use super::*;
use crate::net::tests::{on_both_drivers, pause, reset, write};

#[test]
fn a_client_that_resets_ends_the_wait_and_leaves_nothing_behind() {
    on_both_drivers(async |rig| {
        let buffers = Rc::new(Buffers::default());
        let (down, client) = rig.pair();
        let (up, endpoint) = rig.pair();
        let mut armed = ArmedRead::new(&up, buffers.take());
        let leaver = thread::spawn(move || {
            pause(CLIENT_WATCH_EVERY / 10);
            reset(client);
        });
        let waited = first_bytes(&down, &up, &mut armed, pin!(Sending::nothing()), &buffers).await;
        assert_eq!(waited.map(drop), Err(Failure::ClientGone));
        assert!(!armed.is_armed(), "the read was finished");
        assert_eq!(buffers.out_bytes(), 0, "the buffer came back");
        assert!(crate::net::tests::is_at_end(&endpoint), "the endpoint is not kept busy");
        leaver.join().unwrap();
    });
}

#[test]
fn an_endpoint_may_take_longer_than_the_client_is_looked_at() {
    on_both_drivers(async |rig| {
        let buffers = Buffers::default();
        let (down, client) = rig.pair();
        let (up, endpoint) = rig.pair();
        let mut armed = ArmedRead::new(&up, buffers.take());
        // That the client will send no more says nothing against its waiting.
        client.shutdown(std::net::Shutdown::Write).unwrap();
        let answering = thread::spawn(move || {
            pause(CLIENT_WATCH_EVERY * 3 / 2);
            write(&endpoint, b"answer");
        });
        let waited = first_bytes(&down, &up, &mut armed, pin!(Sending::nothing()), &buffers).await;
        let (result, buffer) = waited.ok().unwrap();
        assert_eq!((result.unwrap(), buffer.filled()), (6, &b"answer"[..]));
        assert!(!down.deadline().fired());
        answering.join().unwrap();
    });
}
