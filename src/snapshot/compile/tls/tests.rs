use std::path::Path;

use super::*;
use crate::net::tls::tests::{OURS, THEIRS};
use crate::snapshot::Snapshot;
use crate::snapshot::compile::tests::Desk;

/// Two listeners and a default one on a port; the files `a`, `b` and `c` are their certificates.
const THREE: &str = r"
binds:
- port: 8443
  listeners:
  - {name: exact, hostname: a.test, protocol: HTTPS, tls: {cert: a.pem, key: a.key}}
  - {name: wild, hostname: '*.test', protocol: HTTPS, tls: {cert: b.pem, key: b.key, root: ca.pem}}
  - name: rest
    protocol: TLS
    tls: {cert: c.pem, key: c.key}
    tcpRoutes: [{backends: [{host: '127.0.0.1:1'}]}]
";

fn desk() -> Desk {
    let mut desk = Desk::new();
    for name in ["a", "b", "c"] {
        put(&mut desk, name, &format!("{name}.test"));
    }
    desk.files.insert("ca.pem".into(), OURS.pem().into());
    desk
}

/// A new certificate on the disk.
fn put(desk: &mut Desk, file: &str, name: &str) {
    let issued = OURS.issue(&[name]);
    desk.files.insert(format!("{file}.pem"), issued.chain);
    desk.files.insert(format!("{file}.key"), issued.key);
}

fn tls(snapshot: &Snapshot) -> &BindTls {
    snapshot.binds[0].tls.as_ref().expect("it has TLS")
}

fn configs(snapshot: &Snapshot) -> Vec<Arc<rustls::ServerConfig>> {
    tls(snapshot).listeners().map(|listener| Arc::clone(&listener.config)).collect()
}

/// Which of the configurations stayed.
fn kept(old: &Snapshot, new: &Snapshot) -> Vec<bool> {
    let pairs = configs(old).into_iter().zip(configs(new));
    pairs.map(|(old, new)| Arc::ptr_eq(&old, &new)).collect()
}

#[test]
fn a_listener_is_found_by_the_name_asked_for() {
    let snapshot = desk().compile(THREE, None);
    let bind = &snapshot.binds[0];
    for (name, expected) in [
        (Some("a.test"), "exact"),
        (Some("A.TEST"), "exact"),
        (Some("b.test"), "wild"),
        (Some("x.y.test"), "wild"),
        (Some("test"), "rest"),
        (None, "rest"),
    ] {
        let found = tls(&snapshot).find(name).unwrap();
        assert_eq!(bind.listeners[found.listener as usize].name, expected, "{name:?}");
    }
    let facts: Vec<_> = tls(&snapshot).listeners().map(|l| (l.carries, l.clients)).collect();
    let expected = [
        (Carries::Http, Clients::NotAsked),
        (Carries::Http, Clients::Required),
        (Carries::Tcp, Clients::NotAsked),
    ];
    assert_eq!(facts, expected);
    let alpn: Vec<_> = configs(&snapshot).iter().map(|c| c.alpn_protocols.len()).collect();
    assert_eq!(alpn, [2, 2, 0], "nobody knows what is inside of TLS that is not HTTPS");
    let names = snapshot.certificates().map(|(bind, listener, shown)| {
        format!("{bind} {listener} {}", shown.identity().dns_names.join(" "))
    });
    let expected = ["bind/8443 exact a.test", "bind/8443 wild b.test", "bind/8443 rest c.test"];
    assert_eq!(names.collect::<Vec<_>>(), expected);
}

#[test]
fn without_a_listener_for_all_names_the_others_are_refused() {
    let (two, _) = THREE.split_once("  - name: rest").unwrap();
    let snapshot = desk().compile(two, None);
    assert!(tls(&snapshot).find(None).is_none());
    assert!(tls(&snapshot).find(Some("example.com")).is_none());
    let plain = "binds: [{port: 80, listeners: [{routes: [{}]}]}]";
    assert!(desk().compile(plain, None).binds[0].tls.is_none());
}

