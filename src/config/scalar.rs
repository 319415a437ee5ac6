//! The scalars of the dialect: durations, sizes, host names, addresses, fields, secrets. Each is
//! parsed here once, with the reason why not, and written back as it is spelled. Owns no state.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use regex::{Regex, RegexBuilder};
use serde::{Serialize, Serializer};

use super::reader::Cursor;
use crate::limits;

/// Text that no log, dump or debug output shows.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub const fn new(text: String) -> Self {
        Self(text)
    }

    /// The text itself. Who calls this sends it where the user wants it, and nowhere else.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

const REDACTED: &str = "<redacted>";

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(REDACTED)
    }
}

/// A name that requests are matched by; in lower case, because RFC 9110 section 4.2.3 compares so.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Hostname {
    /// `*`: every name.
    Any,
    Exact(String),
    /// `*.example.com`: the names below it, of any depth; without the star, with the dot.
    Suffix(String),
}

impl Hostname {
    pub fn parse(text: &str) -> Result<Self, String> {
        if text == "*" {
            return Ok(Self::Any);
        }
        let name = text.strip_prefix("*.").unwrap_or(text);
        check_name(name)?;
        let name = name.to_ascii_lowercase();
        Ok(match text.starts_with("*.") {
            true => Self::Suffix(format!(".{name}")),
            false => Self::Exact(name),
        })
    }

    pub fn read(cursor: &Cursor<'_>) -> Option<Self> {
        cursor.parsed(Self::parse)
    }
}

impl fmt::Display for Hostname {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("*"),
            Self::Exact(name) => f.write_str(name),
            Self::Suffix(suffix) => write!(f, "*{suffix}"),
        }
    }
}

impl Serialize for Hostname {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Where the control thread listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    Off,
    /// Loopback, of IPv6 too when it is enabled.
    Localhost(u16),
    Socket(SocketAddr),
    Unix(PathBuf),
}

impl Address {
    pub fn parse(text: &str) -> Result<Self, String> {
        if text == "off" {
            return Ok(Self::Off);
        }
        if let Some(path) = text.strip_prefix("unix:") {
            return unix_path(path).map(Self::Unix);
        }
        if let Some(port) = text.strip_prefix("localhost:") {
            return port.parse().map(Self::Localhost).map_err(|_| format!("`{port}` is no port"));
        }
        text.parse().map(Self::Socket).map_err(|_| {
            format!("`{text}` is not an address: ip:port, localhost:port, unix:/path or off")
        })
    }

    pub fn read(cursor: &Cursor<'_>) -> Option<Self> {
        cursor.parsed(Self::parse)
    }

    pub const fn wildcard(ipv6: bool, port: u16) -> Self {
        Self::Socket(wildcard(ipv6, port))
    }

    /// The sockets to listen on; none when it is off or no TCP address.
    pub fn sockets(&self, ipv6: bool) -> Vec<SocketAddr> {
        match self {
            Self::Off | Self::Unix(_) => Vec::new(),
            Self::Socket(address) => vec![*address],
            Self::Localhost(port) => {
                let v4 = SocketAddr::from((Ipv4Addr::LOCALHOST, *port));
                let v6 = SocketAddr::from((Ipv6Addr::LOCALHOST, *port));
                if ipv6 { vec![v4, v6] } else { vec![v4] }
            }
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("off"),
            Self::Localhost(port) => write!(f, "localhost:{port}"),
            Self::Socket(address) => write!(f, "{address}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl Serialize for Address {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Every address of the machine; with IPv6 it is one socket for both families.
pub const fn wildcard(ipv6: bool, port: u16) -> SocketAddr {
    match ipv6 {
        true => SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), port),
        false => SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), port),
    }
}

/// RFC 1123 section 2.1, and underscores, which are found in the wild.
pub fn check_name(name: &str) -> Result<(), String> {
    let label = |label: &str| {
        let inner = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        let edge = label.starts_with('-') || label.ends_with('-');
        (1..=63).contains(&label.len()) && label.bytes().all(inner) && !edge
    };
    if name.contains(':') {
        return Err(format!("`{name}` is not a host name: it has no port and no colon"));
    }
    match name.len() <= 253 && name.split('.').all(label) {
        true => Ok(()),
        false => Err(format!("`{name}` is not a host name")),
    }
}

pub fn unix_path(path: &str) -> Result<PathBuf, String> {
    // sockaddr_un has room for 108 bytes, the final NUL included.
    match path.len() {
        0 => Err("a Unix socket needs a path".to_owned()),
        1..=107 if !path.contains('\0') => Ok(PathBuf::from(path)),
        _ => Err("a path of a Unix socket has at most 107 bytes, none of them NUL".to_owned()),
    }
}

/// Of a file, as written: it may not be there yet.
pub fn read_path(cursor: &Cursor<'_>) -> Option<PathBuf> {
    cursor.parsed(|path| match path.is_empty() || path.contains('\0') {
        true => Err("not a path".to_owned()),
        false => Ok(PathBuf::from(path)),
    })
}

/// RFC 9110 section 5.6.2.
pub fn is_token(text: &str) -> bool {
    let mark = |byte: u8| b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || mark(byte))
}

