use std::net::Ipv4Addr;

use super::*;

#[test]
fn a_request_is_filled_to_its_length() {
    let address = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 1);
    let bare = Job::new(address, "/", 0, Life::KeptAlive);
    let least = bare.request.len() + FILL_EMPTY.len();
    for bytes in [least, least + 1, 1024] {
        let request = bare.clone().filled_to(bytes).request;
        assert_eq!(request.len(), bytes);
        assert!(request.starts_with(&bare.request[..bare.request.len() - 2]));
        assert!(request.ends_with(b"\r\n\r\n"));
        assert_eq!(request.windows(4).filter(|four| four == b"\r\n\r\n").count(), 1);
    }
    for bytes in [0, least - 1] {
        assert_eq!(bare.clone().filled_to(bytes).request, bare.request, "{bytes}");
    }
}
