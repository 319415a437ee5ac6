//! What an expression can name: variables with their fields, functions with what they take. The
//! policies give each a meaning; a test there holds the two together. Knows nothing of requests.

/// What is known of a value before there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Anything: only the value itself can tell.
    Any,
    Bool,
    Int,
    Uint,
    Double,
    Text,
    Bytes,
    Null,
    List,
    Map,
    /// Fields of a head: text by name, in any case.
    Headers,
    Optional,
    /// A set of addresses.
    Cidr,
    /// The type of a value.
    Type,
    Record(Variable),
}

/// The variables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variable {
    Request,
    Response,
    Source,
    /// `source.identity`
    Identity,
    /// What is known of the key that was shown: its metadata.
    ApiKey,
    /// Of a request for a model, as far as it has come.
    Llm,
    /// `llm.cost`, in dollars.
    Cost,
}

/// A function by one of its forms.
#[derive(Debug)]
pub struct Function {
    pub name: &'static str,
    /// `target.name(...)`, or `name(...)`.
    pub target: Option<Kind>,
    pub takes: &'static [Kind],
    pub gives: Kind,
    /// The first argument is compiled at load.
    pub literal: Option<Literal>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Literal {
    Regex,
    Cidr,
}

impl Variable {
    /// Those that stand by themselves.
    pub const ALL: [Self; 5] =
        [Self::Request, Self::Response, Self::Source, Self::Llm, Self::ApiKey];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Response => "response",
            Self::Source => "source",
            Self::Identity => "source.identity",
            Self::ApiKey => "apiKey",
            Self::Llm => "llm",
            Self::Cost => "llm.cost",
        }
    }

    pub const fn fields(self) -> &'static [(&'static str, Kind)] {
        match self {
            Self::Request => &[
                ("method", Kind::Text),
                ("uri", Kind::Text),
                ("scheme", Kind::Text),
                ("host", Kind::Text),
                ("path", Kind::Text),
                ("pathAndQuery", Kind::Text),
                ("version", Kind::Text),
                ("headers", Kind::Headers),
                ("body", Kind::Text),
            ],
            Self::Response => {
                &[("code", Kind::Int), ("headers", Kind::Headers), ("body", Kind::Text)]
            }
            Self::Source => &[
                ("address", Kind::Text),
                ("port", Kind::Int),
                ("identity", Kind::Record(Self::Identity)),
                ("issuer", Kind::Text),
                ("spiffeId", Kind::Text),
                ("subject", Kind::Text),
                ("subjectAltNames", Kind::List),
                ("subjectCn", Kind::Text),
            ],
            // And whatever else the configuration says of its keys.
            Self::ApiKey => &[("name", Kind::Any), ("team", Kind::Any)],
            Self::Identity => &[
                ("trustDomain", Kind::Text),
                ("namespace", Kind::Text),
                ("serviceAccount", Kind::Text),
            ],
            Self::Llm => &[
                ("provider", Kind::Text),
                ("requestModel", Kind::Text),
                ("responseModel", Kind::Text),
                ("inputTokens", Kind::Int),
                ("cachedInputTokens", Kind::Int),
                ("cacheCreationInputTokens", Kind::Int),
                ("inputAudioTokens", Kind::Int),
                ("outputTokens", Kind::Int),
                ("reasoningTokens", Kind::Int),
                ("outputAudioTokens", Kind::Int),
                ("totalTokens", Kind::Int),
                ("timeToFirstToken", Kind::Text),
                ("timePerOutputToken", Kind::Text),
                ("cost", Kind::Record(Self::Cost)),
            ],
            Self::Cost => &[
                ("total", Kind::Double),
                ("input", Kind::Double),
                ("output", Kind::Double),
                ("cacheRead", Kind::Double),
                ("cacheWrite", Kind::Double),
                ("reasoning", Kind::Double),
                ("inputAudio", Kind::Double),
                ("outputAudio", Kind::Double),
            ],
        }
    }

    /// It may have any field.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::ApiKey)
    }

    /// Fields that agentgateway has and we do not.
    pub const fn unsupported(self) -> &'static [&'static str] {
        match self {
            Self::Request => &["bodyPrefix", "startTime", "endTime"],
            Self::Response => &["bodyPrefix", "grpcStatus"],
            Self::Source => {
                &["certificate", "connectHeaders", "rawAddress", "rawPort", "unverifiedWorkload"]
            }
            Self::Llm => &[
                "completion",
                "costRates",
                "countTokens",
                "inputImageTokens",
                "inputTextTokens",
                "outputImageTokens",
                "outputTextTokens",
                "params",
                "prompt",
                "providerInputTokens",
                "providerTotalTokens",
                "serviceTier",
                "streaming",
                "toolCalls",
            ],
            Self::Identity | Self::Cost | Self::ApiKey => &[],
        }
    }
}

