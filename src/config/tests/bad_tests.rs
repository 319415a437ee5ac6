//! Bad files, and the very words they are told of in.

use super::{read, told};

fn check(text: &str, expected: &[&str]) {
    assert_eq!(told(text), expected.join("\n"), "of\n{text}");
}

/// A file of one listener whose routes are these, from line 4, column 5.
fn routes(routes: &str) -> String {
    let routes = routes.replace('\n', "\n    ");
    format!("binds:\n- port: 3000\n  listeners:\n  - routes:\n    {routes}\n")
}

/// All problems of one route, from line 5, column 7; the path of each is told without its start.
fn check_route(route: &str, expected: &[&str]) {
    let prefix = "binds[0].listeners[0].routes[0]";
    let text = routes(&format!("- {}", route.replace('\n', "\n  ")));
    let found = told(&text).replace(&format!("{prefix}."), "").replace(&format!("{prefix}: "), "");
    assert_eq!(found, expected.join("\n"), "of\n{text}");
}

#[test]
fn unknown_keys_name_their_place_and_a_near_one() {
    check(
        "binds:\n- port: 3000\n  listeners:\n  - prot: HTTP\n    zzz: 1\nbidns: []\n",
        &[
            "gateway.yaml:4:5: binds[0].listeners[0].prot: unknown key",
            "    hint: did you mean `protocol`?",
            "gateway.yaml:5:5: binds[0].listeners[0].zzz: unknown key",
            "gateway.yaml:6:1: bidns: unknown key",
            "    hint: did you mean `binds`?",
        ],
    );
    check_route(
        "macthes: []\nback_ends: []",
        &[
            "gateway.yaml:5:7: macthes: unknown key",
            "    hint: did you mean `matches`?",
            "gateway.yaml:6:7: back_ends: unknown key",
            "    hint: did you mean `backends`?",
        ],
    );
}

#[test]
fn what_agentgateway_knows_is_said_to_be_so() {
    check(
        "mcp: {port: 3000, targets: []}\n\
         config: {tracing: {otlpEndpoint: http://localhost:4317}}\n\
         frontendPolicies: {networkExtAuthz: {}, accessLog: {remove: []}}\n\
         binds:\n- {port: 3000, tunnelProtocol: connect, listeners: [{protocol: HBONE, policies: \
          {extAuthz: {}}}]}\n",
        &[
            "gateway.yaml:1:1: mcp: known to agentgateway, not supported by Ringway yet",
            "gateway.yaml:2:10: config.tracing: known to agentgateway, not supported by Ringway \
             yet",
            "gateway.yaml:3:20: frontendPolicies.networkExtAuthz: known to agentgateway, not \
             supported by Ringway yet",
            "gateway.yaml:3:53: frontendPolicies.accessLog.remove: known to agentgateway, not supported \
             by Ringway yet",
            "gateway.yaml:5:32: binds[0].tunnelProtocol: `connect` is known to agentgateway, not \
             supported by Ringway yet",
            "gateway.yaml:5:64: binds[0].listeners[0].protocol: `HBONE` is known to agentgateway, \
             not supported by Ringway yet",
            "gateway.yaml:5:82: binds[0].listeners[0].policies.extAuthz: known to agentgateway, \
             not supported by Ringway yet",
        ],
    );
    check_route(
        "policies:\n  extAuthz: {host: 'a:1'}\n  oidc: {}\n  delay: null\n\
         backends:\n- aws: {name: a}\n- {dynamic: {}, weight: 2}",
        &[
            "gateway.yaml:6:9: policies.extAuthz: known to agentgateway, not supported by Ringway \
             yet",
            "gateway.yaml:7:9: policies.oidc: known to agentgateway, not supported by Ringway yet",
            "gateway.yaml:10:9: backends[0].aws: known to agentgateway, not supported by Ringway \
             yet",
            "gateway.yaml:11:10: backends[1].dynamic: known to agentgateway, not supported by \
             Ringway yet",
        ],
    );
    check_route(
        "matches:\n- headers: [{name: ':authority', value: {exact: a}}]\n\
         policies: {transformations: {conditional: [{condition: 'true'}]}}",
        &[
            "gateway.yaml:6:26: matches[0].headers[0].name: known to agentgateway, not supported \
             by Ringway yet",
            "gateway.yaml:7:36: policies.transformations.conditional: known to agentgateway, not \
             supported by Ringway yet",
        ],
    );
}

