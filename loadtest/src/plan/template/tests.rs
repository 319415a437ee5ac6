use super::*;

fn fill(text: &str, filler: &mut Filler) -> String {
    let mut out = Vec::new();
    Template::parse(text).expect(text).fill(filler, &mut out);
    filler.advance();
    String::from_utf8(out).expect("text in, text out")
}

#[test]
fn a_text_without_holes_is_a_constant() {
    for text in ["", "abc", "{\"a\":{\"b\":{}}}", "{{", "a }} b"] {
        let template = Template::parse(text).expect(text);
        assert_eq!(template.as_constant(), Some(text.as_bytes()), "{text}");
    }
    assert_eq!(Template::parse("{{seq}}").expect("known").as_constant(), None);
}

#[test]
fn threads_count_requests_apart() {
    let mut numbers = Vec::new();
    for thread in 0..3 {
        let mut filler = Filler::new(thread, 3);
        numbers.extend((0..4).map(|_| fill("{{seq}}", &mut filler).parse::<u64>().expect("it")));
    }
    numbers.sort_unstable();
    assert_eq!(numbers, (0..12).collect::<Vec<_>>());
}

#[test]
fn holes_are_filled() {
    let mut filler = Filler::new(0, 1);
    for _ in 0..200 {
        let number: u64 = fill("{{random:5-7}}", &mut filler).parse().expect("a number");
        assert!((5..=7).contains(&number));
        fill("{{random}}", &mut filler).parse::<u64>().expect("a number");
    }
    let letters = fill("{{letters:16}}", &mut filler);
    assert!(letters.len() == 16 && letters.bytes().all(|b| b.is_ascii_alphanumeric()));
    let uuid = fill("{{ uuid }}", &mut filler);
    let dashes: Vec<_> = uuid.match_indices('-').map(|(at, _)| at).collect();
    assert_eq!((uuid.len(), dashes), (36, vec![8, 13, 18, 23]), "{uuid}");
    assert_eq!(&uuid[14..15], "4");
    let mut filler = Filler::new(0, 1);
    let cycle: String = (0..5).map(|_| fill("{{cycle:a|b|c}}", &mut filler)).collect();
    assert_eq!(cycle, "abcab");
}

#[test]
fn a_template_is_put_between_texts() {
    let template = Template::parse("{{seq}}").expect("known").between("Bearer ", "!");
    let mut out = Vec::new();
    template.fill(&mut Filler::new(0, 1), &mut out);
    assert_eq!(out, b"Bearer 0!");
}

#[test]
fn unknown_holes_are_refused() {
    let texts = ["{{sequence}}", "{{random:7-5}}", "{{random:x}}", "{{letters:0}}", "{{}}"];
    for text in texts.into_iter().chain(["{{letters:9999999999}}", "{{env:LOADTEST_UNSET}}"]) {
        assert!(Template::parse(text).is_err(), "{text}");
    }
}
