//! How connections end, and what their lanes are told.

use super::*;
use crate::proto::http2::ErrorCode;

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const NO_CONTENT: &str = "HTTP/1.1 204 No Content\r\n\r\n";

#[test]
fn a_refused_stream_was_not_looked_at_and_others_may_have_been() {
    on_both_drivers(async |rig: Rig| {
        for (code, unprocessed) in [
            (ErrorCode::REFUSED_STREAM, true),
            (ErrorCode::CANCEL, false),
            (ErrorCode::INTERNAL_ERROR, false),
            (ErrorCode::NO_ERROR, false),
        ] {
            let bench = Bench::new(&rig, move |endpoint| {
                let (stream, ..) = endpoint.head();
                endpoint.engine().reset(stream, code);
                endpoint.engine().ended(stream);
                endpoint.flush();
                let (stream, ..) = endpoint.head();
                endpoint.answer(stream, &[(":status", "204")], true);
            });
            bench.settled().await;
            let (mut lane, mut next) = (bench.lane(), bench.lane());
            send(&lane, GET).await;
            assert_eq!(broken(&mut lane, &bench.buffers).await, unprocessed, "{code:?}");
            send(&next, GET).await;
            expect(&mut next, &bench.buffers, NO_CONTENT).await;
            bench.join().await;
        }
    });
}

#[test]
fn goaway_leaves_what_is_under_way_alone_and_gives_back_the_rest() {
    on_both_drivers(async |rig: Rig| {
        let bench = Bench::new(&rig, |endpoint| {
            let (first, ..) = endpoint.head();
            let (_second, ..) = endpoint.head();
            // GOAWAY with the first stream as the last that was taken.
            endpoint.write(&[0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0]);
            endpoint.wait_for_word();
            endpoint.answer(first, &[(":status", "204")], true);
            endpoint.until_closed();
        });
        bench.settled().await;
        let (mut first, mut second, mut idle) = (bench.lane(), bench.lane(), bench.lane());
        send(&first, GET).await;
        send(&second, GET).await;
        assert!(broken(&mut second, &bench.buffers).await, "it was not looked at");
        assert!(!idle.is_quiet(&bench.buffers), "an idle lane is no good any more");
        assert!(bench.client.is_ending() && bench.client.lane(&rig.wheel).is_none());
        bench.endpoint_may_go_on();
        let (_, armed) = first.parts();
        let (result, buffer) = armed.finish().await;
        assert!(result.is_ok());
        assert_eq!(buffer.filled(), NO_CONTENT.as_bytes());
        bench.buffers.give(buffer);
        drop((first, second, idle));
        bench.closed().await;
        bench.join().await;
    });
}

/// What the endpoint sends, and whether a request that was written to it may be sent again.
#[test]
fn a_connection_that_ends_tells_every_lane() {
    on_both_drivers(async |rig: Rig| {
        // Without a word, with settings, and with a field block of no sense.
        for (settings, garbage, unprocessed) in
            [(false, false, true), (true, false, false), (true, true, false)]
        {
            let bench = Bench::new(&rig, move |endpoint| hangs_up(endpoint, settings, garbage));
            bench.until("settings", || !settings || bench.client.is_settled()).await;
            let mut busy = bench.lane();
            let mut other = settings.then(|| bench.lane());
            send(&busy, GET).await;
            assert_eq!(broken(&mut busy, &bench.buffers).await, unprocessed, "{settings}");
            let unused = match &mut other {
                Some(other) => broken(other, &bench.buffers).await,
                None => true,
            };
            assert!(unused, "nothing was sent on it");
            drop((busy, other));
            bench.closed().await;
            assert!(bench.client.lane(&rig.wheel).is_none());
            bench.join().await;
        }
    });
}

#[test]
fn a_retired_connection_ends_with_its_last_lane() {
    on_both_drivers(async |rig: Rig| {
        let bench = Bench::new(&rig, |endpoint| {
            let (stream, ..) = endpoint.head();
            endpoint.wait_for_word();
            endpoint.answer(stream, &[(":status", "204")], true);
            endpoint.until_closed();
        });
        bench.settled().await;
        let mut lane = bench.lane();
        send(&lane, GET).await;
        bench.client.retire();
        assert!(bench.client.lane(&rig.wheel).is_none());
        bench.endpoint_may_go_on();
        expect(&mut lane, &bench.buffers, NO_CONTENT).await;
        assert!(!bench.client.is_closed());
        lane.close(&bench.buffers).await;
        bench.closed().await;
        bench.join().await;
    });
}

#[test]
fn an_endpoint_that_shows_no_sign_of_life_is_given_up() {
    on_both_drivers(async |rig: Rig| {
        let keepalive_interval = Duration::from_secs(1);
        let settings =
            Settings { keepalive_interval, keepalive_timeout: keepalive_interval, ..settings() };
        let bench = Bench::with(&rig, settings, |endpoint| {
            endpoint.head();
            // Reads no more, and answers no PING.
            endpoint.wait_for_word();
            endpoint.hang_up();
        });
        bench.settled().await;
        let mut lane = bench.lane();
        send(&lane, GET).await;
        assert!(!broken(&mut lane, &bench.buffers).await);
        bench.endpoint_may_go_on();
        drop(lane);
        bench.closed().await;
        bench.join().await;
    });
}

#[test]
fn interim_heads_without_end_are_ended() {
    on_both_drivers(async |rig: Rig| {
        let bench = Bench::new(&rig, |endpoint| {
            let (asked, ..) = endpoint.head();
            for _ in 0..17 {
                endpoint.answer(asked, &[(":status", "103")], false);
            }
            let reset = endpoint.next();
            assert!(matches!(reset, Seen::Reset { code: 11, .. }), "{reset:?}");
        });
        let lane = bench.lane();
        send(&lane, GET).await;
        bench.join().await;
    });
}

fn hangs_up(endpoint: &mut Endpoint, settings: bool, garbage: bool) {
    if !settings {
        endpoint.socket_says_hello();
        return endpoint.hang_up();
    }
    endpoint.head();
    if garbage {
        endpoint.write(&[0, 0, 1, 1, 4, 0, 0, 0, 1, 0x80]);
        endpoint.until_closed();
    }
    endpoint.hang_up();
}
