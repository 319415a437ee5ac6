//! What the control loop answers to the admin, metrics and readiness servers.

use std::sync::Arc;

use serde_json::json;

use super::Control;
use super::admin::Ask;
use super::wiring::Wiring;
use crate::base::id::WorkerId;

impl<W: Wiring> Control<W> {
    pub(super) fn answer(&mut self, ask: Ask) {
        // Whoever asked may have gone meanwhile: an answer that nobody takes is dropped.
        match ask {
            Ask::Ready(reply) => drop(reply.send(self.reasons())),
            Ask::Config(reply) => drop(reply.send(self.dump())),
            Ask::Workers(reply) => drop(reply.send(self.list_workers())),
            Ask::Clusters(reply) => {
                let snapshot = self.publisher.current();
                let list = snapshot.map(|snapshot| self.wiring.clusters(snapshot));
                drop(reply.send(list.unwrap_or_default()));
            }
            Ask::Budgets(reply) => {
                let list = self.publisher.current().map(|now| self.wiring.budgets(now));
                drop(reply.send(list.unwrap_or_default()));
            }
            Ask::ResetBudget(name, reply) => {
                let current = self.publisher.current();
                let known = current.is_some_and(|now| self.wiring.reset_budget(now, &name));
                let _ = reply.send(known);
            }
            Ask::Metrics(format, reply) => {
                let snapshot = self.publisher.current().map(Arc::as_ref);
                drop(reply.send(self.wiring.exposition(&self.facts(), snapshot, format)));
            }
            Ask::LogLevel(reply) => drop(reply.send(self.wiring.log_level())),
            Ask::SetLogLevel(level, reply) => {
                let set = self.wiring.set_log_level(&level);
                drop(reply.send(set.map(|()| self.wiring.log_level())));
            }
            Ask::Quit(reply) => {
                tracing::info!("asked to quit by the admin server");
                let _ = reply.send(());
                self.end();
            }
        }
    }

    /// The configuration in use, and next to it what is wrong with a later one.
    fn dump(&self) -> serde_json::Value {
        let mut dump = match (&self.config, self.publisher.current()) {
            (Some(config), Some(snapshot)) => self.wiring.dump(config, snapshot),
            _ => json!({}),
        };
        if let Some(dump) = dump.as_object_mut() {
            let state = json!({
                "origin": self.source.origin(),
                "version": self.publisher.version(),
                "synchronized": self.facts().synchronized,
                "refusal": self.refusal,
            });
            dump.insert("ringway".to_owned(), state);
            dump.insert("version".to_owned(), json!({ "version": env!("CARGO_PKG_VERSION") }));
        }
        dump
    }

    fn list_workers(&self) -> serde_json::Value {
        let describe = |worker: WorkerId| {
            let load = self.wiring.load(worker);
            json!({
                "worker": worker.0,
                "state": self.supervisor.state(worker).to_string(),
                "version": self.versions[worker.index()],
                "connections": load.connections,
                "busy": load.busy_ratio,
            })
        };
        let workers: Vec<_> = self.supervisor.ids().map(describe).collect();
        json!({ "workers": workers, "draining": self.drain.begun() })
    }
}
