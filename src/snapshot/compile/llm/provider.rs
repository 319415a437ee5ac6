//! What a provider is compiled to: the paths of all that it speaks.

use super::api;
use crate::base::id::ClusterId;
use crate::config::ai::{Ai, Azure, Bedrock, Cloud, ResourceType, Vertex};
use crate::llm::model::Sent;
use crate::llm::provider::{ENDS, Fits, Path};
use crate::llm::{Api, Provider};

pub(super) fn compile(cluster: ClusterId, ai: &Ai) -> Provider {
    let preset = ai.provider.preset;
    let prefix = ai.path_prefix.as_deref().unwrap_or(preset.prefix);
    Provider {
        cluster,
        label: ai.provider.label().into(),
        paths: Api::ALL_SPOKEN.map(|at| path(ai, prefix, at)),
        prefix: prefix.as_bytes().into(),
        path: ai.path_override.as_ref().map(|path| path.as_bytes().into()),
        model: ai.provider.model.as_deref().map(Sent::name),
        fits: match &ai.provider.cloud {
            Cloud::Vertex(_) => Fits::Vertex,
            Cloud::Bedrock(bedrock) => guarded(bedrock),
            Cloud::Azure(_) | Cloud::None => Fits::Nothing,
        },
    }
}

fn path(ai: &Ai, prefix: &str, at: Api) -> Option<Path> {
    let preset = ai.provider.preset;
    let place = at.place()?;
    let usual = ENDS.get(place).map(|end| format!("{prefix}{end}"));
    match &ai.provider.cloud {
        Cloud::Azure(azure) => {
            let own = ai.path_prefix.is_some() && !is_anthropic(at);
            return if own { usual.map(Path::fixed) } else { of_azure(azure, at) };
        }
        Cloud::Vertex(vertex) => return of_vertex(vertex, at),
        Cloud::Bedrock(_) => {
            let front = "/model/".to_owned();
            return (at == Api::Converse)
                .then(|| Path::either(front, "/converse", "/converse-stream"));
        }
        Cloud::None => (),
    }
    if preset.is_custom() {
        let format = ai.provider.formats.iter().find(|format| api(format.api) == at)?;
        return Some(Path::fixed(format.path.clone().or(usual)?));
    }
    if preset.word == "gemini"
        && let Some(native) = of_gemini("/v1beta/models/".to_owned(), at)
    {
        return Some(native);
    }
    let is_spoken = match at {
        Api::Responses => preset.word != "gemini" && !preset.is_anthropic(),
        _ => is_anthropic(at) == preset.is_anthropic(),
    };
    usual.filter(|_| is_spoken).map(Path::fixed)
}

const fn is_anthropic(api: Api) -> bool {
    matches!(api, Api::Messages | Api::CountTokens)
}

fn of_gemini(models: String, at: Api) -> Option<Path> {
    match at {
        Api::Generate => {
            Some(Path::either(models, ":generateContent", ":streamGenerateContent?alt=sse"))
        }
        Api::GenerateCount => Some(Path::model(models, ":countTokens")),
        _ => None,
    }
}

/// The version of an API of Azure OpenAI is a date, and then the model is the name of a deployment
/// in the path; or it is none, and paths are OpenAI's.
fn of_azure(azure: &Azure, at: Api) -> Option<Path> {
    let end = match at {
        Api::Completions => "chat/completions",
        Api::Embeddings => "embeddings",
        Api::Responses => "responses",
        Api::Messages | Api::CountTokens if azure.resource_type == ResourceType::Foundry => {
            let place = at.place()?;
            return Some(Path::fixed(format!("/anthropic/v1{}", ENDS[place])));
        }
        _ => return None,
    };
    if azure.resource_type == ResourceType::Foundry {
        let project = azure.project_name.as_ref().or(azure.resource_name.as_ref());
        return Some(Path::fixed(match project {
            Some(project) => format!("/api/projects/{project}/openai/v1/{end}"),
            None => format!("/openai/v1/{end}"),
        }));
    }
    Some(match azure.api_version.as_deref() {
        None | Some("v1") => Path::fixed(format!("/openai/v1/{end}")),
        Some("preview") => Path::fixed(format!("/openai/v1/{end}?api-version=preview")),
        Some(version) if at == Api::Responses => {
            Path::fixed(format!("/openai/responses?api-version={version}"))
        }
        Some(version) => {
            let front = "/openai/deployments/".to_owned();
            Path::model(front, &format!("/{end}?api-version={version}"))
        }
    })
}

fn of_vertex(vertex: &Vertex, at: Api) -> Option<Path> {
    let place = format!("/v1/projects/{}/locations/{}", vertex.project_id, vertex.region());
    let models = |publisher: &str| format!("{place}/publishers/{publisher}/models/");
    Some(match at {
        // The way in for who speaks as OpenAI does.
        Api::Completions => Path::fixed(format!("{place}/endpoints/openapi/chat/completions")),
        Api::Messages => Path::either(models("anthropic"), ":rawPredict", ":streamRawPredict"),
        Api::CountTokens => Path::fixed(format!("{}count-tokens:rawPredict", models("anthropic"))),
        _ => return of_gemini(models("google"), at),
    })
}

