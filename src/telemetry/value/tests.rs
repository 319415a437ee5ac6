use super::*;

#[test]
fn a_status_is_a_code_or_a_class() {
    let texts = [
        (StatusLabel::code(200), "200"),
        (StatusLabel::code(599), "599"),
        (StatusLabel::code(0), "0"),
        (StatusLabel::code(1005), "0"),
        (StatusLabel::class_of(503), "5xx"),
        (StatusLabel::class_of(0), "0xx"),
        (StatusLabel::class_of(65_535), "0xx"),
    ];
    for (status, text) in texts {
        assert_eq!(status.text(), text);
        assert!(status.raw() <= StatusLabel::MAX);
        assert_eq!(StatusLabel::from_raw(status.raw()), status);
    }
}

#[test]
fn an_index_finds_its_value() {
    for reason in Reason::ALL {
        assert_eq!(Reason::from_index(reason.index()), Some(*reason));
    }
    assert_eq!(Reason::from_index(Reason::COUNT), None);
    assert_eq!(MethodLabel::COUNT, 11);
}
