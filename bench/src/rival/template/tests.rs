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
#[should_panic(expected = "not filled in")]
fn a_forgotten_value_is_caught() {
    fill("listen @PORT@;", &[]);
}

#[test]
#[should_panic(expected = "has no @NAME@")]
fn a_superfluous_value_is_caught() {
    fill("listen @PORT@;", &[("PORT", "80"), ("NAME", "x")]);
}
