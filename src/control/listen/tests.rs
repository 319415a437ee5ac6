use std::net::TcpStream;

use super::*;

/// Listening sockets with SO_REUSEPORT, as `net` opens them.
fn open(bind: &Bind, group: Group) -> io::Result<Vec<OwnedFd>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let _inside = runtime.enter();
    if group.alone && bind.address.port() != 0 {
        TcpListener::bind(bind.address)?;
    }
    let mut address = bind.address;
    let mut open_one = || {
        let socket = tokio::net::TcpSocket::new_v4()?;
        socket.set_reuseaddr(true)?;
        socket.set_reuseport(true)?;
        socket.bind(address)?;
        address = socket.local_addr()?;
        let listener = socket.listen(16)?.into_std()?;
        listener.set_nonblocking(false)?;
        Ok(listener.into())
    };
    (0..group.sockets).map(|_| open_one()).collect()
}

fn bind(id: u32, name: &str, port: u16) -> Bind {
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    Bind { id: BindId(id), name: name.to_owned(), address }
}

fn port_of(listening: &Listening, name: &str) -> u16 {
    let found = listening.addresses().into_iter().find(|(bind, _)| *bind == name);
    found.expect("an open bind").1.port()
}

#[test]
fn each_living_worker_gets_a_socket_of_each_bind() {
    let mut listening = Listening::default();
    let binds = [bind(0, "bind/a", 0), bind(1, "bind/b", 0)];
    let sockets = listening.prepare(&binds, &[true, false, true], &mut open).unwrap();
    let ids: Vec<Vec<u32>> =
        sockets.iter().map(|worker| worker.iter().map(|socket| socket.bind.0).collect()).collect();
    assert_eq!(ids, [vec![0, 1], vec![], vec![0, 1]]);
    assert!(listening.addresses().is_empty(), "not published yet");
    listening.commit();
    let (a, b) = (port_of(&listening, "bind/a"), port_of(&listening, "bind/b"));
    assert!(a != 0 && b != 0 && a != b);
    for worker in &sockets {
        for (socket, port) in worker.iter().zip([a, b]) {
            let listener = TcpListener::from(socket.socket.try_clone().unwrap());
            assert_eq!(listener.local_addr().unwrap().port(), port);
        }
    }
}

#[test]
fn a_reload_keeps_what_it_has_and_closes_what_is_gone() {
    let mut listening = Listening::default();
    let binds = [bind(0, "bind/a", 0), bind(1, "bind/b", 0)];
    drop(listening.prepare(&binds, &[true], &mut open).unwrap());
    listening.commit();
    let (a, b) = (port_of(&listening, "bind/a"), port_of(&listening, "bind/b"));

    let sockets =
        listening.prepare(&[bind(0, "bind/b", 0), bind(1, "bind/c", 0)], &[true], &mut open);
    let sockets = sockets.unwrap();
    assert_eq!(sockets[0].iter().map(|socket| socket.bind).collect::<Vec<_>>(), [BindId(1)]);
    assert_eq!(listening.addresses().len(), 2, "until the commit both old ones are open");
    listening.abort();
    drop(sockets);
    assert!(TcpStream::connect(("127.0.0.1", a)).is_ok(), "an aborted version closes nothing");

    drop(listening.prepare(&[bind(0, "bind/b", 0)], &[true], &mut open).unwrap());
    listening.commit();
    assert_eq!(listening.addresses(), [("bind/b", SocketAddr::from(([127, 0, 0, 1], b)))]);
    assert!(TcpStream::connect(("127.0.0.1", a)).is_err(), "the last copy of bind/a is closed");
    assert!(TcpStream::connect(("127.0.0.1", b)).is_ok());
    listening.close();
    assert!(TcpStream::connect(("127.0.0.1", b)).is_err());
}

#[test]
fn a_taken_port_is_one_clear_line_and_nothing_stays_open() {
    let sockets =
        open(&bind(9, "other", 0), Group { sockets: 1, alone: true, join: false }).unwrap();
    let other = TcpListener::from(sockets.into_iter().next().unwrap());
    let taken = other.local_addr().unwrap().port();
    let mut listening = Listening::default();
    let free = bind(0, "bind/free", 0);
    let far = Bind { address: "192.0.2.1:1".parse().unwrap(), ..bind(2, "bind/far", 1) };
    let binds = [free, bind(1, "bind/taken", taken), far];
    let wrong = listening.prepare(&binds, &[true, true], &mut open).unwrap_err();
    assert_eq!(
        wrong,
        [
            format!(
                "cannot listen on 127.0.0.1:{taken} (bind `bind/taken`): address in use; \
                 which process: ss -ltnp 'sport = :{taken}'"
            ),
            "cannot listen on 192.0.2.1:1 (bind `bind/far`): no interface of this host has that \
             address"
                .to_owned(),
        ]
    );
    listening.commit();
    assert!(listening.addresses().is_empty());
}

