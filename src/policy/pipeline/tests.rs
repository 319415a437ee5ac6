use std::time::Duration;

use super::*;
use crate::policy::attributes::tests::with_attributes;
use crate::policy::changes::NewAuthority;
use crate::policy::step::Phase;
use crate::route::rewrite::{AuthoritySpec, PathSpec, Scheme};

const ADDRESS: Address<'static> = Address {
    scheme: Scheme::Http,
    authority: b"a.example",
    path: b"/old/x",
    query: Some(b"q=1"),
    prefix_len: 4,
};

/// With the request of the attributes' tests; the address is what steps start from.
fn ask<'p>(pipeline: &'p Pipeline, changes: &mut Changes) -> Verdict<'p> {
    with_attributes(false, |attributes| pipeline.on_request(&ADDRESS, attributes, changes))
}

fn modifier(add: &[(&str, &str)], remove: &[&str]) -> Option<HeaderModifierSpec> {
    let add = add.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    let remove = remove.iter().map(|name| (*name).into()).collect();
    Some(HeaderModifierSpec { add, remove, ..HeaderModifierSpec::default() })
}

fn rewrite(authority: AuthoritySpec, path: Option<PathSpec>) -> Option<RewriteSpec> {
    Some(RewriteSpec { authority, path })
}

#[test]
fn policies_that_do_nothing_leave_nothing() {
    let spec = PipelineSpec {
        request_headers: Some(HeaderModifierSpec::default()),
        response_headers: Some(HeaderModifierSpec::default()),
        rewrite: Some(RewriteSpec::default()),
        timeouts: Timeouts::compile(Some(Duration::from_secs(1)), None),
        ..PipelineSpec::default()
    };
    let pipeline = Pipeline::compile(&spec).unwrap();
    assert!(pipeline.is_empty());
    assert!(pipeline.request_edits().is_none() && pipeline.on_response().is_none());
    assert_eq!(pipeline.timeouts(), spec.timeouts);
    let mut changes = Changes::default();
    assert!(matches!(ask(&pipeline, &mut changes), Verdict::Continue));
    assert_eq!((changes.method(), changes.target()), (None, None));
    assert_eq!(changes.authority(), NewAuthority::Unset);
}

#[test]
fn a_rewrite_goes_over_what_a_modifier_set() {
    let headers = [(":path", "/set"), (":authority", "set.example"), (":method", "PUT")];
    let spec = PipelineSpec {
        request_headers: modifier(&headers, &[]),
        rewrite: rewrite(AuthoritySpec::Unset, Some(PathSpec::Prefix("/new".into()))),
        ..PipelineSpec::default()
    };
    let pipeline = Pipeline::compile(&spec).unwrap();
    let mut changes = Changes::default();
    assert!(matches!(ask(&pipeline, &mut changes), Verdict::Continue));
    assert_eq!(changes.method(), Some(&b"PUT"[..]));
    assert_eq!(changes.target(), Some(&b"/new/x?q=1"[..]));
    assert_eq!(changes.authority(), NewAuthority::To(b"set.example"));

    changes.clear();
    assert_eq!((changes.method(), changes.target()), (None, None));
    assert_eq!(changes.authority(), NewAuthority::Unset);
    assert!(changes.location().is_empty());
}

#[test]
fn authorities_say_what_becomes_of_them() {
    let cases = [
        (AuthoritySpec::Unset, NewAuthority::Unset),
        (AuthoritySpec::Keep, NewAuthority::Keep),
        (AuthoritySpec::Auto, NewAuthority::Auto),
        (AuthoritySpec::Port(81), NewAuthority::To(b"a.example:81")),
    ];
    for (authority, expected) in cases {
        let spec = PipelineSpec { rewrite: rewrite(authority, None), ..PipelineSpec::default() };
        let mut changes = Changes::default();
        let pipeline = Pipeline::compile(&spec).unwrap();
        assert!(matches!(ask(&pipeline, &mut changes), Verdict::Continue));
        assert_eq!(changes.authority(), expected);
        assert_eq!(changes.target(), None);
    }
}

