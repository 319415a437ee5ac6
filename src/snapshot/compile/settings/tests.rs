use super::*;
use crate::snapshot::compile::tests::{Desk, config};

const BIND: &str = "binds: [{port: 1, listeners: [{routes: [{backends: [{host: '127.0.0.1:1', \
                    policies: {tcp: {connectTimeout: 1s}}}]}]}]}]\n";

fn with(rest: &str) -> Config {
    config(&format!("{BIND}{rest}"))
}

#[test]
fn nothing_written_is_what_the_engine_has_by_itself() {
    let config = with("");
    let default = http2::Settings::default();
    assert_eq!(downstream_http2(&config), default);
    assert_eq!(upstream_http2(&config), default);
    let settings = downstream(&config);
    assert_eq!(settings.handshake_timeout, Duration::from_secs(15));
    assert_eq!(settings.handshakes_per_worker_max, 1024);
}

#[test]
fn limits_are_those_that_were_written() {
    let yaml = "config: {ringway: {limits: {streamsPerConnection: 7, handshakesPerWorker: 5, \
                tcpIdleTimeout: 9s, upstreamStreamsPerConnection: 3, upstreamStreamsWaiting: 2, \
                headBytes: 8KiB}}}\n\
                frontendPolicies: {tls: {handshakeTimeout: 4s}}\n";
    let config = with(yaml);
    let settings = downstream(&config);
    assert_eq!(settings.handshake_timeout, Duration::from_secs(4));
    assert_eq!(settings.handshakes_per_worker_max, 5);
    assert_eq!((settings.http2.streams_max, settings.http2.head_list_bytes_max), (7, 8192));
    let snapshot = Desk::new().compile(&format!("{BIND}{yaml}"), None);
    let cluster = &snapshot.clusters[0].settings;
    assert_eq!((cluster.http2.streams_max, cluster.http2.head_list_bytes_max), (3, 8192));
    assert_eq!(cluster.streams_waiting_max, 2);
}

#[test]
fn a_window_that_is_written_does_not_grow() {
    let config = with(
        "frontendPolicies: {http: {http2WindowSize: 32KiB, http2ConnectionWindowSize: 128KiB, \
         http2FrameSize: 32KiB, http2MaxHeaderSize: 4KiB, http2KeepaliveInterval: 3s}}\n",
    );
    let settings = downstream_http2(&config);
    assert_eq!((settings.window_bytes, settings.window_bytes_max), (32_768, 32_768));
    let connection = (settings.connection_window_bytes, settings.connection_window_bytes_max);
    assert_eq!(connection, (131_072, 131_072));
    assert_eq!((settings.frame_bytes_max, settings.head_list_bytes_max), (32_768, 4096));
    let keepalive = (settings.keepalive_interval, settings.keepalive_timeout);
    assert_eq!(keepalive, (Duration::from_secs(3), Duration::from_secs(20)));
    assert_eq!(upstream_http2(&config), http2::Settings::default(), "of clients alone");
}

#[test]
fn a_head_is_bounded_by_the_bound_of_all_heads() {
    let config = with(
        "config: {ringway: {limits: {headBytes: 8KiB}}}\n\
         frontendPolicies: {http: {http2MaxHeaderSize: 16KiB}}\n",
    );
    assert_eq!(downstream_http2(&config).head_list_bytes_max, 8192);
}
