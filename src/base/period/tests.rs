use super::*;

fn turn(period: Period, at: &str) -> (i64, Option<String>) {
    let turn = period.at(parse(at).unwrap());
    (turn.index, turn.end.map(format))
}

#[test]
fn dates_are_those_of_the_calendar() {
    for (text, seconds) in [
        ("1970-01-01", 0),
        ("1970-01-01T00:00:01Z", 1),
        ("2000-02-29", 951_782_400),
        ("2026-11-21T19:07:00Z", 1_795_288_020),
        ("1969-12-31", -86_400),
    ] {
        assert_eq!(parse(text), Some(seconds), "{text}");
        let whole = if text.len() == 10 { format!("{text}T00:00:00Z") } else { text.to_owned() };
        assert_eq!(format(seconds), whole);
    }
    for wrong in [
        "",
        "2026",
        "2026-02-29",
        "2026-13-01",
        "2026-00-01",
        "2026-01-00",
        "2026-01-01 00:00:00Z",
        "2026-01-01T24:00:00Z",
        "2026-01-01T00:00:00",
        "2026-01-01T00:00:00+01:00",
        "+026-01-01",
        "2026-1-01x",
    ] {
        assert_eq!(parse(wrong), None, "{wrong}");
    }
    for day in -800_000..800_000 {
        let (year, month, date) = date_of(day);
        assert_eq!(days_to(year, month, date), day);
    }
}

#[test]
fn a_period_ends_where_the_next_begins() {
    let end = |period, at| turn(period, at).1.unwrap();
    assert_eq!(end(Period::HOUR, "2026-11-21T19:07:00Z"), "2026-11-21T20:00:00Z");
    assert_eq!(end(Period::DAY, "2026-12-31T23:59:59Z"), "2027-01-01T00:00:00Z");
    assert_eq!(end(Period::DAY, "2027-01-01T00:00:00Z"), "2027-01-02T00:00:00Z");
    // A Saturday, a Sunday and a Monday.
    assert_eq!(end(Period::WEEK, "2026-11-21"), "2026-11-23T00:00:00Z");
    assert_eq!(end(Period::WEEK, "2026-11-22T23:59:59Z"), "2026-11-23T00:00:00Z");
    assert_eq!(end(Period::WEEK, "2026-11-23"), "2026-11-30T00:00:00Z");
    assert_eq!(end(Period::MONTH, "2028-02-29T12:00:00Z"), "2028-03-01T00:00:00Z");
    assert_eq!(turn(Period::Never, "2026-11-21"), (0, None));
    let ten = Period::Every { seconds: 10, anchor: 0 }.anchored(parse("2026-01-01").unwrap() + 3);
    assert_eq!(end(ten, "2026-01-01T00:00:02Z"), "2026-01-01T00:00:03Z");
    assert_eq!(end(ten, "2026-01-01T00:00:03Z"), "2026-01-01T00:00:13Z");
}

#[test]
fn months_begin_where_they_are_told_to() {
    let on = |at: &str| Period::MONTH.anchored(parse(at).unwrap());
    let end = |period, at| turn(period, at).1.unwrap();
    let fifteenth = on("2026-01-15T09:00:00Z");
    assert_eq!(end(fifteenth, "2026-02-15T08:59:59Z"), "2026-02-15T09:00:00Z");
    assert_eq!(end(fifteenth, "2026-02-15T09:00:00Z"), "2026-03-15T09:00:00Z");
    let last = on("2026-01-31");
    assert_eq!(end(last, "2026-02-27T23:59:59Z"), "2026-02-28T00:00:00Z");
    assert_eq!(end(last, "2026-02-28"), "2026-03-31T00:00:00Z");
    assert_eq!(end(last, "2026-04-29"), "2026-04-30T00:00:00Z");
    // No second is in two, or in none.
    let begin = parse("2026-01-01").unwrap();
    for (period, hours) in [(last, 24 * 800), (fifteenth, 24 * 800), (Period::WEEK, 24 * 100)] {
        let mut before = period.at(begin);
        for hour in 1..hours {
            let at = begin + hour * 3600;
            let turn = period.at(at);
            let is_over = before.end.is_some_and(|end| at >= end);
            assert_eq!(turn.index, before.index + i64::from(is_over), "{}", format(at));
            before = turn;
        }
    }
}
