use super::*;

fn bound() -> Bound {
    Bound {
        binds: vec![
            ("bind/8080".into(), "127.0.0.1:8080".parse().unwrap()),
            ("bind/0".into(), "[::1]:43121".parse().unwrap()),
        ],
        admin: Some("127.0.0.1:15000".into()),
        metrics: Some("[::]:15020".into()),
        readiness: None,
    }
}

#[test]
fn programs_get_one_line() {
    let line = bound().json();
    assert!(!line.contains('\n'));
    let read: Value = serde_json::from_str(&line).unwrap();
    let expected = json!({
        "binds": { "bind/8080": "127.0.0.1:8080", "bind/0": "[::1]:43121" },
        "admin": "127.0.0.1:15000",
        "stats": "[::]:15020",
        "ready": null,
    });
    assert_eq!(read, expected);
}

#[test]
fn people_get_three_commands() {
    let text = bound().welcome();
    let commands: Vec<&str> =
        text.lines().skip(1).filter_map(|line| line.split_whitespace().nth(1)).collect();
    let expected = [
        "http://localhost:8080/hello",
        "http://localhost:15020/metrics",
        "http://localhost:15000/config_dump",
    ];
    assert_eq!(commands, expected);
    let quiet = Bound { admin: None, metrics: Some("unix:/a".into()), ..bound() };
    assert_eq!(quiet.welcome().lines().count(), 2, "what cannot be reached is not shown");
}
