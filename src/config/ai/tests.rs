use super::super::*;

fn read(backend: &str) -> Result<Config, Diagnostics> {
    let text = format!(
        "binds:\n- port: 80\n  listeners:\n  - routes:\n    - backends:\n      - ai: {backend}\n"
    );
    parse_with(&text, "t.yaml", &|_| None)
}

fn good(backend: &str) -> ai::Ai {
    let config = read(backend).unwrap_or_else(|found| panic!("{found}"));
    match config.binds[0].listeners[0].routes[0].backends[0].target.clone() {
        backend::RouteTarget::Inline(backend::Target::Ai(ai)) => *ai,
        other => panic!("{other:?}"),
    }
}

fn told(backend: &str) -> String {
    read(backend).unwrap_err().to_string()
}

#[test]
fn a_provider_is_a_host_with_a_few_words() {
    let ai = good("{name: a, provider: {openAI: {model: gpt-6}}}");
    assert_eq!((ai.host().to_string().as_str(), ai.has_tls()), ("api.openai.com:443", true));
    assert_eq!((ai.label(), ai.provider.model.as_deref()), ("a", Some("gpt-6")));
    let ai = good("{provider: anthropic, hostOverride: '127.0.0.1:9', pathPrefix: /x/}");
    assert_eq!((ai.host().to_string().as_str(), ai.has_tls()), ("127.0.0.1:9", false));
    assert_eq!((ai.label(), ai.path_prefix.as_deref()), ("anthropic", Some("/x")));
    let custom = "{provider: {custom: {formats: [{type: messages, path: /m}], \
                  providerOverride: mine}}, hostOverride: 'a.test:80'}";
    let ai = good(custom);
    assert_eq!((ai.label(), ai.provider.formats[0].api), ("mine", ai::Api::Messages));
    for preset in &ai::PRESETS {
        if !preset.is_custom() && !preset.is_of_a_cloud() {
            let ai = good(&format!("{{provider: {{{}: {{}}}}}}", preset.word));
            assert_eq!(ai.has_tls(), !matches!(preset.word, "ollama" | "vllm"));
        }
    }
}

#[test]
fn what_is_not_spoken_is_refused_by_name() {
    let told = told("{provider: {copilot: {}}}");
    assert!(told.contains("`copilot` is not supported"), "{told}");
    assert!(told.contains("a dialogue") && told.contains("t.yaml:6:"), "{told}");
}

#[test]
fn a_providers_cloud_says_its_host() {
    for (provider, host) in [
        ("azure: {resourceName: r}", "r.openai.azure.com"),
        ("azure: {resourceName: r, resourceType: foundry}", "r.services.ai.azure.com"),
        ("azure: {resourceName: r, resourceType: aiServices}", "r.services.ai.azure.com"),
        ("vertex: {projectId: 'x.test:p'}", "aiplatform.googleapis.com"),
        ("vertex: {projectId: p, region: us-east5}", "us-east5-aiplatform.googleapis.com"),
        ("vertex: {projectId: p, region: eu}", "aiplatform.eu.rep.googleapis.com"),
        ("bedrock: {region: eu-west-1}", "bedrock-runtime.eu-west-1.amazonaws.com"),
        ("gemini: {}", "generativelanguage.googleapis.com"),
    ] {
        let ai = good(&format!("{{provider: {{{provider}}}}}"));
        assert_eq!(ai.host().to_string(), format!("{host}:443"));
        assert!(ai.has_tls());
    }
    let ai = good("{provider: azure, hostOverride: 'a.test:80'}");
    assert_eq!(ai.host().to_string(), "a.test:80");
}

#[test]
fn mistakes_are_told_with_their_places() {
    for (backend, expected) in [
        ("{}", "`provider` is missing"),
        ("{provider: {}}", "exactly one provider is needed, 0 are written"),
        ("{provider: {openAI: {}, xai: {}}}", "exactly one provider is needed, 2 are written"),
        ("{provider: {openai: {}}}", "did you mean `openAI`?"),
        ("{provider: openAi}", "did you mean `openAI`?"),
        ("{provider: {custom: {formats: [{type: completions}]}}}", "`hostOverride` is missing"),
        ("{provider: {custom: {}}, hostOverride: 'a.test:1'}", "`formats` is missing"),
        ("{provider: {custom: {formats: []}}, hostOverride: 'a.test:1'}", "speaks nothing"),
        (
            "{provider: {custom: {formats: [{type: messages}, {type: messages}]}}, \
             hostOverride: 'a.test:1'}",
            "a format that is written twice",
        ),
        ("{provider: {openAI: {model: ''}}}", "no name of a model"),
        ("{provider: {openAI: {}}, pathOverride: chat}", "does not begin with /"),
        ("{provider: {openAI: {}}, hostOverride: 'https://a.test'}", "does not belong here"),
        ("{provider: {azure: {}}}", "`resourceName` is missing"),
        ("{provider: azure}", "`resourceName` is missing"),
        ("{provider: {azure: {resourceName: a.b}}}", "letters, digits"),
        ("{provider: {azure: {resourceName: a, resourceType: other}}}", "not a value"),
        ("{provider: {bedrock: {}}}", "`region` is missing"),
        ("{provider: bedrock}", "where is it?"),
        ("{provider: {bedrock: {region: a, guardrailIdentifier: g}}}", "belong together"),
        ("{provider: {vertex: {}}}", "`projectId` is missing"),
        ("{provider: vertex}", "where is it?"),
        ("{provider: {vertex: {projectId: 'a/b'}}}", "no name of a project"),
        ("{provider: {gemini: {region: a}}}", "unknown key"),
        ("{provider: {openAI: {}}, groups: []}", "each provider of a group has its own"),
        ("{groups: []}", "0 providers are not in 1 to 64"),
        ("{groups: [{providers: []}]}", "a group without providers"),
        ("{groups: [{providers: [{name: a}]}]}", "`provider` is missing"),
        ("{provider: {openAI: {}}, policies: {}}", "not supported by Ringway yet"),
    ] {
        let told = told(backend);
        assert!(told.contains(expected), "{backend}: {told}");
    }
}

#[test]
fn a_key_is_nobodys_to_read() {
    let text = "binds:\n- port: 80\n  listeners:\n  - routes:\n    - backends:\n      \
                - ai: {provider: openAI}\n        policies: {backendAuth: {key: sk-secret}}\n";
    let config = parse_with(text, "t.yaml", &|_| None).unwrap();
    assert!(!format!("{config:?}").contains("sk-secret"));
    assert!(!serde_json::to_string(&config).unwrap().contains("sk-secret"));
    for (key, expected) in
        [("''", "visible ASCII"), ("a b", "visible ASCII"), ("\"a\\n\"", "visible")]
    {
        let text = text.replace("sk-secret", key);
        let told = parse_with(&text, "t.yaml", &|_| None).unwrap_err().to_string();
        assert!(told.contains(expected), "{told}");
    }
}
