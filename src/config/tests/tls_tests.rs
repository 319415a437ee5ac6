//! TLS on both sides: what goes together, and the words for what does not.

use super::protocol_tests::{check, check_listeners, listeners};
use super::{good, json, told};

/// The `tls` of the listener alone.
fn check_tls(tls: &str, expected: &str) {
    let listener = format!("{{protocol: HTTPS, tls: {tls}}}");
    check_listeners(&[&listener], &expected.split('\n').collect::<Vec<_>>());
}

#[test]
fn certificates_that_do_not_fit() {
    for (written, expected) in [
        ("{cert: a}", "4:28: [0].tls: `key` is missing"),
        (
            "{key: a}",
            "4:28: [0].tls: exactly one of cert, certificates, selfSigned is needed, none is \
             written",
        ),
        ("{cert: a, key: ''}", "4:43: [0].tls.key: not a path"),
        (
            "{cert: a, key: b, selfSigned: {hostnames: [a]}}",
            "4:28: [0].tls: exactly one of cert, certificates, selfSigned is needed, 2 of them \
             are written",
        ),
        (
            "{selfSigned: {hostnames: [a]}, key: b}",
            "4:59: [0].tls.key: there is no `cert` that this is the key of",
        ),
        (
            "{selfSigned: {hostnames: []}}",
            "4:53: [0].tls.selfSigned.hostnames: 0 names are not in 1 to 100",
        ),
        (
            "{selfSigned: {hostnames: ['*', 'a:1']}}",
            "4:54: [0].tls.selfSigned.hostnames[0]: `*` is not a host name\n4:59: \
             [0].tls.selfSigned.hostnames[1]: `a:1` is not a host name: it has no port and no \
             colon",
        ),
        ("{certificates: []}", "4:43: [0].tls.certificates: 0 certificates are not in 1 to 100"),
        (
            "{certificates: [{cert: a}, {cert: a, key: b, root: c}]}",
            "4:44: [0].tls.certificates[0]: `key` is missing\n4:73: [0].tls.certificates[1].root: \
             unknown key",
        ),
        (
            "{cert: a, key: b, clientCertificate: optional}",
            "4:46: [0].tls.clientCertificate: clients' certificates need a `root`\n    hint: \
             `root` says whom they come from",
        ),
        (
            "{cert: a, key: b, root: c, clientCertificate: maybe}",
            "4:74: [0].tls.clientCertificate: `maybe` is not a value of this key\n    hint: one \
             of required, optional",
        ),
        (
            "{cert: a, key: b, mode: dynamicCa}",
            "4:52: [0].tls.mode: `dynamicCa` is known to agentgateway, not supported by Ringway \
             yet",
        ),
        (
            "{spiffe: {}}",
            "4:29: [0].tls.spiffe: known to agentgateway, not supported by Ringway yet",
        ),
    ] {
        check_tls(written, expected);
    }
}

#[test]
fn negotiations_that_do_not_fit() {
    for (written, expected) in [
        (
            "{cert: a, key: b, minTLSVersion: TLS_V1_1}",
            "4:61: [0].tls.minTLSVersion: `TLS_V1_1` is forbidden by RFC 8996\n    hint: one of \
             TLS_V1_2, TLS_V1_3",
        ),
        (
            "{cert: a, key: b, minTLSVersion: TLS_V1_3, maxTLSVersion: TLS_V1_2}",
            "4:28: [0].tls: the lowest TLS version is above the highest",
        ),
        (
            "{cert: a, key: b, minTlsVersion: TLS_V1_2, minTLSVersion: TLS_V1_3}",
            "4:46: [0].tls.minTlsVersion: another name of `minTLSVersion`, which is written too",
        ),
        (
            "{cert: a, key: b, cipherSuites: [TLS_RSA_WITH_AES_128_CBC_SHA]}",
            "4:61: [0].tls.cipherSuites[0]: `TLS_RSA_WITH_AES_128_CBC_SHA` is not a value of this \
             key\n    hint: one of TLS_AES_256_GCM_SHA384, TLS_AES_128_GCM_SHA256, \
             TLS_CHACHA20_POLY1305_SHA256, TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, \
             TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, \
             TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, \
             TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, \
             TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
        ),
        (
            "{cert: a, key: b, maxTLSVersion: TLS_V1_2, cipherSuites: [TLS_AES_128_GCM_SHA256]}",
            "4:28: [0].tls: none of the cipher suites is of a TLS version in use",
        ),
        (
            "{cert: a, key: b, keyExchangeGroups: [P-521]}",
            "4:66: [0].tls.keyExchangeGroups[0]: `P-521` is not a value of this key\n    hint: \
             one of X25519, P-256, P-384, X25519_MLKEM768",
        ),
    ] {
        check_tls(written, expected);
    }
}

