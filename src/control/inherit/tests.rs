use std::net::TcpListener;

use super::*;

fn socket() -> (SocketAddr, OwnedFd) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    (listener.local_addr().unwrap(), listener.into())
}

#[test]
fn what_a_process_gives_goes_by_name_and_address_as_written() {
    let (bind, admin) = (Key::new("bind/0", "127.0.0.1:0"), Key::new("adminAddr", "localhost:1"));
    let known = [&bind, &admin, &bind].map(|key| (key.clone(), socket().1));
    let mut inherited = Inherited::from_process(known.into());
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    assert!(inherited.of_bind(&Key::new("bind/0", "127.0.0.2:0"), any).is_empty(), "it moved");
    assert_eq!(inherited.of_bind(&bind, any).len(), 2, "one for each worker there was");
    assert!(inherited.of_bind(&bind, any).is_empty(), "once");
    assert_eq!(inherited.taken(), [bind]);
    assert_eq!(inherited.finish(), ["adminAddr"]);
    assert!(inherited.is_empty());
}

#[test]
fn what_systemd_gives_goes_by_address_or_name() {
    let ((at, first), (_, second), (stats, third)) = (socket(), socket(), socket());
    let given = vec![
        ("ringway.socket".to_owned(), first),
        ("readinessAddr".to_owned(), second),
        ("x".to_owned(), third),
    ];
    let mut inherited = Inherited { given, ..Inherited::default() };
    assert_eq!(inherited.of_bind(&Key::new("bind/1", at), at).len(), 1);
    let key = Key::new("readinessAddr", "[::]:15021");
    assert_eq!(inherited.of_server(&key, &Address::Localhost(15021)).len(), 1);
    let local = Address::Localhost(stats.port());
    assert_eq!(inherited.of_server(&Key::new("statsAddr", &local), &local).len(), 1);
    assert!(inherited.is_empty());
}
