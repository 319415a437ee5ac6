use super::*;

#[test]
fn the_format_is_the_one_preferred() {
    let prometheus = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;\
        encoding=delimited;q=0.6,application/openmetrics-text;version=1.0.0;q=0.5,\
        application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
    let rows: &[(&[&str], Format)] = &[
        (&[], Format::Text),
        (&["*/*"], Format::Text),
        (&["text/plain"], Format::Text),
        (&[prometheus], Format::OpenMetrics),
        (&["application/openmetrics-text"], Format::OpenMetrics),
        (&["Application/OpenMetrics-Text; version=1.0.0"], Format::OpenMetrics),
        (&["application/openmetrics-text;q=0"], Format::Text),
        (&["application/openmetrics-text;q=x"], Format::Text),
        (&["application/openmetrics-text;q=0.2, text/plain;q=0.9"], Format::Text),
        (&["application/openmetrics-text;q=0.2", "*/*"], Format::Text),
        (&["text/*;q=0.1", "application/openmetrics-text;q=0.2"], Format::OpenMetrics),
        (&["text/html, application/json"], Format::Text),
    ];
    for (accepted, expected) in rows {
        assert_eq!(prefer(accepted.iter().copied()), *expected, "{accepted:?}");
    }
}