#[test]
fn values_of_the_wrong_shape() {
    check("", &["gateway.yaml:1:1: empty: nothing to listen on"]);
    check("# nothing\n", &["gateway.yaml:1:1: empty: nothing to listen on"]);
    check("[]", &["gateway.yaml:1:1: expected a table, found a list"]);
    check("{}", &["gateway.yaml:1:1: nothing to listen on: neither binds nor gateways"]);
    check("binds: 3", &["gateway.yaml:1:8: binds: expected a list, found a number"]);
    check(
        "binds:\n- listeners: []\n- port: 70000\n  listeners: {}\n- port: '1'\n",
        &[
            "gateway.yaml:2:3: binds[0]: `port` is missing",
            "gateway.yaml:2:14: binds[0].listeners: a port without listeners answers nothing",
            "gateway.yaml:3:9: binds[1].port: 70000 is not in 0 to 65535",
            "gateway.yaml:4:14: binds[1].listeners: expected a list, found a table",
            "gateway.yaml:5:3: binds[2]: `listeners` is missing",
            "gateway.yaml:5:9: binds[2].port: expected a number, found text",
        ],
    );
    check_route(
        "name: 7\npolicies:\n  requestHeaderModifier: {set: {x-count: 1}, remove: x-a}\n\
         hostnames: [true]",
        &[
            "gateway.yaml:5:13: name: expected text, found a number",
            "    hint: write it in quotes: \"7\"",
            "gateway.yaml:7:48: policies.requestHeaderModifier.set.x-count: expected text, found a \
             number",
            "    hint: write it in quotes: \"1\"",
            "gateway.yaml:7:60: policies.requestHeaderModifier.remove: expected a list, found text",
            "gateway.yaml:8:19: hostnames[0]: expected text, found true or false",
            "    hint: write it in quotes: \"true\"",
        ],
    );
}

#[test]
fn what_is_not_yaml() {
    let first = |text: &str| told(text).lines().next().unwrap_or_default().to_owned();
    assert!(
        first("binds: [\n").starts_with("gateway.yaml:2:1: not YAML: "),
        "{}",
        first("binds: [\n")
    );
    check(
        "binds: []\n---\nbinds: []\n",
        &["gateway.yaml:2:1: a second document: one file is one configuration"],
    );
    check(
        "binds: []\nbinds: []\n",
        &[
            "gateway.yaml:1:8: binds: a port without listeners answers nothing",
            "gateway.yaml:2:1: binds: written twice",
        ][1..],
    );
    check("a: !secret b\n", &["gateway.yaml:1:4: no tags here, such as !secret"]);
    check("? [a]\n: b\n", &["gateway.yaml:1:3: a key has to be text"]);
}

