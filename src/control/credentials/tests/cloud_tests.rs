use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{KeyPair, RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey};
use serde_json::{Value, json};

use super::*;
use crate::config::backend_auth::{Identity, Material};
use crate::config::scalar::Secret;

const SCOPE: &str = "https://cognitiveservices.azure.com/.default";

fn google(audience: Option<&str>, credential: &Value) -> Source {
    let credential = Some(Material::Inline(Secret::new(credential.to_string())));
    Source::Gcp { audience: audience.map(str::to_owned), credential }
}

fn pem(key: &RsaKeyPair) -> String {
    let der: Pkcs8V1Der<'_> = key.as_der().unwrap();
    let text = base64::url(der.as_ref()).replace('-', "+").replace('_', "/");
    let padded = format!("{text}{}", "=".repeat((4 - text.len() % 4) % 4));
    format!("-----BEGIN PRIVATE KEY-----\n{padded}\n-----END PRIVATE KEY-----\n")
}

/// A token that ends at that time.
fn identity(ends: u64) -> String {
    format!("e30.{}.c2ln", base64::url(json!({ "exp": ends }).to_string().as_bytes()))
}

/// Within a minute, which a machine may take over it.
fn is_about(ends: Option<u64>, seconds: u64) -> bool {
    ends.is_some_and(|ends| ends.abs_diff(now() + seconds) <= 60)
}

#[test]
fn a_service_account_signs_a_word_and_gets_a_token() {
    let key = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    for audience in [None, Some("https://x.run.app")] {
        let own = identity(now() + 3000);
        let standin = Standin::one(&match audience {
            None => r#"{"access_token":"ya29.a","expires_in":3599,"token_type":"Bearer"}"#.into(),
            Some(_) => json!({ "id_token": own }).to_string(),
        });
        let uri = format!("{}/token", standin.url());
        let account = json!({
            "type": "service_account", "client_email": "a@p.test", "private_key_id": "k1",
            "private_key": pem(&key), "token_uri": uri,
        });
        let issued = fetched(&google(audience, &account), &[]).unwrap();
        let (expected, ends) = match audience {
            None => ("ya29.a", 3599),
            Some(_) => (own.as_str(), 3000),
        };
        assert_eq!(token(&issued), expected);
        assert!(is_about(issued.ends, ends), "{:?}", issued.ends);
        let asked = standin.next();
        assert!(asked.starts_with("POST /token "), "{asked}");
        let grant = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=";
        let word = asked.split_once(grant).expect("it has the grant").1;
        let (signed, signature) = word.rsplit_once('.').unwrap();
        let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key.public_key());
        public.verify(signed.as_bytes(), &base64::from_url(signature).unwrap()).unwrap();
        let (head, claims) = signed.split_once('.').unwrap();
        let part =
            |text| -> Value { serde_json::from_slice(&base64::from_url(text).unwrap()).unwrap() };
        assert_eq!(part(head), json!({ "alg": "RS256", "typ": "JWT", "kid": "k1" }));
        let claims = part(claims);
        assert_eq!((&claims["iss"], &claims["aud"]), (&json!("a@p.test"), &json!(uri)));
        let wanted = audience.map_or(Value::Null, Value::from);
        assert_eq!(claims.get("target_audience").unwrap_or(&Value::Null), &wanted);
        assert_eq!(claims.get("scope").is_some(), audience.is_none());
        let life = claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap();
        assert_eq!(life, 3600);
    }
}

