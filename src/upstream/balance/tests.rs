use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::net::connect::Address;
use crate::upstream::cluster::{Cluster, Endpoint, HttpVersion, Settings};

fn local(count: usize) -> Local {
    let endpoint = |port| {
        let address = std::net::SocketAddr::from(([127, 0, 0, 1], port));
        let name = address.to_string();
        Endpoint { name, address: Address::inet(address), server_name: None }
    };
    let settings = Settings {
        connect_timeout: Duration::from_secs(1),
        keepalive: None,
        idle_timeout: Duration::from_secs(1),
        idle_per_worker_max: 1,
        tls: None,
        http: HttpVersion::Auto,
        http2: crate::proto::http2::Settings::default(),
        streams_waiting_max: 1,
        proxy_header: None,
    };
    let endpoints = (0..count).map(|index| endpoint(1 + index as u16)).collect();
    let cluster = Cluster {
        name: "test".into(),
        endpoints,
        settings,
        labels: crate::telemetry::labels::ClusterLabelsId(0),
    };
    Local::new(Arc::new(cluster), 0)
}

#[test]
fn every_endpoint_gets_its_turn() {
    let local = local(3);
    let picked: Vec<_> = (0..6).filter_map(|_| pick(&local, None)).collect();
    assert_eq!(picked, [0, 1, 2, 0, 1, 2]);
}

#[test]
fn an_endpoint_that_failed_is_avoided_while_there_is_another() {
    let two = local(2);
    for _ in 0..4 {
        assert_eq!(pick(&two, Some(0)), Some(1));
    }
    assert_eq!(pick(&local(1), Some(0)), Some(0));
}

#[test]
fn an_empty_cluster_has_nothing_to_pick() {
    assert_eq!(pick(&local(0), None), None);
}