#[test]
fn matches_that_match_nothing() {
    check_route(
        "matches:\n- path: {pathPrefix: api}\n- path: {exact: /a?b=c}\n- path: {regex: '/(a'}\n\
         - path: {regex: '/a)(b'}\n- path: {exact: /a, regex: /b}\n- path: {}\n- method: get\n\
         - method: 'G T'\n- headers: [{name: 'x y', value: {exact: a}}, {name: x}]",
        &[
            "gateway.yaml:6:28: matches[0].path.pathPrefix: `api` does not begin with /",
            "gateway.yaml:7:23: matches[1].path.exact: a path holds no '?'",
            "gateway.yaml:8:23: matches[2].path.regex: not a regular expression: unclosed group",
            "gateway.yaml:9:23: matches[3].path.regex: not a regular expression: unopened group",
            "gateway.yaml:10:15: matches[4].path: exactly one of exact, pathPrefix, regex is \
             needed, 2 of them are written",
            "gateway.yaml:11:15: matches[5].path: exactly one of exact, pathPrefix, regex is \
             needed, none is written",
            "gateway.yaml:12:17: matches[6].method: `get` matches no request: methods are \
             case-sensitive",
            "    hint: did you mean `GET`?",
            "gateway.yaml:13:17: matches[7].method: `G T` is not a method",
            "gateway.yaml:14:26: matches[8].headers[0].name: `x y` is not a header name",
            "gateway.yaml:14:53: matches[8].headers[1]: `value` is missing",
        ],
    );
    check_route(
        "matches: []",
        &[
            "gateway.yaml:5:16: matches: an empty list matches nothing",
            "    hint: to match everything, leave the key out",
        ],
    );
    check_route(
        "hostnames: [a.example.com:80, '-a', 'a..b', '*.*.b', '']",
        &[
            "gateway.yaml:5:19: hostnames[0]: `a.example.com:80` is not a host name: it has no \
             port and no colon",
            "gateway.yaml:5:37: hostnames[1]: `-a` is not a host name",
            "gateway.yaml:5:43: hostnames[2]: `a..b` is not a host name",
            "gateway.yaml:5:51: hostnames[3]: `*.b` is not a host name",
            "gateway.yaml:5:60: hostnames[4]: `` is not a host name",
        ],
    );
}

#[test]
fn headers_that_would_break_a_message() {
    check_route(
        "policies:\n  requestHeaderModifier:\n    add: {\"x\\r\\ny\": a, x-a: \"b\\r\\nc: d\"}\n\
        \x20   set: {Content-Length: '1'}\n    remove: [transfer-encoding, 'a b']",
        &[
            "gateway.yaml:7:17: policies.requestHeaderModifier.add.\"x\\r\\ny\": `x\\r\\ny` is \
             not a header name",
            "gateway.yaml:7:35: policies.requestHeaderModifier.add.x-a: a field value holds no \
             control characters, such as '\\r'",
            "gateway.yaml:8:33: policies.requestHeaderModifier.set.Content-Length: \
             `Content-Length` frames the message or belongs to one connection",
            "gateway.yaml:9:20: policies.requestHeaderModifier.remove[0]: `transfer-encoding` \
             frames the message or belongs to one connection",
            "gateway.yaml:9:39: policies.requestHeaderModifier.remove[1]: `a b` is not a header \
             name",
        ],
    );
}

#[test]
fn policies_out_of_their_range() {
    check_route(
        "policies:\n  requestRedirect: {status: 305, scheme: ftp, authority: {port: 0}, path: \
         {prefix: a}}\n  directResponse: {status: 204, body: a}\n  \
         timeout: {requestTimeout: 1s, backendRequestTimeout: 2s}",
        &[
            "gateway.yaml:6:9: policies: requestRedirect and directResponse both answer: one of \
             them is never used",
            "gateway.yaml:6:35: policies.requestRedirect.status: 305 is no redirect: 301, 302, \
             303, 307 or 308",
            "gateway.yaml:6:48: policies.requestRedirect.scheme: `ftp` is not a value of this key",
            "    hint: one of http, https",
            "gateway.yaml:6:71: policies.requestRedirect.authority.port: 0 is not in 1 to 65535",
            "gateway.yaml:6:90: policies.requestRedirect.path.prefix: `a` does not begin with /",
            "gateway.yaml:7:25: policies.directResponse: a response with this status has no body",
            "gateway.yaml:8:18: policies.timeout: backendRequestTimeout is longer than \
             requestTimeout, which it is part of",
        ],
    );
    check_route(
        "matches: [{path: {exact: /a}}]\n\
         policies: {urlRewrite: {path: {prefix: /b}}, timeout: {requestTimeout: 0s}}",
        &[
            "gateway.yaml:5:7: a path is rewritten by its prefix, and not every match is by \
             pathPrefix",
            "gateway.yaml:6:78: policies.timeout.requestTimeout: shorter than 1ms",
            "    hint: without a limit: leave the key out",
        ],
    );
}

