use super::*;
use crate::plan::ROWS;

fn outcome(subject: Subject, values: &[f64], refusal: Option<Refusal>) -> Outcome {
    let sample = |&value| Sample { value, ..Sample::default() };
    Outcome { subject, samples: values.iter().map(sample).collect(), refusal }
}

fn row(word: &str) -> &'static Row {
    ROWS.iter().find(|row| row.word == word).unwrap()
}

fn report_on(word: &str, outcomes: Vec<Outcome>) -> RowReport {
    report_with(word, outcomes).rows.remove(0)
}

fn report_with(word: &str, outcomes: Vec<Outcome>) -> Report {
    let machine = Machine {
        unix_seconds: 0,
        kernel: String::new(),
        processor: String::new(),
        subjects: Vec::new(),
    };
    let mut report = Report { machine, rounds: 3, window_seconds: 1.0, rows: Vec::new() };
    report.add(row(word), outcomes);
    assert!(report.markdown().contains(word));
    report
}

/// What the table says of the bar of row `word`, when the base of the row cost 10 a request.
fn check_bar(word: &str, base: Subject, ringway: &[f64], expected: &str) {
    let refusal = ringway.is_empty().then(|| Refusal::Failed("no".into()));
    let outcomes = vec![outcome(base, &[10.0], None), outcome(Subject::Ringway, ringway, refusal)];
    let table = report_with(word, outcomes).markdown();
    assert!(table.contains(expected), "{expected}: {table}");
}

#[test]
fn a_bar_is_reached_or_missed_by_so_much() {
    check_bar("h2c", Subject::H2o, &[8.5], "| 0.85 of h2o, at most 0.85: reached |");
    check_bar("h2c", Subject::H2o, &[9.35], "| 0.93 of h2o, at most 0.85: **missed** by 10 % |");
    check_bar("h2c", Subject::H2o, &[], "| at most 0.85 of h2o: not measured |");
    check_bar("grpc", Subject::Envoy, &[3.0], "| 0.30 of envoy, at most 0.40: reached |");
    let plain = Subject::RingwayToH1;
    let of_itself = "| 0.70 of ringway, HTTP/1.1 out, at most 0.75: reached |";
    check_bar("h1h2c", plain, &[7.0], of_itself);
}

#[test]
fn ratios_are_taken_round_by_round() {
    // The machine gets slower from round to round; the ratio does not move.
    let made = report_on(
        "small",
        vec![
            outcome(Subject::Nginx, &[10.0, 20.0, 40.0], None),
            outcome(Subject::Relay, &[7.0, 14.0, 28.0], None),
            outcome(Subject::Ringway, &[8.0, 16.0, 32.0], None),
        ],
    );
    let ratio = made.lines[2].ratio.unwrap();
    assert_eq!((ratio.least, ratio.most), (0.8, 0.8));
    let verdicts: Vec<_> = made.verdicts.iter().map(|v| (v.bar, v.measured)).collect();
    assert_eq!(verdicts, [(0.82, Some(0.8)), (1.12, Some(8.0 / 7.0))]);
}

#[test]
fn the_better_setting_of_a_rival_is_the_base() {
    let made = report_on(
        "1m",
        vec![
            outcome(Subject::Nginx, &[600.0], None),
            outcome(Subject::NginxUnbuffered, &[400.0], None),
            outcome(Subject::Ringway, &[300.0], None),
        ],
    );
    assert_eq!(made.base, Some("nginx, proxy_buffering off"));
    assert_eq!(made.lines[2].ratio.unwrap().median, 0.75);
    assert_eq!(made.verdicts[0].measured, Some(0.75));
}

#[test]
fn a_subject_that_failed_once_has_no_figure() {
    let refusal = Some(Refusal::Failed("status 502 | x".into()));
    let made = report_on(
        "small",
        vec![
            outcome(Subject::Nginx, &[10.0, 10.0], None),
            outcome(Subject::Ringway, &[8.0], refusal),
        ],
    );
    assert_eq!(made.lines[1].figure, None);
    assert!(made.verdicts.iter().all(|verdict| verdict.measured.is_none()));
}

#[test]
fn each_row_has_its_own_subjects() {
    let suited = |word: &str| -> Vec<&str> {
        let suits = |subject: &&Subject| row(word).suits(**subject);
        Subject::ALL.iter().filter(suits).map(|subject| subject.name()).collect()
    };
    let small = ["nginx", "haproxy", "relay (the floor)", "monoio-http", "ringway"];
    assert_eq!(suited("small"), small);
    assert!(suited("1m").contains(&"nginx, proxy_buffering off"));
    for word in ["idle", "connect"] {
        assert!(!suited(word).contains(&"relay (the floor)"), "{word}");
    }
    assert_eq!(suited("log"), ["ringway", "ringway, access log on"]);
    let floor = "relay (the floor)";
    for (word, rivals) in [
        ("h2c", &["nginx", "h2o", "haproxy", "envoy", "ringway"][..]),
        ("https", &["nginx", "h2o", "haproxy", "envoy", "ringway"]),
        ("handshake", &["nginx", "h2o", "haproxy", "envoy", "ringway"]),
        ("resume", &["nginx", "haproxy", "envoy", "ringway"]),
        ("h1h2c", &["haproxy", "envoy", "ringway", "ringway, HTTP/1.1 out"]),
        ("tcp", &["nginx", "haproxy", "envoy", floor, "ringway"]),
        ("tcp1m", &["nginx", "haproxy", "haproxy, splicing", "envoy", floor, "ringway"]),
        ("grpc", &["nginx", "haproxy", "envoy", "ringway"]),
    ] {
        assert_eq!(suited(word), rivals, "{word}");
    }
}