#[test]
fn a_gateway_without_listeners_has_tls_too() {
    let yaml = "gateways: {edge: {port: 1, tls: {cert: a.pem, key: a.key}}}\n\
                routes: [{gateways: edge, backends: [{host: '127.0.0.1:1'}]}]";
    let snapshot = desk().compile(yaml, None);
    assert_eq!(tls(&snapshot).find(None).map(|listener| listener.carries), Some(Carries::Http));
    assert_eq!(snapshot.binds[0].listeners[0].routes.len(), 1);
}

#[test]
fn what_a_reload_does_not_change_keeps_its_sessions() {
    let mut desk = desk();
    let first = desk.compile(THREE, None);
    let second = desk.compile(THREE, Some(&first));
    assert_eq!(kept(&first, &second), [true; 3], "nothing changed");

    put(&mut desk, "b", "b.test");
    let third = desk.compile(THREE, Some(&second));
    assert_eq!(kept(&second, &third), [true, false, true], "a certificate was renewed");

    let yaml = format!("{THREE}frontendPolicies: {{tls: {{minVersion: TLS_V1_3}}}}\n");
    let fourth = desk.compile(&yaml, Some(&third));
    assert_eq!(kept(&third, &fourth), [false; 3], "a setting of all changed");

    desk.files.insert("ca.pem".into(), THEIRS.pem().into());
    let fifth = desk.compile(&yaml, Some(&fourth));
    assert_eq!(kept(&fourth, &fifth), [true, false, true], "other clients are trusted");
}

#[test]
fn equal_settings_are_made_once() {
    let yaml = THREE.replace("b.pem, key: b.key, root: ca.pem", "a.pem, key: a.key");
    let snapshot = desk().compile(&yaml, None);
    let made = configs(&snapshot);
    assert!(Arc::ptr_eq(&made[0], &made[1]));
}

#[test]
fn a_request_goes_by_its_own_listener_or_by_one_that_is_no_other() {
    let mut desk = desk();
    let first = desk.compile(THREE, None);
    let accepted =
        |snapshot: &Snapshot, place: u32| tls(snapshot).listener(place).unwrap().accepted;
    for (by, to, expected) in [(0, 0, true), (0, 1, false), (1, 0, false), (1, 1, true)] {
        let bind = &first.binds[0];
        assert_eq!(bind.serves(Some(accepted(&first, by)), to), expected, "{by} to {to}");
    }
    assert!(!first.binds[0].serves(None, 0), "plain text where TLS is");

    let yaml = THREE.replace("b.pem, key: b.key, root: ca.pem", "a.pem, key: a.key");
    let same = desk.compile(&yaml, None);
    assert!(tls(&same).serves(accepted(&same, 0), 1), "they differ in nothing but the name");

    // The listeners in another order, and one with a new certificate.
    let mut lines: Vec<&str> = THREE.lines().collect();
    lines.swap(4, 5);
    put(&mut desk, "a", "a.test");
    let second = desk.compile(&lines.join("\n"), Some(&first));
    let (exact, wild) = (accepted(&first, 0), accepted(&first, 1));
    assert_eq!((tls(&second).serves(exact, 1), tls(&second).serves(exact, 0)), (true, false));
    assert_eq!((tls(&second).serves(wild, 0), tls(&second).serves(wild, 1)), (true, false));

    let open = THREE.replace("a.pem, key: a.key", "a.pem, key: a.key, root: ca.pem");
    let third = desk.compile(&open, Some(&first));
    assert!(!tls(&third).serves(exact, 0), "clients are verified by now, and this one was not");
}

