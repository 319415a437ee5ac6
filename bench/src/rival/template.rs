//! Configuration files of the rivals: text with placeholders between @ signs.

/// `text` with every `@KEY@` replaced. A key that is missing on either side is a mistake in this
/// package, and would otherwise surface as a rival's puzzling complaint.
pub(super) fn fill(text: &str, values: &[(&str, &str)]) -> String {
    let mut filled = text.to_owned();
    for (key, value) in values {
        let placeholder = format!("@{key}@");
        assert!(text.contains(&placeholder), "the template has no {placeholder}");
        filled = filled.replace(&placeholder, value);
    }
    let lines = filled.lines().filter(|line| !line.trim_start().starts_with('#'));
    let left: Vec<&str> = lines.filter(|line| has_placeholder(line)).collect();
    assert!(left.is_empty(), "not filled in: {left:?}");
    filled
}

/// Started by root, nginx's worker would drop to an account that cannot read the run's folder.
/// Started by anybody else, it would complain about the directive.
pub(super) fn nginx_user() -> &'static str {
    if is_root() { "user root;" } else { "" }
}

pub(super) fn is_root() -> bool {
    // SAFETY: takes no pointers and cannot fail.
    #[allow(unsafe_code)]
    let user = unsafe { libc::geteuid() };
    user == 0
}

/// Keys are of capitals; an `@` may also be a value's own.
fn has_placeholder(line: &str) -> bool {
    let key = |part: &str| {
        let capital = |byte: u8| byte.is_ascii_uppercase() || byte == b'_';
        !part.is_empty() && part.bytes().all(capital)
    };
    let parts: Vec<&str> = line.split('@').collect();
    // The outer parts are not between two.
    parts.len() > 2 && parts[1..parts.len() - 1].iter().any(|part| key(part))
}

#[cfg(test)]
mod tests;
