//! Every flow against a stand-in on the loopback that writes down what it was asked.

mod aws_tests;
mod cloud_tests;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use super::*;
use crate::upstream::credential::Shown;

/// What was asked: its first line and its fields in lower case, an empty line, the body.
struct Standin {
    address: SocketAddr,
    asked: Receiver<String>,
}

impl Standin {
    /// Answers to the requests that come, in their order.
    fn start(answers: Vec<(u16, String)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (told, asked) = channel();
        thread::spawn(move || {
            let asked = answers.into_iter().map_while(|(status, body)| {
                let (stream, _) = listener.accept().ok()?;
                Some(answer(stream, status, &body))
            });
            asked.map_while(|asked| told.send(asked).ok()).for_each(drop);
        });
        Self { address, asked }
    }

    fn one(body: &str) -> Self {
        Self::start(vec![(200, body.to_owned())])
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    fn next(&self) -> String {
        self.asked.recv_timeout(Duration::from_secs(60)).expect("it was asked")
    }
}

fn answer(stream: TcpStream, status: u16, body: &str) -> String {
    let mut reader = BufReader::new(&stream);
    let mut asked = String::new();
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        let is_first = asked.is_empty();
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        let line = if is_first { line.to_owned() } else { line_of(line) };
        if let Some(count) = line.strip_prefix("content-length: ") {
            length = count.parse().unwrap();
        }
        asked.push_str(&line);
        asked.push('\n');
    }
    let mut content = vec![0; length];
    reader.read_exact(&mut content).unwrap();
    let length = body.len();
    let head =
        format!("HTTP/1.1 {status} X\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
    (&stream).write_all(head.as_bytes()).unwrap();
    (&stream).write_all(body.as_bytes()).unwrap();
    format!("{asked}\n{}", String::from_utf8(content).unwrap())
}

/// With the name in lower case.
fn line_of(line: &str) -> String {
    let (name, value) = line.split_once(':').unwrap();
    format!("{}:{value}", name.to_ascii_lowercase())
}

/// Fetches with these variables alone.
fn fetched(source: &Source, variables: &[(&str, &str)]) -> Result<Issued, String> {
    let known: BTreeMap<_, _> = variables.iter().copied().collect();
    let variable = |name: &str| known.get(name).map(|value| (*value).to_owned());
    let around = Around { client: Client::new(), variable: &variable };
    fetch(source, &around)
}

/// Id, secret and session token.
fn keys(issued: &Issued) -> (&str, &str, Option<&str>) {
    match &issued.shown {
        Shown::Keys(keys) => {
            (&keys.access_key_id, &keys.secret_access_key, keys.session_token.as_deref())
        }
        Shown::Bearer(_) => panic!("a token in the place of keys"),
    }
}

fn token(issued: &Issued) -> String {
    match &issued.shown {
        Shown::Bearer(line) => {
            let line = String::from_utf8(line.to_vec()).unwrap();
            let token = line.strip_prefix("Authorization: Bearer ").unwrap();
            token.strip_suffix("\r\n").unwrap().to_owned()
        }
        Shown::Keys(_) => panic!("keys in the place of a token"),
    }
}

/// A directory that is there as long as the test is.
struct Scratch(std::path::PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("ringway-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str, text: &str) -> String {
        let path = self.0.join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn it_is_renewed_before_it_ends_and_not_at_once() {
    let random = Random::seeded(1);
    for _ in 0..1000 {
        let hour = renew_after(Some(3600), 0, &random);
        assert!((3150..=3300).contains(&hour.as_secs()), "{hour:?}");
        let short = renew_after(Some(1100), 1000, &random);
        assert!((70..=80).contains(&short.as_secs()), "{short:?}");
        assert_eq!(renew_after(Some(10), 20, &random), CREDENTIAL_RETRY_MIN);
        let (first, later) = (retry_after(1, &random), retry_after(40, &random));
        assert!(first >= CREDENTIAL_RETRY_MIN && first <= CREDENTIAL_RETRY_MIN * 2);
        assert!(later >= CREDENTIAL_RETRY_MAX / 2 && later <= CREDENTIAL_RETRY_MAX);
    }
    assert_eq!(renew_after(None, 0, &random), CREDENTIAL_LIFE_UNKNOWN);
}

#[test]
fn threads_follow_what_is_served() {
    let fixed = Arc::new(Credential::new(Source::AwsKeys(crate::config::backend_auth::AwsKeys {
        access_key_id: crate::config::scalar::Secret::new("a".to_owned()),
        secret_access_key: crate::config::scalar::Secret::new("b".to_owned()),
        session_token: None,
    })));
    assert!(fixed.is_fixed() && fixed.shown(now()).is_some());
    let file = Some(crate::config::backend_auth::Material::File("/nowhere".into()));
    let source = Source::Gcp { audience: None, credential: file };
    let fetched = Arc::new(Credential::new(source));
    let mut keeper = Keeper::default();
    keeper.follow(&[Arc::clone(&fixed), Arc::clone(&fetched)]);
    assert_eq!(keeper.kept.len(), 1);
    let begun = std::time::Instant::now();
    while fetched.failed.load(Ordering::Relaxed) == 0 {
        assert!(begun.elapsed() < Duration::from_secs(60), "it is fetched");
        thread::yield_now();
    }
    keeper.follow(&[]);
    // The thread lets go of it: ours is the last.
    while Arc::strong_count(&fetched) > 1 {
        assert!(begun.elapsed() < Duration::from_secs(120), "its thread ends");
        thread::yield_now();
    }
}
