use super::*;
use crate::base::id::WorkerId;
use crate::net::runtime::Driver;
use crate::net::tests::{Rig, on};
use crate::snapshot::compile::tests::Desk;
use crate::snapshot::resources::Shared;
use crate::telemetry::access_log::recorder;
use crate::telemetry::shard::Shard;

/// What a worker has of its own.
pub(crate) fn resources(rig: &Rig) -> Rc<Resources> {
    let worker = WorkerId(0);
    let (log, _ring) = recorder();
    let shard = Arc::new(Shard::new(worker));
    let clock = rig.wheel.clock().clone();
    Rc::new(Resources::new(worker, clock, Rc::clone(&rig.wheel), shard, log, Shared::default()))
}

const YAML: &str = r"
binds:
- port: 8080
  listeners:
  - routes:
    - {matches: [{path: {exact: /a}}], backends: [{host: '127.0.0.1:1'}]}
    - {matches: [{path: {exact: /b}}], backends: [{host: '127.0.0.1:2'}]}
";

#[test]
fn a_cluster_that_stays_keeps_its_connections() {
    on(Driver::Epoll, async |rig| {
        let resources = resources(&rig);
        let mut desk = Desk::new();
        let first = Arc::new(desk.compile(YAML, None));
        let second = Arc::new(desk.compile(&YAML.replace(":2'", ":3'"), Some(&first)));
        let old = View::new(first, Rc::clone(&resources), None);
        let new = View::new(second, resources, Some(&old));
        let local = |view: &View, index| Rc::clone(view.local(ClusterId(index)).unwrap());
        assert!(Rc::ptr_eq(&local(&old, 0), &local(&new, 0)), "the same pool");
        assert!(!Rc::ptr_eq(&local(&old, 1), &local(&new, 1)));
        let gone: Vec<_> = old.not_in(&new).map(|local| local.cluster.name.clone()).collect();
        assert_eq!(gone, ["127.0.0.1:2"]);
        assert_eq!(new.not_in(&new).count(), 0);
        assert!(new.local(ClusterId(2)).is_none());
    });
}
