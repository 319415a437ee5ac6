//! `Snapshot`: all a worker needs, compiled from the configuration, immutable, shared by all.

pub mod bind;
pub mod compile;
pub mod dump;
pub mod handed;
pub mod pressure;
pub mod refresh;
pub mod resources;
pub mod sources;
pub mod tcp;
pub mod tls;
pub mod view;

use std::sync::Arc;

use crate::base::id::{BindId, ClusterId};
use crate::llm::Llm;
use crate::llm::budget::Budgets;
use crate::net::tls::Certificate;
use crate::policy::api_key::ApiKey;
use crate::policy::expression::Expression;
use crate::policy::gradient::Gradient;
use crate::policy::rate_limit::RateLimit;
use crate::upstream::Cluster;
use crate::upstream::credential::Credential;
use bind::Bind;
use sources::Sources;

pub struct Snapshot {
    pub version: u64,
    /// By `BindId`.
    pub binds: Vec<Arc<Bind>>,
    /// By `ClusterId`.
    pub clusters: Vec<Arc<Cluster>>,
    /// What makes an answer a failure of its endpoint, by `ClusterId`; empty if no cluster says.
    pub unhealthy: Vec<Option<Expression>>,
    /// Those of all routes, in their order: a reload finds them again.
    pub rate_limits: Vec<Arc<RateLimit>>,
    /// Those of all routes and backends.
    pub gradients: Vec<Arc<Gradient>>,
    /// By `LlmId`.
    pub llms: Vec<Arc<Llm>>,
    /// Those of all backends that are fetched or signed with: a reload finds them again.
    pub credentials: Vec<Arc<Credential>>,
    /// By `KeyId`.
    pub keys: Arc<[ApiKey]>,
    pub budgets: Arc<Budgets>,
    /// What one source may have, if that is bounded.
    pub sources: Option<Arc<Sources>>,
    /// What the process may take.
    pub memory_bytes_max: Option<u64>,
}

impl Snapshot {
    /// What a worker serves before its first configuration: nothing.
    pub fn empty() -> Self {
        Self {
            version: 0,
            binds: Vec::new(),
            clusters: Vec::new(),
            unhealthy: Vec::new(),
            rate_limits: Vec::new(),
            gradients: Vec::new(),
            llms: Vec::new(),
            credentials: Vec::new(),
            keys: Arc::new([]),
            budgets: Arc::default(),
            sources: None,
            memory_bytes_max: None,
        }
    }

    /// What is shown to clients, with the names of its bind and its listener.
    pub fn certificates(&self) -> impl Iterator<Item = (&str, &str, &Certificate)> {
        let with_tls = self.binds.iter().filter_map(|bind| Some((bind, bind.tls.as_ref()?)));
        with_tls.flat_map(|(bind, tls)| {
            tls.listeners().flat_map(move |listener| {
                let name = &*bind.listeners[listener.listener as usize].name;
                listener.certificates().map(move |shown| (&*bind.name, name, shown))
            })
        })
    }

    #[inline]
    pub fn unhealthy(&self, cluster: ClusterId) -> Option<&Expression> {
        self.unhealthy.get(cluster.index())?.as_ref()
    }

    pub fn bind(&self, id: BindId) -> Option<&Bind> {
        self.binds.get(id.index()).map(|bind| &**bind)
    }
}
