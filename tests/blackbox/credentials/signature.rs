//! Checks signatures as AWS does, from what came over the wire: with code of its own, so that it can
//! contradict the product.

use aws_lc_rs::{digest, hmac};

use crate::harness::origin::Request;

/// The request bears a signature of these keys, for this scope, of about this time.
pub fn check(
    request: &Request,
    (id, secret): (&str, &str),
    (region, service): (&str, &str),
    now: u64,
) {
    let field = |name: &str| {
        let all = request.head.all(name);
        assert_eq!(all.len(), 1, "{name}: {all:?}");
        all[0].to_owned()
    };
    let authorization = field("authorization");
    let stamp = field("x-amz-date");
    // A minute and more is what a machine may be late with a test.
    let about = [now + 5, now - 240].map(clock);
    let range = about.map(|(date, time)| format!("{date}T{time}Z"));
    assert!(stamp <= range[0] && stamp >= range[1], "{stamp} in {range:?}");
    let date = &stamp[..8];
    let scope = format!("{date}/{region}/{service}/aws4_request");
    let front = format!("AWS4-HMAC-SHA256 Credential={id}/{scope}, SignedHeaders=");
    let rest = authorization.strip_prefix(&front).unwrap_or_else(|| panic!("{authorization}"));
    let (names, signature) = rest.split_once(", Signature=").expect("it has a signature");
    let body = hex(digest::digest(&digest::SHA256, &request.body).as_ref());
    assert_eq!(field("x-amz-content-sha256"), body);
    for needed in ["host", "x-amz-date", "x-amz-content-sha256"] {
        assert!(names.split(';').any(|name| name == needed), "{needed} is signed: {names}");
    }
    if !request.head.all("x-amz-security-token").is_empty() {
        assert!(names.contains("x-amz-security-token"), "{names}");
    }
    let mut sorted: Vec<&str> = names.split(';').collect();
    sorted.sort_unstable();
    assert_eq!(sorted.join(";"), names);
    let mut canonical =
        format!("{}\n", request.head.first_line.split(' ').next().unwrap_or_default());
    let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
    canonical += &path.split('/').map(encoded).collect::<Vec<_>>().join("/");
    canonical += "\n";
    let mut pairs: Vec<(String, String)> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (encoded(&decoded(name)), encoded(&decoded(value))))
        .collect();
    pairs.sort();
    let pairs: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
    canonical += &format!("{}\n", pairs.join("&"));
    for name in &sorted {
        let value = request.head.all(name).join(",");
        let value = value.split(' ').filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ");
        canonical += &format!("{name}:{value}\n");
    }
    canonical += &format!("\n{names}\n{body}");
    let hash = hex(digest::digest(&digest::SHA256, canonical.as_bytes()).as_ref());
    let text = format!("AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hash}");
    let mut key = format!("AWS4{secret}").into_bytes();
    for part in [date, region, service, "aws4_request", &text] {
        let signer = hmac::Key::new(hmac::HMAC_SHA256, &key);
        key = hmac::sign(&signer, part.as_bytes()).as_ref().to_vec();
    }
    assert_eq!(signature, hex(&key), "of\n{canonical}");
}

/// Date and time as their digits, counted day by day.
pub fn clock(seconds: u64) -> (String, String) {
    let (mut days, rest) = (seconds / 86_400, seconds % 86_400);
    let mut year = 1970;
    let is_leap =
        |year: u64| year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400);
    while days >= 365 + u64::from(is_leap(year)) {
        days -= 365 + u64::from(is_leap(year));
        year += 1;
    }
    let lengths = [31, 28 + u64::from(is_leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 0;
    while days >= lengths[month] {
        days -= lengths[month];
        month += 1;
    }
    let date = format!("{year:04}{:02}{:02}", month + 1, days + 1);
    (date, format!("{:02}{:02}{:02}", rest / 3600, rest / 60 % 60, rest % 60))
}

fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

fn decoded(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((front, behind)) = rest.split_once('%') {
        out += front;
        out.push(char::from(u8::from_str_radix(&behind[..2], 16).unwrap()));
        rest = &behind[2..];
    }
    out + rest
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
