use std::net::{Shutdown, TcpStream};
use std::rc::Rc;
use std::thread;

use super::way::next_room;
use super::*;
use crate::limits::{BULK_BUFFER_BYTES, READ_BUFFER_BYTES, RELAY_PARK_FROM_BYTES, RELAY_PATIENCE};
use crate::net::tests::{
    Rig, is_at_end, on_both_drivers, pattern, pause, read_all, read_some, reset, write,
};

const LONG: Duration = Duration::from_secs(20);

struct Tunnel {
    end: End,
    up_bytes: u64,
    down_bytes: u64,
    buffers_out: usize,
}

/// Runs a tunnel between two connections whose other ends `client` and `server` hold.
async fn run(
    rig: &Rig,
    firsts: (&[u8], &[u8]),
    idle: Duration,
    client: impl FnOnce(TcpStream) + Send + 'static,
    server: impl FnOnce(TcpStream) + Send + 'static,
) -> Tunnel {
    let (down, client_socket) = rig.pair();
    let (up, server_socket) = rig.pair();
    let threads = [
        thread::spawn(move || client(client_socket)),
        thread::spawn(move || server(server_socket)),
    ];
    let buffers = Rc::new(Buffers::default());
    let taken = |bytes: &[u8]| {
        let mut buffer = buffers.take();
        buffer.put(bytes);
        buffer
    };
    let firsts = (taken(firsts.0), taken(firsts.1));
    let (upward, downward) = (Flow::default(), Flow::default());
    let end = relay(&down, &up, firsts, &buffers, idle, (&upward, &downward)).await;
    drop((down, up));
    // The ring closes descriptors on its next turn, and the peers may wait for that.
    rig.sleep(Duration::from_millis(1)).await;
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    Tunnel {
        end,
        up_bytes: upward.bytes.get(),
        down_bytes: downward.bytes.get(),
        buffers_out: buffers.out_bytes(),
    }
}

#[test]
fn each_direction_ends_by_itself() {
    on_both_drivers(async |rig| {
        // The server answers only once the client's direction has ended.
        let asking = |socket: TcpStream| {
            write(&socket, b"hello");
            socket.shutdown(Shutdown::Write).unwrap();
            assert_eq!(read_all(&socket), b"and goodbye");
        };
        let answering = |socket: TcpStream| {
            assert_eq!(read_all(&socket), b"hello");
            write(&socket, b"and goodbye");
        };
        let tunnel = run(&rig, (b"", b""), LONG, asking, answering).await;
        assert_eq!((tunnel.end, tunnel.up_bytes, tunnel.down_bytes), (End::Closed, 5, 11));
        assert_eq!(tunnel.buffers_out, 0);
        let tunnel = run(&rig, (b"", b""), LONG, answering, asking).await;
        assert_eq!((tunnel.end, tunnel.up_bytes, tunnel.down_bytes), (End::Closed, 11, 5));
    });
}

#[test]
fn what_had_come_before_goes_first() {
    on_both_drivers(async |rig| {
        let client = |socket: TcpStream| {
            assert_eq!(read_some(&socket, 10), b"from above");
            write(&socket, b", then this");
            socket.shutdown(Shutdown::Write).unwrap();
            assert!(is_at_end(&socket));
        };
        let server = |socket: TcpStream| assert_eq!(read_all(&socket), b"early, then this");
        let tunnel = run(&rig, (b"early", b"from above"), LONG, client, server).await;
        assert_eq!((tunnel.end, tunnel.up_bytes, tunnel.down_bytes), (End::Closed, 16, 10));
    });
}

#[test]
fn many_bytes_both_ways_arrive_as_they_were_sent() {
    const COUNT: usize = 3_000_000;
    on_both_drivers(async |rig| {
        let peer = |socket: TcpStream| {
            let writing = socket.try_clone().unwrap();
            let writer = thread::spawn(move || {
                write(&writing, &pattern(COUNT));
                writing.shutdown(Shutdown::Write).unwrap();
            });
            assert!(read_all(&socket) == pattern(COUNT), "other bytes");
            writer.join().unwrap();
        };
        let tunnel = run(&rig, (b"", b""), LONG, peer, peer).await;
        assert_eq!(tunnel.end, End::Closed);
        assert_eq!((tunnel.up_bytes, tunnel.down_bytes), (COUNT as u64, COUNT as u64));
        assert_eq!(tunnel.buffers_out, 0);
    });
}

