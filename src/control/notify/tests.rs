use super::*;

fn heard(socket: &UnixDatagram) -> String {
    let mut bytes = [0; 512];
    let count = loop {
        match socket.recv(&mut bytes) {
            // A wait with a limit is not taken up again by the kernel.
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            received => break received.unwrap(),
        }
    };
    String::from_utf8_lossy(&bytes[..count]).into_owned()
}

#[test]
fn each_turn_of_life_is_a_datagram() {
    let name = format!("ringway-notify-{}", std::process::id());
    let address = SocketAddr::from_abstract_name(&name).unwrap();
    let systemd = UnixDatagram::bind_addr(&address).unwrap();
    systemd.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut notifier = Notifier::at(Some(&format!("@{name}")));
    notifier.ready("serves");
    assert_eq!(heard(&systemd), "READY=1\nSTATUS=serves");
    notifier.reloading("reads");
    let text = heard(&systemd);
    let micros = text.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").unwrap();
    let (micros, status) = micros.split_once('\n').unwrap();
    assert!(micros.parse::<u64>().unwrap() > 0);
    assert_eq!(status, "STATUS=reads");
    notifier.stopping("drains");
    assert_eq!(heard(&systemd), "STOPPING=1\nSTATUS=drains");
    notifier.hand_over(7, "gone");
    assert_eq!(heard(&systemd), "MAINPID=7\nREADY=1\nSTATUS=gone");
    notifier.ready("is not its to say");
    systemd.set_nonblocking(true).unwrap();
    assert!(systemd.recv(&mut [0; 8]).is_err());
}

#[test]
fn the_watchdog_is_fed_in_time_and_only_when_all_is_well() {
    let name = format!("ringway-watchdog-{}", std::process::id());
    let address = SocketAddr::from_abstract_name(&name).unwrap();
    let systemd = UnixDatagram::bind_addr(&address).unwrap();
    systemd.set_nonblocking(true).unwrap();
    let mut notifier = Notifier::at(Some(&format!("@{name}")));
    let (now, every) = (Instant::now(), Duration::from_secs(10));
    notifier.on_time(now + every, true);
    assert!(systemd.recv(&mut [0; 8]).is_err(), "nobody asked for it");
    notifier.watchdog = Some((every, now));
    notifier.on_time(now + every / 2, true);
    notifier.on_time(now + every, false);
    assert!(systemd.recv(&mut [0; 8]).is_err(), "not due, and then not well");
    assert_eq!(notifier.due(), Some(now + every));
    notifier.on_time(now + every, true);
    assert_eq!(heard(&systemd), "WATCHDOG=1");
    assert_eq!(notifier.due(), Some(now + 2 * every));
}

#[test]
fn without_systemd_nothing_is_sent() {
    for name in [None, Some(""), Some("/no/such/socket"), Some("@nobody-listens")] {
        let mut notifier = Notifier::at(name);
        notifier.ready("x");
        notifier.on_time(Instant::now(), true);
        assert_eq!(notifier.due(), None);
    }
}
