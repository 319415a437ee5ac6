//! What systemd is told (`sd_notify(3)`): datagrams of lines to the socket that `NOTIFY_SOCKET`
//! names. Without one nothing is sent, and a datagram that does not arrive is nobody's trouble.
//!
//! The watchdog is fed from the control loop, and only while all workers beat: a process whose
//! workers stall is one that systemd should start again.

use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::{Duration, Instant};

/// Owned by the control loop.
#[derive(Debug, Default)]
pub struct Notifier {
    to: Option<(UnixDatagram, SocketAddr)>,
    /// How often the watchdog is fed, and when it was last.
    watchdog: Option<(Duration, Instant)>,
}

impl Notifier {
    /// As the environment of this process says.
    pub fn from_environment() -> Self {
        let variable = |name| std::env::var(name).ok();
        let mut notifier = Self::at(variable("NOTIFY_SOCKET").as_deref());
        let own = std::process::id().to_string();
        let is_ours = variable("WATCHDOG_PID").is_none_or(|pid| pid == own);
        let micros = variable("WATCHDOG_USEC").filter(|_| is_ours);
        let period = micros.and_then(|micros| micros.parse().ok()).map(Duration::from_micros);
        // Half of it, as sd_watchdog_enabled(3) asks for.
        notifier.watchdog = period.map(|period| (period / 2, Instant::now()));
        notifier
    }

    /// A path, or an abstract name behind `@`.
    fn at(name: Option<&str>) -> Self {
        let address = |name: &str| match name.strip_prefix('@') {
            Some(name) => SocketAddr::from_abstract_name(name),
            None => SocketAddr::from_pathname(name),
        };
        let open = |name| {
            let socket = UnixDatagram::unbound().ok()?;
            // A systemd that does not read must not hold up control.
            socket.set_nonblocking(true).ok()?;
            Some((socket, address(name).ok()?))
        };
        Self { to: name.and_then(open), watchdog: None }
    }

    /// It serves, or does so again after `reloading`.
    pub fn ready(&self, status: &str) {
        self.send(&format!("READY=1\nSTATUS={status}"));
    }

    /// With the clock that `Type=notify-reload` wants to hear of.
    pub fn reloading(&self, status: &str) {
        let micros = monotonic_micros();
        self.send(&format!("RELOADING=1\nMONOTONIC_USEC={micros}\nSTATUS={status}"));
    }

    pub fn stopping(&self, status: &str) {
        self.send(&format!("STOPPING=1\nSTATUS={status}"));
    }

    /// Another process is the service from now on. This one has nothing to say after it.
    pub fn hand_over(&mut self, pid: u32, status: &str) {
        self.send(&format!("MAINPID={pid}\nREADY=1\nSTATUS={status}"));
        *self = Self::default();
    }

    /// Time has passed.
    pub fn on_time(&mut self, now: Instant, is_well: bool) {
        let Some((every, last)) = &mut self.watchdog else { return };
        if is_well && now.saturating_duration_since(*last) >= *every {
            *last = now;
            self.send("WATCHDOG=1");
        }
    }

    /// When `on_time` has something to do.
    pub fn due(&self) -> Option<Instant> {
        self.watchdog.map(|(every, last)| last + every)
    }

    fn send(&self, text: &str) {
        if let Some((socket, address)) = &self.to
            && let Err(error) = socket.send_to_addr(text.as_bytes(), address)
        {
            tracing::debug!("systemd was not told: {error}");
        }
    }
}

#[expect(unsafe_code, reason = "std tells no reading of a clock")]
fn monotonic_micros() -> u64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the kernel writes into a live value; this clock is always there.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut now) };
    now.tv_sec.unsigned_abs() * 1_000_000 + now.tv_nsec.unsigned_abs() / 1000
}

#[cfg(test)]
mod tests;
