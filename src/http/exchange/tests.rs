use super::*;

const HEAD: &[u8] = b"POST / HTTP/1.1\r\nHost: a\r\n\r\n";

/// A request whose body was read to its end, with `behind` it.
fn asked(buffers: &Buffers, behind: &[u8]) -> Exchange {
    let (mut input, mut rest) = (buffers.take(), buffers.take());
    input.put(HEAD);
    input.put(b"body");
    rest.put(behind);
    let mut exchange = Exchange { input: Some(input), rest: Some(rest), ..Exchange::default() };
    exchange.request.len = HEAD.len();
    exchange.request.body = BodyLength::Fixed(4);
    exchange.consumed = HEAD.len();
    exchange
}

#[test]
fn a_packed_request_has_its_head_and_little_memory() {
    let buffers = Buffers::default();
    let mut exchange = asked(&buffers, b"");
    exchange.pack(&buffers);
    assert!(buffers.out_bytes() <= 1024, "{}", buffers.out_bytes());
    assert_eq!(exchange.head_bytes(), HEAD);
    assert!(!exchange.leaves_body() && !exchange.has_more());
    exchange.advance(&buffers);
    assert!(exchange.input.is_none() && exchange.rest.is_none());
    assert_eq!(buffers.out_bytes(), 0);
}

#[test]
fn what_came_behind_a_packed_request_is_the_next_one() {
    let buffers = Buffers::default();
    let mut exchange = asked(&buffers, HEAD);
    exchange.pack(&buffers);
    assert!(exchange.has_more());
    exchange.advance(&buffers);
    assert_eq!(exchange.head_bytes(), HEAD);
    exchange.release(&buffers);
    assert_eq!(buffers.out_bytes(), 0);
}

#[test]
fn a_request_whose_body_is_under_way_is_not_packed() {
    let buffers = Buffers::default();
    let mut exchange = asked(&buffers, b"");
    if let Some(rest) = exchange.rest.take() {
        buffers.give(rest);
    }
    exchange.pack(&buffers);
    assert_eq!(exchange.head_bytes(), [HEAD, b"body"].concat());
    exchange.release(&buffers);
}
