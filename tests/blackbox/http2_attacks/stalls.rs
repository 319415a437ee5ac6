//! Clients that let everybody wait, and clients that do not wait.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::*;

matrix! {
    a_window_that_never_opens,
    a_body_that_ignores_the_window,
}

/// The stream is reset after the write limit, whatever else the connection does meanwhile.
fn a_window_that_never_opens(cell: Cell) {
    let siege = Siege::lay(cell);
    // No window at all; and one that takes all but the end, when the origin has long done its part.
    for (path, window) in [("/", 0), ("/big", 65_535)] {
        let late = siege.proxy.metrics().sum("ringway_timeouts_total", &[("kind", "write")]);
        let mut client = H2::with(siege.proxy.address(), &[(INITIAL_WINDOW, window)]);
        client.opens_windows = false;
        let started = Instant::now();
        let id = client.open(&asked("GET", path), true);
        let mut pings = 0;
        while client.stream(id).reset.is_none() {
            assert!(started.elapsed() < wait::PATIENCE, "{:?}", client.stream(id).reset);
            client.settle();
            pings += 1;
            std::thread::sleep(Duration::from_millis(100));
        }
        assert_eq!(client.stream(id).reset, Some(CANCEL), "after {pings} PINGs");
        assert!(started.elapsed() >= Duration::from_secs(1));
        assert_eq!(client.stream(id).bytes.len(), window as usize);
        siege.others_are_served("a window that never opens");
        let kind = [("kind", "write")];
        siege.proxy.await_metric("ringway_timeouts_total", &kind, late + 1.0);
        // The connection is usable.
        client.opens_windows = true;
        client.settings(&[(INITIAL_WINDOW, 65_535)]);
        client.open_window(0, 70_000);
        assert_eq!(client.get("/").body(), "calm");
    }
    siege.lift("windows that never open");
}

/// Nobody reads the body at the other end; no more of it is held than the window says.
fn a_body_that_ignores_the_window(cell: Cell) {
    let siege = Siege::lay(cell);
    let over = Arc::new(AtomicBool::new(false));
    let listens = Arc::clone(&over);
    let deaf = Origin::script(move |visit| {
        visit.head()?;
        wait::until("nobody sends any more", || listens.load(Ordering::SeqCst));
        Ok(())
    });
    let proxy = cell.start(&config().route("/deaf", &deaf).route("/", &siege.origin));
    let before = proxy.resident_bytes();
    let mut client = H2::connect(proxy.address());
    let id = client.open(&asked("POST", "/deaf"), false);
    for _ in 0..2_000 {
        client.frame(DATA, 0, id, [b'x'; 16_384]);
    }
    client.until("the stream or the connection ends", |client| {
        client.stream(id).reset == Some(FLOW_CONTROL_ERROR)
            || client.goaways.last().is_some_and(|(_, code)| *code == FLOW_CONTROL_ERROR)
    });
    over.store(true, Ordering::SeqCst);
    assert_eq!(H2::connect(proxy.address()).get("/").body(), "calm");
    let grown = proxy.resident_bytes().saturating_sub(before) / 1024;
    println!("a body of 32 MiB against the window: {grown} KiB more are resident");
    assert!(grown < RESIDENT_KIB_MAX, "{grown} KiB more are resident");
}