/// RFC 9110 section 5.5: what would end the line, or could be taken for its end, is refused.
pub fn check_field_value(value: &str) -> Result<(), String> {
    match value.chars().find(|c| c.is_ascii_control() && *c != '\t') {
        Some(c) => Err(format!("a field value holds no control characters, such as {c:?}")),
        None => Ok(()),
    }
}

/// The text as a pattern of the whole subject. `(a|b` with its group left open must not be
/// closed by the anchors, so it is compiled alone first.
pub fn whole_regex(text: &str) -> Result<Regex, String> {
    regex(text)?;
    regex(&format!("^(?:{text})$"))
}

/// One that may match anywhere.
pub fn regex(text: &str) -> Result<Regex, String> {
    let built = RegexBuilder::new(text).size_limit(limits::MIB).build();
    built.map_err(|error| {
        let told = error.to_string();
        let last = told.lines().last().unwrap_or_default().trim_start_matches("error: ");
        format!("not a regular expression: {last}")
    })
}

/// As Go writes them: `1m30s`, `100ms`, `1.5h`, and `0`.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is not a duration, such as 10s, 100ms or 1m30s");
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let mut total: u128 = 0;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(wrong)?;
        let (amount, tail) = rest.split_at(digits);
        let unit = tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len());
        let nanos = nanos_of(amount, &tail[..unit]).ok_or_else(wrong)?;
        total = total.checked_add(nanos).ok_or_else(wrong)?;
        rest = &tail[unit..];
    }
    let longest = u128::from(limits::DURATION_SECONDS_MAX) * 1_000_000_000;
    match total {
        _ if text.is_empty() => Err(wrong()),
        _ if total > longest => Err(format!("`{text}` is longer than seven days")),
        _ => u64::try_from(total).map(Duration::from_nanos).map_err(|_| wrong()),
    }
}

fn nanos_of(amount: &str, unit: &str) -> Option<u128> {
    let unit: u128 = match unit {
        "ns" => 1,
        "us" | "µs" | "μs" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60 * 1_000_000_000,
        "h" => 3600 * 1_000_000_000,
        _ => return None,
    };
    let (whole, part) = amount.split_once('.').unwrap_or((amount, ""));
    if (whole.is_empty() && part.is_empty()) || part.contains('.') || part.len() > 9 {
        return None;
    }
    let whole: u128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let tenths = 10_u128.pow(u32::try_from(part.len()).ok()?);
    let part: u128 = if part.is_empty() { 0 } else { part.parse().ok()? };
    whole.checked_mul(unit)?.checked_add(part * unit / tenths)
}

/// As Go writes them: a value read back is the same.
pub fn format_duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let nanos = duration.subsec_nanos();
    if duration.is_zero() {
        return "0s".to_owned();
    }
    if seconds == 0 {
        return match nanos {
            _ if nanos.is_multiple_of(1_000_000) => format!("{}ms", nanos / 1_000_000),
            _ if nanos.is_multiple_of(1_000) => format!("{}us", nanos / 1_000),
            _ => format!("{nanos}ns"),
        };
    }
    let part = format!("{nanos:09}");
    let part = part.trim_end_matches('0');
    let point = if part.is_empty() { "" } else { "." };
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes) {
        (0, 0) => format!("{seconds}{point}{part}s"),
        (0, _) => format!("{minutes}m{seconds}{point}{part}s"),
        _ => format!("{hours}h{minutes}m{seconds}{point}{part}s"),
    }
}

pub fn serialize_duration<S: Serializer>(
    duration: &Duration,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&format_duration(*duration))
}

pub fn serialize_maybe_duration<S: Serializer>(
    duration: &Option<Duration>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match duration {
        Some(duration) => serialize_duration(duration, serializer),
        None => serializer.serialize_none(),
    }
}

/// A duration that may be nothing.
pub fn read_period(cursor: &Cursor<'_>) -> Option<Duration> {
    cursor.parsed(parse_duration)
}

/// A duration that something has to happen in.
pub fn read_timeout(cursor: &Cursor<'_>) -> Option<Duration> {
    let duration = read_period(cursor)?;
    if duration < Duration::from_millis(1) {
        cursor.fail_hint("shorter than 1ms", "without a limit: leave the key out");
        return None;
    }
    Some(duration)
}

/// Bytes: a plain number, or text such as `64KiB`.
pub fn read_bytes(cursor: &Cursor<'_>, range: RangeInclusive<usize>) -> Option<usize> {
    let bytes = match cursor.is_text() {
        true => cursor.parsed(parse_bytes)?,
        false => cursor.integer(0..=i128::from(u64::MAX))?,
    };
    if !range.contains(&bytes) {
        cursor.fail(&format!("{bytes} bytes are not in {} to {}", range.start(), range.end()));
        return None;
    }
    Some(bytes)
}

pub fn parse_bytes(text: &str) -> Result<usize, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (amount, unit) = text.split_at(digits);
    let unit = match unit.trim_start() {
        "" | "B" => Some(1),
        "KiB" | "Ki" => Some(limits::KIB),
        "MiB" | "Mi" => Some(limits::MIB),
        "GiB" | "Gi" => Some(1024 * limits::MIB),
        _ => None,
    };
    let amount = amount.parse::<usize>().ok();
    let bytes = amount.zip(unit).and_then(|(amount, unit)| amount.checked_mul(unit));
    bytes.ok_or_else(|| format!("`{text}` is not a size, such as 65536, 64KiB or 1MiB"))
}

#[cfg(test)]
mod tests;
