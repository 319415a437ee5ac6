//! A scrape, as a monitoring system reads it.

use std::net::SocketAddr;

use super::client::Client;

#[derive(Debug, Default)]
pub struct Metrics {
    pub text: String,
    samples: Vec<Sample>,
}

#[derive(Debug)]
struct Sample {
    name: String,
    labels: Vec<(String, String)>,
    value: f64,
}

impl Metrics {
    pub fn scrape(stats: SocketAddr) -> Self {
        let response = Client::http1(stats).get("/metrics");
        assert_eq!(response.status, 200);
        Self::parse(response.body())
    }

    fn parse(text: String) -> Self {
        let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
        let samples = lines.map(|line| sample(line).unwrap_or_else(|| panic!("sample {line:?}")));
        Self { samples: samples.collect(), text }
    }

    /// Of all samples of that name that have these labels.
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        self.matching(name, labels).map(|sample| sample.value).sum()
    }

    pub fn has(&self, name: &str, labels: &[(&str, &str)]) -> bool {
        self.matching(name, labels).next().is_some()
    }

    /// The values that a label has.
    pub fn values(&self, name: &str, label: &str) -> Vec<String> {
        let named = self.matching(name, &[]).flat_map(|sample| &sample.labels);
        named.filter(|(key, _)| key == label).map(|(_, value)| value.clone()).collect()
    }

    pub fn label_names(&self, name: &str) -> Vec<String> {
        let first = self.matching(name, &[]).next();
        first.map_or(Vec::new(), |s| s.labels.iter().map(|(key, _)| key.clone()).collect())
    }

    fn matching<'a>(
        &'a self,
        name: &'a str,
        labels: &'a [(&'a str, &'a str)],
    ) -> impl Iterator<Item = &'a Sample> {
        let has = |sample: &&Sample| {
            labels.iter().all(|(key, value)| {
                sample.labels.iter().any(|label| label.0 == *key && label.1 == *value)
            })
        };
        self.samples.iter().filter(move |sample| sample.name == name).filter(has)
    }
}

fn sample(line: &str) -> Option<Sample> {
    let (series, value) = match line.rfind('}') {
        Some(end) => (&line[..=end], line[end + 1..].trim()),
        None => line.split_once(' ')?,
    };
    let (name, labels) = match series.split_once('{') {
        Some((name, labels)) => (name, labels.strip_suffix('}')?),
        None => (series, ""),
    };
    let value = value.split(' ').next()?.parse().ok()?;
    Some(Sample { name: name.to_owned(), labels: read_labels(labels)?, value })
}

fn read_labels(mut text: &str) -> Option<Vec<(String, String)>> {
    let mut labels = Vec::new();
    while !text.is_empty() {
        let (name, rest) = text.split_once("=\"")?;
        let mut value = String::new();
        let mut escaped = false;
        let mut end = None;
        for (at, c) in rest.char_indices() {
            match (escaped, c) {
                (false, '\\') => escaped = true,
                (false, '"') => {
                    end = Some(at);
                    break;
                }
                (true, 'n') => {
                    value.push('\n');
                    escaped = false;
                }
                _ => {
                    value.push(c);
                    escaped = false;
                }
            }
        }
        labels.push((name.to_owned(), value));
        text = rest[end? + 1..].trim_start_matches(',');
    }
    Some(labels)
}
