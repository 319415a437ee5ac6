//! Metric samples as text: Prometheus text 0.0.4, or OpenMetrics 1.0 for who asks for it.
//!
//! Written by hand and not by the `prometheus` crate: that has no OpenMetrics, and its samples own
//! each of their strings, ten labels a series, where ours are copied as one block that was escaped
//! when the labels were interned. Durations are printed from whole nanoseconds, without a float.

use std::fmt::{Display, Write};

use crate::telemetry::catalog::{Family, Kind};
use crate::telemetry::histogram::{Histogram, Scale};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Prometheus text 0.0.4.
    Text,
    OpenMetrics,
}

impl Format {
    /// What a scraper's `Accept` asks for: OpenMetrics if it is named with a weight that text does
    /// not exceed, else text (RFC 9110 section 12.5.1; wildcards get text).
    pub fn negotiate(accept: &str) -> Self {
        let weight = |wanted: &str| {
            let ranges = accept.split(',').filter_map(|range| {
                let mut parts = range.split(';').map(str::trim);
                (parts.next()?.eq_ignore_ascii_case(wanted)).then_some(())?;
                let weight =
                    parts.find_map(|part| part.strip_prefix(['q', 'Q'])?.strip_prefix('='));
                Some(weight.map_or(1.0, |weight| weight.parse().unwrap_or(0.0)))
            });
            ranges.fold(0.0, f32::max)
        };
        let open_metrics = weight("application/openmetrics-text");
        if open_metrics > 0.0 && open_metrics >= weight("text/plain") {
            Self::OpenMetrics
        } else {
            Self::Text
        }
    }

    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// A scrape that is being written, family by family.
pub(crate) struct Page {
    out: String,
    format: Format,
}

impl Page {
    pub(crate) fn new(format: Format, bytes: usize) -> Self {
        Self { out: String::with_capacity(bytes), format }
    }

    pub(crate) fn finish(mut self) -> String {
        if self.format == Format::OpenMetrics {
            self.out.push_str("# EOF\n");
        }
        self.out
    }

    /// A family of one sample without labels.
    pub(crate) fn single(&mut self, family: &Family, value: impl Display + Copy) {
        self.samples(family, std::iter::once(("", value)));
    }

    /// A counter's, gauge's or info's samples: (label block, value).
    pub(crate) fn samples<B: AsRef<str>, V: Display>(
        &mut self,
        family: &Family,
        rows: impl Iterator<Item = (B, V)> + Clone,
    ) {
        self.head(family, family.name);
        for (block, value) in rows.clone() {
            self.sample(family.name, block.as_ref(), value);
        }
        if family.served_bare && self.format == Format::Text {
            self.head(family, family.bare_name());
            for (block, value) in rows {
                self.sample(family.bare_name(), block.as_ref(), value);
            }
        }
    }

    /// A histogram's samples.
    pub(crate) fn histograms<'a, B: AsRef<str>, S: Scale + 'a, const SLOTS: usize>(
        &mut self,
        family: &Family,
        rows: impl Iterator<Item = (B, &'a Histogram<S, SLOTS>)>,
    ) {
        self.head(family, family.name);
        for (block, histogram) in rows {
            self.histogram(family.name, block.as_ref(), histogram);
        }
    }

    fn head(&mut self, family: &Family, name: &str) {
        let (name, kind) = match (self.format, family.kind) {
            (Format::Text, Kind::Counter) => (name, "counter"),
            (Format::OpenMetrics, Kind::Counter) => (family.bare_name(), "counter"),
            (Format::Text, Kind::Info) => (name, "gauge"),
            (Format::OpenMetrics, Kind::Info) => (family.bare_name(), "info"),
            (_, Kind::Gauge) => (name, "gauge"),
            (_, Kind::Histogram) => (name, "histogram"),
        };
        self.push(&["# HELP ", name, " ", family.help, "\n# TYPE ", name, " ", kind, "\n"]);
        if let (Format::OpenMetrics, Some(unit)) = (self.format, family.unit) {
            self.push(&["# UNIT ", name, " ", unit, "\n"]);
        }
    }

    fn sample(&mut self, name: &str, block: &str, value: impl Display) {
        self.out.push_str(name);
        if !block.is_empty() {
            self.push(&["{", block, "}"]);
        }
        writeln!(self.out, " {value}").expect("a string takes all that is written");
    }

    fn histogram<S: Scale, const SLOTS: usize>(
        &mut self,
        name: &str,
        block: &str,
        histogram: &Histogram<S, SLOTS>,
    ) {
        let separator = if block.is_empty() { "" } else { "," };
        let mut cumulative = 0;
        for (le, count) in S::LE.iter().copied().chain(["+Inf"]).zip(histogram.counts()) {
            cumulative += count;
            self.push(&[name, "_bucket{le=\"", le, "\"", separator, block, "} "]);
            self.number(cumulative);
            self.out.push('\n');
        }
        self.push(&[name, "_sum{", block, "} "]);
        let sum = histogram.sum_nanos();
        match S::COUNTS {
            true => writeln!(self.out, "{sum}"),
            false => writeln!(self.out, "{}", Nanos(sum)),
        }
        .expect("a string takes all that is written");
        self.push(&[name, "_count{", block, "} "]);
        self.number(cumulative);
        self.out.push('\n');
    }

    fn push(&mut self, parts: &[&str]) {
        for part in parts {
            self.out.push_str(part);
        }
    }

    fn number(&mut self, value: u64) {
        write!(self.out, "{value}").expect("a string takes all that is written");
    }
}

/// Nanoseconds, printed as seconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Nanos(pub(crate) u64);

impl Display for Nanos {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{:09}", self.0 / NANOS, self.0 % NANOS)
    }
}

const NANOS: u64 = 1_000_000_000;

#[cfg(test)]
mod tests;
