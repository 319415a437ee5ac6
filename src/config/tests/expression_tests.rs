//! Policies with expressions in them: what of them is right, and the words for what is wrong.

use serde_json::json;

use super::{good, read, told};

/// One route whose policies are these, each a line from line 5, column 9.
fn route(policies: &str) -> String {
    let policies = policies.replace('\n', "\n        ");
    format!(
        "binds:\n- port: 3000\n  listeners:\n  - routes: [{{policies: {{\n        {policies}}}}}]\n"
    )
}

fn check(policies: &str, expected: &[&str]) {
    let found = told(&route(policies));
    let found = found.replace("binds[0].listeners[0].routes[0].policies", "policies");
    assert_eq!(found, expected.join("\n"), "of\n{policies}");
}

#[test]
fn an_expression_is_told_of_with_its_place_and_a_hint() {
    check(
        "authorization: {rules: [\"reqest.method == 'GET'\", {deny: \"request.method.size()\"}]},\n\
         delay: {duration: \"'1s'\"},\n\
         transformations: {request: {set: {x-a: response.code, x-b: frob(1)}}}",
        &[
            "gateway.yaml:5:33: policies.authorization.rules[0]: at character 1: unknown variable \
             `reqest`",
            "    hint: did you mean `request`?",
            "gateway.yaml:5:66: policies.authorization.rules[1].deny: gives an int, and true or \
             false is wanted",
            "gateway.yaml:6:27: policies.delay.duration: gives text, and a number is wanted",
            "gateway.yaml:7:48: policies.transformations.request.set.x-a: at character 1: there is \
             no `response` yet",
            "gateway.yaml:7:68: policies.transformations.request.set.x-b: at character 5: unknown \
             function `frob`",
            "    hint: the functions are listed in config/policies.yaml",
        ],
    );
}

#[test]
fn headers_that_expressions_must_not_make() {
    check(
        "transformations: {request: {set: {content-length: \"'1'\", ':status': '200', 'a b': \
         \"'1'\"}, body: \"[ ]\"}, response: {add: {':status': '200'}}}",
        &[
            "gateway.yaml:5:59: policies.transformations.request.set.content-length: \
             `content-length` frames the message or belongs to one connection",
            "gateway.yaml:5:66: policies.transformations.request.set.:status: not a pseudo header \
             that is set here",
            "    hint: one of :authority, :method, :path",
            "gateway.yaml:5:84: policies.transformations.request.set.\"a b\": `a b` is not a \
             header name",
            "gateway.yaml:5:105: policies.transformations.request.body: gives a list, and text, \
             bytes, a number or true or false is wanted",
            "gateway.yaml:5:130: policies.transformations.response.add.:status: not a pseudo \
             header that is set here",
        ],
    );
}

#[test]
fn origins_that_no_browser_sends() {
    check(
        "cors: {allowOrigins: [a.example, 'https://a.example/', 'https://*.*.b', '1:2://a', \
         'https://a b'], allowMethods: ['GET,PUT']},\ncsrf: {additionalOrigins: ['https://']}",
        &[
            "gateway.yaml:5:31: policies.cors.allowOrigins[0]: `a.example` is no origin: it is \
             scheme://host, or *",
            "gateway.yaml:5:42: policies.cors.allowOrigins[1]: `https://a.example/` is no origin: \
             it ends with the host and the port, without a path",
            "gateway.yaml:5:64: policies.cors.allowOrigins[2]: `https://*.*.b` is no origin: one \
             * is enough",
            "gateway.yaml:5:81: policies.cors.allowOrigins[3]: `1:2://a` is no origin: its scheme \
             is http or https",
            "gateway.yaml:5:92: policies.cors.allowOrigins[4]: `https://a b` is no origin: that \
             is no host",
            "gateway.yaml:5:123: policies.cors.allowMethods[0]: `GET,PUT` is no name",
            "gateway.yaml:6:36: policies.csrf.additionalOrigins[0]: `https://` is no origin: that \
             is no host",
        ],
    );
    check(
        "cors: {}",
        &["gateway.yaml:5:15: policies.cors: `allowOrigins` is missing: no other origin would be \
         allowed anything"],
    );
}

#[test]
fn cases_that_are_never_used() {
    check(
        "directResponse: {conditional: [{status: 200}, {condition: 'true', status: 503}]}",
        &[
            "gateway.yaml:5:40: policies.directResponse.conditional[0]: it has no `condition`: \
             those after it are never used",
            "    hint: put it last",
        ],
    );
    check(
        "directResponse: {conditional: [], status: 200}",
        &[
            "gateway.yaml:5:39: policies.directResponse.conditional: 0 cases are not in 1 to 64",
            "gateway.yaml:5:43: policies.directResponse.status: unknown key",
        ],
    );
    check(
        "directResponse: {status: 200, body: a, bodyExpression: \"'b'\"}",
        &[
            "gateway.yaml:5:25: policies.directResponse: body and bodyExpression are two bodies: one \
         of them is never used",
        ],
    );
}

