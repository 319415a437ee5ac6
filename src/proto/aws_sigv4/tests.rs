use super::*;

const KEYS: Keys<'_> = Keys {
    access_key_id: "AKIDEXAMPLE",
    secret_access_key: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
};

fn authorization(request: &Request<'_>, time: u64, service: &str) -> String {
    let mut out = Vec::new();
    let scope = Scope { region: "us-east-1", service };
    put_authorization(&mut out, request, Stamp::of(time), KEYS, scope);
    String::from_utf8(out).unwrap()
}

/// Cases of the suite that AWS published with version 4: one time, one scope.
fn check(
    (method, target): (&str, &str),
    more: &[(&str, &str)],
    body: &str,
    (signed, signature): (&str, &str),
) {
    let usual = [("Host", "example.amazonaws.com"), ("X-Amz-Date", "20150830T123600Z")];
    let fields: Vec<_> =
        usual.iter().chain(more).map(|(n, v)| (n.as_bytes(), v.as_bytes())).collect();
    let request = Request {
        method: method.as_bytes(),
        target: target.as_bytes(),
        fields: &fields,
        body: &sha256(body.as_bytes()),
    };
    let expected = format!(
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, \
         SignedHeaders={signed}, Signature={signature}"
    );
    assert_eq!(authorization(&request, 1_440_938_160, "service"), expected, "{method} {target}");
}

#[test]
fn the_published_cases_are_signed_as_published() {
    let usual = "host;x-amz-date";
    let plain = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31";
    check(("GET", "/"), &[], "", (usual, plain));
    check(("GET", ""), &[], "", (usual, plain));
    for (target, signature) in [
        (
            "/?Param2=value2&Param1=value1",
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
        ),
        ("/?%E1%88%B4=bar", "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04"),
    ] {
        check(("GET", target), &[], "", (usual, signature));
    }
    let post = "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b";
    check(("POST", "/"), &[], "", (usual, post));
    let trimmed = [("My-Header1", "  value1"), ("My-Header2", " \"a   b   c\" ")];
    let signature = "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736";
    check(("GET", "/"), &trimmed, "", ("host;my-header1;my-header2;x-amz-date", signature));
    let form = [("Content-Type", "application/x-www-form-urlencoded")];
    let signature = "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a";
    check(("POST", "/"), &form, "Param1=value1", ("content-type;host;x-amz-date", signature));
}

/// What botocore makes of a call of Bedrock: the colon of a model is `%3A` on the wire, and `%253A`
/// in what is signed.
#[test]
fn a_path_that_is_encoded_is_encoded_once_more() {
    let body = sha256(b"{\"messages\":[]}");
    assert_eq!(&body, b"5e4ce7b36ba37b78a5d5f9fd08e6b7b54ba6879d651aa46ec9e1d6fa24ebe30a");
    let request = Request {
        method: b"POST",
        target: b"/model/anthropic.claude-3-5-sonnet-20241022-v2%3A0/converse",
        fields: &[
            (b"x-amz-date", b"20260101T000000Z"),
            (b"host", b"bedrock-runtime.us-east-1.amazonaws.com"),
            (b"content-type", b"application/json"),
        ],
        body: &body,
    };
    let hash = sha256(&canonical(&request, "bedrock").0);
    assert_eq!(&hash, b"475c10ff534c2fb41a6e96bcce5cb51ff4fa2b6ea1610f198ca35115fceaf108");
    let signed = authorization(&request, 1_767_225_600, "bedrock");
    let expected = "Signature=fc671dba7de7ffecb4eb641e2e0815656d6d47f91dae8476dd2ef658efe6c022";
    assert!(signed.ends_with(expected), "{signed}");
}

#[test]
fn fields_of_one_name_are_one() {
    let request = Request {
        method: b"GET",
        target: b"/a//b/./../c/?b=2&a=%7e&a&=x&b=1",
        fields: &[(b"My-Header1", b"value2"), (b"Host", b"h"), (b"my-header1", b"  value1  x ")],
        body: &sha256(b""),
    };
    let (text, names) = canonical(&request, "service");
    let text = String::from_utf8(text).unwrap();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(
        lines[..5],
        ["GET", "/a/c/", "=x&a=&a=~&b=1&b=2", "host:h", "my-header1:value2,value1 x"]
    );
    assert_eq!(names, b"host;my-header1");
    let s3 = Request { target: b"/a%20b", ..request };
    assert!(canonical(&s3, "s3").0.starts_with(b"GET\n/a%20b\n"));
    assert!(canonical(&s3, "other").0.starts_with(b"GET\n/a%2520b\n"));
}

#[test]
fn a_stamp_is_a_date_of_the_calendar() {
    for (seconds, text) in [
        (0, "19700101T000000Z"),
        (951_782_399, "20000228T235959Z"),
        (951_782_400, "20000229T000000Z"),
        (1_440_938_160, "20150830T123600Z"),
        (1_767_225_600, "20260101T000000Z"),
        (4_107_542_399, "21000228T235959Z"),
        (4_107_542_400, "21000301T000000Z"),
    ] {
        assert_eq!(Stamp::of(seconds).text(), text.as_bytes());
    }
}
