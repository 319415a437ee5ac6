//! When a limit is over that somebody ran into, as APIs of models tell it beside `Retry-After`: a
//! pair of fields for each limit, what is left of it and when there is more. Each API has its own
//! way to write a time. Pure; what cannot be read says nothing.

use std::time::Duration;

/// What is left, and when that changes.
const PAIRS: [(&[u8], &[u8]); 7] = [
    (b"x-ratelimit-remaining-requests", b"x-ratelimit-reset-requests"),
    (b"x-ratelimit-remaining-tokens", b"x-ratelimit-reset-tokens"),
    (b"x-ratelimit-remaining", b"x-ratelimit-reset"),
    (b"anthropic-ratelimit-requests-remaining", b"anthropic-ratelimit-requests-reset"),
    (b"anthropic-ratelimit-tokens-remaining", b"anthropic-ratelimit-tokens-reset"),
    (b"anthropic-ratelimit-input-tokens-remaining", b"anthropic-ratelimit-input-tokens-reset"),
    (b"anthropic-ratelimit-output-tokens-remaining", b"anthropic-ratelimit-output-tokens-reset"),
];

/// After how long a refused request may be let in: when all limits are over of which nothing is
/// left; if none is said to be used up, the first that is over. `now` is counted from the epoch.
pub fn wait<'a>(field: impl Fn(&[u8]) -> Option<&'a [u8]>, now: Duration) -> Option<Duration> {
    let (mut used_up, mut first) = (None::<Duration>, None::<Duration>);
    for (left, reset) in PAIRS {
        let Some(wait) = field(reset).and_then(|value| time(value, now)) else { continue };
        if field(left).is_some_and(|left| left.trim_ascii() == b"0") {
            used_up = Some(used_up.map_or(wait, |longest| longest.max(wait)));
        }
        first = Some(first.map_or(wait, |shortest| shortest.min(wait)));
    }
    used_up.or(first).filter(|wait| !wait.is_zero())
}

/// `6m0s`, `1s`, `120ms`, `0.5`; seconds or milliseconds since the epoch; `2026-11-21T19:00:00Z`.
fn time(value: &[u8], now: Duration) -> Option<Duration> {
    let text = str::from_utf8(value).ok()?.trim();
    if text.len() > TEXT_BYTES_MAX {
        return None;
    }
    if let Some(at) = date_time(text) {
        return Some(at.saturating_sub(now));
    }
    let Some(number) = number(text) else { return span(text) };
    let wait = match number {
        ..EPOCH_SECONDS_FROM => number,
        ..EPOCH_MILLIS_FROM => number - now.as_secs_f64(),
        _ => number / 1000.0 - now.as_secs_f64(),
    };
    Some(Duration::from_secs_f64(wait.clamp(0.0, WAIT_SECONDS_MAX)))
}

/// Without a sign, an exponent or a name.
fn number(text: &str) -> Option<f64> {
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    (!whole.is_empty() && digits(whole) && digits(part)).then(|| text.parse().ok()).flatten()
}

/// As Go writes a duration: numbers, each with its unit.
fn span(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut seconds = 0.0;
    while !rest.is_empty() {
        let unit = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let count = number(&rest[..unit])?;
        let behind = &rest[unit..];
        let (name, each) = UNITS.into_iter().find(|(name, _)| behind.starts_with(name))?;
        seconds += count * each;
        rest = &behind[name.len()..];
    }
    (!text.is_empty()).then(|| Duration::from_secs_f64(seconds.clamp(0.0, WAIT_SECONDS_MAX)))
}

/// RFC 3339 section 5.6, since the epoch.
fn date_time(text: &str) -> Option<Duration> {
    let bytes = text.as_bytes();
    let marks = [(4, b'-'), (7, b'-'), (13, b':'), (16, b':')];
    if bytes.len() < 20 || !marks.iter().all(|(at, mark)| bytes[*at] == *mark) {
        return None;
    }
    if !matches!(bytes[10], b'T' | b't' | b' ') {
        return None;
    }
    let of = |from: usize, to: usize| {
        let digits = text.get(from..to)?;
        digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse::<i64>().ok())?
    };
    let (year, month, day) = (of(0, 4)?, of(5, 7)?, of(8, 10)?);
    let (hour, minute, second) = (of(11, 13)?, of(14, 16)?, of(17, 19)?);
    let fits = (1..=12).contains(&month) && (1..=31).contains(&day);
    if !fits || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let behind = text.get(19..)?;
    let (fraction, zone) = match behind.strip_prefix('.') {
        Some(digits) => {
            let end = digits.find(|c: char| !c.is_ascii_digit())?;
            (format!("0.{}", &digits[..end]).parse().ok()?, &digits[end..])
        }
        None => (0.0, behind),
    };
    let seconds = days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second;
    let seconds = seconds - zone_seconds(zone)?;
    Some(Duration::from_secs(u64::try_from(seconds).ok()?) + Duration::from_secs_f64(fraction))
}

/// `Z`, `+02:00`.
fn zone_seconds(zone: &str) -> Option<i64> {
    if matches!(zone, "Z" | "z") {
        return Some(0);
    }
    let (sign, rest) = match zone.as_bytes().first()? {
        b'+' => (1, &zone[1..]),
        b'-' => (-1, &zone[1..]),
        _ => return None,
    };
    let (hours, minutes) = rest.split_once(':')?;
    let two = |text: &str| {
        let fits = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        fits.then(|| text.parse::<i64>().ok()).flatten()
    };
    Some(sign * (two(hours)? * 3600 + two(minutes)? * 60))
}

/// Since the epoch, of a day of the Gregorian calendar. Years begin in March, so that the day that
/// not all have is their last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let month = (month + 9) % 12;
    let era = year.div_euclid(400);
    let of_era = year - era * 400;
    let of_year = (153 * month + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - EPOCH_DAYS
}

const UNITS: [(&str, f64); 7] = [
    ("ms", 1e-3),
    ("us", 1e-6),
    ("ns", 1e-9),
    ("h", 3600.0),
    ("m", 60.0),
    ("s", 1.0),
    ("d", 86_400.0),
];
/// From the first of March of the year 0.
const EPOCH_DAYS: i64 = 719_468;
/// A number of seconds that is no wait, but a time: after September 2001.
const EPOCH_SECONDS_FROM: f64 = 1e9;
const EPOCH_MILLIS_FROM: f64 = 1e11;
/// A year: nothing is added to more.
const WAIT_SECONDS_MAX: f64 = 31_536_000.0;
/// Of a time.
const TEXT_BYTES_MAX: usize = 64;

#[cfg(test)]
mod tests;