fn guarded(bedrock: &Bedrock) -> Fits {
    let (identifier, version) = (&bedrock.guardrail_identifier, &bedrock.guardrail_version);
    let Some((identifier, version)) = identifier.as_ref().zip(version.as_ref()) else {
        return Fits::Nothing;
    };
    let config =
        serde_json::json!({ "guardrailIdentifier": identifier, "guardrailVersion": version });
    Fits::Guarded(format!("\"guardrailConfig\":{config},").into_bytes().into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ai::{PRESETS, Provider as RawProvider};
    use crate::llm::provider::Wanted;

    fn check(word: &str, cloud: Cloud, cases: &[(Api, bool, Option<&str>)]) {
        let preset = PRESETS.iter().find(|known| known.word == word).unwrap();
        let ai = Ai {
            name: None,
            provider: RawProvider { cloud, ..RawProvider::of(preset) },
            host_override: None,
            path_override: None,
            path_prefix: None,
        };
        let provider = compile(ClusterId(0), &ai);
        for (api, streams, expected) in cases {
            let mut out = Vec::new();
            let (model, path) = (&b"m-1"[..], &b"/"[..]);
            let wanted = Wanted { api: *api, model, streams: *streams, path, query: None };
            let put = provider.put_target(&mut out, wanted);
            let target = put.ok().map(|()| String::from_utf8(out).unwrap());
            assert_eq!(target.as_deref(), *expected, "{word} {api:?} {streams}");
        }
    }

    fn azure(resource_type: ResourceType, version: Option<&str>) -> Cloud {
        Cloud::Azure(Azure {
            resource_name: Some("res".to_owned()),
            resource_type,
            api_version: version.map(str::to_owned),
            project_name: None,
        })
    }

    #[test]
    fn azure_has_deployments_or_openais_paths() {
        check(
            "azure",
            azure(ResourceType::OpenAi, None),
            &[
                (Api::Completions, true, Some("/openai/v1/chat/completions")),
                (Api::Messages, false, None),
                (Api::Generate, false, None),
            ],
        );
        let dated = "/openai/deployments/m-1/embeddings?api-version=2024-10-21";
        check(
            "azure",
            azure(ResourceType::OpenAi, Some("2024-10-21")),
            &[
                (Api::Embeddings, false, Some(dated)),
                (Api::Responses, false, Some("/openai/responses?api-version=2024-10-21")),
            ],
        );
        check(
            "azure",
            azure(ResourceType::OpenAi, Some("preview")),
            &[(Api::Responses, false, Some("/openai/v1/responses?api-version=preview"))],
        );
        check(
            "azure",
            azure(ResourceType::Foundry, None),
            &[
                (Api::Completions, false, Some("/api/projects/res/openai/v1/chat/completions")),
                (Api::Messages, true, Some("/anthropic/v1/messages")),
                (Api::CountTokens, false, Some("/anthropic/v1/messages/count_tokens")),
            ],
        );
    }

    #[test]
    fn models_of_google_and_amazon_stand_in_paths() {
        check(
            "gemini",
            Cloud::None,
            &[
                (Api::Completions, true, Some("/v1beta/openai/chat/completions")),
                (Api::Embeddings, false, Some("/v1beta/openai/embeddings")),
                (Api::Responses, false, None),
                (Api::Generate, false, Some("/v1beta/models/m-1:generateContent")),
                (Api::Generate, true, Some("/v1beta/models/m-1:streamGenerateContent?alt=sse")),
                (Api::GenerateCount, false, Some("/v1beta/models/m-1:countTokens")),
                (Api::Messages, false, None),
            ],
        );
        let vertex = Vertex { project_id: "p".to_owned(), region: Some("us-east5".to_owned()) };
        let at = "/v1/projects/p/locations/us-east5";
        let path = |end: &str| format!("{at}{end}");
        check(
            "vertex",
            Cloud::Vertex(vertex),
            &[
                (Api::Completions, false, Some(&path("/endpoints/openapi/chat/completions"))),
                (Api::Messages, false, Some(&path("/publishers/anthropic/models/m-1:rawPredict"))),
                (
                    Api::Messages,
                    true,
                    Some(&path("/publishers/anthropic/models/m-1:streamRawPredict")),
                ),
                (
                    Api::CountTokens,
                    false,
                    Some(&path("/publishers/anthropic/models/count-tokens:rawPredict")),
                ),
                (
                    Api::Generate,
                    false,
                    Some(&path("/publishers/google/models/m-1:generateContent")),
                ),
                (Api::Responses, false, None),
            ],
        );
        let bedrock = Bedrock {
            region: "us-east-1".to_owned(),
            guardrail_identifier: None,
            guardrail_version: None,
        };
        check(
            "bedrock",
            Cloud::Bedrock(bedrock),
            &[
                (Api::Converse, false, Some("/model/m-1/converse")),
                (Api::Converse, true, Some("/model/m-1/converse-stream")),
                (Api::Completions, false, None),
                (Api::Messages, false, None),
            ],
        );
    }
}
