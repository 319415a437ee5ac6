use super::*;

#[test]
fn hosts_of_providers_are_looked_up() {
    let text = "
binds:
- port: 80
  listeners:
  - routes:
    - backends:
      - ai: {provider: openAI}
      - ai: {provider: {bedrock: {region: eu-west-1}}}
      - ai: {provider: anthropic, hostOverride: 'a.test:8'}
llm:
  models:
  - {name: a, provider: vertex, params: {vertexProject: p}}
  - {name: b, provider: azure, params: {azureHost: b.test}}
  - {name: c, provider: ollama}
";
    let config = config::parse_with(text, "t.yaml", &|_| None).unwrap();
    let names = Ringway::new(|| ()).names(&config);
    let mut names: Vec<_> =
        names.iter().map(|name| format!("{}:{}", name.host, name.port)).collect();
    names.sort();
    let expected = [
        "a.test:8",
        "aiplatform.googleapis.com:443",
        "api.openai.com:443",
        "b.test:443",
        "bedrock-runtime.eu-west-1.amazonaws.com:443",
        "localhost:11434",
    ];
    assert_eq!(names, expected);
}
