//! The credential of a backend: a field that is known now becomes an edit of heads, what a cloud
//! gives out a `Credential` that control fetches. Of equal ones there is one, also over reloads.

use std::sync::Arc;

use super::{Compiler, policy};
use crate::base::id::ClusterId;
use crate::config::ai::{Ai, Cloud};
use crate::config::backend_auth::{Aws, BackendAuth, Gcp, GcpKind, Key};
use crate::limits::CREDENTIALS_MAX;
use crate::policy::PipelineSpec;
use crate::policy::edit::HeaderModifierSpec;
use crate::upstream::credential::{Auth, Credential, Signs, Source};

/// Of a provider whose users show nothing else, where nothing is said about it.
pub(super) fn implied(ai: &Ai) -> Option<BackendAuth> {
    match ai.provider.preset.word {
        "bedrock" => Some(BackendAuth::Aws(Aws::default())),
        "vertex" => Some(BackendAuth::Gcp(Gcp::default())),
        _ => None,
    }
}

/// What a provider's requests have in the place of the client's credentials, and of any backend's
/// with a `backendAuth`. Answers are read: they may not be coded.
fn edit(spec: &mut PipelineSpec, auth: Option<&BackendAuth>, ai: Option<&Ai>) {
    spec.watches = ai.is_some();
    // The backend's own edits stay; the credential has the last word.
    let mut modifier = spec.request_headers.take().unwrap_or_default();
    if ai.is_some() {
        modifier.remove.push("accept-encoding".to_owned());
    }
    if let Some(Cloud::Bedrock(bedrock)) = ai.map(|ai| &ai.provider.cloud)
        && let (Some(id), Some(version)) =
            (&bedrock.guardrail_identifier, &bedrock.guardrail_version)
    {
        // Of InvokeModel, whose bodies are the models' own; those of Converse have it inside.
        modifier.set.push(("x-amzn-bedrock-guardrailidentifier".to_owned(), id.clone()));
        modifier.set.push(("x-amzn-bedrock-guardrailversion".to_owned(), version.clone()));
    }
    match auth {
        None | Some(BackendAuth::Passthrough {}) => (),
        Some(BackendAuth::Key(key)) => {
            modifier.remove.extend(CLIENTS.map(str::to_owned));
            let (name, value) = field(key, ai);
            // What is removed is removed last: it may not be what is set.
            modifier.remove.retain(|removed| !removed.eq_ignore_ascii_case(&name));
            modifier.set.retain(|(other, _)| !other.eq_ignore_ascii_case(&name));
            modifier.set.push((name, value));
        }
        Some(BackendAuth::Aws(_)) => {
            modifier.remove.extend(CLIENTS.iter().chain(&OF_A_SIGNATURE).map(|&name| name.into()));
        }
        Some(BackendAuth::Gcp(_) | BackendAuth::Azure(_)) => {
            modifier.remove.extend(CLIENTS.map(str::to_owned));
        }
    }
    let HeaderModifierSpec { add, set, remove } = &modifier;
    if !(add.is_empty() && set.is_empty() && remove.is_empty()) {
        spec.request_headers = Some(modifier);
    }
}

/// Where a key goes.
fn field(key: &Key, ai: Option<&Ai>) -> (String, String) {
    let value = key.value.expose();
    if let Some(location) = &key.location {
        return (location.name.clone(), format!("{}{value}", location.prefix));
    }
    match ai.and_then(|ai| ai.provider.preset.key_field()) {
        Some(name) => (name.to_owned(), value.to_owned()),
        None => ("authorization".to_owned(), format!("Bearer {value}")),
    }
}

