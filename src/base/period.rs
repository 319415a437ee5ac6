//! Periods of wall-clock time in UTC: which one a second is in, and when that ends. Arithmetic
//! alone: a period has no beginning that anybody keeps, so that a restart changes none. Owns no
//! state.

/// How time is divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Period {
    /// Not at all.
    Never,
    /// Each so long, one of them beginning at `anchor`.
    Every { seconds: i64, anchor: i64 },
    /// Months that begin on that day, or on their last where they have none such, at that second.
    Month { day: i64, second: i64 },
}

/// One period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    /// Later ones have greater numbers.
    pub index: i64,
    /// The first second that is not in it.
    pub end: Option<i64>,
}

const DAY: i64 = 24 * 3600;
/// 1970-01-05 was a Monday.
const MONDAY: i64 = 4 * DAY;

impl Period {
    pub const HOUR: Self = Self::Every { seconds: 3600, anchor: 0 };
    pub const DAY: Self = Self::Every { seconds: DAY, anchor: 0 };
    pub const WEEK: Self = Self::Every { seconds: 7 * DAY, anchor: MONDAY };
    pub const MONTH: Self = Self::Month { day: 1, second: 0 };

    /// The same, with one that begins at this second since 1970.
    #[must_use]
    pub fn anchored(self, at: i64) -> Self {
        match self {
            Self::Never => Self::Never,
            Self::Every { seconds, .. } => Self::Every { seconds, anchor: at },
            Self::Month { .. } => {
                let (_, _, day) = date_of(at.div_euclid(DAY));
                Self::Month { day, second: at.rem_euclid(DAY) }
            }
        }
    }

    /// The period that this second since 1970 is in.
    pub fn at(self, second: i64) -> Turn {
        match self {
            Self::Never => Turn { index: 0, end: None },
            Self::Every { seconds, anchor } => {
                let index = (second - anchor).div_euclid(seconds);
                Turn { index, end: Some(anchor + (index + 1) * seconds) }
            }
            Self::Month { .. } => {
                let (year, month, _) = date_of(second.div_euclid(DAY));
                let mut index = year * 12 + month - 1;
                if second < self.month_begin(index) {
                    index -= 1;
                }
                Turn { index, end: Some(self.month_begin(index + 1)) }
            }
        }
    }

    fn month_begin(self, index: i64) -> i64 {
        let Self::Month { day, second } = self else { return 0 };
        let (year, month) = (index.div_euclid(12), index.rem_euclid(12) + 1);
        let first = days_to(year, month, 1);
        let next = index + 1;
        let length = days_to(next.div_euclid(12), next.rem_euclid(12) + 1, 1) - first;
        (first + day.min(length) - 1) * DAY + second
    }
}

/// Seconds since 1970 of `2026-01-31`, or `2026-01-31T09:00:00Z`.
pub fn parse(text: &str) -> Option<i64> {
    let number = |range: std::ops::Range<usize>, most: i64| -> Option<i64> {
        let digits = text.get(range)?;
        let good = digits.bytes().all(|byte| byte.is_ascii_digit());
        digits.parse().ok().filter(|number| good && *number <= most)
    };
    let bytes = text.as_bytes();
    let is = |at: usize, byte: u8| bytes.get(at) == Some(&byte);
    let (year, month, day) = (number(0..4, 9999)?, number(5..7, 12)?, number(8..10, 31)?);
    if !is(4, b'-') || !is(7, b'-') || date_of(days_to(year, month, day)) != (year, month, day) {
        return None;
    }
    let midnight = days_to(year, month, day) * DAY;
    if text.len() == 10 {
        return Some(midnight);
    }
    let marks = is(10, b'T') && is(13, b':') && is(16, b':') && is(19, b'Z') && text.len() == 20;
    let (hour, minute, second) = (number(11..13, 23)?, number(14..16, 59)?, number(17..19, 59)?);
    marks.then_some(midnight + hour * 3600 + minute * 60 + second)
}

/// The other way round: `2026-01-31T09:00:00Z`.
pub fn format(second: i64) -> String {
    let (year, month, day) = date_of(second.div_euclid(DAY));
    let second = second.rem_euclid(DAY);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Days from 1970-01-01 in the Gregorian calendar; years are counted from March, so that the leap
/// day is the last of its year.
const fn days_to(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let from_march = (month + 9) % 12;
    let of_year = (153 * from_march + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// Year, month and day of such a number.
const fn date_of(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let leaps = of_era / 1460 - of_era / 36_524 + of_era / 146_096;
    let year = (of_era - leaps) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (year + era * 400 + (month <= 2) as i64, month, day)
}

#[cfg(test)]
mod tests;