#[test]
fn a_user_has_left_a_token_that_is_changed() {
    let standin = Standin::one(r#"{"access_token":"ya29.b","expires_in":100}"#);
    let user = json!({
        "type": "authorized_user", "client_id": "c", "client_secret": "s", "refresh_token": "r/1",
        "token_uri": standin.url(),
    });
    let scratch = Scratch::new("gcloud");
    let file = scratch.file("adc.json", &user.to_string());
    let source = Source::Gcp { audience: None, credential: None };
    let issued = fetched(&source, &[("GOOGLE_APPLICATION_CREDENTIALS", &file)]).unwrap();
    assert_eq!(token(&issued), "ya29.b");
    let asked = standin.next();
    let form = "grant_type=refresh_token&client_id=c&client_secret=s&refresh_token=r%2F1";
    assert!(asked.contains(form), "{asked}");
}

#[test]
fn a_machine_of_google_gives_both_kinds() {
    let source = |audience: Option<&str>| Source::Gcp {
        audience: audience.map(str::to_owned),
        credential: None,
    };
    let own = identity(now() + 1000);
    for (audience, answer, path, shown) in [
        (None, r#"{"access_token":"ya29.c","expires_in":1000}"#, "/token ", "ya29.c"),
        (Some("https://a"), &*own, "/identity?audience=https%3A%2F%2Fa&format=full ", &*own),
    ] {
        let standin = Standin::one(answer);
        let host = standin.address.to_string();
        let variables = [("GCE_METADATA_HOST", &*host), ("HOME", "/nowhere")];
        let issued = fetched(&source(audience), &variables).unwrap();
        assert_eq!(token(&issued), shown);
        assert!(is_about(issued.ends, 1000));
        let asked = standin.next();
        let account = "GET /computeMetadata/v1/instance/service-accounts/default";
        assert!(asked.starts_with(&format!("{account}{path}")), "{asked}");
        assert!(asked.contains("metadata-flavor: Google"), "{asked}");
    }
}

#[test]
fn what_is_no_credential_of_google_is_told() {
    for (credential, why) in [
        (json!({}), "no type"),
        (json!({ "type": "external_account" }), "unknown"),
        (json!({ "type": "service_account" }), "no `client_email`"),
        (json!({ "type": "service_account", "client_email": "a" }), "no `private_key`"),
        (
            json!({ "type": "service_account", "client_email": "a", "private_key": "hush" }),
            "no PEM",
        ),
        (json!({ "type": "authorized_user", "client_id": "c" }), "no `client_secret`"),
    ] {
        let told = fetched(&google(None, &credential), &[]).unwrap_err();
        assert!(told.contains(why) && !told.contains("hush"), "{told}");
    }
    let standin = Standin::one(r#"{"access_token":"a b","expires_in":1}"#);
    let user = json!({
        "type": "authorized_user", "client_id": "c", "client_secret": "s", "refresh_token": "r",
        "token_uri": standin.url(),
    });
    let told = fetched(&google(None, &user), &[]).unwrap_err();
    assert!(told.contains("no token"), "{told}");
}

#[test]
fn a_client_of_entra_has_a_secret_or_a_word_of_its_cluster() {
    let scratch = Scratch::new("entra");
    let file = scratch.file("token", "eyJ.c.d\n");
    let client = Identity::ClientSecret {
        tenant_id: "t-1".to_owned(),
        client_id: "c-1".to_owned(),
        client_secret: Secret::new("s&1".to_owned()),
    };
    let scope = "scope=https%3A%2F%2Fcognitiveservices.azure.com%2F.default";
    let assertion = "client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3A\
                     client-assertion-type%3Ajwt-bearer&client_assertion=eyJ.c.d";
    for (identity, shown) in [
        (client, "client_secret=s%261"),
        (Identity::WorkloadIdentity, assertion),
        (Identity::Implicit, assertion),
    ] {
        let standin = Standin::one(r#"{"access_token":"ey.1","expires_in":3599}"#);
        let url = standin.url();
        let variables = [
            ("AZURE_AUTHORITY_HOST", &*url),
            ("AZURE_FEDERATED_TOKEN_FILE", &*file),
            ("AZURE_TENANT_ID", "t-1"),
            ("AZURE_CLIENT_ID", "c-1"),
        ];
        let source = Source::Azure { identity, scope: SCOPE.to_owned() };
        let issued = fetched(&source, &variables).unwrap();
        assert_eq!(token(&issued), "ey.1");
        assert!(is_about(issued.ends, 3599));
        let asked = standin.next();
        assert!(asked.starts_with("POST /t-1/oauth2/v2.0/token "), "{asked}");
        let form = format!("grant_type=client_credentials&client_id=c-1&{scope}&{shown}");
        assert!(asked.ends_with(&form), "{asked}");
    }
    let source = Source::Azure { identity: Identity::WorkloadIdentity, scope: SCOPE.to_owned() };
    assert!(fetched(&source, &[]).unwrap_err().contains("AZURE_FEDERATED_TOKEN_FILE is not set"));
}

#[test]
fn a_machine_of_azure_writes_numbers_as_texts() {
    let answer = r#"{"access_token":"ey.2","expires_in":"86399","resource":"x"}"#;
    let user = Identity::ManagedIdentity(Some(("object_id", "o-1".to_owned())));
    for (identity, more) in
        [(Identity::Implicit, ""), (Identity::ManagedIdentity(None), ""), (user, "&object_id=o-1")]
    {
        let standin = Standin::one(answer);
        let url = standin.url();
        let source = Source::Azure { identity, scope: SCOPE.to_owned() };
        let issued = fetched(&source, &[("AZURE_POD_IDENTITY_AUTHORITY_HOST", &url)]).unwrap();
        assert_eq!(token(&issued), "ey.2");
        assert!(is_about(issued.ends, 86_399));
        let asked = standin.next();
        let path = format!(
            "GET /metadata/identity/oauth2/token?api-version=2018-02-01\
             &resource=https%3A%2F%2Fcognitiveservices.azure.com{more} "
        );
        assert!(asked.starts_with(&path), "{asked}");
        assert!(asked.contains("metadata: true"), "{asked}");
    }
    let standin =
        Standin::one(&format!(r#"{{"access_token":"ey.3","expires_on":{}}}"#, now() + 500));
    let url = format!("{}/msi/token", standin.url());
    let variables = [("IDENTITY_ENDPOINT", &*url), ("IDENTITY_HEADER", "word")];
    let source = Source::Azure { identity: Identity::Implicit, scope: SCOPE.to_owned() };
    let issued = fetched(&source, &variables).unwrap();
    assert!(is_about(issued.ends, 500));
    let asked = standin.next();
    assert!(asked.starts_with("GET /msi/token?api-version=2019-08-01&resource="), "{asked}");
    assert!(asked.contains("x-identity-header: word"), "{asked}");
    let standin = Standin::start(vec![(400, r#"{"error":"x","error_description":"no"}"#.into())]);
    let url = standin.url();
    let variables = [("AZURE_POD_IDENTITY_AUTHORITY_HOST", &*url)];
    assert!(fetched(&source, &variables).unwrap_err().contains("status 400, `no`"));
}
