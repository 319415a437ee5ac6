use super::*;

fn parse(line: &str) -> Result<Options, String> {
    let words = std::iter::once("ringway").chain(line.split_whitespace());
    Options::try_parse_from(words).map_err(|error| error.to_string())
}

fn text(line: &str) -> Text {
    match parse(line).unwrap().source("built in") {
        Source::Fixed(text) => text,
        Source::File(path) => panic!("a file: {}", path.display()),
    }
}

#[test]
fn the_definition_is_sound() {
    use clap::CommandFactory;
    Options::command().debug_assert();
}

#[test]
fn each_source_has_its_flag() {
    assert_eq!(parse("-f a.yaml").unwrap().source(""), Source::File("a.yaml".into()));
    assert_eq!(parse("--file a.yaml").unwrap().source(""), Source::File("a.yaml".into()));
    assert_eq!(text("-c binds:"), Text { text: "binds:".into(), origin: "--config".into() });
    assert_eq!(text("").text, "built in");
    assert!(parse("").unwrap().built_in());
    assert!(!parse("-c x").unwrap().built_in());
}

#[test]
fn to_is_a_configuration_of_one_route() {
    let read =
        |line: &str| -> serde_json::Value { serde_yaml::from_str(&text(line).text).unwrap() };
    let bind = &read("--to 127.0.0.1:9000")["binds"][0];
    assert_eq!((&bind["address"], &bind["port"]), (&json!("127.0.0.1"), &json!(8080)));
    let backend = |bind: &serde_json::Value| {
        bind["listeners"][0]["routes"][0]["backends"][0]["host"].as_str().unwrap().to_owned()
    };
    assert_eq!(backend(bind), "127.0.0.1:9000");
    let bind = &read("--to yes:80 --listen [::]:80")["binds"][0];
    assert_eq!((&bind["address"], &bind["port"]), (&json!("::"), &json!(80)));
    assert_eq!(backend(bind), "yes:80");
    assert_eq!(backend(&read("--to unix:/run/a.sock")["binds"][0]), "unix:/run/a.sock");
    assert_eq!(backend(&read("--to [::1]:90")["binds"][0]), "[::1]:90");
}

#[test]
fn what_makes_no_sense_is_refused() {
    for (line, expected) in [
        ("-f a -c b", "cannot be used with"),
        ("-f a --to b:1", "cannot be used with"),
        ("--listen 0.0.0.0:80", "--to <HOST:PORT>"),
        ("--listen 80 --to a:1", "invalid"),
        ("--to http://a:80/", "without `http://`: a:80"),
        ("--to a", "HOST:PORT or unix:/PATH is wanted"),
        ("--to a:0", "HOST:PORT"),
        ("--to :80", "HOST:PORT"),
        ("--to ::1:80", "HOST:PORT"),
        ("--to unix:a", "HOST:PORT"),
        ("--workers 0", "a number from 1 to 256"),
        ("--workers 257", "a number from 1 to 256"),
        ("--nonsense", "unexpected argument"),
        ("a.yaml", "unrecognized subcommand"),
        ("upgrade -f a.yaml", "unexpected argument"),
        ("-f a.yaml upgrade", "cannot be used with"),
        ("--take-over a --validate-only", "cannot be used with"),
    ] {
        let error = parse(line).unwrap_err();
        assert!(error.contains(expected), "{line}: {error}");
    }
}

#[test]
fn an_upgrade_may_say_what_is_started() {
    let upgrade = |line: &str| match parse(line).unwrap().command {
        Some(Action::Upgrade(upgrade)) => upgrade,
        other => panic!("no upgrade: {line}: {other:?}"),
    };
    let plain = upgrade("upgrade --upgrade-socket a.sock");
    assert_eq!(plain.upgrade_socket, PathBuf::from("a.sock"));
    assert!(plain.program.is_none() && plain.arguments.is_empty());
    let other = upgrade("upgrade --program b -- -f c.yaml --workers 2");
    assert_eq!(other.program.as_deref(), Some("b"));
    assert_eq!(other.arguments, ["-f", "c.yaml", "--workers", "2"]);
}

#[test]
fn the_other_flags() {
    let options = parse("--validate-only --workers 4 --announce").unwrap();
    assert!(options.validate_only && options.announce);
    assert_eq!(options.workers, Some(4));
    assert!(parse("--version").unwrap_err().contains(env!("CARGO_PKG_VERSION")));
    let help = parse("--help").unwrap_err();
    assert!(help.contains("Exit codes:") && help.contains("ringway --to"), "{help}");
}
