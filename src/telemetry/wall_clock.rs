//! Points of time as RFC 3339 text in UTC. Keeps the text of the last second, as most lines of a
//! log share it with the line before.

/// Appends `2026-11-20T19:07:00.123456Z`.
#[derive(Debug, Default)]
pub(crate) struct WallClock {
    second: u64,
    /// To the second: `2026-11-20T19:07:00`; empty before the first use.
    text: Vec<u8>,
}

impl WallClock {
    pub(crate) fn append(&mut self, out: &mut Vec<u8>, unix_micros: u64) {
        let (second, micros) = (unix_micros / MICROS, unix_micros % MICROS);
        if self.text.is_empty() || self.second != second {
            self.second = second;
            self.text = to_the_second(second).into_bytes();
        }
        out.extend_from_slice(&self.text);
        let mut fraction = *b".000000Z";
        let mut rest = micros;
        for digit in fraction[1..7].iter_mut().rev() {
            *digit = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        out.extend_from_slice(&fraction);
    }
}

fn to_the_second(unix_seconds: u64) -> String {
    let (days, second) = (unix_seconds / 86_400, unix_seconds % 86_400);
    let (year, month, day) = civil_date(days);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")
}

/// Year, month and day of a number of days after 1970-01-01. Counted in years that begin in March,
/// so that the leap day is the last of its year.
fn civil_date(days: u64) -> (u64, u64, u64) {
    const DAYS_OF_400_YEARS: u64 = 146_097;
    // From 0000-03-01.
    let days = days + 719_468;
    let (era, day_of_era) = (days / DAYS_OF_400_YEARS, days % DAYS_OF_400_YEARS);
    let leap_days = day_of_era / 1460 - day_of_era / 36_524 + day_of_era / 146_096;
    let year_of_era = (day_of_era - leap_days) / 365;
    let first_day = 365 * year_of_era + year_of_era / 4 - year_of_era / 100;
    let day_of_year = day_of_era - first_day;
    // Months from March have 31 30 31 30 31 31 30 31 30 31 31 days: 153 in each five.
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    (year, month, day)
}

const MICROS: u64 = 1_000_000;

#[cfg(test)]
mod tests;
