//! Addresses that are data, and what stands in them.

use super::prompt::Source;

/// What a URL says: data, or where it is. With the type of what it is, if it tells.
pub(super) fn source(url: String) -> Option<(String, Source)> {
    let Some(rest) = url.strip_prefix("data:") else {
        return url.contains(':').then_some((String::new(), Source::Url(url)));
    };
    let (head, data) = rest.split_once(',')?;
    let mime = head.strip_suffix(";base64")?;
    let mime = mime.split(';').next().unwrap_or_default();
    is_mime(mime).then(|| (mime.to_ascii_lowercase(), Source::Data(data.to_owned())))
}

/// Whether it may be a type, such as image/png.
pub(super) fn is_mime(mime: &str) -> bool {
    mime.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/+-.".contains(&byte))
}

/// The text that base64 stands for.
pub(super) fn text(base64: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(base64.len() / 4 * 3);
    let (mut bits, mut count) = (0u32, 0);
    for symbol in base64.trim_end_matches('=').bytes() {
        bits = bits << 6 | u32::from(digit(symbol)?);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count & 0xff) as u8);
        }
    }
    String::from_utf8(bytes).ok()
}

const fn digit(symbol: u8) -> Option<u8> {
    Some(match symbol {
        b'A'..=b'Z' => symbol - b'A',
        b'a'..=b'z' => symbol - b'a' + 26,
        b'0'..=b'9' => symbol - b'0' + 52,
        b'+' | b'-' => 62,
        b'/' | b'_' => 63,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_and_addresses() {
        let data = Source::Data("AAAA".to_owned());
        let read = |url: &str| source(url.to_owned());
        assert_eq!(
            read("data:image/PNG;base64,AAAA"),
            Some(("image/png".to_owned(), data.clone()))
        );
        let named = "data:application/pdf;name=a.pdf;base64,AAAA";
        assert_eq!(read(named), Some(("application/pdf".to_owned(), data)));
        let url = "https://a.example/b.png";
        assert_eq!(read(url), Some((String::new(), Source::Url(url.to_owned()))));
        for wrong in ["", "b.png", "data:image/png,raw", "data:image/png;base64"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn texts_in_base64() {
        for (base64, plain) in
            [("", Some("")), ("aGk=", Some("hi")), ("aGk", Some("hi")), ("w7w=", Some("ü"))]
        {
            assert_eq!(text(base64).as_deref(), plain);
        }
        assert_eq!(text("/w=="), None, "no UTF-8");
        assert_eq!(text("a b"), None);
    }
}
