use super::super::parse_with;
use super::super::ringway::Limits;

fn read(limits: &str) -> Result<Limits, String> {
    let text = format!(
        "config: {{ringway: {{limits: {limits}}}}}\nbinds: [{{port: 1, listeners: [{{}}]}}]"
    );
    let parsed = parse_with(&text, "gateway.yaml", &|_| None);
    Ok(parsed.map_err(|found| found.to_string())?.process.ringway.limits)
}

#[test]
fn what_is_not_written_limits_nothing() {
    let limits = read("{}").unwrap();
    assert_eq!((limits.requests, limits.memory_bytes, limits.per_source), (None, None, None));
    let one = read("{perSource: {connections: 10}}").unwrap().per_source.unwrap();
    assert_eq!((one.connections, one.connection_rate, one.request_rate), (Some(10), None, None));
    assert_eq!((one.prefixes.ipv4_prefix, one.prefixes.ipv6_prefix), (32, 64));
}

/// The buffers are part of the memory: they do not get all of it.
#[test]
fn buffers_are_bounded_with_the_memory() {
    let mib = crate::limits::MIB;
    let limits = read("{memoryBytes: 512MiB}").unwrap();
    assert_eq!((limits.memory_bytes, limits.buffered_bytes), (Some(512 * mib), 256 * mib));
    let limits = read("{memoryBytes: 8GiB}").unwrap();
    assert_eq!(limits.buffered_bytes, 1024 * mib);
    assert_eq!(
        read("{memoryBytes: 1GiB, bufferedBytes: 1GiB}").unwrap().buffered_bytes,
        1024 * mib
    );
}

#[test]
fn what_is_wrong_is_told() {
    for (limits, told) in [
        ("{memoryBytes: 1MiB}", "1048576 bytes are not in 67108864 to"),
        ("{memoryBytes: 128MiB, bufferedBytes: 256MiB}", "bufferedBytes is more than memoryBytes"),
        ("{requests: 0}", "0 is not in 1 to"),
        ("{perSource: {}}", "limits nothing"),
        ("{perSource: {connections: 2000000}}", "2000000 is not in 1 to 1048575"),
        ("{perSource: {requestRate: {maxTokens: 1}}}", "`tokensPerFill` is missing"),
        (
            "{perSource: {connectionRate: {maxTokens: 9999, tokensPerFill: 1, fillInterval: 24h}}}",
            "takes more than a year",
        ),
        ("{perSource: {connections: 1, prefix: 3}}", "unknown key"),
    ] {
        let found = read(limits).expect_err(limits);
        assert!(found.contains(told), "{found}\nof {limits}");
    }
}
