//! What the providers that belong to a cloud are told apart by: the name of a resource, a project,
//! a region. It says their hosts, and `snapshot::compile` makes their paths of it.

use serde::Serialize;

use super::super::backend_auth::parse_label;
use super::super::reader::{Cursor, Table};

/// Of the providers that have any.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Cloud {
    #[default]
    #[serde(serialize_with = "nothing")]
    None,
    Azure(Azure),
    Vertex(Vertex),
    Bedrock(Bedrock),
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Azure {
    /// None: `hostOverride` says the host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource_name: Option<String>,
    pub resource_type: ResourceType,
    /// None: `v1`, whose paths have neither a version nor a deployment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_version: Option<String>,
    /// Of Foundry. None: called as the resource.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project_name: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum ResourceType {
    #[default]
    #[serde(rename = "openAI")]
    OpenAi,
    Foundry,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Vertex {
    pub project_id: String,
    /// None: `global`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Bedrock {
    pub region: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guardrail_identifier: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guardrail_version: Option<String>,
}

/// The same as the block `llm` has it, among the parameters of a model.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CloudParams {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aws_region: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vertex_project: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vertex_region: Option<String>,
    /// The whole host, in place of the one that the resource has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub azure_host: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub azure_resource_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub azure_resource_type: Option<ResourceType>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub azure_api_version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub azure_project_name: Option<String>,
}

impl Cloud {
    /// The keys of the provider called `word`, in its own table. `bare`: what it needs may stand
    /// elsewhere.
    pub(super) fn read(word: &str, table: &mut Table<'_>, bare: bool) -> Self {
        match word {
            "vertex" if bare && !table.has("projectId") => Self::None,
            "bedrock" if bare && !table.has("region") => Self::None,
            "azure" => Self::Azure(Azure {
                resource_name: table.maybe("resourceName", |c| c.parsed(parse_label)),
                resource_type: table.or("resourceType", ResourceType::OpenAi, ResourceType::read),
                api_version: table.maybe("apiVersion", |c| c.parsed(parse_label)),
                project_name: table.maybe("projectName", |c| c.parsed(parse_label)),
            }),
            "vertex" => {
                let project = table.must("projectId", |c| c.parsed(parse_project));
                let region = table.maybe("region", |c| c.parsed(parse_label));
                Self::Vertex(Vertex { project_id: project.unwrap_or_default(), region })
            }
            "bedrock" => {
                let region = table.must("region", |c| c.parsed(parse_label));
                let identifier = table.maybe("guardrailIdentifier", |c| c.parsed(parse_text));
                let version = table.maybe("guardrailVersion", |c| c.parsed(parse_label));
                if identifier.is_some() != version.is_some() {
                    table.fail("`guardrailIdentifier` and `guardrailVersion` belong together");
                }
                Self::Bedrock(Bedrock {
                    region: region.unwrap_or_default(),
                    guardrail_identifier: identifier,
                    guardrail_version: version,
                })
            }
            _ => Self::None,
        }
    }

    /// Its own host; `None` where that cannot be known.
    pub(super) fn host(&self) -> Option<String> {
        match self {
            Self::None => None,
            Self::Azure(azure) => {
                let name = azure.resource_name.as_ref()?;
                Some(match azure.resource_type {
                    ResourceType::OpenAi => format!("{name}.openai.azure.com"),
                    ResourceType::Foundry => format!("{name}.services.ai.azure.com"),
                })
            }
            Self::Vertex(vertex) => Some(match vertex.region() {
                "global" => "aiplatform.googleapis.com".to_owned(),
                // The restricted multi-regions have names of another form.
                region @ ("us" | "eu") => format!("aiplatform.{region}.rep.googleapis.com"),
                region => format!("{region}-aiplatform.googleapis.com"),
            }),
            Self::Bedrock(bedrock) => {
                Some(format!("bedrock-runtime.{}.amazonaws.com", bedrock.region))
            }
        }
    }
}

impl Vertex {
    pub fn region(&self) -> &str {
        self.region.as_deref().unwrap_or("global")
    }
}

impl ResourceType {
    fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let words =
            [("openAI", Self::OpenAi), ("foundry", Self::Foundry), ("aiServices", Self::Foundry)];
        cursor.word(&words, &[])
    }
}

