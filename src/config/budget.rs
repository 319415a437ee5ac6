//! Budgets: how much of models may be used in a period, in dollars, in tokens or in both; of a key
//! (`apiKey.keys[].budgets`), or of whatever a selector takes (`config.ringway.budgets.limits`).
//! And where what was used is kept. All of it is Ringway's own.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Serialize, Serializer};

use super::reader::{Cursor, Table};
use super::scalar;
use crate::base::period::{self, Period as Turns};
use crate::limits;

/// `config.ringway.budgets`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Budgets {
    /// None: in the folder that systemd keeps for the service, or nowhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub store: Option<PathBuf>,
    #[serde(serialize_with = "scalar::serialize_duration")]
    pub flush_interval: Duration,
    pub failure_mode: FailureMode,
    #[serde(serialize_with = "serialize_seconds")]
    pub keep_removed: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub limits: Vec<Budget>,
}

/// What becomes of requests that a budget is for while it cannot be kept on the disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum FailureMode {
    /// They are counted in memory.
    #[default]
    FailOpen,
    /// They are refused.
    FailClosed,
}

/// All of what it names has to fit; what it does not name is any.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Budget {
    /// What was used is found again by it. None: made of the rest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub team: Option<String>,
    /// As clients name it; one `*` stands for anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    #[serde(rename = "usd", skip_serializing_if = "Option::is_none", serialize_with = "dollars")]
    pub nanos_usd: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens: Option<u64>,
    pub period: Period,
    /// One period begins there; seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "moment")]
    pub anchor: Option<i64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Period {
    Hour,
    Day,
    Week,
    Month,
    Never,
    /// Seconds.
    Every(u64),
}

impl Budgets {
    pub fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let default = Self::default();
        let mut table = cursor.table();
        let modes = [("failOpen", FailureMode::FailOpen), ("failClosed", FailureMode::FailClosed)];
        let budgets = Self {
            store: table.maybe("store", scalar::read_path),
            flush_interval: table.or("flushInterval", default.flush_interval, read_interval),
            failure_mode: table.or("failureMode", FailureMode::FailOpen, |c| c.word(&modes, &[])),
            keep_removed: table
                .or("keepRemoved", default.keep_removed, |c| c.parsed(parse_seconds)),
            limits: table.list("limits", |c| Budget::read(c, true)).unwrap_or_default(),
        };
        table.finish();
        Some(budgets)
    }
}

impl Budgets {
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// What is read once, at the start.
    pub fn kept(&self) -> impl std::fmt::Debug + '_ {
        (&self.store, self.flush_interval, self.keep_removed)
    }
}

impl Default for Budgets {
    fn default() -> Self {
        Self {
            store: None,
            flush_interval: Duration::from_millis(limits::BUDGET_FLUSH_MS),
            failure_mode: FailureMode::FailOpen,
            keep_removed: limits::BUDGET_KEPT_SECONDS,
            limits: Vec::new(),
        }
    }
}

impl Budget {
    /// One of a key says nothing of keys and teams.
    pub fn read(cursor: &Cursor<'_>, selects: bool) -> Option<Self> {
        let mut table = cursor.table();
        let elsewhere = "config.ringway.budgets.limits[]: this one is of its key";
        let select = |table: &mut Table<'_>, key| match selects {
            true => table.maybe(key, read_name),
            false => {
                table.elsewhere(&[(key, elsewhere)]);
                None
            }
        };
        let (key, team) = (select(&mut table, "key"), select(&mut table, "team"));
        let tokens = |c: &Cursor<'_>| c.integer(0..=i128::from(limits::BUDGET_TOKENS_MAX));
        let budget = Self {
            name: table.maybe("name", read_name),
            key,
            team,
            model: table.maybe("model", read_pattern),
            nanos_usd: table.maybe("usd", read_dollars),
            tokens: table.maybe("tokens", tokens),
            period: table.must("period", Period::read).unwrap_or(Period::Never),
            anchor: table.maybe("anchor", |c| {
                let wrong = || "not a day or a time, as 2026-01-31 or 2026-01-31T09:00:00Z";
                c.parsed(|text| period::parse(text).ok_or_else(|| wrong().to_owned()))
            }),
        };
        if !table.has("usd") && !table.has("tokens") {
            table.fail("neither `usd` nor `tokens`: it bounds nothing");
        }
        if budget.anchor.is_some() && budget.period == Period::Never {
            table.fail("`anchor` says when a period begins, and this one has none");
        }
        table.finish();
        Some(budget)
    }

    pub fn turns(&self) -> Turns {
        let turns = match self.period {
            Period::Hour => Turns::HOUR,
            Period::Day => Turns::DAY,
            Period::Week => Turns::WEEK,
            Period::Month => Turns::MONTH,
            Period::Never => Turns::Never,
            Period::Every(seconds) => {
                Turns::Every { seconds: i64::try_from(seconds).unwrap_or(i64::MAX), anchor: 0 }
            }
        };
        self.anchor.map_or(turns, |at| turns.anchored(at))
    }

    /// What it is called; `key` has it, if one has.
    pub fn title(&self, key: Option<&str>) -> String {
        if let Some(name) = &self.name {
            return name.clone();
        }
        let parts = [
            ("key", key.or(self.key.as_deref())),
            ("team", self.team.as_deref()),
            ("model", self.model.as_deref()),
        ];
        let parts = parts.iter().filter_map(|(of, name)| Some(format!("{of}:{}", (*name)?)));
        let mut parts: Vec<String> = parts.collect();
        if parts.is_empty() {
            parts.push("all".to_owned());
        }
        format!("{}/{}", parts.join("/"), self.period.text())
    }
}

