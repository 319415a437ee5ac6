use super::*;

fn name(host: &str) -> Name {
    Name { host: host.to_owned(), port: 80 }
}

fn at(last: u8) -> Vec<SocketAddr> {
    vec![SocketAddr::from(([10, 0, 0, last], 80))]
}

#[test]
fn the_last_good_answer_stays_until_the_name_is_gone() {
    let mut resolver = Resolver::default();
    let down = || Err("down".to_owned());
    let unresolved = |host, kept| vec![Unresolved { name: name(host), why: "down".into(), kept }];

    let (known, failed) = resolver.learn(vec![(name("a"), Ok(at(1))), (name("b"), down())]);
    assert_eq!((&known[&name("a")], &known[&name("b")]), (&at(1), &vec![]));
    assert_eq!(failed, unresolved("b", false));

    let (known, failed) = resolver.learn(vec![(name("a"), down()), (name("b"), Ok(at(2)))]);
    assert_eq!((&known[&name("a")], &known[&name("b")]), (&at(1), &at(2)));
    assert_eq!(failed, unresolved("a", true));

    resolver.learn(vec![(name("b"), Ok(at(3)))]);
    let (known, failed) = resolver.learn(vec![(name("a"), down())]);
    assert_eq!((&known[&name("a")], known.len()), (&vec![], 1), "it was out of use in between");
    assert_eq!(failed, unresolved("a", false));
}

#[test]
fn names_are_looked_up_by_the_system() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let names = vec![name("localhost"), name("no-such-host.invalid")];
    let answers: HashMap<_, _> = runtime.block_on(look_up(names)).into_iter().collect();
    let local = answers[&name("localhost")].as_ref().unwrap();
    assert!(local.iter().all(|address| address.ip().is_loopback()), "{local:?}");
    let unique: std::collections::HashSet<_> = local.iter().collect();
    assert_eq!(unique.len(), local.len());
    assert!(answers[&name("no-such-host.invalid")].is_err());
}
