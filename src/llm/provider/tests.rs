use super::*;

const NONE: Option<Path> = None;

fn provider() -> Provider {
    let mut paths = [NONE; Api::SPOKEN];
    paths[0] = Some(Path::fixed("/openai/v1/chat/completions".to_owned()));
    let models = "/v1beta/models/".to_owned();
    paths[5] = Some(Path::either(models, ":generateContent", ":streamGenerateContent?alt=sse"));
    Provider {
        cluster: ClusterId(0),
        label: "groq".into(),
        paths,
        prefix: b"/openai/v1"[..].into(),
        path: None,
        model: None,
        fits: Fits::Nothing,
    }
}

fn target(provider: &Provider, wanted: Wanted<'_>) -> Result<String, Error> {
    let mut out = Vec::new();
    provider.put_target(&mut out, wanted).map(|()| String::from_utf8(out).unwrap())
}

fn for_path(api: Api, path: &str) -> Wanted<'_> {
    Wanted { api, model: b"m", streams: false, path: path.as_bytes(), query: None }
}

#[test]
fn targets_are_the_providers_own() {
    let mut provider = provider();
    let chat =
        Wanted { query: Some(b"a=1"), ..for_path(Api::Completions, "/x/v1/chat/completions") };
    assert_eq!(target(&provider, chat).unwrap(), "/openai/v1/chat/completions?a=1");
    let messages = for_path(Api::Messages, "/v1/messages");
    assert_eq!(target(&provider, messages), Err(Error::NotSpoken));
    for (path, there) in [
        ("/v1/audio/speech", "/openai/v1/audio/speech"),
        ("/v1", "/openai/v1"),
        ("/v1beta/x", "/v1beta/x"),
        ("/files", "/files"),
    ] {
        assert_eq!(target(&provider, for_path(Api::Other, path)).unwrap(), there);
    }
    provider.path = Some(b"/chat"[..].into());
    assert_eq!(target(&provider, messages).unwrap(), "/chat");
}

#[test]
fn a_model_is_one_segment_of_a_path() {
    let provider = provider();
    let of = |model: &str, streams, query: Option<&str>| {
        let query = query.map(str::as_bytes);
        let path = b"/";
        let wanted = Wanted { api: Api::Generate, model: model.as_bytes(), streams, path, query };
        target(&provider, wanted)
    };
    for (model, there) in [
        ("gemini-3", "gemini-3"),
        ("models/gemini-3", "gemini-3"),
        ("google/gemini-3", "gemini-3"),
        ("claude-5@20260101", "claude-5@20260101"),
        ("anthropic.claude-v2:0", "anthropic.claude-v2%3A0"),
        ("a:countTokens", "a%3AcountTokens"),
        (
            "arn:aws:bedrock:us-east-1:1:inference-profile/x.y",
            "arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Ainference-profile%2Fx.y",
        ),
        ("\u{e9}", "%C3%A9"),
    ] {
        let expected = format!("/v1beta/models/{there}:generateContent");
        assert_eq!(of(model, false, None).as_deref(), Ok(&*expected));
    }
    let streamed = of("m", true, Some("b=2")).unwrap();
    assert_eq!(streamed, "/v1beta/models/m:streamGenerateContent?alt=sse&b=2");
    for model in [
        "",
        ".",
        "..",
        "a/b",
        "../x",
        "models/..",
        "models/",
        "a b",
        "a?b",
        "a#b",
        "a%2fb",
        "a\\b",
        "a\nb",
        "a\"b",
        "arn:aws:x/../y",
        "a\u{7f}",
        "a{b}",
        "a^b",
        "a|b",
        "<a>",
        "`",
    ] {
        assert_eq!(of(model, false, None), Err(Error::BadModel), "{model:?}");
    }
}
