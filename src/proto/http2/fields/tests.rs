use super::*;

#[test]
fn what_was_pushed_is_told_in_its_order() {
    let mut fields = Fields::new();
    let pushed: [(&[u8], &[u8]); 4] = [(b"a", b"1"), (b"", b""), (b"long-name", b""), (b"a", b"2")];
    for (name, value) in pushed {
        fields.push(name, value);
    }
    assert!(fields.iter().eq(pushed));
    assert_eq!((fields.len(), fields.is_empty()), (4, false));
    fields.clear();
    assert!(fields.is_empty() && fields.iter().next().is_none());
}

#[test]
fn a_draft_counts_only_when_it_is_kept() {
    let mut fields = Fields::new();
    let draft = fields.draft();
    fields.draft_bytes().extend_from_slice(b"dropped");
    fields.drop_draft(draft);
    let draft = fields.draft();
    fields.draft_bytes().extend_from_slice(b"namevalue");
    fields.keep(FieldName::Other, draft, draft + 4);
    assert!(fields.iter().eq([(&b"name"[..], &b"value"[..])]));
}

#[test]
fn clearing_gives_back_what_is_unusual() {
    let mut fields = Fields::new();
    fields.push(b"usual", b"field");
    let usual = fields.bytes.capacity();
    fields.clear();
    assert_eq!(fields.bytes.capacity(), usual);
    for _ in 0..10_000 {
        fields.push(b"name", &[b'x'; 60]);
    }
    fields.clear();
    assert!(fields.bytes.capacity() <= 2 * FIELD_LIST_BYTES_KEPT);
    assert!(fields.ends.capacity() <= 2 * FIELD_LINES_KEPT);
}