#[test]
fn backends_that_cannot_be_reached() {
    check_route(
        "backends:\n- host: 127.0.0.1\n- host: http://a:80\n- host: 1.2.3:80\n- host: '::1:80'\n\
         - host: a:0\n- host: 'unix:'\n- hosts: []\n- {host: a:1, backend: b}\n- weight: 1\n\
         - builtin: orign\n- {host: b:1, weight: -1}",
        &[
            "gateway.yaml:6:15: backends[0].host: `127.0.0.1` has no port: a host is host:port or \
             unix:/path",
            "gateway.yaml:7:15: backends[1].host: `http://` does not belong here: a host is \
             `a:80`, host:port",
            "gateway.yaml:8:15: backends[2].host: `1.2.3` is neither an address nor a host name",
            "gateway.yaml:9:15: backends[3].host: `::1:80`: an IPv6 address stands in brackets, \
             [::1]:80",
            "gateway.yaml:10:15: backends[4].host: `a:0` has no port of 1 to 65535",
            "gateway.yaml:11:15: backends[5].host: a Unix socket needs a path",
            "gateway.yaml:12:16: backends[6].hosts: 0 hosts are not in 1 to 1000",
            "gateway.yaml:13:9: backends[7]: exactly one of host, hosts, backend, builtin, \
             routeGroup, ai is needed, 2 of them are written",
            "gateway.yaml:14:9: backends[8]: exactly one of host, hosts, backend, builtin, \
             routeGroup, ai is needed, none is written",
            "gateway.yaml:15:18: backends[9].builtin: `orign` is not a value of this key",
            "    hint: did you mean `origin`?",
            "gateway.yaml:16:29: backends[10].weight: -1 is not in 0 to 1000000",
        ],
    );
    check_route(
        "backends: [{host: a:1, weight: 0}, {host: b:1, weight: 0}]",
        &["gateway.yaml:5:17: backends: every weight is 0: no backend would take a request"],
    );
}

#[test]
fn ports_and_names_that_collide() {
    check(
        "binds:\n- {port: 3000, listeners: [{}]}\n- {port: 3000, address: 127.0.0.1, listeners: \
         [{}]}\n- {port: 15020, listeners: [{name: a}, {name: a, hostname: '*'}]}\n\
         gateways:\n  a/b: {port: 3000}\n",
        &[
            "gateway.yaml:3:10: binds[1].port: port 3000 is taken by binds[0].port",
            "gateway.yaml:4:10: binds[2].port: port 15020 is taken by config.statsAddr",
            "gateway.yaml:4:40: binds[2].listeners[1]: two listeners of one port have the name `a`",
            "gateway.yaml:4:40: binds[2].listeners[1]: serves `*`, as binds[2].listeners[0] does",
            "gateway.yaml:6:3: gateways.a/b: not a name of a gateway",
            "    hint: `/` stands between a gateway and its listener",
            "gateway.yaml:6:15: gateways.a/b.port: port 3000 is taken by binds[0].port",
        ],
    );
    check(
        "config: {adminAddr: 'localhost:15020'}\nbinds: [{port: 1, listeners: [{}]}]\n",
        &["gateway.yaml:1:21: config.adminAddr: port 15020 is wanted by config.adminAddr and by \
             config.statsAddr"],
    );
    let two = "binds:\n- {port: 0, listeners: [{}]}\n- {port: 0, listeners: [{}]}\n\
               - {port: 1, address: 127.0.0.1, listeners: [{}]}\n\
               - {port: 1, address: 127.0.0.2, listeners: [{}]}\n\
               - {port: 1, address: '::1', listeners: [{}]}\n";
    assert!(read(two).is_ok(), "{}", told(two));
}

