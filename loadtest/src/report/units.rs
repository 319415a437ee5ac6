//! Figures as people read them.

use std::time::Duration;

/// Three significant digits, in the unit that suits.
pub fn time(duration: Duration) -> String {
    let nanos = duration.as_nanos() as f64;
    let (value, unit) = match nanos {
        n if n < 1e3 => return format!("{nanos:.0} ns"),
        n if n < 1e6 => (n / 1e3, "us"),
        n if n < 1e9 => (n / 1e6, "ms"),
        n if n < 120e9 => (n / 1e9, "s"),
        n => (n / 60e9, "min"),
    };
    format!("{} {unit}", digits(value))
}

pub fn nanos(nanos: u64) -> String {
    time(Duration::from_nanos(nanos))
}

pub fn bytes(bytes: f64) -> String {
    let (value, unit) = match bytes {
        b if b < 1024.0 => return format!("{bytes:.0} B"),
        b if b < 1024.0 * 1024.0 => (b / 1024.0, "KiB"),
        b if b < 1024.0 * 1024.0 * 1024.0 => (b / 1024.0 / 1024.0, "MiB"),
        b => (b / 1024.0 / 1024.0 / 1024.0, "GiB"),
    };
    format!("{} {unit}", digits(value))
}

/// With separators: 1,234,567.
pub fn count(count: u64) -> String {
    let plain = count.to_string();
    let mut out = String::with_capacity(plain.len() + plain.len() / 3);
    for (index, digit) in plain.chars().enumerate() {
        if index > 0 && (plain.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

pub fn rate(per_second: f64) -> String {
    if per_second >= 100.0 { count(per_second.round() as u64) } else { digits(per_second) }
}

pub fn percent(part: f64) -> String {
    let percent = part * 100.0;
    if percent == 0.0 || percent >= 0.01 {
        format!("{percent:.2} %")
    } else {
        "< 0.01 %".to_owned()
    }
}

fn digits(value: f64) -> String {
    match value {
        v if v >= 100.0 => format!("{v:.0}"),
        v if v >= 10.0 => format!("{v:.1}"),
        v => format!("{v:.2}"),
    }
}

#[cfg(test)]
mod tests;
