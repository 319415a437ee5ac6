//! Budgets for what costs us work and the peer nothing. Each kind may come in a burst; beyond it, as
//! much as time and useful work have earned. Then the connection is told to calm down.
//!
//! The common path is one decrement: what was earned is added up when a budget is used up. Owns the
//! budgets of one connection.

use crate::base::clock::Instant;
use crate::limits::KIB;

macro_rules! floods {
    ($($(#[$doc:meta])* $kind:ident = $name:literal, $rule:expr;)*) => {
        /// What a peer does too much of.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        pub enum Flood { $($(#[$doc])* $kind,)* }

        impl Flood {
            /// Every kind, for tables that are keyed by it.
            pub const ALL: &[Self] = &[$(Self::$kind,)*];

            /// For metrics and logs.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$kind => $name,)* }
            }
        }

        const RULES: [Rule; Flood::ALL.len()] = [$($rule),*];
    };
}

/// What one kind is allowed: at once, and for each of what is earned.
#[derive(Clone, Copy)]
struct Rule {
    burst: u32,
    /// A multiple of `STEPS_PER_SECOND`.
    second: u64,
    opened: u64,
    completed: u64,
    frame_out: u64,
    kib_in: u64,
}

const NOTHING: Rule =
    Rule { burst: 0, second: 0, opened: 0, completed: 0, frame_out: 0, kib_in: 0 };

floods! {
    /// Streams that the client reset before they were done: rapid reset, CVE-2023-44487.
    Reset = "flood_reset",
        Rule { burst: 256, second: 32, completed: 1, ..NOTHING };
    /// Streams that we had to reset for what the peer did: CVE-2025-8671.
    Fault = "flood_fault",
        Rule { burst: 64, second: 8, completed: 1, ..NOTHING };
    /// Streams above the limit that was announced.
    Refused = "flood_refused",
        Rule { burst: 512, second: 32, completed: 1, ..NOTHING };
    Ping = "flood_ping",
        Rule { burst: 128, second: 8, opened: 1, frame_out: 1, ..NOTHING };
    Settings = "flood_settings",
        Rule { burst: 32, second: 8, ..NOTHING };
    /// DATA frames with nothing in them.
    EmptyBody = "flood_empty_body",
        Rule { burst: 64, second: 8, completed: 1, ..NOTHING };
    /// DATA frames with next to nothing in them.
    SmallBody = "flood_small_body",
        Rule { burst: 16_384, second: 4_096, frame_out: 2, kib_in: 16, ..NOTHING };
    /// PRIORITY frames, and those of types that we do not know.
    Ignored = "flood_ignored",
        Rule { burst: 256, second: 16, opened: 8, ..NOTHING };
    WindowUpdate = "flood_window_update",
        Rule { burst: 512, second: 64, opened: 4, frame_out: 20, ..NOTHING };
    /// Frames on streams that are gone.
    Stray = "flood_stray",
        Rule { burst: 1_024, second: 128, opened: 2, completed: 2, ..NOTHING };
    /// Answers that the peer asks for and does not read: `H2_CONTROL_BYTES_MAX`.
    Unread = "flood_unread", NOTHING;
}

/// Work that was of use.
#[derive(Clone, Copy, Default, Debug)]
struct Work {
    opened: u64,
    completed: u64,
    frames_out: u64,
    bytes_in: u64,
}

#[derive(Clone, Debug)]
pub struct Budgets {
    left: [u32; RULES.len()],
    /// What was done, and when, since budgets were last added to.
    work: Work,
    added_at: Instant,
}

impl Budgets {
    pub fn new(now: Instant) -> Self {
        Self { left: RULES.map(|rule| rule.burst), work: Work::default(), added_at: now }
    }

    #[inline]
    pub fn spend(&mut self, kind: Flood, now: Instant) -> Result<(), Flood> {
        if self.left[kind as usize] == 0 {
            self.add(now);
        }
        match &mut self.left[kind as usize] {
            0 => Err(kind),
            left => {
                *left -= 1;
                Ok(())
            }
        }
    }

    #[inline]
    pub const fn opened(&mut self) {
        self.work.opened += 1;
    }

    /// A stream that came to its end on both sides.
    #[inline]
    pub const fn completed(&mut self) {
        self.work.completed += 1;
    }

    /// A DATA frame that was as long as we wanted it, or long enough.
    #[inline]
    pub const fn frame_out(&mut self) {
        self.work.frames_out += 1;
    }

    /// Bytes of a body that were consumed.
    #[inline]
    pub const fn bytes_in(&mut self, bytes: u32) {
        self.work.bytes_in += bytes as u64;
    }

    /// Adds what was earned since the last time; no budget is ever above its burst. What is less than
    /// a step of time or a KiB is kept for the next time.
    fn add(&mut self, now: Instant) {
        let steps = now.nanos_since(self.added_at) / STEP_NANOS;
        let kib_in = self.work.bytes_in / KIB as u64;
        let Work { opened, completed, frames_out, .. } = self.work;
        for (left, rule) in self.left.iter_mut().zip(&RULES) {
            let earned = (rule.second / STEPS_PER_SECOND)
                .saturating_mul(steps)
                .saturating_add(rule.opened * opened)
                .saturating_add(rule.completed * completed)
                .saturating_add(rule.frame_out * frames_out)
                .saturating_add(rule.kib_in * kib_in);
            let earned = u32::try_from(earned).unwrap_or(u32::MAX);
            *left = left.saturating_add(earned).min(rule.burst);
        }
        let bytes_in = self.work.bytes_in % KIB as u64;
        self.work = Work { bytes_in, ..Work::default() };
        self.added_at = Instant::from_nanos(self.added_at.nanos() + steps * STEP_NANOS);
    }
}

/// What a second earns comes in so many steps, and is a multiple of them.
const STEPS_PER_SECOND: u64 = 8;
const STEP_NANOS: u64 = 1_000_000_000 / STEPS_PER_SECOND;