#[test]
fn references_to_what_is_not_there() {
    check(
        "gateways:\n  public: {port: 3000, listeners: [{name: main}]}\nroutes:\n\
         - backends: [{backend: nmaed}]\n- gateways: pubilc\n- gateways: [public, public/mian]\n\
         - gateways: public/main\n  backends: [{backend: named}]\n\
         backends:\n- {name: named, host: 'a:1'}\n- {name: named, host: 'a:2'}\n",
        &[
            "gateway.yaml:4:3: routes[0]: no gateway has the name `default`",
            "gateway.yaml:4:24: routes[0].backends[0].backend: no backend has the name `nmaed`",
            "    hint: did you mean `named`?",
            "gateway.yaml:5:13: routes[1].gateways: no gateway has the name `pubilc`",
            "    hint: did you mean `public`?",
            "gateway.yaml:6:22: routes[2].gateways[1]: no listener of gateway `public` has the \
             name `mian`",
            "    hint: did you mean `main`?",
            "gateway.yaml:11:10: backends[1].name: two backends have the name `named`",
        ],
    );
}

#[test]
fn the_process_out_of_its_range() {
    check(
        "binds: [{port: 1, listeners: [{}]}]\nconfig:\n  workerThreads: 0%\n  adminAddr: \
         somewhere\n\
        \x20 connectionMinTerminationDeadline: 10s\n  connectionTerminationDeadline: 5s\n\
        \x20 listener: {}\n  logging: {level: [info, ringway=loud], format: xml}\n\
        \x20 backend: {connectTimeout: 10, keepalives: {time: 1500ms, retries: 0}}\n\
        \x20 ringway:\n    limits: {headBytes: 1MiB, fields: 10, targetBytes: 1KB}\n\
        \x20   forwarded: {mode: replace, trustedHops: 1}\n    accessLog: {to: {}}\n",
        &[
            "gateway.yaml:3:18: config.workerThreads: `0%` is not above 0% and at most 100%",
            "gateway.yaml:4:14: config.adminAddr: `somewhere` is not an address: ip:port, \
             localhost:port, unix:/path or off",
            "gateway.yaml:5:37: config.connectionMinTerminationDeadline: a drain would accept for \
             10s and be cut at 5s",
            "    hint: connectionMinTerminationDeadline is at most connectionTerminationDeadline",
            "gateway.yaml:7:3: config.listener: not a key of this table",
            "    hint: it is `frontendPolicies`",
            "gateway.yaml:8:27: config.logging.level[1]: `loud` is not a level: trace, debug, \
             info, warn, error, off",
            "gateway.yaml:8:50: config.logging.format: `xml` is not a value of this key",
            "    hint: one of text, json",
            "gateway.yaml:9:29: config.backend.connectTimeout: expected text, found a number",
            "    hint: write it in quotes: \"10\"",
            "gateway.yaml:9:52: config.backend.keepalives.time: the kernel takes whole seconds, 1 \
             to 32767",
            "gateway.yaml:9:69: config.backend.keepalives.retries: 0 is not in 1 to 127",
            "gateway.yaml:11:25: config.ringway.limits.headBytes: 1048576 bytes are not in 1024 to \
             61440",
            "gateway.yaml:11:31: config.ringway.limits.fields: not a key of this table",
            "    hint: it is `frontendPolicies.http.http1MaxHeaders`",
            "gateway.yaml:11:56: config.ringway.limits.targetBytes: `1KB` is not a size, such as \
             65536, 64KiB or 1MiB",
            "gateway.yaml:12:16: config.ringway.forwarded: trustedHops trusts what mode: replace \
             drops",
            "gateway.yaml:13:21: config.ringway.accessLog.to: `file` is missing",
        ],
    );
}

#[test]
fn a_variable_that_is_not_set_is_told_unless_in_a_comment() {
    check(
        "# costs $5, $unset\nbinds: [{port: $PORT, listeners: [{name: '${NAME}'}]}]\n",
        &[
            "gateway.yaml:2:16: `PORT` is not set in the environment",
            "    hint: `${PORT:-value}` has a default, `$$` is one dollar",
            "gateway.yaml:2:16: binds[0].port: expected a number, found text",
            "gateway.yaml:2:43: `NAME` is not set in the environment",
            "    hint: `${NAME:-value}` has a default, `$$` is one dollar",
        ],
    );
}