#[test]
fn a_redirect_comes_before_a_reply_and_starts_from_what_was_asked() {
    let reply = FixedReply::compile(200, &[], b"hello!").unwrap();
    let mut spec = PipelineSpec {
        request_headers: modifier(&[(":path", "/set")], &[]),
        rewrite: rewrite(AuthoritySpec::Port(81), Some(PathSpec::Full("/new".into()))),
        redirect: Some(RedirectSpec {
            scheme: Some(Scheme::Https),
            status: Some(301),
            ..RedirectSpec::default()
        }),
        reply: Some(reply.clone()),
        ..PipelineSpec::default()
    };
    let pipeline = Pipeline::compile(&spec).unwrap();
    let phases: Vec<Phase> = pipeline.steps().iter().map(Step::phase).collect();
    assert_eq!(phases, [Phase::RequestHeaders, Phase::Rewrite, Phase::Redirect, Phase::Reply]);
    let mut changes = Changes::default();
    let verdict = ask(&pipeline, &mut changes);
    assert!(matches!(verdict, Verdict::Redirect { status: 301 }), "{verdict:?}");
    assert_eq!(changes.location(), b"https://a.example/old/x?q=1");

    spec.redirect = None;
    let pipeline = Pipeline::compile(&spec).unwrap();
    match ask(&pipeline, &mut changes) {
        Verdict::Reply(given) => assert_eq!(*given, reply),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_backend_runs_its_own_steps_and_edits_by_both() {
    let route = PipelineSpec {
        request_headers: modifier(&[("x-route", "1"), (":path", "/route")], &["a"]),
        response_headers: modifier(&[("x-route", "2"), (":status", "418")], &[]),
        rewrite: rewrite(AuthoritySpec::Keep, None),
        timeouts: Timeouts::compile(Some(Duration::from_secs(5)), None),
        ..PipelineSpec::default()
    };
    let backend = PipelineSpec {
        request_headers: modifier(&[("a", "1"), (":authority", "b.example")], &["x-route"]),
        response_headers: modifier(&[("x-backend", "2")], &[]),
        timeouts: Timeouts::compile(None, Some(Duration::from_secs(1))),
        ..PipelineSpec::default()
    };
    let (first, second) =
        (Pipeline::compile(&route).unwrap(), Pipeline::compile_backend(&route, &backend).unwrap());
    let mut changes = Changes::default();
    for pipeline in [&first, &second] {
        assert!(matches!(ask(pipeline, &mut changes), Verdict::Continue));
    }
    assert_eq!(changes.target(), Some(&b"/route"[..]));
    assert_eq!(changes.authority(), NewAuthority::To(b"b.example"));
    let edits = second.request_edits().unwrap();
    assert!(edits.drops(b"a") && edits.drops(b"x-route"));
    assert_eq!(edits.appended(), b"a: 1\r\n");
    let response = second.on_response().unwrap();
    assert_eq!(response.fields.appended(), b"x-route: 2\r\nx-backend: 2\r\n");
    assert_eq!(response.status(200), 418);
    let both = Timeouts::compile(Some(Duration::from_secs(5)), Some(Duration::from_secs(1)));
    assert_eq!(second.timeouts(), both);
}

#[test]
fn a_status_without_a_body_stays() {
    let headers = modifier(&[(":status", "418")], &[]);
    let spec = PipelineSpec { response_headers: headers, ..PipelineSpec::default() };
    let pipeline = Pipeline::compile(&spec).unwrap();
    let edits = pipeline.on_response().unwrap();
    for status in [101, 103, 204, 205, 304] {
        assert_eq!(edits.status(status), status);
    }
    assert_eq!(edits.status(503), 418);
}

#[test]
fn errors_name_the_policy() {
    let bad_name = || modifier(&[("a b", "1")], &[]);
    let cases = [
        (
            PipelineSpec { request_headers: bad_name(), ..Default::default() },
            "requestHeaderModifier",
        ),
        (
            PipelineSpec { response_headers: bad_name(), ..Default::default() },
            "responseHeaderModifier",
        ),
        (
            PipelineSpec { rewrite: rewrite(AuthoritySpec::Port(0), None), ..Default::default() },
            "urlRewrite",
        ),
        (
            PipelineSpec {
                redirect: Some(RedirectSpec { status: Some(200), ..Default::default() }),
                ..Default::default()
            },
            "requestRedirect",
        ),
    ];
    for (spec, expected) in cases {
        let error = Pipeline::compile(&spec).unwrap_err();
        assert!(error.to_string().starts_with(&format!("{expected}: ")), "{error}");
    }
}

fn condition(text: &str) -> Option<String> {
    Some(text.to_owned())
}

#[test]
fn the_first_case_whose_condition_holds_is_used() {
    let reply = |status| StepSpec::Reply(FixedReply::compile(status, &[], b"").unwrap());
    let cases = vec![
        (condition("request.method == 'GET'"), reply(201)),
        (condition("request.headers['x-none'] == 'a'"), reply(202)),
        (condition("request.method == 'POST'"), reply(203)),
        (None, reply(500)),
    ];
    let mut spec = PipelineSpec { steps: vec![StepSpec::First(cases)], ..Default::default() };
    let status = |spec: &PipelineSpec| {
        let pipeline = Pipeline::compile(spec).unwrap();
        assert_eq!(pipeline.steps()[0].phase(), Phase::Reply);
        match ask(&pipeline, &mut Changes::default()) {
            Verdict::Reply(reply) => Some(reply.status()),
            Verdict::Continue => None,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(status(&spec), Some(203));
    let StepSpec::First(cases) = &mut spec.steps[0] else { panic!("{spec:?}") };
    cases.remove(2);
    assert_eq!(status(&spec), Some(500));
    let StepSpec::First(cases) = &mut spec.steps[0] else { panic!("{spec:?}") };
    cases.pop();
    assert_eq!(status(&spec), None);
}

#[test]
fn a_delay_is_told_once_and_bounded() {
    let longest = Duration::from_secs(crate::limits::DELAY_SECONDS_MAX);
    for (text, expected) in [
        ("1500", Duration::from_millis(1500)),
        ("0.5", Duration::from_micros(500)),
        ("-1", Duration::ZERO),
        ("0.0 / 0.0", Duration::ZERO),
        ("1.0 / 0.0", longest),
        ("1000000000", longest),
        ("int(request.path)", Duration::ZERO),
    ] {
        let steps = vec![StepSpec::Delay(text.to_owned())];
        let pipeline = Pipeline::compile(&PipelineSpec { steps, ..Default::default() }).unwrap();
        let mut changes = Changes::default();
        assert!(matches!(ask(&pipeline, &mut changes), Verdict::Continue));
        assert_eq!(changes.take_delay(), expected, "{text}");
        assert_eq!(changes.take_delay(), Duration::ZERO, "{text}");
    }
}

#[test]
fn who_is_refused_is_not_redirected() {
    let deny = AuthorizationSpec { deny: vec!["true".to_owned()], ..Default::default() };
    let spec = PipelineSpec {
        redirect: Some(RedirectSpec { scheme: Some(Scheme::Https), ..Default::default() }),
        steps: vec![StepSpec::Authorization(deny)],
        ..PipelineSpec::default()
    };
    let pipeline = Pipeline::compile(&spec).unwrap();
    let verdict = ask(&pipeline, &mut Changes::default());
    assert!(matches!(verdict, Verdict::Refuse(_)), "{verdict:?}");
    // `*` has no path to be redirected, and is refused all the same.
    let address = Address { path: b"*", ..ADDRESS };
    let of_server = |pipeline: &Pipeline| {
        with_attributes(false, |attributes| {
            let verdict = pipeline.on_request(&address, attributes, &mut Changes::default());
            matches!(verdict, Verdict::Refuse(_))
        })
    };
    assert!(of_server(&pipeline));
    let open = PipelineSpec { steps: Vec::new(), ..spec };
    assert!(!of_server(&Pipeline::compile(&open).unwrap()));
}

#[test]
fn a_modifier_has_the_last_word_on_what_expressions_make() {
    let pairs = |names: &[&str]| -> Vec<(String, String)> {
        names.iter().map(|name| ((*name).to_owned(), "request.method".to_owned())).collect()
    };
    let spec = PipelineSpec {
        request_headers: modifier(&[("x-kept", "1")], &["x-gone"]),
        transform_request: vec![
            TransformSpec { set: pairs(&["x-far", "x-gone", "x-near"]), ..Default::default() },
            TransformSpec {
                add: pairs(&["x-added"]),
                set: pairs(&["x-near", ":path"]),
                remove: vec!["x-far".to_owned()],
                body: None,
            },
        ],
        ..PipelineSpec::default()
    };
    let pipeline = Pipeline::compile(&spec).unwrap();
    let mut changes = Changes::default();
    assert!(matches!(ask(&pipeline, &mut changes), Verdict::Continue));
    let lines = String::from_utf8_lossy(changes.request_lines()).into_owned();
    assert_eq!(lines, "x-added: POST\r\nx-near: POST\r\n");
    // Of no use as a path.
    assert_eq!(changes.target(), None);
    let edits = pipeline.request_edits().unwrap();
    for name in ["x-far", "x-gone", "x-near"] {
        assert!(edits.drops(name.as_bytes()), "{name}");
    }
    assert!(!edits.drops(b"x-added"));
    assert_eq!(edits.appended(), b"x-kept: 1\r\n");
}

#[test]
fn a_body_is_gathered_as_late_as_it_is_needed() {
    let rules = |rule: &str| {
        let allow = vec![rule.to_owned()];
        StepSpec::Authorization(AuthorizationSpec { allow, ..AuthorizationSpec::default() })
    };
    let delay = |text: &str| StepSpec::Delay(text.to_owned());
    let made = |body: Option<&str>, header: &str| TransformSpec {
        set: vec![("x-made".to_owned(), header.to_owned())],
        body: body.map(|body| (body.to_owned(), 100)),
        ..TransformSpec::default()
    };
    let gathers = |spec: PipelineSpec| {
        let wanted = Pipeline::compile(&spec).unwrap().gathers_request()?;
        Some((wanted.before, wanted.gather.bytes_max, wanted.gather.text, wanted.gather.replaced))
    };
    let steps = |steps: Vec<StepSpec>| PipelineSpec { steps, ..PipelineSpec::default() };
    let default = BUFFERED_BODY_BYTES_MAX;
    assert_eq!(gathers(steps(vec![rules("request.path == 'body'"), delay("1")])), None);
    let first = steps(vec![rules("request.body == ''"), delay("1")]);
    assert_eq!(gathers(first), Some((0, default, true, false)));
    let last = steps(vec![rules("true"), delay("size(request.body)")]);
    assert_eq!(gathers(last), Some((1, default, true, false)));
    // Who is refused is not waited for.
    let held = |steps| PipelineSpec { steps, buffer_request: Some(7), ..PipelineSpec::default() };
    let after = held(vec![rules("true"), delay("1")]);
    assert_eq!(gathers(after), Some((1, 7, false, false)));
    assert_eq!(gathers(held(vec![])), Some((0, 7, false, false)));
    let made = |body, header| PipelineSpec {
        transform_request: vec![made(body, header)],
        steps: vec![rules("true")],
        gathered_bytes_max: Some(9),
        ..PipelineSpec::default()
    };
    assert_eq!(gathers(made(None, "'a'")), None);
    assert_eq!(gathers(made(Some("'a'"), "'a'")), Some((1, 9, false, true)));
    assert_eq!(gathers(made(None, "request.body")), Some((1, 9, true, false)));
    let keyed = PipelineSpec { hash_by: Some("request.body".to_owned()), ..steps(vec![]) };
    assert_eq!(gathers(keyed), Some((0, default, true, false)));
}

#[test]
fn a_response_is_gathered_where_somebody_looks() {
    let gathers = |response: TransformSpec, buffer_response| {
        let spec = PipelineSpec {
            transform_response: vec![response],
            buffer_response,
            ..PipelineSpec::default()
        };
        let pipeline = Pipeline::compile(&spec).unwrap();
        (pipeline.gathers_response(), pipeline.gathers_request().is_some())
    };
    let set = |value: &str| TransformSpec {
        set: vec![("x-made".to_owned(), value.to_owned())],
        ..TransformSpec::default()
    };
    let default = BUFFERED_BODY_BYTES_MAX;
    let gather = |bytes_max, text, replaced| Some(Gather { bytes_max, text, replaced });
    assert_eq!(gathers(set("response.code"), None), (None, false));
    assert_eq!(gathers(set("response.body"), None), (gather(default, true, false), false));
    assert_eq!(gathers(set("request.body"), None), (None, true));
    assert_eq!(gathers(set("'a'"), Some(5)), (gather(5, false, false), false));
    let body = TransformSpec { body: Some(("'a'".to_owned(), 9)), ..TransformSpec::default() };
    assert_eq!(gathers(body, None), (gather(default, false, true), false));
}
