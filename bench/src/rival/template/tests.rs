use super::*;

#[test]
fn placeholders_are_filled_everywhere() {
    let filled = fill(
        "# of @ signs\nlisten @PORT@;\nagain @PORT@ @NAME@\n",
        &[("PORT", "80"), ("NAME", "x")],
    );
    assert_eq!(filled, "# of @ signs\nlisten 80;\nagain 80 x\n");
}

#[test]
fn a_value_may_have_signs_of_its_own() {
    let value = r#"{"@type": "x", "@other": "y"}"#;
    assert_eq!(fill("a: @VALUE@", &[("VALUE", value)]), format!("a: {value}"));
}

#[test]
#[should_panic(expected = "not filled in")]
fn a_forgotten_value_is_caught() {
    fill("listen @PORT@;", &[]);
}

#[test]
#[should_panic(expected = "has no @NAME@")]
fn a_superfluous_value_is_caught() {
    fill("listen @PORT@;", &[("PORT", "80"), ("NAME", "x")]);
}