impl Kind {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Any => "anything",
            Self::Bool => "true or false",
            Self::Int => "an int",
            Self::Uint => "a uint",
            Self::Double => "a double",
            Self::Text => "text",
            Self::Bytes => "bytes",
            Self::Null => "null",
            Self::List => "a list",
            Self::Map => "a map",
            Self::Headers => "headers",
            Self::Optional => "an optional",
            Self::Cidr => "a set of addresses",
            Self::Type => "a type",
            Self::Record(variable) => variable.name(),
        }
    }

    pub const fn is_number(self) -> bool {
        matches!(self, Self::Int | Self::Uint | Self::Double)
    }
}

/// What is asked of a model, as it came: fields of any name.
pub const LLM_REQUEST: &str = "llmRequest";

/// Variables that agentgateway has and we do not.
pub const UNSUPPORTED: &[&str] = &[
    "backend",
    "basicAuth",
    "destination",
    "env",
    "extauthz",
    "extproc",
    "jwt",
    "mcp",
    "mcpGuardrails",
    "metadata",
    "proxy",
];

const fn global(name: &'static str, takes: &'static [Kind], gives: Kind) -> Function {
    Function { name, target: None, takes, gives, literal: None }
}

const fn member(name: &'static str, takes: &'static [Kind], gives: Kind) -> Function {
    of(Kind::Text, name, takes, gives)
}

const fn of(target: Kind, name: &'static str, takes: &'static [Kind], gives: Kind) -> Function {
    Function { name, target: Some(target), takes, gives, literal: None }
}

const fn with(literal: Literal, function: Function) -> Function {
    Function { literal: Some(literal), ..function }
}

/// All of them. Macros (`has`, `all`, `exists`, `exists_one`, `map`, `filter`) are expanded by the
/// parser.
pub const FUNCTIONS: &[Function] = &[
    global("size", &[Kind::Any], Kind::Int),
    of(Kind::Any, "size", &[], Kind::Int),
    global("string", &[Kind::Any], Kind::Text),
    global("int", &[Kind::Any], Kind::Int),
    global("uint", &[Kind::Any], Kind::Uint),
    global("double", &[Kind::Any], Kind::Double),
    global("bool", &[Kind::Any], Kind::Bool),
    global("bytes", &[Kind::Any], Kind::Bytes),
    global("type", &[Kind::Any], Kind::Type),
    global("dyn", &[Kind::Any], Kind::Any),
    member("contains", &[Kind::Text], Kind::Bool),
    member("startsWith", &[Kind::Text], Kind::Bool),
    member("endsWith", &[Kind::Text], Kind::Bool),
    member("lowerAscii", &[], Kind::Text),
    member("upperAscii", &[], Kind::Text),
    member("trim", &[], Kind::Text),
    member("stripPrefix", &[Kind::Text], Kind::Text),
    member("stripSuffix", &[Kind::Text], Kind::Text),
    member("split", &[Kind::Text], Kind::List),
    with(Literal::Regex, member("matches", &[Kind::Text], Kind::Bool)),
    with(Literal::Regex, member("regexReplace", &[Kind::Text, Kind::Text], Kind::Text)),
    with(Literal::Cidr, global("cidr", &[Kind::Text], Kind::Cidr)),
    of(Kind::Cidr, "containsIP", &[Kind::Text], Kind::Bool),
    global("random", &[], Kind::Double),
    global("uuid", &[], Kind::Text),
    global("default", &[Kind::Any, Kind::Any], Kind::Any),
    of(Kind::Optional, "hasValue", &[], Kind::Bool),
    of(Kind::Optional, "value", &[], Kind::Any),
    of(Kind::Optional, "orValue", &[Kind::Any], Kind::Any),
];

/// Functions that agentgateway has and we do not.
pub const UNSUPPORTED_FUNCTIONS: &[&str] = &[
    "coalesce",
    "cookie",
    "duration",
    "fail",
    "filterKeys",
    "flatten",
    "flattenRecursive",
    "join",
    "json",
    "mapValues",
    "md5",
    "merge",
    "raw",
    "redacted",
    "replace",
    "sha1",
    "sha256",
    "substring",
    "timestamp",
    "toJson",
    "unvalidatedJwtPayload",
    "variables",
    "with",
];
