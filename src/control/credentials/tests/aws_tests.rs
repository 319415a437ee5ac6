use super::super::aws::seconds;
use super::*;

const JSON: &str = r#"{"Code":"Success","AccessKeyId":"ASIA1","SecretAccessKey":"hush",
    "Token":"quiet","Expiration":"2199-01-01T00:00:00Z"}"#;
const ENDS: Option<u64> = Some(7_226_582_400);
/// Nothing of the machine that the test runs on.
const NO_FILES: [(&str, &str); 1] = [("HOME", "/nowhere")];

#[test]
fn the_environment_comes_first() {
    let variables = [
        ("AWS_ACCESS_KEY_ID", "AKIA1"),
        ("AWS_SECRET_ACCESS_KEY", "hush"),
        ("AWS_SESSION_TOKEN", "quiet"),
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:1/"),
    ];
    let issued = fetched(&Source::Aws, &variables).unwrap();
    assert_eq!((keys(&issued), issued.ends), (("AKIA1", "hush", Some("quiet")), None));
    let why = fetched(&Source::Aws, &variables[..1]).unwrap_err();
    assert!(why.contains("AWS_SECRET_ACCESS_KEY is not"), "{why}");
}

#[test]
fn a_profile_is_a_section_of_a_file() {
    let scratch = Scratch::new("profile");
    let text = "# ours\n[default]\naws_access_key_id = AKIA1\naws_secret_access_key=hush\n\n\
                [other]\nAWS_ACCESS_KEY_ID=AKIA2\naws_secret_access_key = a=b\n\
                aws_session_token = quiet\n[empty]\n";
    let file = scratch.file("credentials", text);
    let config =
        scratch.file("config", "[profile empty]\nregion = x\n[profile sso]\nsso_session = y\n");
    let of = |profile: Option<&str>| {
        let mut variables =
            vec![("AWS_SHARED_CREDENTIALS_FILE", &*file), ("AWS_CONFIG_FILE", &*config)];
        variables.extend(profile.map(|name| ("AWS_PROFILE", name)));
        fetched(&Source::Aws, &variables)
    };
    assert_eq!(keys(&of(None).unwrap()), ("AKIA1", "hush", None));
    assert_eq!(keys(&of(Some("other")).unwrap()), ("AKIA2", "a=b", Some("quiet")));
    for (profile, why) in
        [("empty", "has no keys"), ("nobody", "is not there"), ("sso", "`sso_session`, which")]
    {
        let told = of(Some(profile)).unwrap_err();
        assert!(told.contains(why), "{told}");
    }
}

#[test]
fn a_machine_gives_a_token_first() {
    let answers = vec![(200, "t0ken".to_owned()), (200, "role-1".to_owned()), (200, JSON.into())];
    let standin = Standin::start(answers);
    let url = standin.url();
    let variables = [NO_FILES[0], ("AWS_EC2_METADATA_SERVICE_ENDPOINT", &*url)];
    let issued = fetched(&Source::Aws, &variables).unwrap();
    assert_eq!((keys(&issued), issued.ends), (("ASIA1", "hush", Some("quiet")), ENDS));
    let first = standin.next();
    assert!(first.starts_with("PUT /latest/api/token "), "{first}");
    assert!(first.contains("x-aws-ec2-metadata-token-ttl-seconds: 21600"), "{first}");
    for end in ["", "role-1"] {
        let asked = standin.next();
        let path = format!("GET /latest/meta-data/iam/security-credentials/{end} ");
        assert!(asked.starts_with(&path), "{asked}");
        assert!(asked.contains("x-aws-ec2-metadata-token: t0ken"), "{asked}");
    }
    let off = [NO_FILES[0], ("AWS_EC2_METADATA_DISABLED", "true")];
    assert!(fetched(&Source::Aws, &off).unwrap_err().contains("nobody has keys"));
}

