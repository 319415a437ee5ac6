//! Protocols and TCP routes: what goes together, and the words for what does not.

use super::{good, read, told};

/// What is told, a line each, without the name of the file and the path before `binds[0]`.
pub(super) fn check(text: &str, expected: &[&str]) {
    let found = told(text).replace("gateway.yaml:", "").replace("binds[0].listeners", "");
    assert_eq!(found, expected.join("\n"), "of\n{text}");
}

/// One bind of these listeners; the first is in line 4.
pub(super) fn listeners(items: &[&str]) -> String {
    let items: Vec<_> = items.iter().map(|item| format!("  - {item}\n")).collect();
    format!("binds:\n- port: 1\n  listeners:\n{}", items.concat())
}

pub(super) fn check_listeners(items: &[&str], expected: &[&str]) {
    check(&listeners(items), expected);
}

#[test]
fn protocols_and_what_they_have() {
    check_listeners(
        &["{tls: {cert: a, key: b}}"],
        &["4:6: [0].tls: protocol HTTP has no TLS", "    hint: did you mean `protocol: HTTPS`?"],
    );
    check_listeners(&["{protocol: HTTPS}"], &["4:5: [0]: protocol HTTPS needs `tls`"]);
    check_listeners(
        &["{protocol: HTTPS, tls: {cert: a, key: b}, tcpRoutes: [{backends: [{host: 'a:1'}]}]}"],
        &[
            "4:47: [0].tcpRoutes: protocol HTTPS has `routes`",
            "    hint: `tcpRoutes` go with TCP and TLS, `routes` with HTTP and HTTPS",
        ],
    );
    check_listeners(
        &["{protocol: TLS, tls: {cert: a, key: b}, routes: []}"],
        &[
            "4:5: [0]: protocol TLS needs `tcpRoutes`",
            "4:45: [0].routes: protocol TLS has `tcpRoutes`",
            "    hint: `routes` go with HTTP and HTTPS, `tcpRoutes` with TCP and TLS",
        ],
    );
    check_listeners(
        &["{protocol: TCP, hostname: a, tls: {}, tcpRoutes: []}"],
        &[
            "4:21: [0].hostname: protocol TCP knows no host: it takes every connection of its port",
            "4:34: [0].tls: protocol TCP has no TLS",
            "    hint: did you mean `protocol: TLS`?",
            "4:39: [0].tls: exactly one of cert, certificates, selfSigned is needed, none is \
             written",
            "4:54: [0].tcpRoutes: without routes, every connection would be closed",
        ],
    );
    check_listeners(
        &["{protocol: UDP}"],
        &[
            "4:16: [0].protocol: `UDP` is not a value of this key",
            "    hint: one of HTTP, HTTPS, TLS, TCP",
        ],
    );
    check_listeners(
        &["{protocol: Https}"],
        &[
            "4:16: [0].protocol: `Https` is not a value of this key",
            "    hint: did you mean `HTTP`?",
        ],
    );
}

#[test]
fn listeners_that_share_a_port() {
    let https = "{protocol: HTTPS, hostname: a, tls: {cert: a, key: b}}";
    let tls = "{protocol: TLS, hostname: b, tcpRoutes: [{backends: [{host: 'a:1'}]}]}";
    let tcp = "{protocol: TCP, tcpRoutes: [{backends: [{host: 'a:1'}]}]}";
    check_listeners(&[https, tls], &["nothing is wrong"]);
    check_listeners(
        &["{hostname: c}", https, tls],
        &[
            "5:5: [1]: one port is plain or TLS: HTTPS here, HTTP is [0]",
            "6:5: [2]: one port is plain or TLS: TLS here, HTTP is [0]",
        ],
    );
    check_listeners(
        &[tcp, tcp],
        &["5:5: [1]: protocol TCP has a port alone, and [0] is on this one"],
    );
    check_listeners(
        &[tls, tcp],
        &["5:5: [1]: protocol TCP has a port alone, and [0] is on this one"],
    );
    check_listeners(
        &[tls, "{protocol: HTTPS, hostname: B, tls: {cert: a, key: b}}"],
        &["5:5: [1]: serves `b`, as [0] does"],
    );
}