#[test]
fn conditional_policies_come_back_as_they_went_in() {
    let text = route(
        "requestRedirect: {conditional: [{condition: \"request.scheme == 'http'\", scheme: https}]},\n\
         directResponse: {conditional: [{condition: 'random() < 0.1', status: 503, body: fault}, \
         {status: 200}]}",
    );
    let config = good(&text);
    let policies = &super::json(&config)["binds"][0]["listeners"][0]["routes"][0]["policies"];
    assert_eq!(
        policies["directResponse"],
        json!({ "conditional": [
        { "condition": "random() < 0.1", "status": 503, "body": "fault" },
        { "status": 200 },
    ] })
    );
    assert_eq!(policies["requestRedirect"]["conditional"][0]["status"], 302);
    assert_eq!(read(&super::json(&config).to_string()), Ok(config));
}

#[test]
fn policies_of_requests_need_requests() {
    assert_eq!(
        told(
            "gateways: {a: {port: 1, protocol: TCP, cors: {allowOrigins: ['*']}}}\n\
             tcpRoutes: [{gateways: a, backends: [{host: 'a:1'}]}]\n"
        ),
        "gateway.yaml:1:15: gateways.a: policies of requests, and protocol TCP looks into none"
    );
}

#[test]
fn groups_that_lead_nowhere() {
    let group = |name: &str, to: &str| {
        format!("- {{name: {name}, routes: [{{backends: [{{routeGroup: {to}}}]}}]}}\n")
    };
    let head = "binds: [{port: 1, listeners: [{routes: [{backends: [{routeGroup: a}]}]}]}]\n";
    let text = format!("{head}routeGroups:\n{}{}", group("a", "b"), group("b", "a"));
    assert_eq!(
        told(&text),
        "gateway.yaml:3:47: routeGroups[0].routes[0].backends[0].routeGroup: group `a` delegates to \
         itself, by way of `b`, `a`\n\
         gateway.yaml:4:47: routeGroups[1].routes[0].backends[0].routeGroup: group `b` delegates to \
         itself, by way of `a`, `b`"
    );
    let text = format!("{head}routeGroups:\n{}{}", group("a", "a"), group("a", "teem"));
    assert_eq!(
        told(&text),
        "gateway.yaml:3:47: routeGroups[0].routes[0].backends[0].routeGroup: group `a` delegates to \
         itself, by way of `a`\n\
         gateway.yaml:4:10: routeGroups[1].name: two route groups have the name `a`\n\
         gateway.yaml:4:47: routeGroups[1].routes[0].backends[0].routeGroup: no route group has the \
         name `teem`"
    );
    let names = ["a", "b", "c", "d", "e", "f", "g", "h", "i"];
    let chain: String = names.windows(2).map(|pair| group(pair[0], pair[1])).collect();
    let end = "- {name: i, routes: [{backends: [{host: 'a:1'}]}]}\n";
    let found = told(&format!("{head}routeGroups:\n{chain}{end}"));
    assert_eq!(
        found,
        "gateway.yaml:1:66: binds[0].listeners[0].routes[0].backends[0].routeGroup: `a` leads \
         through more than 8 groups"
    );
    let shorter = head.replace("routeGroup: a", "routeGroup: b");
    good(&format!("{shorter}routeGroups:\n{}{end}", chain.replace(&group("a", "b"), "")));
}

#[test]
fn a_group_is_alone() {
    let text = "binds:\n- port: 1\n  listeners:\n  - routes:\n    - backends: [{routeGroup: a, \
                weight: 2}, {host: 'a:1'}]\nrouteGroups: [{name: a, routes: []}]\n";
    assert_eq!(
        told(text),
        "gateway.yaml:5:7: binds[0].listeners[0].routes[0]: a group is the only backend of its \
         route\n\
         gateway.yaml:5:18: binds[0].listeners[0].routes[0].backends[0]: a group is the only \
         backend of its route: it has no weight"
    );
    check(
        "requestMirror: {backend: {routeGroup: a}}",
        &[
            "gateway.yaml:5:35: policies.requestMirror.backend.routeGroup: only a route of requests \
         delegates to a group",
        ],
    );
    check(
        "requestMirror: {backend: {host: 'a:1'}, percentage: 50}",
        &[
            "gateway.yaml:5:61: policies.requestMirror.percentage: 50 is not in 0 to 1",
            "    hint: a half is 0.5",
        ],
    );
}