#[test]
fn silence_ends_it() {
    on_both_drivers(async |rig| {
        let quiet = |socket: TcpStream| assert!(is_at_end(&socket));
        let idle = Duration::from_millis(60);
        let tunnel = run(&rig, (b"", b""), idle, quiet, quiet).await;
        assert_eq!(tunnel.end, End::Idle);
        assert_eq!(tunnel.buffers_out, 0);
    });
}

#[test]
fn a_byte_either_way_is_no_silence() {
    on_both_drivers(async |rig| {
        let idle = Duration::from_millis(1_000);
        let talking = |mut socket: TcpStream| {
            for _ in 0..6 {
                pause(Duration::from_millis(250));
                // A tunnel that has ended shows in its end.
                let _ = std::io::Write::write_all(&mut socket, b".");
            }
        };
        let listening = |mut socket: TcpStream| {
            let _ = std::io::Read::read_to_end(&mut socket, &mut Vec::new());
        };
        for is_up in [true, false] {
            // A machine that stalls makes a silence where none is meant, but not each time.
            let again = async || match is_up {
                true => run(&rig, (b"", b""), idle, talking, listening).await,
                false => run(&rig, (b"", b""), idle, listening, talking).await,
            };
            let (mut tunnel, mut tries) = (again().await, 1);
            while tunnel.end != End::Closed && tries < 20 {
                (tunnel, tries) = (again().await, tries + 1);
            }
            let bytes = if is_up { (6, 0) } else { (0, 6) };
            assert_eq!(tunnel.end, End::Closed, "up: {is_up}");
            assert_eq!((tunnel.up_bytes, tunnel.down_bytes), bytes);
        }
    });
}

#[test]
fn a_reset_of_one_side_ends_both() {
    on_both_drivers(async |rig| {
        let resetting = |socket: TcpStream| {
            write(&socket, b"bye");
            assert_eq!(read_some(&socket, 2), b"ok");
            reset(socket);
        };
        let other = |mut socket: TcpStream| {
            assert_eq!(read_some(&socket, 3), b"bye");
            write(&socket, b"ok");
            // Ended, one way or the other, and not left waiting.
            let ended = std::io::Read::read_exact(&mut socket, &mut [0; 1]).unwrap_err().kind();
            assert_ne!(ended, std::io::ErrorKind::WouldBlock);
        };
        let tunnel = run(&rig, (b"", b""), LONG, resetting, other).await;
        assert_eq!((tunnel.end, tunnel.buffers_out), (End::Broken, 0));
        let tunnel = run(&rig, (b"", b""), LONG, other, resetting).await;
        assert_eq!((tunnel.end, tunnel.buffers_out), (End::Broken, 0));
    });
}

/// Whoever is at the other end can tell a cut stream from a whole one.
#[test]
fn what_broke_is_reset_and_not_ended() {
    on_both_drivers(async |rig| {
        for late in [0, 50] {
            let resetting = |socket: TcpStream| {
                write(&socket, b"bye");
                assert_eq!(read_some(&socket, 2), b"ok");
                reset(socket);
            };
            let other = move |mut socket: TcpStream| {
                assert_eq!(read_some(&socket, 3), b"bye");
                write(&socket, b"ok");
                pause(Duration::from_millis(late));
                let ended = std::io::Read::read(&mut socket, &mut [0; 1]).unwrap_err().kind();
                assert_eq!(ended, std::io::ErrorKind::ConnectionReset);
            };
            let tunnel = run(&rig, (b"", b""), LONG, resetting, other).await;
            assert_eq!(tunnel.end, End::Broken);
            let tunnel = run(&rig, (b"", b""), LONG, other, resetting).await;
            assert_eq!(tunnel.end, End::Broken);
        }
    });
}

/// Writes until nothing was taken for a while.
fn flood(mut socket: &TcpStream) {
    socket.set_nonblocking(true).unwrap();
    let bytes = vec![0; 1 << 20];
    let mut refusals = 0;
    while refusals < 20 {
        refusals =
            if std::io::Write::write(&mut socket, &bytes).is_ok() { 0 } else { refusals + 1 };
        pause(Duration::from_millis(10));
    }
}

