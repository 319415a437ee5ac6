//! What control needs of the rest of the product, as one seam: `app` fills it with `config`,
//! `snapshot`, `net` and `telemetry`, tests with something smaller. And what control tells back.

use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::time::Duration;

use super::certificate::Files;
use super::drain::Deadlines;
use super::health::Checked;
use super::listen::{Bind, Group};
use super::resolve::{Addresses, Dns, Name};
use super::source::Text;
use super::supervise::State;
use crate::base::id::WorkerId;
use crate::bus::BindSocket;
use crate::config::scalar::Address;

/// Everything is called on the control thread; nothing here may wait for a worker.
pub trait Wiring {
    /// What the user wrote, read.
    type Config;
    /// The same, compiled for workers.
    type Snapshot: Send + Sync + 'static;

    /// The error holds every problem found, as it is to be shown.
    fn parse(&mut self, text: &Text) -> Result<Self::Config, String>;
    fn settings(&self, config: &Self::Config) -> Settings;
    /// Names of backends to be looked up before `compile`.
    fn names(&self, config: &Self::Config) -> Vec<Name>;
    /// Certificates, keys and roots to be read before `compile`, and watched from then on.
    fn files(&self, config: &Self::Config) -> Vec<PathBuf>;
    fn compile(
        &mut self,
        config: &Self::Config,
        found: &Found<'_>,
        last: Option<&Self::Snapshot>,
    ) -> Result<Self::Snapshot, String>;
    /// The last snapshot with other addresses of its names; none if that changes nothing.
    fn refresh(
        &mut self,
        _addresses: &Addresses,
        _last: &Self::Snapshot,
    ) -> Option<Self::Snapshot> {
        None
    }
    /// The endpoints that are to be checked.
    fn probes(&self, _snapshot: &Self::Snapshot) -> Vec<Checked> {
        Vec::new()
    }
    fn binds(&self, snapshot: &Self::Snapshot) -> Vec<Bind>;
    /// Opens listening sockets, not blocking, with the options that the snapshot has for the bind.
    fn listen(
        &mut self,
        snapshot: &Self::Snapshot,
        bind: &Bind,
        group: Group,
    ) -> io::Result<Vec<OwnedFd>>;
    /// Gives a listening socket that another process opened the options of its bind.
    fn inherit(&self, _snapshot: &Self::Snapshot, _socket: &BindSocket) -> io::Result<()> {
        Ok(())
    }

    /// What the process that takes the place of this one is to know of the state; nothing where there
    /// is none.
    fn state(&self, _snapshot: &Self::Snapshot) -> Vec<u8> {
        Vec::new()
    }
    /// Goes on with the state of another process, which is `age` old. Before the snapshot serves.
    fn restore(
        &self,
        _snapshot: &Self::Snapshot,
        _state: &[u8],
        _age: Duration,
    ) -> Result<(), String> {
        Ok(())
    }

    /// An object, without secrets.
    fn dump(&self, config: &Self::Config, snapshot: &Self::Snapshot) -> serde_json::Value;
    /// The endpoints and how they are, as JSON.
    fn clusters(&self, _snapshot: &Self::Snapshot) -> serde_json::Value {
        serde_json::Value::Null
    }
    /// What may be used of models and what was, as JSON.
    fn budgets(&self, _snapshot: &Self::Snapshot) -> serde_json::Value {
        serde_json::Value::Null
    }
    /// Nothing was used of the budget of this name; false where there is none.
    fn reset_budget(&self, _snapshot: &Self::Snapshot, _name: &str) -> bool {
        false
    }
    /// With what is served; nothing before the first configuration.
    fn exposition(
        &self,
        facts: &Facts<'_>,
        snapshot: Option<&Self::Snapshot>,
        format: Format,
    ) -> String;
    fn load(&self, worker: WorkerId) -> Load;
    /// Called every `CONTROL_TICK_MS`, with what is served.
    fn look(&mut self, _snapshot: Option<&Self::Snapshot>) {}

    fn log_level(&self) -> String;
    fn set_log_level(&mut self, level: &str) -> Result<(), String>;
    /// SIGHUP, after log files were moved away.
    fn reopen_logs(&mut self);
}

/// What was found outside of a configuration, because it asks for it.
#[derive(Clone, Copy, Debug)]
pub struct Found<'a> {
    pub addresses: &'a Addresses,
    pub files: &'a Files,
}

/// What a configuration says about the process itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    pub admin: Address,
    pub metrics: Address,
    pub readiness: Address,
    pub ipv6: bool,
    /// As many as there are cores when it says nothing.
    pub workers: Option<usize>,
    pub pin: bool,
    /// What else is read once, at the start: keys with their values as text.
    pub at_start: Vec<(&'static str, String)>,
    pub drain: Deadlines,
    pub dns: Dns,
    /// How long a new process has to take over.
    pub upgrade_timeout: Duration,
    /// Where it may be asked for.
    pub upgrade_socket: Option<PathBuf>,
}

/// How metrics are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Prometheus text 0.0.4.
    Text,
    OpenMetrics,
}

/// What a worker carries.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Load {
    pub connections: u64,
    /// Of the last second, 0 to 1.
    pub busy_ratio: f64,
}

/// What control knows and metrics show.
#[derive(Clone, Debug)]
pub struct Facts<'a> {
    /// Of the configuration in use; 0 before the first.
    pub version: u64,
    /// The last configuration read is the one in use.
    pub synchronized: bool,
    pub reloads_accepted: u64,
    pub reloads_refused: u64,
    pub retired_snapshots: usize,
    pub draining: bool,
    /// Look-ups of names.
    pub lookups_good: u64,
    pub lookups_failed: u64,
    /// Upgrades that changed nothing.
    pub upgrades_failed: u64,
    /// By worker.
    pub workers: Vec<&'a State>,
}
