use super::*;

fn name(host: &str) -> Name {
    Name { host: host.to_owned(), port: 80 }
}

fn at(last: u8) -> Vec<SocketAddr> {
    vec![SocketAddr::from(([10, 0, 0, last], 80))]
}

fn good(last: u8) -> Result<Answer, String> {
    Ok(Answer { addresses: at(last), ttl: Duration::from_secs(60) })
}

#[test]
fn the_last_good_answer_stays_until_the_name_is_gone() {
    let mut resolver = Resolver::default();
    let now = Instant::now();
    let down = || Err("down".to_owned());
    let unresolved = |host, kept| vec![Unresolved { name: name(host), why: "down".into(), kept }];

    let (known, failed) = resolver.learn(vec![(name("a"), good(1)), (name("b"), down())], now);
    assert_eq!((&known[&name("a")], &known[&name("b")]), (&at(1), &vec![]));
    assert_eq!(failed, unresolved("b", false));

    let (known, failed) = resolver.learn(vec![(name("a"), down()), (name("b"), good(2))], now);
    assert_eq!((&known[&name("a")], &known[&name("b")]), (&at(1), &at(2)));
    assert_eq!(failed, unresolved("a", true));

    resolver.learn(vec![(name("b"), good(3))], now);
    let (known, failed) = resolver.learn(vec![(name("a"), down())], now);
    assert_eq!((&known[&name("a")], known.len()), (&vec![], 1), "it was out of use in between");
    assert_eq!(failed, unresolved("a", false));
}

#[test]
fn names_are_looked_up_by_the_system() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let names = vec![name("localhost"), name("no-such-host.invalid")];
    let answers: HashMap<_, _> =
        runtime.block_on(look_up(names, &Dns::default())).into_iter().collect();
    let local = answers[&name("localhost")].as_ref().unwrap();
    let local = &local.addresses;
    assert!(local.iter().all(|address| address.ip().is_loopback()), "{local:?}");
    let unique: std::collections::HashSet<_> = local.iter().collect();
    assert_eq!(unique.len(), local.len());
    assert!(answers[&name("no-such-host.invalid")].is_err());
}

#[test]
fn a_name_is_looked_up_again_when_its_answer_is_too_old() {
    let mut resolver = Resolver::default();
    let now = Instant::now();
    let ttl = |seconds| Ok(Answer { addresses: at(1), ttl: Duration::from_secs(seconds) });
    let due = |resolver: &Resolver| resolver.due().map(|due| (due - now).as_secs());
    for (told, taken) in [(60, 60), (0, 5), (1_000_000, 300)] {
        resolver.learn(vec![(name("a"), ttl(told))], now);
        assert_eq!(due(&resolver), Some(taken), "within the bounds");
    }
    assert_eq!(resolver.take_due(now), vec![]);
    assert_eq!(resolver.take_due(now + Duration::from_secs(300)), vec![name("a")]);
    assert_eq!(resolver.due(), None, "not twice at a time");
}

#[test]
fn a_name_that_fails_is_tried_again_soon_then_less_often_and_told_of_once() {
    let mut resolver = Resolver::default();
    let now = Instant::now();
    resolver.learn(vec![(name("a"), good(1))], now);
    let mut waits = Vec::new();
    let mut told = 0;
    for _ in 0..7 {
        let (changed, unresolved) = resolver.renew(vec![(name("a"), Err("gone".into()))], now);
        assert!(!changed, "the last good answer stays");
        told += unresolved.len();
        waits.push(resolver.due().map(|due| (due - now).as_secs()).unwrap());
    }
    assert_eq!((waits, told), (vec![1, 2, 4, 8, 16, 30, 30], 1));
    assert_eq!(resolver.known()[&name("a")], at(1));
    let (changed, _) = resolver.renew(vec![(name("a"), good(2))], now);
    assert!(changed);
}

#[test]
fn another_order_is_no_change() {
    let mut resolver = Resolver::default();
    let now = Instant::now();
    let both = |first, second| {
        let addresses = [at(first), at(second)].concat();
        vec![(name("a"), Ok(Answer { addresses, ttl: Duration::ZERO }))]
    };
    resolver.learn(both(1, 2), now);
    assert!(!resolver.renew(both(2, 1), now).0);
    assert!(resolver.renew(both(2, 3), now).0);
    assert!(!resolver.renew(vec![(name("unknown"), good(9))], now).0);
}
