use super::*;
use crate::telemetry::catalog;
use crate::telemetry::histogram::ProcessingHistogram;

fn page(format: Format, write: impl FnOnce(&mut Page)) -> String {
    let mut page = Page::new(format, 0);
    write(&mut page);
    page.finish()
}

#[test]
fn the_accept_header_chooses() {
    let prometheus = "application/openmetrics-text;version=1.0.0;q=0.5,\
                      application/openmetrics-text;version=0.0.1;q=0.4,\
                      text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
    let cases = [
        ("", Format::Text),
        ("*/*", Format::Text),
        ("text/plain", Format::Text),
        ("application/openmetrics-text", Format::OpenMetrics),
        ("Application/OpenMetrics-Text; version=1.0.0; charset=utf-8", Format::OpenMetrics),
        (prometheus, Format::OpenMetrics),
        ("application/openmetrics-text;q=0", Format::Text),
        ("application/openmetrics-text;q=nonsense", Format::Text),
        ("text/plain, application/openmetrics-text;Q=0.9", Format::Text),
        ("text/plain;q=0.9, application/openmetrics-text;q=0.5", Format::Text),
        ("application/json", Format::Text),
    ];
    for (accept, format) in cases {
        assert_eq!(Format::negotiate(accept), format, "{accept}");
    }
}

#[test]
fn a_counter_is_named_by_the_format() {
    let write = |page: &mut Page| {
        let rows = [("kind=\"idle\"", 3), ("kind=\"head\"", 0)];
        page.samples(&catalog::TIMEOUTS, rows.into_iter());
    };
    assert_eq!(
        page(Format::Text, write),
        "# HELP ringway_timeouts_total Deadlines that passed.\n\
         # TYPE ringway_timeouts_total counter\n\
         ringway_timeouts_total{kind=\"idle\"} 3\n\
         ringway_timeouts_total{kind=\"head\"} 0\n"
    );
    assert_eq!(
        page(Format::OpenMetrics, write),
        "# HELP ringway_timeouts Deadlines that passed.\n\
         # TYPE ringway_timeouts counter\n\
         ringway_timeouts_total{kind=\"idle\"} 3\n\
         ringway_timeouts_total{kind=\"head\"} 0\n\
         # EOF\n"
    );
}

#[test]
fn a_family_may_be_served_both_ways() {
    let help = "Total number of MCP tool calls.";
    let family = catalog::counter("agentgateway_mcp_requests_total", &["method"], help).also_bare();
    let write = |page: &mut Page| page.samples(&family, [("method=\"x\"", 1)].into_iter());
    let text = page(Format::Text, write);
    assert!(text.contains("\nagentgateway_mcp_requests_total{method=\"x\"} 1\n"), "{text}");
    assert!(text.contains("# TYPE agentgateway_mcp_requests counter\n"), "{text}");
    assert!(text.contains("\nagentgateway_mcp_requests{method=\"x\"} 1\n"), "{text}");
    let open_metrics = page(Format::OpenMetrics, write);
    assert!(!open_metrics.contains("mcp_requests{"), "{open_metrics}");
}

#[test]
fn a_histogram_is_cumulative_and_its_sum_exact() {
    let histogram = ProcessingHistogram::default();
    for nanos in [1, 60_000, 60_000, 3_000_000_001] {
        histogram.observe(nanos);
    }
    let text = page(Format::OpenMetrics, |page| {
        page.histograms(&catalog::REQUEST_PROCESSING, std::iter::once(("route=\"r\"", &histogram)));
    });
    let name = "agentgateway_request_processing_seconds";
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[1], format!("# TYPE {name} histogram"));
    assert_eq!(lines[2], format!("# UNIT {name} seconds"));
    assert_eq!(lines[3], format!("{name}_bucket{{le=\"0.00005\",route=\"r\"}} 1"));
    assert_eq!(lines[4], format!("{name}_bucket{{le=\"0.0001\",route=\"r\"}} 3"));
    assert_eq!(lines[12], format!("{name}_bucket{{le=\"0.25\",route=\"r\"}} 3"));
    assert_eq!(lines[13], format!("{name}_bucket{{le=\"+Inf\",route=\"r\"}} 4"));
    assert_eq!(lines[14], format!("{name}_sum{{route=\"r\"}} 3.000120002"));
    assert_eq!(lines[15], format!("{name}_count{{route=\"r\"}} 4"));
    assert_eq!(lines[16], "# EOF");
}

#[test]
fn an_info_is_a_gauge_to_who_knows_no_infos() {
    let write =
        |page: &mut Page| page.samples(&catalog::BUILD_INFO, [("tag=\"v1\"", 1)].into_iter());
    assert!(page(Format::Text, write).contains("# TYPE agentgateway_build_info gauge\n"));
    assert!(page(Format::OpenMetrics, write).contains("# TYPE agentgateway_build info\n"));
}