#[test]
fn tcp_routes_that_take_nothing() {
    check_listeners(
        &["protocol: TCP\n    tcpRoutes:\n    - hostnames: [a]\n      backends: [{host: \
             'a:1'}]\n    \
           - backends: [{host: 'a:1'}]\n    - backends: []\n    - {}\n    \
           - {backends: [{host: 'a:1', weight: 0}], matches: []}"],
        &[
            "6:7: [0].tcpRoutes[0]: hostnames are those of TLS: a listener of protocol TCP sees \
             none",
            "9:7: [0].tcpRoutes[2]: never reached: [0].tcpRoutes[1] takes `*`",
            "9:17: [0].tcpRoutes[2].backends: without backends, every connection would be closed",
            "10:7: [0].tcpRoutes[3]: `backends` is missing",
            "11:7: [0].tcpRoutes[4]: never reached: [0].tcpRoutes[1] takes `*`",
            "11:18: [0].tcpRoutes[4].backends: every weight is 0: no backend would take a request",
            "11:46: [0].tcpRoutes[4].matches: unknown key",
        ],
    );
    check_listeners(
        &["protocol: TLS\n    hostname: '*.b'\n    tcpRoutes:\n    \
           - {hostnames: [a.b, c], backends: [{host: 'a:1'}]}\n    \
           - {hostnames: [a.b], backends: [{dynamic: {}}]}\n    \
           - {backends: [{host: 'a:1', policies: {http: {requestTimeout: 1s}, backendAuth: {}}}]}\n    \
           - {backends: [{host: 'a:1'}], policies: {timeout: {}}, gateways: a}"],
        &[
            "7:7: [0].tcpRoutes[0]: `c` is no name of the listener, which has `*.b`",
            "8:38: [0].tcpRoutes[1].backends[0].dynamic: known to agentgateway, not supported by \
             Ringway yet",
            "9:44: [0].tcpRoutes[2].backends[0].policies.http: a TCP route does not look into \
             what it carries",
            "9:72: [0].tcpRoutes[2].backends[0].policies.backendAuth: a TCP route does not look \
             into what it carries",
            "10:7: [0].tcpRoutes[3]: never reached: [0].tcpRoutes[2] takes `*`",
            "10:46: [0].tcpRoutes[3].policies.timeout: unknown key",
            "10:60: [0].tcpRoutes[3].gateways: not a key of this table",
            "    hint: it is `tcpRoutes at the top of the file`",
        ],
    );
}

#[test]
fn the_frontend_out_of_its_range() {
    check(
        "frontendPolicies:\n  http: {http2WindowSize: 1, http2ConnectionWindowSize: 3GiB, \
         http2FrameSize: 16MiB,\n    http2MaxHeaderSize: 64KiB, http2KeepaliveTimeout: 20s, \
         maxConnectionDuration: 0s}\n  tls: {handshakeTimeout: 0s, alpn: [h3, [104, 50], [1]], \
         minVersion: '1.2', cipherSuites: [a]}\n  connect: {}\n  proxyProtocol: {version: v3, \
         mode: strict, timeout: 5s}\n  proxy: {}\nbinds: [{port: 1, listeners: [{}]}]\n",
        &[
            "2:27: frontendPolicies.http.http2WindowSize: 1 bytes are not in 16384 to 2147483647",
            "2:57: frontendPolicies.http.http2ConnectionWindowSize: 3221225472 bytes are not in \
             65535 to 2147483647",
            "2:79: frontendPolicies.http.http2FrameSize: 16777216 bytes are not in 16384 to \
             1048576",
            "3:25: frontendPolicies.http.http2MaxHeaderSize: 65536 bytes are not in 1024 to 61440",
            "3:32: frontendPolicies.http.http2KeepaliveTimeout: nothing is asked: \
             http2KeepaliveInterval is not written",
            "3:83: frontendPolicies.http.maxConnectionDuration: shorter than 1ms",
            "    hint: without a limit: leave the key out",
            "4:27: frontendPolicies.tls.handshakeTimeout: shorter than 1ms",
            "    hint: without a limit: leave the key out",
            "4:38: frontendPolicies.tls.alpn[0]: `h3` is not a value of this key",
            "    hint: did you mean `h2`?",
            "4:53: frontendPolicies.tls.alpn[2]: not a protocol that is served",
            "    hint: one of h2, http/1.1",
            "4:71: frontendPolicies.tls.minVersion: `1.2` is not a value of this key",
            "    hint: one of TLS_V1_2, TLS_V1_3",
            "4:93: frontendPolicies.tls.cipherSuites[0]: `a` is not a value of this key",
            "    hint: one of TLS_AES_256_GCM_SHA384, TLS_AES_128_GCM_SHA256, \
             TLS_CHACHA20_POLY1305_SHA256, TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, \
             TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, \
             TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, \
             TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, \
             TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
            "5:12: frontendPolicies.connect: `mode` is missing",
            "6:28: frontendPolicies.proxyProtocol.version: `v3` is not a value of this key",
            "    hint: did you mean `v1`?",
            "6:46: frontendPolicies.proxyProtocol.timeout: unknown key",
            "7:3: frontendPolicies.proxy: another name of `proxyProtocol`, which is written too",
        ],
    );
}

