use super::*;

const EXACT: &[&str] = &["/", "/a", "/a/", "/a/b", "/a//b", "/c/d/e"];
const PREFIX: &[&str] = &["", "/a", "/a/b/c", "/c//d", "/x/y"];

fn forest() -> (Forest, Vec<&'static str>, u32, u32) {
    let mut draft: Draft<&'static str, ()> = Draft::new();
    let (root, other) = (draft.root(), draft.root());
    for path in EXACT {
        draft.exact(root, path.as_bytes()).push(*path);
    }
    for path in PREFIX {
        draft.prefix(root, path.as_bytes()).push(*path);
    }
    draft.exact(other, b"/only").push("/only");
    let (forest, things, _) = draft.freeze();
    (forest, things, root, other)
}

fn found(path: &str) -> (Vec<&'static str>, Vec<(&'static str, usize)>) {
    let (forest, things, root, _) = forest();
    let walk = forest.walk(root, path.as_bytes());
    let list = |range: Range<u32>| things[range.start as usize..range.end as usize].to_vec();
    let exact = forest.exact(walk).map(list).unwrap_or_default();
    let prefixes = forest.prefixes(walk);
    (
        exact,
        prefixes.flat_map(|(range, len)| list(range).into_iter().map(move |t| (t, len))).collect(),
    )
}

#[test]
fn a_walk_finds_the_exact_path_and_every_prefix() {
    type Expected = (&'static [&'static str], &'static [(&'static str, usize)]);
    let cases: [(&str, Expected); 16] = [
        ("/", (&["/"], &[("", 0)])),
        ("", (&["/"], &[("", 0)])),
        ("*", (&[], &[("", 0)])),
        ("/a", (&["/a"], &[("/a", 2), ("", 0)])),
        ("/a/", (&["/a/"], &[("/a", 2), ("", 0)])),
        ("/a/b", (&["/a/b"], &[("/a", 2), ("", 0)])),
        ("/a/b/", (&[], &[("/a", 2), ("", 0)])),
        ("/a//b", (&["/a//b"], &[("/a", 2), ("", 0)])),
        ("/a/b/c", (&[], &[("/a/b/c", 6), ("/a", 2), ("", 0)])),
        ("/a/b/c/d", (&[], &[("/a/b/c", 6), ("/a", 2), ("", 0)])),
        ("/ab", (&[], &[("", 0)])),
        ("/A", (&[], &[("", 0)])),
        ("//", (&[], &[("", 0)])),
        ("/c/d", (&[], &[("", 0)])),
        ("/c//d/e", (&[], &[("/c//d", 5), ("", 0)])),
        ("/only", (&[], &[("", 0)])),
    ];
    for (path, (exact, prefixes)) in cases {
        assert_eq!(found(path), (exact.to_vec(), prefixes.to_vec()), "{path}");
    }
}

#[test]
fn trees_do_not_mix() {
    let (forest, things, _, other) = forest();
    let at = |path: &[u8]| forest.exact(forest.walk(other, path));
    assert_eq!(things[at(b"/only").unwrap().start as usize], "/only");
    assert!(at(b"/a").is_none());
    assert!(forest.prefixes(forest.walk(other, b"/a")).all(|(range, _)| range.is_empty()));
}

#[test]
fn gates_are_met_on_the_way_up() {
    let mut draft: Draft<(), u32> = Draft::new();
    let root = draft.root();
    for (path, gate) in [("/a/b", 2), ("", 0), ("/a/b", 3), ("/x", 1)] {
        draft.gates(root, path.as_bytes()).push(gate);
    }
    let (forest, _, gates) = draft.freeze();
    let cases: [(&str, &[u32]); 5] =
        [("/a/b/c", &[2, 3, 0]), ("/a/c", &[0]), ("/x", &[1, 0]), ("/", &[0]), ("*", &[0])];
    for (path, expected) in cases {
        let ranges = forest.gates(forest.walk(root, path.as_bytes()));
        let met: Vec<u32> = ranges.flat_map(|range| range.map(|at| gates[at as usize])).collect();
        assert_eq!(met, expected, "{path}");
    }
}
