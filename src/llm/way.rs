//! `Way`: how a provider is asked for what a caller wants.

use super::api::Api;
use super::error::Error;
use super::provider::{Path, Provider};
use super::translate::{Dialect, Host};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// In the caller's words.
    Same,
    /// In those of another dialect; or in the same, where the model is not where the provider looks
    /// for it.
    Translated { own: Dialect, theirs: Dialect },
    /// Not at all: it cannot count, and the answer is an estimate.
    Estimated(Dialect),
}

impl Provider {
    /// How it is asked for a model. `in_path`: the model stood in the path, not in the body.
    ///
    /// # Errors
    /// It speaks nothing that the caller's words could be told in.
    pub fn way(&self, api: Api, in_path: bool, model: &[u8]) -> Result<Way, Error> {
        if self.speaks(api, model) && !(in_path && self.wants_model(api)) {
            return Ok(Way::Same);
        }
        match (api.dialect(), api.words()) {
            (Some(own), _) => {
                let speaks = |theirs: &Dialect| self.speaks(Api::of(*theirs), model);
                let theirs = own.preferred().into_iter().find(speaks).ok_or(Error::NotSpoken)?;
                Ok(Way::Translated { own, theirs })
            }
            (None, Some(words)) if matches!(api, Api::CountTokens | Api::GenerateCount) => {
                Ok(Way::Estimated(words))
            }
            _ => Err(Error::NotSpoken),
        }
    }

    fn speaks(&self, api: Api, model: &[u8]) -> bool {
        api.place().is_none_or(|place| self.paths[place].is_some()) && self.publishes(api, model)
    }

    /// Vertex has the models of several publishers, and each in its publisher's words alone.
    fn publishes(&self, api: Api, model: &[u8]) -> bool {
        if self.host != Host::Vertex {
            return true;
        }
        let name = model.rsplit(|byte| *byte == b'/').next().unwrap_or(model);
        let is_claude = name.starts_with(b"claude");
        match api {
            Api::Messages | Api::CountTokens => is_claude,
            Api::Completions | Api::Generate | Api::GenerateCount => !is_claude,
            _ => true,
        }
    }

    /// Its bodies name the model.
    fn wants_model(&self, api: Api) -> bool {
        let path = api.place().and_then(|place| self.paths[place].as_ref());
        api == Api::Messages && matches!(path, Some(Path::Fixed(_)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::id::ClusterId;
    use crate::llm::provider::Fits;

    fn provider(spoken: &[(Api, Path)]) -> Provider {
        let mut provider = Provider {
            cluster: ClusterId(0),
            label: "x".into(),
            paths: std::array::from_fn(|_| None),
            prefix: b"/v1"[..].into(),
            path: None,
            model: None,
            fits: Fits::Nothing,
            host: Host::Own,
        };
        for (api, path) in spoken {
            provider.paths[api.place().unwrap()] = Some(path.clone());
        }
        provider
    }

    #[test]
    fn what_is_not_spoken_is_translated() {
        use Dialect::{Completions, Converse, Gemini, Messages, Responses};
        let fixed = || Path::fixed("/x".to_owned());
        let in_path = || Path::model("/m/".to_owned(), ":rawPredict");
        let openai = provider(&[(Api::Completions, fixed()), (Api::Responses, fixed())]);
        let anthropic = provider(&[(Api::Messages, fixed()), (Api::CountTokens, fixed())]);
        let bedrock = provider(&[(Api::Converse, in_path())]);
        let vertex = Provider {
            host: Host::Vertex,
            ..provider(&[
                (Api::Messages, in_path()),
                (Api::CountTokens, in_path()),
                (Api::Generate, in_path()),
                (Api::Completions, fixed()),
            ])
        };
        let to = |own, theirs| Ok(Way::Translated { own, theirs });
        for (provider, api, in_path, way) in [
            (&openai, Api::Completions, false, Ok(Way::Same)),
            (&openai, Api::Messages, false, to(Messages, Completions)),
            (&openai, Api::Generate, true, to(Gemini, Completions)),
            (&openai, Api::Converse, true, to(Converse, Completions)),
            (&openai, Api::CountTokens, false, Ok(Way::Estimated(Messages))),
            (&openai, Api::GenerateCount, true, Ok(Way::Estimated(Gemini))),
            (&openai, Api::Embeddings, false, Err(Error::NotSpoken)),
            (&openai, Api::Other, false, Ok(Way::Same)),
            (&anthropic, Api::Messages, false, Ok(Way::Same)),
            (&anthropic, Api::Messages, true, to(Messages, Messages)),
            (&anthropic, Api::CountTokens, false, Ok(Way::Same)),
            (&anthropic, Api::Responses, false, to(Responses, Messages)),
            (&bedrock, Api::Messages, false, to(Messages, Converse)),
            (&bedrock, Api::Converse, true, Ok(Way::Same)),
        ] {
            assert_eq!(provider.way(api, in_path, b"any"), way, "{api:?}");
        }
        let claude = "publishers/anthropic/models/claude-5";
        for (model, api, way) in [
            ("claude-5", Api::Messages, Ok(Way::Same)),
            (claude, Api::CountTokens, Ok(Way::Same)),
            ("claude-5", Api::Completions, to(Completions, Messages)),
            (claude, Api::Generate, to(Gemini, Messages)),
            ("claude-5", Api::GenerateCount, Ok(Way::Estimated(Gemini))),
            ("gemini-4", Api::Generate, Ok(Way::Same)),
            ("google/gemini-4", Api::Completions, Ok(Way::Same)),
            ("gemini-4", Api::Messages, to(Messages, Completions)),
            ("gemini-4", Api::CountTokens, Ok(Way::Estimated(Messages))),
        ] {
            assert_eq!(vertex.way(api, false, model.as_bytes()), way, "{model} {api:?}");
        }
    }
}
