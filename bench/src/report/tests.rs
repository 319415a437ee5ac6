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
    let machine = Machine {
        unix_seconds: 0,
        kernel: String::new(),
        processor: String::new(),
        subjects: Vec::new(),
    };
    let mut report = Report { machine, rounds: 3, window_seconds: 1.0, rows: Vec::new() };
    report.add(row(word), outcomes);
    assert!(report.markdown().contains(word));
    report.rows.remove(0)
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
    let verdicts: Vec<(f64, bool)> = made.verdicts.iter().map(|v| (v.bar, v.reached)).collect();
    assert_eq!(verdicts, [(0.82, true), (1.12, false)]);
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
    assert!(!made.verdicts[0].reached);
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
    assert!(made.verdicts.is_empty());
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
}
