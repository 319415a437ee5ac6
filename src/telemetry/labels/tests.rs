use super::*;

const LABELS: Labels<'static> = Labels {
    backend: "127.0.0.1:8080",
    protocol: "http",
    bind: "bind/3000",
    gateway: "default/default",
    listener: "listener0",
    route: "default/route0",
    route_rule: "",
};

#[test]
fn a_label_set_keeps_its_number() {
    let mut registry = Registry::new();
    let first = registry.intern(LABELS);
    let other = registry.intern(Labels { route: "default/route1", ..LABELS });
    assert_ne!(first, other);
    assert_eq!(registry.intern(LABELS), first);
    assert_eq!(
        registry.exchange(first),
        (
            r#"backend="127.0.0.1:8080",protocol="http""#,
            "bind=\"bind/3000\",gateway=\"default/default\",listener=\"listener0\",\
             route=\"default/route0\",route_rule=\"unknown\"",
        )
    );
}

#[test]
fn sets_that_differ_in_protocol_share_a_route() {
    let mut registry = Registry::new();
    let http = registry.intern(LABELS);
    let llm = registry.intern(Labels { protocol: "llm", ..LABELS });
    let other = registry.intern(Labels { backend: "other", ..LABELS });
    assert_eq!(registry.route_group(http), registry.route_group(llm));
    assert_ne!(registry.route_group(http), registry.route_group(other));
    assert_eq!(
        registry.route(registry.route_group(llm)),
        "backend=\"127.0.0.1:8080\",bind=\"bind/3000\",gateway=\"default/default\",\
         listener=\"listener0\",route=\"default/route0\",route_rule=\"unknown\""
    );
}

#[test]
fn listeners_and_clusters_are_numbered_apart() {
    let mut registry = Registry::new();
    let labels = ListenerLabels { bind: "bind/80", protocol: "tcp", ..Default::default() };
    let listener = registry.intern_listener(labels);
    let cluster = registry.intern_cluster("quo\"te");
    assert_eq!(registry.intern_listener(labels), listener);
    assert_eq!(
        registry.listener(listener),
        r#"bind="bind/80",gateway="unknown",listener="unknown",protocol="tcp""#
    );
    assert_eq!(registry.cluster(cluster), r#"backend="quo\"te""#);
}

#[test]
fn a_full_registry_hands_out_the_overflow() {
    let mut registry = Registry::with_sets_max(1);
    let first = registry.intern(LABELS);
    let second = registry.intern(Labels { route: "second", ..LABELS });
    assert_eq!(second, LabelsId(OVERFLOW));
    assert_eq!(registry.intern(LABELS), first);
    assert_eq!(registry.exchange(second), (OVERFLOW_FRONT, OVERFLOW_BACK));
    registry.intern_cluster("a");
    assert_eq!(registry.intern_cluster("b"), ClusterLabelsId(OVERFLOW));
    assert_eq!(registry.cluster(ClusterLabelsId(OVERFLOW)), OVERFLOW_CLUSTER);
    assert_eq!(registry.refusals(), 2);
}

#[test]
fn a_backend_named_like_the_overflow_counts_there() {
    let mut registry = Registry::new();
    assert_eq!(registry.intern_cluster("overflow"), ClusterLabelsId(OVERFLOW));
    let all = "overflow";
    let labels = Labels {
        backend: all,
        protocol: all,
        bind: all,
        gateway: all,
        listener: all,
        route: all,
        route_rule: all,
    };
    let id = registry.intern(labels);
    assert_eq!(id, LabelsId(OVERFLOW));
    assert_eq!(registry.refusals(), 0);
}

#[test]
fn a_long_value_is_cut_between_characters() {
    let mut registry = Registry::new();
    let id = registry.intern_cluster(&"€".repeat(LABEL_VALUE_BYTES_MAX));
    let kept = "€".repeat(LABEL_VALUE_BYTES_MAX / 3);
    assert_eq!(registry.cluster(id), format!("backend=\"{kept}\""));
}

#[test]
fn a_log_line_leaves_out_what_is_unknown() {
    let mut registry = Registry::new();
    let id = registry.intern(Labels { listener: "", route: "my route", ..LABELS });
    let names = registry.names();
    let names = names.exchange(id).unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    assert_eq!(text(&names.log_text), " gateway=default/default route=\"my route\"");
    assert_eq!(text(&names.log_json), r#","gateway":"default/default","route":"my route""#);
    assert_eq!(text(&names.log_protocol_text), " protocol=http");
    assert_eq!(text(&names.log_protocol_json), r#","protocol":"http""#);
}
