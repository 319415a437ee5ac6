//! Requests out of an access log, with their times: Ringway's own lines, as text or as JSON, and
//! the common format of other servers, with or without what is combined with it. Lines that are
//! none of these are counted, not guessed at.

use std::collections::HashMap;
use std::time::Duration;

use super::Refusal;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Log {
    /// Each different request once.
    pub requests: Vec<Request>,
    /// When, after the first, and which. Sorted by time.
    pub records: Vec<(Duration, usize)>,
    pub skipped: usize,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Request {
    pub method: String,
    pub path: String,
}

struct Entry {
    micros: u64,
    request: Request,
}

/// # Errors
/// That not one line of it is a request, or that there are too many different ones.
pub fn read(text: &[u8]) -> Result<Log, Refusal> {
    let mut log = Log::default();
    let mut known: HashMap<Request, usize> = HashMap::new();
    let mut entries: Vec<(u64, usize)> = Vec::new();
    for line in text.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty()) {
        let line = String::from_utf8_lossy(line);
        let Some(entry) = parse(line.trim()) else {
            log.skipped += 1;
            continue;
        };
        let next = known.len();
        let index = *known.entry(entry.request).or_insert(next);
        entries.push((entry.micros, index));
    }
    if entries.is_empty() {
        return Err(Refusal("no line of it is a request that could be replayed".to_owned()));
    }
    // Lines are written when requests end, begun at other times.
    entries.sort_unstable();
    let first = entries[0].0;
    log.records =
        entries.into_iter().map(|(at, index)| (Duration::from_micros(at - first), index)).collect();
    let mut requests: Vec<(Request, usize)> = known.into_iter().collect();
    requests.sort_unstable_by_key(|(_, index)| *index);
    log.requests = requests.into_iter().map(|(request, _)| request).collect();
    Ok(log)
}

fn parse(line: &str) -> Option<Entry> {
    let entry = if line.starts_with('{') {
        parse_json(line)
    } else if line.contains("\trequest") {
        parse_own(line)
    } else {
        parse_common(line)
    }?;
    let clean = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
    let Request { method, path } = &entry.request;
    let holes = path.contains("{{");
    (clean(method) && !method.is_empty() && clean(path) && path.starts_with('/') && !holes)
        .then_some(entry)
}

/// Ringway's text: a time, tabs, and keys with values, of which the time is the request's end.
fn parse_own(line: &str) -> Option<Entry> {
    let (time, rest) = line.split_once('\t')?;
    let value = |key: &str| {
        let at = rest.find(&format!(" {key}="))? + key.len() + 2;
        let value = &rest[at..];
        match value.strip_prefix('"') {
            Some(quoted) => quoted.split('"').next(),
            None => value.split(' ').next(),
        }
    };
    let took = value("duration_us").and_then(|text| text.parse().ok()).unwrap_or(0);
    let micros = parse_rfc3339(time.trim())?.saturating_sub(took);
    let request =
        Request { method: value("http.method")?.to_owned(), path: value("http.path")?.to_owned() };
    Some(Entry { micros, request })
}

fn parse_json(line: &str) -> Option<Entry> {
    let line: serde_json::Value = serde_json::from_str(line).ok()?;
    let text = |key: &str| line.get(key)?.as_str().map(str::to_owned);
    let took = line.get("duration_us").and_then(serde_json::Value::as_u64).unwrap_or(0);
    let micros = parse_rfc3339(&text("time")?)?.saturating_sub(took);
    Some(Entry {
        micros,
        request: Request { method: text("http.method")?, path: text("http.path")? },
    })
}

/// `host ident user [10/Oct/2000:13:55:36 -0700] "GET /a HTTP/1.0" 200 2326 ...`
fn parse_common(line: &str) -> Option<Entry> {
    let (_, rest) = line.split_once('[')?;
    let (time, rest) = rest.split_once(']')?;
    let request = rest.split('"').nth(1)?;
    let mut words = request.split(' ');
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    Some(Entry { micros: parse_common_time(time)?, request: Request { method, path } })
}

fn parse_common_time(text: &str) -> Option<u64> {
    const MONTHS: &str = "JanFebMarAprMayJunJulAugSepOctNovDec";
    let (time, zone) = text.split_once(' ')?;
    let mut parts = time.split(['/', ':']);
    let day: i64 = parts.next()?.parse().ok()?;
    let month = (MONTHS.find(parts.next()?)? / 3 + 1) as i64;
    let mut number = || parts.next()?.parse::<i64>().ok();
    let (year, hour, minute, second) = (number()?, number()?, number()?, number()?);
    let seconds = days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second;
    micros(seconds - parse_zone(zone)?, 0)
}

/// `2026-11-21T10:00:00.123456Z`, or with an offset.
fn parse_rfc3339(text: &str) -> Option<u64> {
    let number = |from: usize, to: usize| text.get(from..to)?.parse::<i64>().ok();
    let days = days(number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let seconds = days * 86_400 + number(11, 13)? * 3600 + number(14, 16)? * 60 + number(17, 19)?;
    let rest = text.get(19..)?;
    let digits = rest
        .strip_prefix('.')
        .map_or(0, |fraction| fraction.bytes().take_while(u8::is_ascii_digit).count());
    let fraction = if digits > 0 { &rest[1..=digits.min(6)] } else { "" };
    let fraction: u64 = format!("{fraction:0<6}").parse().ok()?;
    let zone = &rest[if digits > 0 { digits + 1 } else { 0 }..];
    let offset = if zone.is_empty() || zone == "Z" { 0 } else { parse_zone(zone)? };
    micros(seconds - offset, fraction)
}

/// `-0700` or `-07:00`, in seconds.
fn parse_zone(zone: &str) -> Option<i64> {
    let sign = match zone.get(..1)? {
        "+" => 1,
        "-" => -1,
        _ => return None,
    };
    let digits: String = zone[1..].chars().filter(|c| *c != ':').collect();
    let number = |from: usize, to: usize| digits.get(from..to)?.parse::<i64>().ok();
    Some(sign * (number(0, 2)? * 3600 + number(2, 4)? * 60))
}

fn micros(seconds: i64, fraction: u64) -> Option<u64> {
    u64::try_from(seconds).ok()?.checked_mul(1_000_000)?.checked_add(fraction)
}

/// Since the epoch, of a day of the Gregorian calendar: years begin in March, so that the leap day
/// is their last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests;
