//! Latencies as the tools of HdrHistogram read them: `percentile, count` lines in milliseconds.

use hdrhistogram::Histogram;

pub fn hgrm(latency: &Histogram<u64>) -> String {
    let mut out = format!(
        "{:>12} {:>14} {:>10} {:>14}\n\n",
        "Value", "Percentile", "TotalCount", "1/(1-Percentile)"
    );
    let mut seen = 0;
    for step in latency.iter_quantiles(TICKS_PER_HALF) {
        seen += step.count_since_last_iteration();
        let quantile = step.quantile_iterated_to();
        let value = step.value_iterated_to().min(latency.max()) as f64 / NANOS_PER_MILLI;
        let inverse = if quantile < 1.0 {
            format!(" {:>14.2}", 1.0 / (1.0 - quantile))
        } else {
            String::new()
        };
        out.push_str(&format!("{value:>12.3} {quantile:>14.12} {seen:>10}{inverse}\n"));
    }
    let milli = |nanos: f64| nanos / NANOS_PER_MILLI;
    let (mean, deviation) = (milli(latency.mean()), milli(latency.stdev()));
    let (max, total) = (milli(latency.max() as f64), latency.len());
    out.push_str(&format!("#[Mean    = {mean:>12.3}, StdDeviation   = {deviation:>12.3}]\n"));
    out.push_str(&format!("#[Max     = {max:>12.3}, Total count    = {total:>12}]\n"));
    out.push_str("#[Buckets =           22, SubBuckets     =         2048]\n");
    out
}

const TICKS_PER_HALF: u32 = 5;
const NANOS_PER_MILLI: f64 = 1e6;
