use std::io::ErrorKind;
use std::net::{Ipv6Addr, TcpStream};

use super::*;
use crate::net::tests::{flags, keepalive_of, on_both_drivers, option};

const LOOPBACK: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);
const ALONE: Options = Options { keepalive: None, alone: true, join: false };
const SHARED: Options = Options { keepalive: None, alone: false, join: false };

fn address(socket: &OwnedFd) -> SocketAddr {
    socket::local_address(socket.as_raw_fd()).unwrap().unwrap()
}

#[test]
fn port_0_is_one_port_for_all() {
    let sockets = open(LOOPBACK, 4, &ALONE).unwrap();
    let port = address(&sockets[0]).port();
    assert_ne!(port, 0);
    assert_eq!(sockets.len(), 4);
    assert!(sockets.iter().all(|socket| address(socket).port() == port));
}

#[test]
fn an_address_that_is_taken_is_refused_to_who_wants_it_alone() {
    let first = open(LOOPBACK, 1, &SHARED).unwrap();
    let taken = address(&first[0]);
    let refused = open(taken, 1, &ALONE).map(|_| ()).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::AddrInUse);
    let second = open(taken, 2, &SHARED).unwrap();
    assert_eq!(second.len(), 2, "the same user may join the group");
    drop((first, second));
    assert!(open(taken, 1, &ALONE).is_ok(), "and then it is free");
}

#[test]
fn any_address_of_ipv6_takes_ipv4_too() {
    let any = SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0));
    let Ok(sockets) = open(any, 1, &ALONE) else {
        println!("skipped: no IPv6 here");
        return;
    };
    let port = address(&sockets[0]).port();
    assert!(TcpStream::connect(("127.0.0.1", port)).is_ok());
    let one = open(SocketAddr::from((Ipv6Addr::LOCALHOST, 0)), 1, &ALONE).unwrap();
    let port = address(&one[0]).port();
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
}

#[test]
fn a_batch_takes_all_that_is_queued() {
    on_both_drivers(async |_| {
        let socket = open(LOOPBACK, 1, &SHARED).unwrap().remove(0);
        let to = address(&socket);
        let acceptor = Acceptor::new(socket).unwrap();
        let clients: Vec<_> = (0..10).map(|_| TcpStream::connect(to).unwrap()).collect();
        acceptor.ready().await.unwrap();
        let mut accepted = Vec::new();
        let mut each = |socket, peer| accepted.push((socket, peer));
        assert!(matches!(acceptor.accept(4, &mut each), Batch::More));
        acceptor.ready().await.unwrap();
        assert!(matches!(acceptor.accept(64, &mut each), Batch::Empty));
        let mut peers: Vec<_> = accepted.iter().map(|(_, peer)| peer.unwrap()).collect();
        let mut theirs: Vec<_> = clients.iter().map(|c| c.local_addr().unwrap()).collect();
        peers.sort_unstable();
        theirs.sort_unstable();
        assert_eq!(peers, theirs, "each once, with its address");
        // One more, after the queue was empty.
        let _late = TcpStream::connect(to).unwrap();
        acceptor.ready().await.unwrap();
        let mut count = 0;
        assert!(matches!(acceptor.accept(64, |_, _| count += 1), Batch::Empty));
        assert_eq!(count, 1);
    });
}

#[test]
fn what_is_accepted_has_its_options() {
    let keepalive = Keepalive {
        retries: 4,
        time: std::time::Duration::from_secs(50),
        interval: std::time::Duration::from_secs(6),
    };
    for (options, expected) in [
        (Options { keepalive: Some(keepalive), alone: false, join: false }, Some((1, 4, 50, 6))),
        (SHARED, None),
    ] {
        on_both_drivers(async move |_| {
            let socket = open(LOOPBACK, 1, &options).unwrap().remove(0);
            let _client = TcpStream::connect(address(&socket)).unwrap();
            let acceptor = Acceptor::new(socket).unwrap();
            acceptor.ready().await.unwrap();
            let mut accepted = Vec::new();
            let _ = acceptor.accept(1, |socket, _| accepted.push(socket));
            let fd = accepted[0].as_raw_fd();
            assert_ne!(flags(fd, libc::F_GETFD) & libc::FD_CLOEXEC, 0, "closes on exec");
            assert_ne!(flags(fd, libc::F_GETFL) & libc::O_NONBLOCK, 0, "does not block");
            assert_eq!(option(fd, libc::IPPROTO_TCP, libc::TCP_NODELAY), 1);
            match expected {
                Some(expected) => assert_eq!(keepalive_of(fd), expected),
                None => assert_eq!(keepalive_of(fd).0, 0, "only when configured"),
            }
        });
    }
}
