//! Durations, counts and sizes as they are written on a command line and in a scenario.

use std::time::Duration;

use crate::plan::Refusal;

/// `150us`, `20ms`, `1.5s`, `10m`, `1h`; a bare number is seconds.
///
/// # Errors
/// That it is none, or beyond a year.
pub fn duration(text: &str) -> Result<Duration, Refusal> {
    let refuse = || Refusal(format!("{text:?} is no time: write 20ms, 1.5s, 10m or 1h"));
    let end = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let seconds = match unit {
        "us" => 1e-6,
        "ms" => 1e-3,
        "" | "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        "d" => 86400.0,
        _ => return Err(refuse()),
    };
    let number: f64 = number.trim().parse().map_err(|_| refuse())?;
    let seconds = number * seconds;
    if !(0.0..=YEAR_SECONDS).contains(&seconds) {
        return Err(refuse());
    }
    Ok(Duration::from_secs_f64(seconds))
}

/// `20000`, `20k`, `1.5M`.
///
/// # Errors
/// That it is none.
pub fn count(text: &str) -> Result<f64, Refusal> {
    let refuse = || Refusal(format!("{text:?} is no number: write 20000, 20k or 1.5M"));
    let (number, factor) = match text.as_bytes().last() {
        Some(b'k' | b'K') => (&text[..text.len() - 1], 1e3),
        Some(b'M') => (&text[..text.len() - 1], 1e6),
        _ => (text, 1.0),
    };
    let number: f64 = number.trim().parse().map_err(|_| refuse())?;
    let value = number * factor;
    if value.is_finite() && value >= 0.0 { Ok(value) } else { Err(refuse()) }
}

/// `512`, `16KiB`, `1MiB`, also with `K`, `M`, `G` for short.
///
/// # Errors
/// That it is none.
pub fn size(text: &str) -> Result<u64, Refusal> {
    let refuse = || Refusal(format!("{text:?} is no size: write 512, 16KiB or 1MiB"));
    let end = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let factor: u64 = match unit {
        "" | "B" => 1,
        "K" | "k" | "KiB" => 1 << 10,
        "M" | "MiB" => 1 << 20,
        "G" | "GiB" => 1 << 30,
        _ => return Err(refuse()),
    };
    let number: u64 = number.trim().parse().map_err(|_| refuse())?;
    number.checked_mul(factor).ok_or_else(refuse)
}

const YEAR_SECONDS: f64 = 366.0 * 86400.0;

#[cfg(test)]
mod tests;
