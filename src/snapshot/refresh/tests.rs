use super::*;
use crate::base::clock::Instant;
use crate::snapshot::compile::tests::Desk;

const YAML: &str = r"
binds:
- port: 8080
  listeners:
  - routes:
    - backends: [{host: known.test:9001}]
    - matches: [{path: {pathPrefix: /fixed}}]
      backends: [{host: 127.0.0.1:9002}]
";

fn address(last: u8, port: u16) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, last], port))
}

fn names(cluster: &Cluster) -> Vec<&str> {
    cluster.endpoints.iter().map(|endpoint| endpoint.name.as_str()).collect()
}

#[test]
fn only_what_changed_is_made_anew_and_endpoints_that_stay_are_the_same() {
    let mut desk = Desk::new();
    let first = desk.compile(YAML, None);
    let now = Instant::from_nanos(5_000_000_000);
    let same = |_: &str, port| vec![address(1, port)];
    assert!(refresh(&first, &same, now, &mut desk.registry).is_none());
    let two = |_: &str, port| vec![address(1, port), address(2, port), address(2, port)];
    let second = refresh(&first, &two, now, &mut desk.registry).unwrap();
    assert_eq!(second.version, first.version + 1);
    assert!(Arc::ptr_eq(&first.binds[0], &second.binds[0]));
    assert!(Arc::ptr_eq(&first.clusters[1], &second.clusters[1]));
    assert_eq!(names(&second.clusters[0]), ["192.0.2.1:9001", "192.0.2.2:9001"]);
    let (old, new) = (&first.clusters[0], &second.clusters[0]);
    assert!(Arc::ptr_eq(&old.endpoints[0].health, &new.endpoints[0].health));
    assert_eq!(new.endpoints[1].health.up_since(), Some(now), "one that joins begins slowly");
    assert_eq!(new.endpoints[0].health.up_since(), None);
    let none = |_: &str, _| Vec::new();
    let third = refresh(&second, &none, now, &mut desk.registry).unwrap();
    assert_eq!(names(&third.clusters[0]), Vec::<&str>::new());
}