/// A peer that takes nothing, and one that is gone: the write that waits does not wait on.
#[test]
fn a_write_that_waits_ends_with_the_other_side() {
    on_both_drivers(async |rig| {
        let (flooded, flood_ended) = std::sync::mpsc::channel();
        let stuck = move |socket: TcpStream| {
            flood_ended.recv().unwrap();
            let mut rest = Vec::new();
            // Some of it may still come; then the reset does.
            let _ = std::io::Read::read_to_end(&mut &socket, &mut rest);
        };
        let flooding = move |socket: TcpStream| {
            flood(&socket);
            reset(socket);
            flooded.send(()).unwrap();
        };
        let tunnel = run(&rig, (b"", b""), Duration::from_secs(5), stuck, flooding).await;
        assert_ne!(tunnel.end, End::Closed);
        assert_eq!(tunnel.buffers_out, 0);
    });
}

#[test]
fn a_stream_gets_a_large_buffer_and_a_quiet_one_gives_it_back() {
    let small = || Buffers::default().take().capacity();
    let buffers = Buffers::default();
    let mut buffer = buffers.take();
    for (count, full, is_bulk) in [
        (1000, false, false),
        (READ_BUFFER_BYTES, true, true),
        (READ_BUFFER_BYTES + 1, false, true),
        (BULK_BUFFER_BYTES, true, true),
        (READ_BUFFER_BYTES, false, false),
    ] {
        buffer = next_room(buffer, count, full, &buffers);
        assert!(buffer.is_empty());
        assert_eq!(buffer.capacity() > small(), is_bulk, "after {count} bytes");
    }
    buffers.give(buffer);
    assert_eq!(buffers.out_bytes(), 0);
}

/// Many relays that are quiet hold no buffers, and go on when something comes.
#[test]
fn where_many_buffers_are_out_a_quiet_relay_has_none() {
    on_both_drivers(async |rig| {
        let (down, client) = rig.pair();
        let (up, server) = rig.pair();
        let buffers = Buffers::default();
        let mut others = Vec::new();
        while buffers.out_bytes() < RELAY_PARK_FROM_BYTES {
            others.push(buffers.take());
        }
        let without = buffers.out_bytes();
        let firsts = (buffers.take(), buffers.take());
        let flows = (Flow::default(), Flow::default());
        let mut run = pin!(relay(&down, &up, firsts, &buffers, LONG, (&flows.0, &flows.1)));
        let mut wait = pin!(rig.sleep(4 * RELAY_PATIENCE));
        let quiet = poll_fn(|context| {
            assert!(run.as_mut().poll(context).is_pending());
            wait.as_mut().poll(context)
        });
        quiet.await;
        assert_eq!(buffers.out_bytes(), without, "both buffers are back");
        let peers = thread::spawn(move || {
            write(&client, b"ping");
            assert_eq!(read_some(&server, 4), b"ping");
            write(&server, b"pong");
            assert_eq!(read_some(&client, 4), b"pong");
        });
        assert_eq!(run.await, End::Closed);
        peers.join().unwrap();
        assert_eq!(buffers.out_bytes(), without);
    });
}

/// Small writes are left to themselves: their bytes keep their order, and none is lost or counted
/// twice, whatever the size, however slowly they are taken.
#[test]
fn small_messages_keep_their_order() {
    on_both_drivers(async |rig| {
        let sizes = || (0..400).map(|n| 1 + (n * 37) % 5_000);
        let sum: usize = sizes().sum();
        let talking = move |socket: TcpStream| {
            let reading = socket.try_clone().unwrap();
            let reader = thread::spawn(move || read_all(&reading));
            let (bytes, mut at) = (pattern(sum), 0);
            for size in sizes() {
                write(&socket, &bytes[at..at + size]);
                at += size;
                // Now and then each is a message of its own.
                pause(Duration::from_millis(u64::from(size % 5 == 0)));
            }
            socket.shutdown(Shutdown::Write).unwrap();
            assert!(reader.join().unwrap() == pattern(sum), "other bytes came back");
        };
        let echoing = move |socket: TcpStream| {
            let mut came = Vec::new();
            while came.len() < sum {
                let more = read_some(&socket, 1 + came.len() % (sum - came.len()).min(700));
                write(&socket, &more);
                came.extend(more);
            }
            assert!(came == pattern(sum), "other bytes");
            assert!(is_at_end(&socket));
        };
        let tunnel = run(&rig, (b"", b""), LONG, talking, echoing).await;
        assert_eq!(tunnel.end, End::Closed);
        assert_eq!((tunnel.up_bytes, tunnel.down_bytes), (sum as u64, sum as u64));
        assert_eq!(tunnel.buffers_out, 0);
    });
}

