//! What a route leads to beside its backends: a group of routes, a mirror.

use super::policy::Above;
use super::{Compiler, TOO_MANY_ROUTES};
use crate::config::policy::mirror::RequestMirror;
use crate::limits::ROUTES_MAX;
use crate::route::Table;
use crate::snapshot::bind::{Backend, Group, Mirror};
use crate::snapshot::tls::Carries;

impl Compiler<'_> {
    /// The routes of a group, as they are behind this route.
    pub(super) fn group(&mut self, name: &str, above: &Above<'_>) -> Box<Group> {
        let found = self.config.route_groups.iter().find(|group| group.name == name);
        let raw: Vec<_> = found.into_iter().flat_map(|group| &group.routes).collect();
        self.delegated += raw.len();
        if self.delegated > ROUTES_MAX {
            if self.wrong.last().is_none_or(|last| !last.ends_with(TOO_MANY_ROUTES)) {
                self.wrong.push(format!("{}: {TOO_MANY_ROUTES}", self.bind));
            }
            let table = Table::compile(&[]).expect("a table without routes");
            return Box::new(Group { table, routes: Vec::new() });
        }
        let (table, routes) = self.table(name, &raw, above);
        Box::new(Group { table, routes })
    }

    pub(super) fn mirror(&mut self, raw: &RequestMirror, label: &str) -> Mirror {
        let clusters = &mut self.clusters;
        let materials = &mut self.materials;
        let cluster = clusters.of(&raw.backend, None, Carries::Http, label, materials);
        let (name, authority) =
            (self.clusters.host_name(cluster), self.clusters.authority(cluster));
        let share = (raw.percentage * u64::MAX as f64) as u64;
        let policies = self.clusters.policies(&raw.backend, None);
        if policies.backend_auth.is_some_and(|auth| auth.is_of_a_cloud()) {
            let what = "`requestMirror`: a backend with a credential of a cloud gets no copies";
            self.wrong.push(format!("{}: route `{label}`: {what}", self.bind));
        }
        let backend = Backend { pipeline: None, auth: None, name, authority };
        Mirror { cluster, backend, share }
    }
}