#[test]
fn a_dead_worker_leaves_the_group() {
    let mut listening = Listening::default();
    let sockets = listening.prepare(&[bind(0, "bind/a", 0)], &[true, true], &mut open).unwrap();
    listening.commit();
    let port = port_of(&listening, "bind/a");
    let mut workers = sockets.into_iter();
    let living = TcpListener::from(workers.next().unwrap().remove(0).socket);
    drop(workers);
    listening.close_worker(WorkerId(1));
    // With its socket still in the group, about half of these would wait for nobody.
    for _ in 0..16 {
        let client = TcpStream::connect(("127.0.0.1", port)).unwrap();
        let (_, peer) = living.accept().unwrap();
        assert_eq!(peer, client.local_addr().unwrap());
    }
}

#[test]
fn a_bind_may_move_to_another_address_of_its_port() {
    let mut listening = Listening::default();
    drop(listening.prepare(&[bind(0, "bind/a", 0)], &[true], &mut open).unwrap());
    listening.commit();
    let port = port_of(&listening, "bind/a");
    let everywhere =
        Bind { address: SocketAddr::from(([0, 0, 0, 0], port)), ..bind(0, "bind/a", 0) };
    let sockets = listening.prepare(std::slice::from_ref(&everywhere), &[true], &mut open).unwrap();
    assert_eq!(sockets[0].len(), 1);
    listening.commit();
    assert_eq!(listening.addresses(), [("bind/a", everywhere.address)]);
}

/// Sockets of another process with that many workers, on one port.
fn another_process(workers: usize) -> (u16, Inherited) {
    let group = Group { sockets: workers, alone: true, join: false };
    let sockets = open(&bind(0, "bind/a", 0), group).unwrap();
    let port = TcpListener::from(sockets[0].try_clone().unwrap()).local_addr().unwrap().port();
    let key = inherit::Key::new("bind/a", "127.0.0.1:0");
    let known = sockets.into_iter().map(|socket| (key.clone(), socket)).collect();
    (port, Inherited::from_process(known))
}

#[test]
fn sockets_that_came_are_all_kept_whatever_the_number_of_workers() {
    for (there, here, expected) in
        [(2, 2, [1, 1].as_slice()), (3, 2, &[2, 1]), (5, 2, &[3, 2]), (2, 3, &[1, 1, 1])]
    {
        let (port, inherited) = another_process(there);
        let mut listening = Listening::inheriting(inherited);
        let alive = vec![true; here];
        let sockets = listening.prepare(&[bind(0, "bind/a", 0)], &alive, &mut open).unwrap();
        let counts: Vec<usize> = sockets.iter().map(Vec::len).collect();
        assert_eq!(counts, expected, "{there} to {here}");
        listening.commit();
        assert_eq!(port_of(&listening, "bind/a"), port, "{there} to {here}");
        let (unused, kept) = listening.settle();
        assert_eq!(unused, Vec::<String>::new());
        assert_eq!(listening.names_of(&kept), ["bind/a"]);
        assert_eq!(listening.copies().unwrap().len(), there.max(here));
    }
}

#[test]
fn workers_share_where_nobody_may_join() {
    let (_, inherited) = another_process(2);
    let mut listening = Listening::inheriting(inherited);
    let mut refuse = |_: &Bind, group: Group| {
        assert!(group.join && !group.alone && group.sockets == 3);
        Err(io::ErrorKind::AddrInUse.into())
    };
    let sockets = listening.prepare(&[bind(0, "bind/a", 0)], &[true; 5], &mut refuse).unwrap();
    assert!(sockets.iter().all(|sockets| sockets.len() == 1));
}

#[test]
fn what_was_not_asked_for_is_closed_and_named() {
    let (port, inherited) = another_process(2);
    let mut listening = Listening::inheriting(inherited);
    drop(listening.prepare(&[bind(0, "bind/b", 0)], &[true], &mut open).unwrap());
    listening.commit();
    let (unused, kept) = listening.settle();
    assert_eq!(unused, ["bind/a"]);
    assert!(kept.is_empty() && listening.names_of(&kept).is_empty());
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
}