#[test]
fn a_file_that_cannot_be_used_is_told_of_at_its_place() {
    type Change = fn(&mut Desk);
    let cases: [(&str, Change, &str); 6] = [
        (
            "missing",
            |desk| drop(desk.files.remove("a.pem")),
            "5:66: .cert: cannot read a.pem: no such file",
        ),
        (
            "empty",
            |desk| drop(desk.files.insert("a.pem".into(), String::new())),
            "5:66: .cert: a.pem: there is no certificate in it",
        ),
        (
            "no key",
            |desk| drop(desk.files.insert("a.key".into(), OURS.pem().into())),
            "5:78: .key: a.key: there is no private key in it (PKCS#8, PKCS#1 or SEC1)",
        ),
        (
            "another key",
            |desk| drop(desk.files.insert("a.key".into(), desk.files["b.key"].clone())),
            "5:78: .key: the key in a.key does not belong to the certificate in a.pem",
        ),
        (
            "roots",
            |desk| drop(desk.files.insert("ca.pem".into(), "-".into())),
            "6:92: .root: ca.pem: there is no certificate in it",
        ),
        (
            "both",
            |desk| desk.files.retain(|name, _| !name.starts_with("a.")),
            "5:66: .cert: cannot read a.pem: no such file\n5:78: .key: cannot read a.key: no such \
             file",
        ),
    ];
    for (what, change, expected) in cases {
        let mut desk = desk();
        let last = desk.compile(THREE, None);
        change(&mut desk);
        let wrong = desk.try_compile(THREE, Some(&last)).map(drop).unwrap_err();
        let short = wrong.replace("test.yaml:", "");
        let short = ["0", "1"].iter().fold(short, |text, index| {
            text.replace(&format!("binds[0].listeners[{index}].tls"), "")
        });
        assert_eq!(short, expected, "{what}");
    }
}

#[test]
fn of_several_certificates_each_is_for_its_names() {
    let yaml = "binds: [{port: 1, listeners: [{protocol: HTTPS, tls: {certificates: [{cert: a.pem, \
                key: a.key}, {cert: b.pem, key: b.key}, {cert: c.pem, key: c.key}]}}]}]";
    let mut desk = desk();
    put(&mut desk, "c", "b.test");
    let snapshot = desk.compile(yaml, None);
    let listener = tls(&snapshot).find(None).unwrap();
    let settings = &listener.settings;
    let names: Vec<_> = settings.certificates.iter().map(|(name, _)| &**name).collect();
    assert_eq!(names, ["a.test", "b.test"], "the first of a name and of a kind of key wins");
    let title = |certificate: &Certificate| certificate.identity().dns_names[0].to_string();
    assert_eq!(settings.default.as_ref().map(title).as_deref(), Some("a.test"));

    let rsa = OURS.issue_rsa(&["b.test"]);
    desk.files.insert("c.pem".into(), rsa.chain);
    desk.files.insert("c.key".into(), rsa.key);
    let snapshot = desk.compile(yaml, None);
    let settings = &tls(&snapshot).find(None).unwrap().settings;
    let names: Vec<_> = settings.certificates.iter().map(|(name, _)| &**name).collect();
    assert_eq!(names, ["a.test", "b.test", "b.test"], "a key of another kind");
}

#[test]
fn a_certificate_of_our_own_stays_over_reloads() {
    let yaml = |names: &str| {
        format!(
            "binds: [{{port: 1, listeners: [{{protocol: HTTPS, tls: {{selfSigned: {{hostnames: \
             {names}}}}}}}]}}]"
        )
    };
    let mut desk = Desk::new();
    let first = desk.compile(&yaml("[localhost, 127.0.0.1]"), None);
    let shown = |snapshot: &Snapshot| snapshot.certificates().next().unwrap().2.clone();
    let identity = shown(&first).identity().clone();
    assert_eq!(identity.dns_names, ["localhost".into()]);
    assert_eq!(identity.addresses, [std::net::IpAddr::from([127, 0, 0, 1])]);
    let second = desk.compile(&yaml("[localhost, 127.0.0.1]"), Some(&first));
    assert!(shown(&first) == shown(&second));
    assert_eq!(kept(&first, &second), [true]);
    let third = desk.compile(&yaml("[localhost]"), Some(&second));
    assert!(shown(&third) != shown(&second), "for other names it is another");
    assert!(desk.files.keys().all(|file| Path::new(file).exists()), "no file was asked for");
}

#[test]
fn the_example_compiles() {
    let yaml = include_str!("../../../../config/tls.yaml");
    let snapshot = Desk::new().compile(yaml, None);
    let tls = snapshot.binds[1].tls.as_ref().unwrap();
    let found = |name| tls.find(name).map(|listener| (listener.listener, listener.carries));
    assert_eq!(found(None), Some((0, Carries::Http)));
    assert_eq!(found(Some("modern.localhost")), Some((1, Carries::Http)));
    assert_eq!(found(Some("tcp.localhost")), Some((2, Carries::Tcp)));
}