impl Compiler<'_> {
    /// Whether the backend has a pipeline of its own, with its credential in it.
    pub(super) fn backend_pipeline(
        &self,
        own: &mut PipelineSpec,
        auth: Option<&BackendAuth>,
        ai: Option<&Ai>,
    ) -> bool {
        edit(own, auth, ai);
        own.watches || !policy::is_nothing(own)
    }

    /// What is put into the head when all else of it is written.
    pub(super) fn auth(
        &mut self,
        raw: Option<&BackendAuth>,
        ai: Option<&Ai>,
        cluster: ClusterId,
        label: &str,
    ) -> Option<Box<Auth>> {
        let authority = self.clusters.authority(cluster).unwrap_or_default();
        let authority = String::from_utf8_lossy(&authority).into_owned();
        let host = authority.split(':').next().unwrap_or_default();
        let (source, signs) = match raw? {
            BackendAuth::Passthrough {} | BackendAuth::Key(_) => return None,
            BackendAuth::Aws(aws) => {
                let Some(signs) = scope(aws, ai, host) else {
                    self.tell(
                        label,
                        "`backendAuth.aws`: of what region and service?\n    hint: \
                        write `region` and `serviceName`: the backend's name does not say them",
                    );
                    return None;
                };
                (aws.keys.clone().map_or(Source::Aws, Source::AwsKeys), Some(signs))
            }
            BackendAuth::Gcp(gcp) => {
                let audience = match (gcp.kind, &gcp.audience) {
                    (GcpKind::AccessToken, _) => None,
                    (GcpKind::IdToken, Some(audience)) => Some(audience.clone()),
                    (GcpKind::IdToken, None) if !host.is_empty() => Some(format!("https://{host}")),
                    (GcpKind::IdToken, None) => {
                        self.tell(
                            label,
                            "`backendAuth.gcp`: an `idToken` needs its `audience` \
                            where the backend has no name",
                        );
                        return None;
                    }
                };
                (Source::Gcp { audience, credential: gcp.credential.clone() }, None)
            }
            BackendAuth::Azure(azure) => {
                let scope = azure.scope.clone().unwrap_or_else(|| MODELS_OF_AZURE.to_owned());
                (Source::Azure { identity: azure.identity.clone(), scope }, None)
            }
        };
        let credential = self.credential(source, label);
        let bytes_max = self.config.frontend_policies.http.max_buffer_size;
        Some(Box::new(Auth::new(credential, signs, bytes_max)))
    }

    fn credential(&mut self, source: Source, label: &str) -> Arc<Credential> {
        let last = self.last.map_or(&[][..], |last| &last.credentials);
        let known = |one: &&Arc<Credential>| one.source == source;
        if let Some(known) = self.credentials.iter().find(known) {
            return Arc::clone(known);
        }
        let kept = last.iter().find(known).cloned();
        let credential = kept.unwrap_or_else(|| Arc::new(Credential::new(source)));
        self.credentials.push(Arc::clone(&credential));
        if self.credentials.len() == CREDENTIALS_MAX + 1 {
            self.tell(label, &format!("more than {CREDENTIALS_MAX} credentials of clouds"));
        }
        credential
    }
}

/// What is written, else what the provider or the name of the backend says.
fn scope(aws: &Aws, ai: Option<&Ai>, host: &str) -> Option<Signs> {
    let bedrock = ai.and_then(|ai| match &ai.provider.cloud {
        Cloud::Bedrock(bedrock) => Some((bedrock.region.as_str(), "bedrock")),
        _ => None,
    });
    let known = bedrock.or_else(|| of_name(host));
    let written = (aws.region.as_deref(), aws.service_name.as_deref());
    let region =
        written.0.or_else(|| known.map(|known| known.0)).or(aws.ambient_region.as_deref())?;
    let service = written.1.or_else(|| known.map(|known| known.1))?;
    Some(Signs { region: region.into(), service: service.into() })
}

/// Region and service, as in `x.execute-api.eu-west-1.amazonaws.com`.
fn of_name(host: &str) -> Option<(&str, &str)> {
    let function = host.strip_suffix(".on.aws").and_then(|front| front.rsplit_once('.'));
    if let Some((front, region)) = function
        && front.ends_with(".lambda-url")
    {
        return Some((region, "lambda"));
    }
    let front = host.strip_suffix(".amazonaws.com")?;
    let (front, region) = front.rsplit_once('.')?;
    let service = front.rsplit('.').next()?;
    let of_models = matches!(service, "bedrock-runtime" | "bedrock-agent-runtime");
    Some((region, if of_models { "bedrock" } else { service }))
}

/// Where clients show who they are.
const CLIENTS: [&str; 4] = ["authorization", "x-api-key", "api-key", "x-goog-api-key"];
const OF_A_SIGNATURE: [&str; 3] = ["x-amz-date", "x-amz-security-token", "x-amz-content-sha256"];
/// What a token is for that is shown to Azure OpenAI and to Foundry.
const MODELS_OF_AZURE: &str = "https://cognitiveservices.azure.com/.default";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_region_and_service() {
        for (host, said) in [
            ("bedrock-runtime.us-east-1.amazonaws.com", Some(("us-east-1", "bedrock"))),
            ("abc.execute-api.eu-west-1.amazonaws.com", Some(("eu-west-1", "execute-api"))),
            ("abc.lambda-url.eu-west-1.on.aws", Some(("eu-west-1", "lambda"))),
            ("lambda.eu-west-1.amazonaws.com", Some(("eu-west-1", "lambda"))),
            ("amazonaws.com", None),
            ("sts.amazonaws.com", None),
            ("127.0.0.1", None),
            ("", None),
        ] {
            assert_eq!(of_name(host), said, "{host}");
        }
        let ambient = Aws { ambient_region: Some("us-east-2".to_owned()), ..Aws::default() };
        assert_eq!(scope(&ambient, None, "127.0.0.1"), None);
        let named = Aws { service_name: Some("x".to_owned()), ..ambient };
        let signs = scope(&named, None, "lambda.eu-west-1.amazonaws.com").unwrap();
        assert_eq!((&*signs.region, &*signs.service), ("eu-west-1", "x"));
        let signs = scope(&named, None, "127.0.0.1").unwrap();
        assert_eq!((&*signs.region, &*signs.service), ("us-east-2", "x"));
    }
}
