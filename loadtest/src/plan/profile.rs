//! The rate over time of an open loop: straight pieces, steady or rising or falling. It is kept as
//! the number of requests that are due by a time, and asked the other way: when is the n-th due.

use std::time::Duration;

use super::Refusal;

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Segment {
    pub from_per_second: f64,
    pub to_per_second: f64,
    pub duration: Duration,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Profile(Vec<Segment>);

impl Profile {
    pub fn new(segments: Vec<Segment>) -> Self {
        Self(segments)
    }

    pub fn steady(per_second: f64, duration: Duration) -> Self {
        Self(vec![Segment { from_per_second: per_second, to_per_second: per_second, duration }])
    }

    /// `RATE@TIME` pieces, `FROM-TO@TIME` for those that change, separated by commas.
    ///
    /// # Errors
    /// Which piece is none.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let segment = |piece: &str| {
            let (rates, time) = piece.split_once('@')?;
            let (from, to) = rates.split_once('-').unwrap_or((rates, rates));
            let rate =
                |text: &str| text.trim().parse().ok().filter(|r| (0.0..=RATE_MAX).contains(r));
            let duration = crate::args::scalar::duration(time.trim()).ok()?;
            (duration > Duration::ZERO).then_some(())?;
            Some(Segment { from_per_second: rate(from)?, to_per_second: rate(to)?, duration })
        };
        let refuse = |piece| {
            Refusal(format!("{piece:?} is no piece of a profile: 2000@10s, or 100-5000@30s"))
        };
        let pieces = text.split(',').map(str::trim);
        let segments: Vec<_> =
            pieces.map(|p| segment(p).ok_or_else(|| refuse(p))).collect::<Result<_, _>>()?;
        Ok(Self(segments))
    }

    pub fn segments(&self) -> &[Segment] {
        &self.0
    }

    pub fn duration(&self) -> Duration {
        self.0.iter().map(|segment| segment.duration).sum()
    }

    /// How many requests are due in all.
    pub fn total(&self) -> f64 {
        self.0.iter().map(Segment::total).sum()
    }

    /// How many requests are due by `at`.
    pub fn due_by(&self, at: Duration) -> f64 {
        let mut left = at.as_secs_f64();
        let mut due = 0.0;
        for segment in &self.0 {
            let inside = left.min(segment.duration.as_secs_f64());
            due += segment.due_after(inside);
            left -= inside;
        }
        due
    }

    /// When the request is due that `count` others come before; `None` when there are fewer.
    pub fn time_of(&self, count: f64) -> Option<Duration> {
        let mut left = count;
        let mut start = 0.0;
        for segment in &self.0 {
            let total = segment.total();
            if left < total {
                return Some(Duration::from_secs_f64(start + segment.time_of(left)));
            }
            left -= total;
            start += segment.duration.as_secs_f64();
        }
        None
    }
}

impl Segment {
    fn total(&self) -> f64 {
        self.due_after(self.duration.as_secs_f64())
    }

    fn due_after(&self, seconds: f64) -> f64 {
        self.from_per_second * seconds + self.slope() * seconds * seconds / 2.0
    }

    /// Requests a second, a second.
    fn slope(&self) -> f64 {
        (self.to_per_second - self.from_per_second) / self.duration.as_secs_f64()
    }

    /// The root of `from t + slope t²/2 = count` that lies in the segment, in the form that does
    /// not lose its digits when the slope is small.
    fn time_of(&self, count: f64) -> f64 {
        let from = self.from_per_second;
        let under = 2.0f64.mul_add(self.slope() * count, from * from).max(0.0);
        let divisor = from + under.sqrt();
        let seconds = if divisor > 0.0 { 2.0 * count / divisor } else { 0.0 };
        seconds.clamp(0.0, self.duration.as_secs_f64())
    }
}

/// More than any machine does; keeps sums of counts exact in a float.
const RATE_MAX: f64 = 1e8;

#[cfg(test)]
mod tests;
