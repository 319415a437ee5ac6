//! Plots out of characters: how latencies are spread, and how one figure goes with another.

use hdrhistogram::Histogram;

use super::units;

/// One row for each class of latencies, in steps of equal ratio.
pub fn spread(latency: &Histogram<u64>) -> String {
    if latency.is_empty() {
        return String::new();
    }
    let (low, high) = (latency.min().max(1) as f64, latency.max().max(2) as f64);
    let rows = ((high / low).log2() * 1.5).ceil().clamp(1.0, ROWS_MAX) as usize;
    let ratio = (high / low).powf(1.0 / rows as f64);
    let mut counts = Vec::with_capacity(rows);
    let mut from = 0;
    for row in 1..=rows {
        let to = if row == rows { latency.max() } else { (low * ratio.powi(row as i32)) as u64 };
        let count = if to > from { latency.count_between(from, to) } else { 0 };
        counts.push((to, count));
        from = latency.highest_equivalent(to) + 1;
    }
    let most = counts.iter().map(|(_, count)| *count).max().unwrap_or(0).max(1);
    let total = latency.len().max(1);
    let mut out = String::new();
    for (to, count) in counts {
        let part = count as f64 / total as f64;
        let bar = bar(count as f64 / most as f64, BAR_COLUMNS);
        out.push_str(&format!("  up to {:>8}  {bar} {}\n", units::nanos(to), units::percent(part)));
    }
    out
}

/// One row for each pair, with a bar for the second of them, marked where it is beyond `limit`.
pub fn against(pairs: &[(f64, u64)], limit: u64) -> String {
    let most = pairs.iter().map(|(_, value)| *value).max().unwrap_or(0).max(1) as f64;
    let mut out = String::new();
    for &(rate, value) in pairs {
        // The knee is seen when what is far beyond it does not flatten the rest.
        let length = (value.max(1) as f64).ln().max(0.0) / most.ln().max(1.0);
        let mark = if value > limit { '!' } else { ' ' };
        let bar = bar(length, BAR_COLUMNS);
        out.push_str(&format!(
            "  {:>9}/s {mark} {bar} {}\n",
            units::rate(rate),
            units::nanos(value)
        ));
    }
    out
}

/// To an eighth of a column; always as wide as `columns`.
fn bar(part: f64, columns: usize) -> String {
    const EIGHTHS: [char; 8] = [' ', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];
    let mut eighths = (part.clamp(0.0, 1.0) * columns as f64 * 8.0).round() as usize;
    if part > 0.0 {
        eighths = eighths.max(1);
    }
    let mut bar = "█".repeat(eighths / 8);
    if !eighths.is_multiple_of(8) {
        bar.push(EIGHTHS[eighths % 8]);
    }
    let used = bar.chars().count();
    bar.push_str(&" ".repeat(columns - used.min(columns)));
    bar
}

const ROWS_MAX: f64 = 14.0;
const BAR_COLUMNS: usize = 40;

#[cfg(test)]
mod tests;