#[test]
fn the_frontend_and_a_listener_may_leave_nothing() {
    let file = |frontend: &str, tls: &str| {
        format!(
            "frontendPolicies: {{tls: {frontend}}}\nbinds: [{{port: 1, listeners: [{{protocol: \
             HTTPS, tls: {{cert: a, key: b, {tls}}}}}]}}]\n"
        )
    };
    check(
        &file("{maxVersion: TLS_V1_2}", "minTLSVersion: TLS_V1_3"),
        &[
            "2:54: [0].tls: the lowest TLS version is above the highest",
            "    hint: with frontendPolicies.tls",
        ],
    );
    check(
        &file("{maxVersion: TLS_V1_2, minVersion: TLS_V1_3}", "mode: static"),
        &["1:25: frontendPolicies.tls: the lowest TLS version is above the highest"],
    );
    check(&file("{minVersion: TLS_V1_2}", "minTLSVersion: TLS_V1_3"), &["nothing is wrong"]);
}

#[test]
fn tls_to_backends() {
    let backend = |policies: &str| {
        let host = "host: 'a:1'";
        listeners(&[&format!("routes: [{{backends: [{{{host}, policies: {policies}}}]}}]")])
    };
    let prefix = "[0].routes[0].backends[0].policies";
    for (written, expected) in [
        ("{backendTLS: {}}", "nothing is wrong"),
        ("{backendTLS: {cert: a}}", "4:63: .backendTLS: `cert` without `key`"),
        ("{backendTLS: {key: a}}", "4:63: .backendTLS: `key` without `cert`"),
        (
            "{backendTLS: {insecure: true, root: a, insecureHost: true}}",
            "4:80: .backendTLS.root: not looked at: `insecure` checks no certificate\n4:89: \
             .backendTLS.insecureHost: not looked at: `insecure` checks no certificate",
        ),
        ("{backendTLS: {insecure: true, insecureHost: false}}", "nothing is wrong"),
        (
            "{backendTLS: {insecureHost: true, subjectAltNames: [a]}}",
            "4:84: .backendTLS.subjectAltNames: not looked at: `insecureHost` checks no name",
        ),
        (
            "{backendTLS: {hostname: 'https://a', subjectAltNames: []}}",
            "4:74: .backendTLS.hostname: `https://a` is not a host name: it has no port and no \
             colon\n4:104: .backendTLS.subjectAltNames: 0 names are not in 1 to 100",
        ),
        (
            "{backendTLS: {alpn: [h2, ''], keyExchangeGroups: [x25519], spiffe: {}}}",
            "4:75: .backendTLS.alpn[1]: `` is no protocol's name, such as h2 or http/1.1\n4:100: \
             .backendTLS.keyExchangeGroups[0]: `x25519` is not a value of this key\n    hint: did \
             you mean `X25519`?\n4:109: .backendTLS.spiffe: known to agentgateway, not supported \
             by Ringway yet",
        ),
        (
            "{backendTLS: {alpn: [http/1.1]}, http: {version: HTTP/2.0}}",
            "4:50: : http.version wants `h2`, which backendTLS.alpn has not",
        ),
        (
            "{backendTLS: {alpn: [h2]}, http: {version: '1.1'}}",
            "4:50: : http.version wants `http/1.1`, which backendTLS.alpn has not",
        ),
        ("{backendTLS: {alpn: [h2]}, http: {version: '2'}}", "nothing is wrong"),
        (
            "{http: {version: 2}}",
            "4:67: .http.version: expected text, found a number\n    hint: write it in quotes: \
             \"2\"",
        ),
        (
            "{http: {version: HTTP/3.0}}",
            "4:67: .http.version: `HTTP/3.0` is known to agentgateway, not supported by Ringway \
             yet",
        ),
        (
            "{http: {version: h2}}",
            "4:67: .http.version: `h2` is not a value of this key\n    hint: did you mean `2`?",
        ),
        (
            "{tcp: {proxyProtocol: all}}",
            "4:72: .tcp.proxyProtocol: `all` is not a value of this key\n    hint: one of v1, v2",
        ),
    ] {
        let found = told(&backend(written)).replace("gateway.yaml:", "");
        let found = found.replace(&format!("binds[0].listeners{prefix}"), "");
        assert_eq!(found, expected, "of {written}");
    }
}

#[test]
fn tls_to_what_speaks_none() {
    check_listeners(
        &[
            "routes: [{backends: [{builtin: origin, policies: {backendTLS: {}}}, {host: \
           'unix:/a', policies: {backendTLS: {}}}]}]",
            "hostname: a\n    routes: [{policies: {backendTLS: {}}, backends: [{builtin: origin}, \
             {hosts: ['b:1', \
           'unix:/a']}, {host: 'unix:/b', policies: {backendTLS: {hostname: a}}}]}]",
        ],
        &[
            "4:26: [0].routes[0].backends[0]: backendTLS: the built-in origin speaks no TLS",
            "4:73: [0].routes[0].backends[1]: backendTLS needs `hostname`: a Unix socket has none \
             of its own",
            "6:14: [1].routes[0]: backendTLS: the built-in origin speaks no TLS",
            "6:14: [1].routes[0]: backendTLS needs `hostname`: a Unix socket has none of its own",
        ],
    );
    check(
        "gateways: {default: {port: 1, protocol: TCP}}\n\
           tcpRoutes: [{policies: {backendTLS: {}}, backends: [{builtin: origin}]}]\n\
           backends: [{name: a, builtin: origin, policies: {backendTLS: {insecure: true}}}]",
        &[
            "2:13: tcpRoutes[0]: backendTLS: the built-in origin speaks no TLS",
            "3:12: backends[0]: backendTLS: the built-in origin speaks no TLS",
        ],
    );
}