impl Period {
    const WORDS: [(&'static str, Self); 5] = [
        ("hour", Self::Hour),
        ("day", Self::Day),
        ("week", Self::Week),
        ("month", Self::Month),
        ("never", Self::Never),
    ];

    fn read(cursor: &Cursor<'_>) -> Option<Self> {
        cursor.parsed(|text| {
            let word = Self::WORDS.iter().find(|(word, _)| *word == text);
            if let Some((_, period)) = word {
                return Ok(*period);
            }
            let seconds = parse_seconds(text).map_err(|_| {
                format!("`{text}` is no period: hour, day, week, month, never, 12h, 30d")
            })?;
            let range = limits::BUDGET_PERIOD_SECONDS_MIN..=limits::BUDGET_PERIOD_SECONDS_MAX;
            match range.contains(&seconds) {
                true => Ok(Self::Every(seconds)),
                false => Err(format!(
                    "{seconds} seconds are not in {} to {}",
                    range.start(),
                    range.end()
                )),
            }
        })
    }

    fn text(self) -> String {
        let word = Self::WORDS.iter().find(|(_, period)| *period == self);
        match (word, self) {
            (None, Self::Every(seconds)) => format!("{seconds}s"),
            (word, _) => word.map_or("", |(word, _)| word).to_owned(),
        }
    }
}

impl Serialize for Period {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text())
    }
}

/// What keys, teams and budgets are called: it stands in labels and in addresses.
pub fn read_name(cursor: &Cursor<'_>) -> Option<String> {
    let name = cursor.text()?;
    let good = !name.is_empty()
        && name.len() <= limits::LABEL_VALUE_BYTES_MAX
        && !name.chars().any(char::is_control);
    if !good {
        cursor.fail(&format!("not a name of 1 to {} bytes", limits::LABEL_VALUE_BYTES_MAX));
    }
    good.then(|| name.to_owned())
}

/// A name of a model, with one `*` at the most.
pub fn read_pattern(cursor: &Cursor<'_>) -> Option<String> {
    let name = super::ai::read_model(cursor)?;
    if name.matches('*').count() > 1 {
        cursor.fail("a name has one `*` at the most");
        return None;
    }
    Some(name)
}

fn read_dollars(cursor: &Cursor<'_>) -> Option<u64> {
    let dollars = cursor.number()?;
    if !(0.0..=limits::BUDGET_USD_MAX).contains(&dollars) {
        cursor.fail(&format!("{dollars} is not in 0 to {}", limits::BUDGET_USD_MAX));
        return None;
    }
    Some((dollars * NANOS).round() as u64)
}

fn read_interval(cursor: &Cursor<'_>) -> Option<Duration> {
    let interval = scalar::read_timeout(cursor)?;
    if interval < Duration::from_millis(limits::BUDGET_FLUSH_MS_MIN) {
        cursor.fail(&format!("shorter than {}ms", limits::BUDGET_FLUSH_MS_MIN));
        return None;
    }
    Some(interval)
}

/// Days too, and longer than a timeout may be: `30d`.
fn parse_seconds(text: &str) -> Result<u64, String> {
    for (unit, seconds) in [("d", 24 * 3600), ("h", 3600), ("s", 1)] {
        let number = text.strip_suffix(unit).and_then(|number| number.parse::<u32>().ok());
        if let Some(number) = number {
            let all = u64::from(number) * seconds;
            let fits = all <= limits::BUDGET_PERIOD_SECONDS_MAX;
            return fits.then_some(all).ok_or_else(|| format!("`{text}` is longer than ten years"));
        }
    }
    let duration = scalar::parse_duration(text)?;
    match duration.subsec_nanos() {
        0 => Ok(duration.as_secs()),
        _ => Err(format!("`{text}` is not of whole seconds")),
    }
}

fn serialize_seconds<S: Serializer>(seconds: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&format!("{seconds}s"))
}

fn dollars<S: Serializer>(nanos: &Option<u64>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(nanos.unwrap_or(0) as f64 / NANOS)
}

fn moment<S: Serializer>(at: &Option<i64>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&period::format(at.unwrap_or(0)))
}

/// Of a dollar.
pub const NANOS: f64 = 1e9;

#[cfg(test)]
mod tests;
