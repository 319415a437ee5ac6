use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;

use super::*;
use crate::net::tests::{
    buffer_of, flags, keepalive_of, listener, on_both_drivers, option, read_some,
};

const LONG: Duration = Duration::from_secs(20);

#[test]
fn a_connection_carries_bytes_and_has_its_options() {
    on_both_drivers(async |rig| {
        let listener = listener();
        let address = Address::inet(listener.local_addr().unwrap());
        for keepalive in [Some(Keepalive::default()), None] {
            let stream =
                connect(&address, keepalive.as_ref(), LONG, &rig.wheel).await.ok().unwrap();
            let (peer, _) = listener.accept().unwrap();
            let (sent, _) = stream.send_all(buffer_of(b"hello")).await;
            sent.unwrap();
            assert_eq!(read_some(&peer, 5), b"hello");
            let fd = stream.fd();
            assert_eq!(option(fd, libc::IPPROTO_TCP, libc::TCP_NODELAY), 1);
            assert_ne!(flags(fd, libc::F_GETFD) & libc::FD_CLOEXEC, 0);
            match keepalive {
                Some(_) => assert_eq!(keepalive_of(fd), (1, 9, 180, 180)),
                None => assert_eq!(keepalive_of(fd).0, 0),
            }
            assert!(!stream.deadline().fired());
        }
    });
}

#[test]
fn the_deadline_of_connecting_ends_with_it() {
    on_both_drivers(async |rig| {
        let listener = listener();
        let address = Address::inet(listener.local_addr().unwrap());
        let limit = Duration::from_secs(1);
        let stream = connect(&address, None, limit, &rig.wheel).await.ok().unwrap();
        rig.sleep(2 * limit).await;
        assert!(!stream.deadline().fired());
        let (sent, _) = stream.send_all(buffer_of(b"x")).await;
        sent.unwrap();
    });
}

#[test]
fn refused_is_failed() {
    on_both_drivers(async |rig| {
        let closed = listener().local_addr().unwrap();
        match connect(&Address::inet(closed), None, LONG, &rig.wheel).await {
            Err(ConnectError::Failed(error)) => {
                assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
            }
            other => panic!("{:?}", other.map(drop)),
        }
    });
}

/// A listener whose queue is full: what comes next gets no answer.
fn black_hole() -> (OwnedFd, SocketAddr, Vec<TcpStream>) {
    let raw = RawAddress::inet(SocketAddr::from(([127, 0, 0, 1], 0)));
    let socket = socket::stream_for(&raw).unwrap();
    socket::bind(socket.as_raw_fd(), &raw).unwrap();
    socket::listen(socket.as_raw_fd(), 0).unwrap();
    let address = socket::local_address(socket.as_raw_fd()).unwrap().unwrap();
    let mut queued = Vec::new();
    while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(300)) {
        queued.push(stream);
        assert!(queued.len() < 100, "the queue is never full");
    }
    (socket, address, queued)
}

#[test]
fn nobody_answers_is_slow() {
    on_both_drivers(async |rig| {
        let (_socket, address, _queued) = black_hole();
        let limit = Duration::from_millis(100);
        let begun = rig.wheel.clock().now();
        let result = connect(&Address::inet(address), None, limit, &rig.wheel).await;
        assert!(matches!(result, Err(ConnectError::Slow)), "{:?}", result.map(drop));
        let took = Duration::from_nanos(rig.wheel.clock().now().nanos_since(begun));
        assert!(took >= limit && took < Duration::from_secs(10), "{took:?}");
    });
}

#[test]
fn a_path_of_a_unix_socket_is_an_address() {
    on_both_drivers(async |rig| {
        let name = format!("ringway-connect-{}-{:?}.sock", std::process::id(), rig.driver);
        let path = std::env::temp_dir().join(name);
        let _ = std::fs::remove_file(&path);
        let listener = UnixListener::bind(&path).unwrap();
        let address = Address::unix(&path).unwrap();
        // Keepalive is TCP's, and is not asked of another family.
        let stream =
            connect(&address, Some(&Keepalive::default()), LONG, &rig.wheel).await.ok().unwrap();
        let (mut peer, _) = listener.accept().unwrap();
        let (sent, _) = stream.send_all(buffer_of(b"hello")).await;
        sent.unwrap();
        let mut bytes = [0; 5];
        io::Read::read_exact(&mut peer, &mut bytes).unwrap();
        assert_eq!(&bytes, b"hello");
        drop(listener);
        let refused = connect(&address, None, LONG, &rig.wheel).await;
        assert!(matches!(refused, Err(ConnectError::Failed(_))));
        std::fs::remove_file(&path).unwrap();
        let gone = connect(&address, None, LONG, &rig.wheel).await;
        assert!(matches!(gone, Err(ConnectError::Failed(_))));
    });
}

#[test]
fn a_path_that_no_socket_can_have_is_no_address() {
    for path in ["x".repeat(108), "a\0b".to_owned()] {
        let error = Address::unix(Path::new(&path)).map(drop).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    }
    assert!(Address::unix(Path::new(&"x".repeat(107))).is_ok());
}