/// As in agentgateway: byte lists for ALPN, other names of keys and suites.
#[test]
fn other_spellings_are_read_and_come_back_in_one() {
    let config = good(
        "frontendPolicies: {proxy: {version: all}, tls: {alpn: [[104, 50]], cipherSuites: \
         [TLS13_AES_128_GCM_SHA256, ECDHE-RSA-AES128-GCM-SHA256]}}\n\
         binds:\n- port: 1\n  tunnelProtocol: proxy\n  listeners:\n  - protocol: HTTPS\n    tls: \
         {cert: ./a.pem, key: ./a.key, root: ca.pem, minTlsVersion: TLS_V1_3}\n    routes: \
         [{backends: [{host: 'a:1', policies: {http: {version: HTTP/2}, tcp: {proxyProtocol: \
         v1}}}]}]\n",
    );
    let frontend = &json(&config)["frontendPolicies"];
    assert_eq!(frontend["proxyProtocol"], json!({"version": "all", "mode": "strict"}));
    assert_eq!(
        frontend["tls"],
        json!({
            "handshakeTimeout": "15s",
            "alpn": ["h2"],
            "cipherSuites": ["TLS_AES_128_GCM_SHA256", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"],
        })
    );
    let bind = &json(&config)["binds"][0];
    assert_eq!(bind["tunnelProtocol"], "proxy");
    assert_eq!(
        bind["listeners"][0]["tls"],
        json!({
            "cert": "./a.pem", "key": "./a.key", "root": "ca.pem",
            "clientCertificate": "required", "minTLSVersion": "TLS_V1_3",
        })
    );
    assert_eq!(
        bind["listeners"][0]["routes"][0]["backends"][0]["policies"],
        json!({"http": {"version": "HTTP/2.0"}, "tcp": {"proxyProtocol": "v1"}})
    );
}

#[test]
fn a_gateway_with_tls_is_https() {
    let config = good(
        "gateways: {default: {port: 1, tls: {selfSigned: {hostnames: [LocalHost]}}}, plain: \
         {port: 2}}\n",
    );
    let gateways = &json(&config)["gateways"];
    let expected = json!({
        "port": 1, "protocol": "HTTPS", "tls": {"selfSigned": {"hostnames": ["localhost"]}},
    });
    assert_eq!(gateways["default"], expected);
    assert_eq!(gateways["plain"], json!({"port": 2, "protocol": "HTTP"}));
}

#[test]
fn routes_by_certificates() {
    let listener = |more: &str, source: &str| {
        format!(
            "{{protocol: HTTPS, tls: {{cert: a, key: b{more}}}, routes: [{{matches: [{{source: \
             {source}}}], backends: [{{host: 'a:1'}}]}}]}}"
        )
    };
    let asking = |source: &str| listener(", root: c", source);
    for (written, expected) in [
        (asking("{identity: {exact: 'spiffe://a/b'}}"), "nothing is wrong"),
        (asking("{subject: {regex: .*}, issuer: {exact: CN=a}}"), "nothing is wrong"),
        (
            asking("{}"),
            "4:85: [0].routes[0].matches[0].source: it asks for nothing: one of identity, \
             subject, subjectCn, issuer, subjectAltName is needed",
        ),
        (
            asking("{subjectAltNames: {exact: a}}"),
            "4:85: [0].routes[0].matches[0].source: it asks for nothing: one of identity, \
             subject, subjectCn, issuer, subjectAltName is needed\n4:86: \
             [0].routes[0].matches[0].source.subjectAltNames: unknown key\n    hint: did you mean \
             `subjectAltName`?",
        ),
        (
            listener("", "{subjectCn: {exact: a}}"),
            "4:5: [0]: a route matches by `source`, and clients are asked for no certificate: \
             that takes `tls.root`",
        ),
    ] {
        check_listeners(&[&written], &expected.split('\n').collect::<Vec<_>>());
    }
    let written = asking("{subjectCn: {exact: a}}");
    let back = json(&good(&listeners(&[&written])));
    let matches = &back["binds"][0]["listeners"][0]["routes"][0]["matches"];
    assert_eq!(matches[0]["source"], serde_json::json!({"subjectCn": {"exact": "a"}}));
}
