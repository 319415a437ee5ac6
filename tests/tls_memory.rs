//! What an idle TLS session costs: its state, and no buffers. Its own executable, so that what the
//! process holds is what the sessions hold.

#![expect(clippy::disallowed_methods, reason = "a test may wait for the disk")]

use std::sync::Arc;

use rcgen::{CertificateParams, KeyPair};
use ringway::base::buffer::Buffer;
use ringway::net::tls::{
    Alpn, Certificate, ClientSettings, Parameters, Pem, ServerSettings, Session, Step, TicketKeys,
    TrustedRoots, Verification, client_config, server_config, server_name,
};

const SESSIONS: usize = 2000;
/// Both sides of a session together. One buffer for a record would be more.
const PAIR_BYTES_MAX: usize = 12 * 1024;

#[test]
fn an_idle_session_holds_no_buffers() {
    let key = KeyPair::generate().unwrap();
    let chain = CertificateParams::new(vec!["example.com".into()]).unwrap().self_signed(&key);
    let (chain, key) = (chain.unwrap().pem(), key.serialize_pem());
    let pem = |text| Pem { name: "test", bytes: str::as_bytes(text) };
    let server = ServerSettings {
        default: Some(Certificate::load(pem(&chain), pem(&key)).unwrap()),
        alpn: vec![Alpn::H2],
        ..ServerSettings::default()
    };
    let client = ClientSettings {
        roots: TrustedRoots::load(pem(&chain)).unwrap(),
        verification: Verification::Host,
        certificate: None,
        parameters: Parameters::default(),
        alpn: vec![Alpn::H2.name().into()],
    };
    let server = server_config(&server, &mut TicketKeys::new()).unwrap();
    let client = client_config(&client).unwrap();
    let joined = || {
        let name = server_name("example.com").unwrap();
        let client = Session::client(Arc::clone(&client), name).unwrap();
        shake_hands(client, Session::server(Arc::clone(&server), Some("example.com")).unwrap())
    };
    let warm: Vec<_> = (0..50).map(|_| joined()).collect();
    let before = resident_bytes();
    let sessions: Vec<_> = (0..SESSIONS).map(|_| joined()).collect();
    let pair_bytes = resident_bytes().saturating_sub(before) / SESSIONS;
    println!("the two sides of an idle session take {pair_bytes} bytes");
    assert!(pair_bytes > 0 && pair_bytes < PAIR_BYTES_MAX, "{pair_bytes} bytes");
    drop((warm, sessions));
}

fn shake_hands(mut client: Session, mut server: Session) -> (Session, Session) {
    let mut to_client = Buffer::with_capacity(32 * 1024);
    let mut to_server = Buffer::with_capacity(32 * 1024);
    while !(client.is_established() && server.is_established()) {
        advance(&mut client, &mut to_client, &mut to_server);
        advance(&mut server, &mut to_server, &mut to_client);
    }
    advance(&mut client, &mut to_client, &mut to_server);
    (client, server)
}

fn advance(session: &mut Session, input: &mut Buffer, out: &mut Buffer) {
    let mut plain = Buffer::with_capacity(16 * 1024);
    loop {
        match session.advance(input, out, Some(&mut plain)) {
            Ok(Step::Established) => {}
            Ok(_) => return,
            Err(error) => panic!("{error:?}"),
        }
    }
}

fn resident_bytes() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok());
    pages.map_or(0, |pages| pages * 4096)
}
