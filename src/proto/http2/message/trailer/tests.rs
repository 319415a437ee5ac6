use super::super::tests::{begun, fields, lines, written};
use super::*;

#[test]
fn trailers_become_text() {
    let check = |list: &str, expected: Result<&str, Malformed>| {
        let mut out = begun();
        let outcome = trailer_text(&fields(list), &mut out);
        let text = expected.unwrap_or_default().to_owned();
        assert_eq!((outcome, written(&out)), (expected.map(|_| ()), text), "{list}");
    };
    check("", Ok(""));
    check("grpc-status=0\ngrpc-message=\n", Ok("grpc-status: 0\ngrpc-message: \n"));
    // Framing, routing and credentials have no place here.
    let list = "x=y\ncontent-length=5\nhost=b\nauthorization=x\nset-cookie=x\ntrailer=x\nz=1\n";
    check(list, Ok("x: y\nz: 1\n"));
    check("x=y\n:status=200\n", Err(Malformed::MisplacedPseudo));
    check(":path=/\n", Err(Malformed::MisplacedPseudo));
    check("x=y\nX=y\n", Err(Malformed::BadName));
    check("x=y\nz=a\rb\n", Err(Malformed::BadValue));
    check("x=y\ntransfer-encoding=chunked\n", Err(Malformed::ConnectionSpecific));
    check("te=trailers\n", Err(Malformed::ConnectionSpecific));
}

#[test]
fn text_becomes_trailers() {
    for (section, count, list) in [
        ("", 0, ""),
        ("\n", 0, ""),
        ("Grpc-Status: 0\nX: y\n\nrest: z\n", 2, "grpc-status=0\nx=y\n"),
        ("Grpc-Status: 0\nX: y\n", 2, "grpc-status=0\nx=y\n"),
        ("Content-Length: 5\nTransfer-Encoding: chunked\nX: y\n:path: /\n\n", 1, "x=y\n"),
    ] {
        let mut out = Vec::new();
        let section = section.replace('\n', "\r\n");
        let found = trailer_fields(section.as_bytes(), &mut Encoder::new(), &mut out);
        assert_eq!((found, lines(&out)), (count, list.to_owned()), "{section}");
    }
}
