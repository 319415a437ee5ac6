//! The executable as a child that cannot outlive its test, and servers on threads.

pub(crate) mod certificate;
pub(crate) mod server;

use std::io::Read;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

pub(crate) use self::server::Server;

/// What a run of the executable came to.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) out: String,
    pub(crate) err: String,
    pub(crate) took: Duration,
}

impl Ended {
    pub(crate) fn code(&self) -> Option<i32> {
        self.status.code()
    }

    pub(crate) fn json(&self) -> Value {
        let parsed = serde_json::from_str(&self.out);
        parsed.unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// How often this line of the error table came up.
    pub(crate) fn errors(&self, line: &str) -> u64 {
        let json = self.json();
        let table = json["error_table"].as_array().expect("a table").clone();
        let of = |row: &&Value| row["error"].as_str().is_some_and(|error| error.contains(line));
        table.iter().filter(of).filter_map(|row| row["count"].as_u64()).sum()
    }

    pub(crate) fn number(&self, path: &str) -> f64 {
        let json = self.json();
        json.pointer(path).and_then(Value::as_f64).unwrap_or_else(|| panic!("{path}: {json:#}"))
    }
}

/// `words` are separated by spaces.
pub(crate) fn loadtest(words: &str) -> Ended {
    run(command(words))
}

/// `loadtest run WORDS`, with its report as JSON.
pub(crate) fn load(words: &str) -> Ended {
    loadtest(&format!("run --json - {words}"))
}

pub(crate) fn command(words: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_loadtest"));
    command.args(words.split(' ').filter(|word| !word.is_empty()));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

pub(crate) fn run(mut command: Command) -> Ended {
    let begun = Instant::now();
    finish(command.spawn().expect("the executable is there"), begun)
}

/// Waits for its end; kills it when that does not come.
pub(crate) fn finish(mut child: Child, begun: Instant) -> Ended {
    let out = child.stdout.take().map(collect).expect("it is piped");
    let err = child.stderr.take().map(collect).expect("it is piped");
    let status = loop {
        if let Some(status) = child.try_wait().expect("it is our child") {
            break status;
        }
        if begun.elapsed() > TIME_MAX {
            let _ = child.kill();
            let _ = child.wait();
            panic!("it did not end in {TIME_MAX:?}: {}", err.join().unwrap_or_default());
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    let took = begun.elapsed();
    let text = |reader: std::thread::JoinHandle<String>| reader.join().expect("it is read");
    Ended { status, out: text(out), err: text(err), took }
}

fn collect(mut pipe: impl Read + Send + 'static) -> std::thread::JoinHandle<String> {
    std::thread::spawn(move || {
        let mut text = String::new();
        let _ = pipe.read_to_string(&mut text);
        text
    })
}

/// A folder that goes with the test.
pub(crate) struct Folder(std::path::PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("loadtest-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("there is a folder for what is temporary");
        Self(path)
    }

    pub(crate) fn file(&self, name: &str, text: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        std::fs::write(&path, text).expect("the folder was made just now");
        path
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

const TIME_MAX: Duration = Duration::from_secs(60);
