use std::net::Ipv4Addr;

use super::*;

const PRINTED: &str = "\
starting benchmark...
spawning thread #0: 64 total client(s). 20000 total requests
TLS Protocol: TLSv1.3
Cipher: TLS_AES_128_GCM_SHA256
Server Temp Key: X25519 253 bits
Application protocol: h2
progress: 100% done

finished in 367.39ms, 54437.63 req/s, 55.65MB/s
requests: 20000 total, 20000 started, 20000 done, 20000 succeeded, 0 failed, 0 errored, 0 timeout
status codes: 20000 2xx, 0 3xx, 0 4xx, 0 5xx
traffic: 20.45MB (21440000) total, 429.69KB (440000) headers (space savings 91.63%), \
19.53MB (20480000) data
                     min         max         mean         sd        +/- sd
time for request:       20us       606us       102us       151us    90.00%
";

fn errand() -> Errand<'static> {
    Errand {
        address: SocketAddrV4::new(Ipv4Addr::LOCALHOST, 1),
        path: "/",
        dialect: Dialect::H2Tls,
        connections: 64,
        streams: 10,
        body_bytes: 1024,
        message: None,
        core: 0,
        folder: Path::new("."),
    }
}

/// What a run is taken for that printed [`PRINTED`] with `from` replaced by `to`.
fn check(from: &str, to: &str, expected: Result<(), &str>) {
    assert!(PRINTED.contains(from), "{from}");
    let text = PRINTED.replace(from, to);
    let checked = Printed::parse(&text)
        .map_err(Error::from)
        .and_then(|printed| printed.check(&errand(), 20_000))
        .map_err(|error| error.to_string());
    assert_eq!(checked, expected.map_err(str::to_owned), "{from} -> {to}");
}

#[test]
fn the_figures_are_read() {
    let printed = Printed::parse(PRINTED).unwrap();
    assert_eq!(printed.elapsed, Duration::from_micros(367_390));
    assert_eq!((printed.succeeded, printed.good_statuses), (20_000, 20_000));
    assert_eq!(printed.body_bytes, 20_480_000);
    assert_eq!((printed.protocol.as_str(), printed.cipher.is_some()), ("h2", true));
}

#[test]
fn only_the_work_that_was_asked_for_counts() {
    check("54437.63", "1.0", Ok(()));
    let unanswered = "h2load: 19999 of 20000 requests were answered well";
    check("20000 succeeded, 0 failed", "19999 succeeded, 1 failed", Err(unanswered));
    check("20000 2xx, 0 3xx", "19999 2xx, 1 3xx", Err(unanswered));
    check("(20480000)", "(20479999)", Err("a body of 20479999 bytes instead of 20480000"));
    check("protocol: h2", "protocol: http/1.1", Err("h2load: http/1.1 instead of h2"));
    let cipher = "h2load: TLS_AES_256_GCM_SHA384 instead of TLS_AES_128_GCM_SHA256";
    check("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", Err(cipher));
    let none = "h2load: no cipher instead of TLS_AES_128_GCM_SHA256";
    check("Cipher: ", "Cipherless: ", Err(none));
}

#[test]
fn times_come_in_three_units() {
    for (printed, micros) in [("970us", 970), ("3.04ms", 3040), ("1.50s", 1_500_000)] {
        let text = PRINTED.replace("367.39ms", printed);
        let elapsed = Printed::parse(&text).unwrap().elapsed;
        assert_eq!(elapsed, Duration::from_micros(micros), "{printed}");
    }
    check("367.39ms", "1.2h", Err("h2load: its output has no time"));
    check("finished in", "given up in", Err("h2load: its output has no finished in "));
}

#[test]
fn a_call_of_grpc_is_a_post() {
    let message = Path::new("/message");
    let errand = Errand { dialect: Dialect::H2c, message: Some(message), ..errand() };
    let command = errand.command(7);
    let words: Vec<_> = command.get_args().map(|word| word.to_string_lossy()).collect();
    let expected = "-n 7 -c 64 -m 10 -d /message -H content-type: application/grpc \
                    -H te: trailers --connect-to=127.0.0.1:1 http://bench.test/";
    assert_eq!(words.join(" "), expected);
}
