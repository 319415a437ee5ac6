use super::*;

#[test]
fn faults_read_as_they_are_written() {
    for text in ["503", "close", "reset", "truncate=3", "cut=1", "hang", "garbage", "error=2"] {
        assert_eq!(text.parse::<Fault>().map(|fault| fault.to_string()).as_deref(), Ok(text));
    }
    assert_eq!("truncate".parse(), Ok(Fault::Truncate(1)));
    for text in ["200", "", "reset=3", "truncate=x", "burn"] {
        assert!(text.parse::<Fault>().is_err(), "{text}");
    }
    assert_eq!(chance("1%:reset"), Ok((0.01, Fault::Reset)));
    assert!(chance("reset").is_err() && chance("2:reset").is_err());
    assert_eq!(listed("ok"), Ok(None));
}

#[test]
fn a_list_comes_first_and_then_chance() {
    let faults = Faults {
        first: vec![Some(Fault::Reset), None],
        chances: vec![(0.25, Fault::Status(503)), (0.25, Fault::Close)],
        ..Faults::default()
    };
    let mut random = Random::new(1);
    assert_eq!(faults.pick(0, &mut random), Some(Fault::Reset));
    assert_eq!(faults.pick(1, &mut random), None);
    let drawn: Vec<_> = (2..4002).map(|number| faults.pick(number, &mut random)).collect();
    let count = |wanted| drawn.iter().filter(|fault| **fault == wanted).count();
    for wanted in [Some(Fault::Status(503)), Some(Fault::Close)] {
        assert!((800..1200).contains(&count(wanted)), "{wanted:?}: {}", count(wanted));
    }
    assert!((1800..2200).contains(&count(None)));
}

#[test]
fn spoiled_answers() {
    let good = || Answer::full(200, &[], b"0123456789");
    let cut = Fault::Truncate(1).spoil(good());
    let [Step::Send(bytes)] = cut.steps.as_slice() else { panic!("{cut:?}") };
    assert!(bytes.ends_with(b"\r\n\r\n01234") && !cut.keep);
    assert_eq!(Fault::Reset.spoil(good()).steps, [Step::Reset]);
    assert_eq!(Fault::Hang.spoil(good()).steps, [Step::Hang]);
    assert_eq!(Fault::Close.spoil(good()).steps, []);
    assert_eq!(Fault::Status(500).spoil(good()), good(), "is made by the origin's kind");
}
