use super::super::parse_with;
use super::*;

fn read(compression: &str) -> Result<Compression, String> {
    let text = format!(
        "binds: [{{port: 1, listeners: [{{routes: [{{policies: {{compression: {compression}}}}}]}}]}}]"
    );
    let parsed = parse_with(&text, "gateway.yaml", &|_| None);
    let mut config = parsed.map_err(|found| found.to_string())?;
    let route = config.binds.remove(0).listeners.remove(0).routes.remove(0);
    Ok(route.policies.compression.unwrap())
}

#[test]
fn what_is_not_written_has_its_default() {
    let compression = read("{}").unwrap();
    assert_eq!(compression, Compression::default());
    assert_eq!(compression.types.len(), TYPES.len(), "each default is a type");
    let some = read("{algorithms: [gzip, br], types: [TEXT/*, a/B, '*+json'], minBytes: 1KiB}");
    let some = some.unwrap();
    assert_eq!(some.algorithms, [Algorithm::Gzip, Algorithm::Brotli]);
    assert_eq!(
        some.types,
        [
            MediaRange::Under("text/".into()),
            MediaRange::Exact("a/b".into()),
            MediaRange::EndingIn("+json".into()),
        ]
    );
}

#[test]
fn what_is_wrong_is_told() {
    for (compression, told) in [
        ("{algorithms: []}", "no algorithm is left"),
        ("{algorithms: [gzip, gzip]}", "named twice"),
        ("{algorithms: [deflate]}", "not a value of this key"),
        ("{types: []}", "0 types are not in 1 to 100"),
        ("{types: ['*/*']}", "is no media type"),
        ("{types: [json]}", "is no media type"),
        ("{brotliLevel: 11}", "11 is not in 1 to 6"),
        ("{gzipLevel: 0}", "0 is not in 1 to 9"),
        ("{minBytes: -1}", "-1 is not in 0"),
        ("{level: 3}", "unknown key"),
    ] {
        let found = read(compression).expect_err(compression);
        assert!(found.contains(told), "{found}\nof {compression}");
    }
}