impl CloudParams {
    pub fn read(table: &mut Table<'_>) -> Self {
        Self {
            aws_region: table.maybe("awsRegion", |c| c.parsed(parse_label)),
            vertex_project: table.maybe("vertexProject", |c| c.parsed(parse_project)),
            vertex_region: table.maybe("vertexRegion", |c| c.parsed(parse_label)),
            azure_host: table.maybe("azureHost", |c| {
                c.parsed(|text| super::super::scalar::check_name(text).map(|()| text.to_owned()))
            }),
            azure_resource_name: table.maybe("azureResourceName", |c| c.parsed(parse_label)),
            azure_resource_type: table.maybe("azureResourceType", ResourceType::read),
            azure_api_version: table.maybe("azureApiVersion", |c| c.parsed(parse_label)),
            azure_project_name: table.maybe("azureProjectName", |c| c.parsed(parse_label)),
        }
    }

    /// Each key that is written here, else the other's.
    #[must_use]
    pub fn or(self, far: Self) -> Self {
        Self {
            aws_region: self.aws_region.or(far.aws_region),
            vertex_project: self.vertex_project.or(far.vertex_project),
            vertex_region: self.vertex_region.or(far.vertex_region),
            azure_host: self.azure_host.or(far.azure_host),
            azure_resource_name: self.azure_resource_name.or(far.azure_resource_name),
            azure_resource_type: self.azure_resource_type.or(far.azure_resource_type),
            azure_api_version: self.azure_api_version.or(far.azure_api_version),
            azure_project_name: self.azure_project_name.or(far.azure_project_name),
        }
    }

    /// What is known of the provider called `word`: its own words, filled in and overridden by
    /// these.
    ///
    /// # Errors
    /// The key that is missing.
    pub fn complete(&self, word: &str, own: &Cloud) -> Result<Cloud, &'static str> {
        match (word, own.clone()) {
            ("azure", own) => {
                let mut azure = match own {
                    Cloud::Azure(azure) => azure,
                    _ => Azure::default(),
                };
                azure.resource_name = self.azure_resource_name.clone().or(azure.resource_name);
                azure.resource_type = self.azure_resource_type.unwrap_or(azure.resource_type);
                azure.api_version = self.azure_api_version.clone().or(azure.api_version);
                azure.project_name = self.azure_project_name.clone().or(azure.project_name);
                Ok(Cloud::Azure(azure))
            }
            ("vertex", Cloud::Vertex(own)) => Ok(Cloud::Vertex(Vertex {
                project_id: self.vertex_project.clone().unwrap_or(own.project_id),
                region: self.vertex_region.clone().or(own.region),
            })),
            ("vertex", _) => {
                let project_id = self.vertex_project.clone().ok_or("params.vertexProject")?;
                Ok(Cloud::Vertex(Vertex { project_id, region: self.vertex_region.clone() }))
            }
            ("bedrock", Cloud::Bedrock(own)) => {
                let region = self.aws_region.clone().unwrap_or_else(|| own.region.clone());
                Ok(Cloud::Bedrock(Bedrock { region, ..own }))
            }
            ("bedrock", _) => Ok(Cloud::Bedrock(Bedrock {
                region: self.aws_region.clone().ok_or("params.awsRegion")?,
                guardrail_identifier: None,
                guardrail_version: None,
            })),
            _ => Ok(Cloud::None),
        }
    }
}

/// A table without keys, to be put into another one.
fn nothing<S: serde::Serializer>(serializer: S) -> Result<S::Ok, S::Error> {
    serde::ser::SerializeMap::end(serializer.serialize_map(Some(0))?)
}

/// A part of a path: `example.com:project` is a name of an old project.
fn parse_project(text: &str) -> Result<String, String> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte);
    match !text.is_empty() && text.bytes().all(fits) && !text.starts_with('.') {
        true => Ok(text.to_owned()),
        false => Err(format!("`{}` is no name of a project", text.escape_debug())),
    }
}

fn parse_text(text: &str) -> Result<String, String> {
    match !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        true => Ok(text.to_owned()),
        false => Err("visible ASCII without spaces is wanted".to_owned()),
    }
}
