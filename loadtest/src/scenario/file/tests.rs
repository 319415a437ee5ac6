use super::*;

const GOOD: &str = r#"
about: a test
origins: {web: http --size 1KiB}
gateway:
  config: "to {{web}} at {{port}}"
  others: {second: "b"}
loads:
- name: main
  run: >-
    http://{{gateway}}/ -c 4 --rate 100 -d {{duration}} --body '{"a": "{{seq}}"}'
events:
- {at: 1s, do: write second config, every: 100ms, times: 3}
pass: {errors: 0, main.p99: < 1s}
"#;

#[test]
fn a_scenario_is_read_whole() {
    let scenario = parse(GOOD).unwrap();
    assert_eq!(scenario.loads.len(), 1);
    assert_eq!(scenario.events[0].times, 3);
    assert_eq!(scenario.pass.len(), 2);
    assert_eq!(scenario.duration(None, true), Duration::from_secs(10), "nothing else is said");
    assert_eq!(scenario.duration(Some(Duration::from_secs(1)), false), Duration::from_secs(1));
}

#[test]
fn what_makes_no_sense_is_refused() {
    for (from, to, word) in [
        ("about:", "abuot:", "abuot"),
        ("write second", "write third", "third"),
        ("write second config", "explode", "no action"),
        ("write second config", "end wob", "no origin"),
        ("{{web}}", "{{wbe}}", "wbe"),
        ("-c 4", "-c many", "many"),
        ("--rate 100", "--rate 0", "rate"),
        ("http --size 1KiB", "http --size big", "big"),
        ("http --size 1KiB", "gopher", "gopher"),
        ("main.p99", "other.p99", "other"),
        ("{errors: 0, main.p99: < 1s}", "{}", "without a line"),
        ("at: 1s", "at: soon", "soon"),
        ("name: main", "name: a.b", "no dots"),
    ] {
        assert!(GOOD.contains(from), "{from}");
        let Refusal(why) = parse(&GOOD.replacen(from, to, 1)).unwrap_err();
        assert!(why.contains(word), "{from} -> {to}: {why}");
    }
}
