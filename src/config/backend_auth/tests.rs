use super::super::backend::RouteBackend;
use super::super::{Config, Diagnostics, parse_with};
use super::*;

fn parse(auth: &str) -> Result<Config, Diagnostics> {
    let text = format!(
        "binds:\n- port: 80\n  listeners:\n  - routes:\n    - backends:\n      - host: a.test:80\n\
         \x20       policies: {{backendAuth: {auth}}}\n"
    );
    parse_with(&text, "t.yaml", &|_| None)
}

fn good(auth: &str) -> BackendAuth {
    let config = parse(auth).unwrap_or_else(|found| panic!("{found}"));
    let backend: &RouteBackend = &config.binds[0].listeners[0].routes[0].backends[0];
    backend.policies.backend_auth.clone().unwrap()
}

#[test]
fn every_way_is_read() {
    let read = |text: &str| good(&format!("{{{text}}}"));
    assert_eq!(read("key: abc"), BackendAuth::key(Secret::new("abc".to_owned())));
    let BackendAuth::Key(key) =
        read("key: {value: abc, location: {header: {name: X-Token, prefix: 'Token '}}}")
    else {
        panic!("a key is a key");
    };
    let location = Location { name: "x-token".to_owned(), prefix: "Token ".to_owned() };
    assert_eq!(key.location, Some(location));
    assert_eq!(read("passthrough: {}"), BackendAuth::Passthrough {});
    assert_eq!(read("aws: {}"), BackendAuth::Aws(Aws::default()));
    let BackendAuth::Aws(aws) = read(
        "aws: {accessKeyId: id, secretAccessKey: secret, sessionToken: token, region: eu-west-1, \
         serviceName: execute-api}",
    ) else {
        panic!("aws is aws");
    };
    assert_eq!(aws.keys.unwrap().session_token.unwrap().expose(), "token");
    assert_eq!(
        (aws.region.as_deref(), aws.service_name.as_deref()),
        (Some("eu-west-1"), Some("execute-api"))
    );
    let BackendAuth::Gcp(gcp) =
        read("gcp: {type: idToken, audience: 'https://x', credential: {file: /a.json}}")
    else {
        panic!("gcp is gcp");
    };
    assert_eq!((gcp.kind, gcp.audience.as_deref()), (GcpKind::IdToken, Some("https://x")));
    assert_eq!(gcp.credential, Some(Material::File("/a.json".into())));
    for text in ["azure: {}", "azure: {implicit: {}}"] {
        assert_eq!(read(text), BackendAuth::Azure(Azure::default()));
    }
    let client = Identity::ClientSecret {
        tenant_id: "t".to_owned(),
        client_id: "c".to_owned(),
        client_secret: Secret::new("s".to_owned()),
    };
    for names in [
        "tenantId: t, clientId: c, clientSecret: s",
        "tenant_id: t, client_id: c, client_secret: s",
    ] {
        let text = format!("azure: {{explicitConfig: {{clientSecret: {{{names}}}}}}}");
        let BackendAuth::Azure(azure) = read(&text) else { panic!("azure is azure") };
        assert_eq!(azure.identity, client);
    }
    let BackendAuth::Azure(azure) =
        read("azure: {explicitConfig: {managedIdentity: {userAssignedIdentity: {objectId: o}}}}")
    else {
        panic!("azure is azure");
    };
    assert_eq!(azure.identity, Identity::ManagedIdentity(Some(("object_id", "o".to_owned()))));
}

#[test]
fn what_cannot_be_shown_is_told() {
    for (text, why) in [
        ("", "exactly one of"),
        ("key: a, aws: {}", "2 of them are written"),
        ("key: 'a b'", "visible ASCII"),
        ("key: {location: {header: {name: x}}}", "`value` is missing"),
        ("key: {value: a, location: {header: {name: 'a b'}}}", "no name of a field"),
        ("key: {value: a, location: {header: {name: Host}}}", "no credential goes there"),
        ("key: {value: a, location: {cookie: {name: x}}}", "not supported"),
        ("aws: {accessKeyId: a}", "belong together"),
        ("aws: {sessionToken: a}", "belong together"),
        ("aws: {region: 'a/b'}", "letters, digits"),
        ("aws: {assumeRole: {}}", "not supported"),
        ("gcp: {audience: a}", "of an `idToken`"),
        ("gcp: {type: apiKey}", "not a value"),
        ("azure: {developerImplicit: {}}", "not supported"),
        ("azure: {explicitConfig: {clientSecret: {tenantId: a}}}", "`clientId` is missing"),
        ("azure: {explicitConfig: {}}", "exactly one of"),
        ("copilot: {}", "not supported"),
    ] {
        let told = parse(&format!("{{{text}}}")).unwrap_err().to_string();
        assert!(told.contains(why), "{text}: {told}");
    }
}

#[test]
fn no_secret_is_printed() {
    let text = "{aws: {accessKeyId: AKIA1, secretAccessKey: hush, sessionToken: quiet}}";
    let auth = good(text);
    let printed = format!("{auth:?} {}", serde_json::to_string(&auth).unwrap());
    for secret in ["AKIA1", "hush", "quiet"] {
        assert!(!printed.contains(secret), "{printed}");
    }
}
