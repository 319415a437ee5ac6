use super::*;

fn inside<R>(test: impl FnOnce() -> R) -> R {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let _inside = runtime.enter();
    test()
}

fn addresses(opened: &Opened) -> Vec<SocketAddr> {
    let tcp = opened.doors.iter().filter_map(|door| match door {
        Door::Tcp(listener) => Some(listener.local_addr().unwrap()),
        Door::Unix(_) => None,
    });
    tcp.collect()
}

fn has_ipv6() -> bool {
    TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_ok()
}

#[test]
fn localhost_is_both_families_on_one_port() {
    inside(|| {
        let opened =
            open("adminAddr", &Address::Localhost(0), true, &mut Inherited::default()).unwrap();
        let bound = addresses(&opened);
        assert_eq!(bound[0].ip(), IpAddr::V4(Ipv4Addr::LOCALHOST));
        assert_eq!(opened.address, Some(bound[0].to_string()));
        assert!(bound.iter().all(|address| address.port() == bound[0].port()));
        assert_eq!(bound.len(), if has_ipv6() { 2 } else { 1 });
        let only =
            open("adminAddr", &Address::Localhost(0), false, &mut Inherited::default()).unwrap();
        assert_eq!(addresses(&only).len(), 1);
    });
}

#[test]
fn without_ipv6_unspecified_is_that_of_ipv4() {
    inside(|| {
        let any = Address::Socket("[::]:0".parse().unwrap());
        let bound = addresses(&open("statsAddr", &any, false, &mut Inherited::default()).unwrap());
        assert_eq!(bound[0].ip(), IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        let bound = addresses(&open("statsAddr", &any, true, &mut Inherited::default()).unwrap());
        assert_eq!(bound[0].is_ipv6(), has_ipv6());
    });
}

#[test]
fn off_opens_nothing() {
    let opened = open("adminAddr", &Address::Off, true, &mut Inherited::default()).unwrap();
    assert!(opened.doors.is_empty() && opened.address.is_none());
}

#[test]
fn a_taken_port_is_one_clear_line() {
    inside(|| {
        let other = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = other.local_addr().unwrap().port();
        let error = open("adminAddr", &Address::Localhost(port), true, &mut Inherited::default())
            .unwrap_err();
        let expected = format!(
            "cannot listen on localhost:{port} (`adminAddr`): address in use; which process: \
             ss -ltnp 'sport = :{port}'"
        );
        assert_eq!(error, expected);
    });
}

#[test]
fn a_socket_file_left_behind_is_replaced_and_a_live_one_is_not() {
    inside(|| {
        let path = std::env::temp_dir().join(format!("ringway-open-{}", std::process::id()));
        let address = Address::Unix(path.clone());
        drop(UnixListener::bind(&path).unwrap());
        let opened = open("adminAddr", &address, true, &mut Inherited::default()).unwrap();
        assert_eq!(opened.address, Some(address.to_string()));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(open("adminAddr", &address, true, &mut Inherited::default()).is_err());
        fs::remove_file(path).unwrap();
    });
}