#[test]
fn a_machine_that_has_no_keys_says_so() {
    for (last, why) in [
        ((200, r#"{"Code":"Failed"}"#), "`Failed`"),
        ((200, "<html>"), "no JSON"),
        ((200, r#"{"AccessKeyId":"a"}"#), "no SecretAccessKey"),
        ((200, r#"{"AccessKeyId":"a","SecretAccessKey":"b","Expiration":"soon"}"#), "no end"),
        (
            (
                200,
                r#"{"AccessKeyId":"a","SecretAccessKey":"b","Expiration":"2001-01-01T00:00:00Z"}"#,
            ),
            "ended already",
        ),
        ((200, r#"{"AccessKeyId":"a\nb","SecretAccessKey":"b"}"#), "no token"),
        ((404, r#"{"message":"no such role"}"#), "status 404, `no such role`"),
    ] {
        let answers = vec![(200, "t".to_owned()), (200, "r".to_owned()), (last.0, last.1.into())];
        let standin = Standin::start(answers);
        let url = standin.url();
        let variables = [NO_FILES[0], ("AWS_EC2_METADATA_SERVICE_ENDPOINT", &*url)];
        let told = fetched(&Source::Aws, &variables).unwrap_err();
        assert!(told.contains(why), "{told}");
    }
}

#[test]
fn a_container_has_a_word_to_show() {
    let scratch = Scratch::new("container");
    let file = scratch.file("token", "from-a-file\n");
    for (name, value, shown) in [
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "word", "word"),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", file.as_str(), "from-a-file"),
    ] {
        let standin = Standin::one(JSON);
        let url = format!("{}/v1/credentials", standin.url());
        let uri = ("AWS_CONTAINER_CREDENTIALS_FULL_URI", url.as_str());
        let issued = fetched(&Source::Aws, &[NO_FILES[0], uri, (name, value)]).unwrap();
        assert_eq!((keys(&issued).0, issued.ends), ("ASIA1", ENDS));
        let asked = standin.next();
        assert!(asked.starts_with("GET /v1/credentials "), "{asked}");
        assert!(asked.contains(&format!("authorization: {shown}\n")), "{asked}");
    }
    for url in ["http://example.com/", "http://127.0.0.1.example.com/", "ftp://127.0.0.1/"] {
        let uri = ("AWS_CONTAINER_CREDENTIALS_FULL_URI", url);
        let told = fetched(&Source::Aws, &[NO_FILES[0], uri]).unwrap_err();
        assert!(told.contains("not to be trusted"), "{told}");
    }
}

#[test]
fn a_web_identity_is_changed_into_keys() {
    let scratch = Scratch::new("web");
    let file = scratch.file("token", "eyJ.a.b\n");
    let xml = "<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials>\n\
               <SessionToken>quiet/+=</SessionToken><SecretAccessKey>hush</SecretAccessKey>\n\
               <Expiration>2199-01-01T00:00:00Z</Expiration><AccessKeyId>ASIA2</AccessKeyId>\n\
               </Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>";
    let standin = Standin::one(xml);
    let url = standin.url();
    let variables = [
        NO_FILES[0],
        ("AWS_WEB_IDENTITY_TOKEN_FILE", &*file),
        ("AWS_ROLE_ARN", "arn:aws:iam::1:role/r"),
        ("AWS_ENDPOINT_URL_STS", &*url),
    ];
    let issued = fetched(&Source::Aws, &variables).unwrap();
    assert_eq!((keys(&issued), issued.ends), (("ASIA2", "hush", Some("quiet/+=")), ENDS));
    let asked = standin.next();
    for part in [
        "POST / ",
        "Action=AssumeRoleWithWebIdentity&Version=2011-06-15",
        "&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fr&RoleSessionName=ringway",
        "&WebIdentityToken=eyJ.a.b",
    ] {
        assert!(asked.contains(part), "{asked}");
    }
    let gone = [variables[0], ("AWS_WEB_IDENTITY_TOKEN_FILE", "/nowhere"), variables[2]];
    assert!(fetched(&Source::Aws, &gone).unwrap_err().contains("/nowhere"));
    let standin = Standin::start(vec![(403, "<Error><Message>no</Message></Error>".to_owned())]);
    let url = standin.url();
    let refused = [variables[0], variables[1], variables[2], ("AWS_ENDPOINT_URL_STS", &*url)];
    assert!(fetched(&Source::Aws, &refused).unwrap_err().contains("status 403"));
}

#[test]
fn times_are_those_of_the_calendar() {
    for (text, expected) in [
        ("1970-01-01T00:00:00Z", Some(0)),
        ("2000-02-29T12:34:56Z", Some(951_827_696)),
        ("2026-01-01T00:00:00.123Z", Some(1_767_225_600)),
        ("2199-01-01T00:00:00Z", ENDS),
        ("2026-01-01T00:00:00+01:00", None),
        ("2026-13-01T00:00:00Z", None),
        ("2026-01-01 00:00:00Z", None),
        ("2026-01-01", None),
        ("", None),
        ("2026-01-0\u{e9}T00:00:00Z", None),
    ] {
        assert_eq!(seconds(text), expected, "{text}");
    }
}