/// A peer that takes nothing for a while: what was left to itself waits, and what comes behind it
/// waits too.
#[test]
fn small_messages_wait_for_a_slow_reader() {
    const COUNT: usize = 12_000_000;
    on_both_drivers(async |rig| {
        let (stuck, is_stuck) = std::sync::mpsc::channel();
        let talking = move |socket: TcpStream| {
            write_until_stuck(&socket, &pattern(COUNT), &stuck);
            socket.shutdown(Shutdown::Write).unwrap();
            assert!(is_at_end(&socket));
        };
        let late = move |socket: TcpStream| {
            is_stuck.recv().unwrap();
            assert!(read_all(&socket) == pattern(COUNT), "other bytes");
        };
        let tunnel = run(&rig, (b"", b""), LONG, talking, late).await;
        assert_eq!((tunnel.end, tunnel.up_bytes), (End::Closed, COUNT as u64));
        assert_eq!(tunnel.buffers_out, 0);
    });
}

/// What was left to itself is looked at though nothing follows it, and its buffer comes back.
#[test]
fn a_message_that_nothing_follows_leaves_no_buffer() {
    on_both_drivers(async |rig| {
        let (down, client) = rig.pair();
        let (up, server) = rig.pair();
        let buffers = Buffers::default();
        let firsts = (buffers.take(), buffers.take());
        let reading = buffers.out_bytes();
        let flows = (Flow::default(), Flow::default());
        let kept = &buffers;
        let mut run = pin!(relay(&down, &up, firsts, kept, LONG, (&flows.0, &flows.1)));
        write(&client, b"ping");
        let mut quiet = pin!(async {
            while (flows.0.bytes.get(), buffers.out_bytes()) != (4, reading) {
                rig.sleep(Duration::from_millis(10)).await;
            }
        });
        poll_fn(|context| {
            assert!(run.as_mut().poll(context).is_pending());
            quiet.as_mut().poll(context)
        })
        .await;
        assert_eq!(read_some(&server, 4), b"ping");
        drop((client, server));
        assert_eq!(run.await, End::Closed);
        assert_eq!(buffers.out_bytes(), 0);
    });
}

/// A write may take the error of a reset before a read can see it: the read finds an end then,
/// which is none.
#[test]
fn a_reset_amid_messages_is_no_end() {
    on_both_drivers(async |rig| {
        for round in 0..40 {
            let talking = move |socket: TcpStream| talk_until_reset(&socket, round * 5);
            let resetting = |socket: TcpStream| reset(socket);
            let tunnel = run(&rig, (b"first", b""), LONG, talking, resetting).await;
            assert_eq!((tunnel.end, tunnel.buffers_out), (End::Broken, 0), "round {round}");
            let tunnel = run(&rig, (b"", b"first"), LONG, resetting, talking).await;
            assert_eq!((tunnel.end, tunnel.buffers_out), (End::Broken, 0), "round {round}");
        }
    });
}

fn talk_until_reset(mut socket: &TcpStream, messages: usize) {
    let write = |_| std::io::Write::write(&mut socket, &[7; 300]);
    let written: std::io::Result<Vec<_>> = (0..messages).map(write).collect();
    let ended = written.and_then(|_| std::io::Read::read(&mut socket, &mut [0; 1000]));
    let ended = match ended {
        Ok(1..) => std::io::Read::read(&mut socket, &mut [0; 1]),
        ended => ended,
    };
    assert_eq!(ended.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
}

/// Writes all, in small pieces, and says so when none is taken any more.
fn write_until_stuck(mut socket: &TcpStream, bytes: &[u8], stuck: &std::sync::mpsc::Sender<()>) {
    socket.set_nonblocking(true).unwrap();
    let (mut at, mut refusals) = (0, 0);
    while at < bytes.len() {
        let end = bytes.len().min(at + 3_000);
        if let Ok(count) = std::io::Write::write(&mut socket, &bytes[at..end]) {
            (at, refusals) = (at + count, 0);
            continue;
        }
        refusals += 1;
        pause(Duration::from_millis(5));
        if refusals == 20 {
            let _ = stuck.send(());
        }
    }
    let _ = stuck.send(());
    socket.set_nonblocking(false).unwrap();
}