#[test]
fn gateways_and_the_routes_they_can_have() {
    check(
        "gateways:\n\
        \x20 default: {port: 1}\n\
        \x20 tcp: {port: 2, protocol: TCP}\n\
        \x20 mixed: {port: 3, listeners: [{name: web, tls: {cert: a, key: b}}, {name: through, \
         hostname: '*.b', protocol: TLS}]}\n\
        \x20 bad: {port: 4, protocol: HTTP, tls: {cert: a, key: b}, listeners: [{name: a, \
         protocol: HTTPS, tcpRoutes: []}]}\n\
        \x20 worse: {port: 5, protocol: HTTP, tls: {cert: a, key: b}}\n\
         routes:\n- gateways: [tcp, mixed, mixed/through]\n\
         tcpRoutes:\n- backends: [{host: 'a:1'}]\n\
         - {gateways: [tcp, mixed, mixed/through], backends: [{host: 'a:1'}]}\n\
         - {gateways: [tcp, mixed/web], backends: [{host: 'a:1'}]}\n\
         - {gateways: mixed/through, hostnames: [a.b], backends: [{host: 'a:1'}]}\n\
         - {gateways: mixed, hostnames: [c], backends: [{host: 'a:1'}]}\n\
         - {gateways: nowhere, backends: [{backend: nobody}]}\n",
        &[
            "5:18: gateways.bad.protocol: a gateway with listeners has it in each of them",
            "5:34: gateways.bad.tls: a gateway with listeners has it in each of them",
            "5:70: gateways.bad.listeners[0]: protocol HTTPS needs `tls`",
            "5:97: gateways.bad.listeners[0].tcpRoutes: not a key of this table",
            "    hint: it is `tcpRoutes at the top of the file, with `gateways``",
            "6:36: gateways.worse.tls: protocol HTTP has no TLS",
            "    hint: did you mean `protocol: HTTPS`?",
            "8:14: routes[0].gateways[0]: `tcp` has no listener of protocol HTTP or HTTPS",
            "8:26: routes[0].gateways[2]: `mixed/through` has no listener of protocol HTTP or \
             HTTPS",
            "10:3: tcpRoutes[0]: `default` has no listener of protocol TCP or TLS",
            "12:15: tcpRoutes[2].gateways[0]: never reached: tcpRoutes[1] takes `*`",
            "12:20: tcpRoutes[2].gateways[1]: `mixed/web` has no listener of protocol TCP or TLS",
            "14:14: tcpRoutes[4].gateways: `c` is no name of the listener, which has `*.b`",
            "15:14: tcpRoutes[5].gateways: no gateway has the name `nowhere`",
            "15:44: tcpRoutes[5].backends[0].backend: no backend has the name `nobody`",
        ],
    );
}

#[test]
fn limits_of_tls_and_http2() {
    check(
        "config: {ringway: {limits: {streamsPerConnection: 0, handshakesPerWorker: 0, \
         tcpIdleTimeout: 0s,\n  upstreamStreamsPerConnection: 10001, upstreamStreamsWaiting: -1, \
         handshakeTimeout: 1s}}}\nbinds: [{port: 1, listeners: [{}]}]\n",
        &[
            "1:51: config.ringway.limits.streamsPerConnection: 0 is not in 1 to 10000",
            "1:75: config.ringway.limits.handshakesPerWorker: 0 is not in 1 to 4194304",
            "1:94: config.ringway.limits.tcpIdleTimeout: shorter than 1ms",
            "    hint: without a limit: leave the key out",
            "2:33: config.ringway.limits.upstreamStreamsPerConnection: 10001 is not in 1 to 10000",
            "2:64: config.ringway.limits.upstreamStreamsWaiting: -1 is not in 0 to 1048576",
            "2:68: config.ringway.limits.handshakeTimeout: not a key of this table",
            "    hint: it is `frontendPolicies.tls.handshakeTimeout`",
        ],
    );
}

/// agentgateway's egress example, with a backend of a name in the place of its dynamic one.
#[test]
fn the_egress_example_of_agentgateway_passes_through() {
    let text = "gateways: {secure: {port: 443, listeners: [{name: public-egress, hostname: '*', \
                protocol: TLS}]}}\ntcpRoutes:\n- name: allowed\n  gateways: \
                secure/public-egress\n  \
                hostnames: [packages.example, github.com]\n  backends: [{host: \
                'github.com:443'}]\n";
    assert!(read(text).is_ok(), "{}", told(text));
    let config = good(text);
    assert_eq!(config.tcp_routes[0].gateways, ["secure/public-egress"]);
    assert_eq!(config.tcp_routes[0].route.hostnames.len(), 2);
}
