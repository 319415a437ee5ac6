#![expect(clippy::disallowed_methods, reason = "these tests write files")]

use std::fs;
use std::path::Path;

use super::*;
use crate::llm::budget::{Budget, NANOS_USD, Purses, TOKENS};

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("rw-ledger-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self) -> PathBuf {
        self.0.join("budgets.redb")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A process, as far as budgets go.
struct Process {
    purses: Purses,
    writing: Writing,
}

impl Process {
    fn new(path: &Path, names: &[&str]) -> Self {
        let purses = Purses::default();
        let spec =
            LedgerSpec { path: path.to_owned(), interval: Duration::ZERO, kept_seconds: 3600 };
        let mut process = Self {
            writing: Writing {
                spec,
                lost: Arc::clone(&purses.lost),
                errors: Arc::default(),
                followed: Vec::new(),
                written: BTreeMap::new(),
                stamp: None,
                swept: None,
                is_failing: false,
            },
            purses,
        };
        process.follow(names);
        process.writing.write();
        process
    }

    fn follow(&mut self, names: &[&str]) {
        let purse = |name: &&str| Followed {
            name: (*name).into(),
            period: Period::MONTH,
            purse: self.purses.of(name),
        };
        self.writing.followed = names.iter().map(purse).collect();
        (self.writing.stamp, self.writing.swept) = (None, None);
    }

    fn index() -> i64 {
        Period::MONTH.at(unix_seconds()).index
    }

    fn spend(&self, name: &str, amounts: [u64; KINDS]) {
        let account = &self.purses.of(name).account;
        let held = account.hold(Self::index(), amounts, [None; KINDS]).unwrap();
        account.settle(held, amounts);
    }

    fn used(&self, name: &str) -> [u64; KINDS] {
        self.purses.of(name).account.balance(Self::index()).used
    }

    fn write(&mut self) {
        self.writing.write();
    }

    fn is_lost(&self) -> bool {
        self.purses.lost.load(Relaxed)
    }
}

#[test]
fn a_restart_forgets_nothing() {
    let folder = Folder::new("restart");
    let mut first = Process::new(&folder.file(), &["a", "b"]);
    first.spend("a", [10, 100]);
    first.write();
    first.spend("a", [5, 50]);
    first.spend("b", [1, 0]);
    first.write();
    // Killed with this in memory alone.
    first.spend("a", [1000, 1000]);
    drop(first);
    let second = Process::new(&folder.file(), &["a", "b", "c"]);
    assert_eq!((second.used("a"), second.used("b")), ([15, 150], [1, 0]));
    assert_eq!((second.used("c"), second.is_lost()), ([0, 0], false));
}

#[test]
fn two_processes_share_one_store() {
    let folder = Folder::new("shared");
    let mut old = Process::new(&folder.file(), &["a"]);
    old.spend("a", [10, 1]);
    old.write();
    let mut new = Process::new(&folder.file(), &["a"]);
    assert_eq!(new.used("a"), [10, 1]);
    for turn in 1..=20 {
        old.spend("a", [2, 0]);
        new.spend("a", [0, 3]);
        new.write();
        old.write();
        new.write();
        let all = [10 + 2 * turn, 1 + 3 * turn];
        assert_eq!((old.used("a"), new.used("a")), (all, all));
    }
    // A reset is one for both.
    new.purses.of("a").account.reset(Process::index());
    new.write();
    old.write();
    assert_eq!((old.used("a"), new.used("a")), ([0, 0], [0, 0]));
}

#[test]
fn what_was_removed_is_known_for_a_while() {
    let folder = Folder::new("removed");
    let mut process = Process::new(&folder.file(), &["a", "b"]);
    process.spend("a", [7, 7]);
    process.spend("b", [8, 8]);
    process.write();
    drop(process);
    // `a` is gone from the configuration, and comes back in time.
    drop(Process::new(&folder.file(), &["b"]));
    assert_eq!(Process::new(&folder.file(), &["a"]).used("a"), [7, 7]);
    // Nobody keeps it any longer.
    let mut other = Process::new(&folder.file(), &["b"]);
    other.writing.spec.kept_seconds = 0;
    let past = unix_seconds() + 1;
    while unix_seconds() <= past {
        std::thread::yield_now();
    }
    other.follow(&["b"]);
    other.write();
    let last = Process::new(&folder.file(), &["a", "b"]);
    assert_eq!((last.used("a"), last.used("b")), ([0, 0], [8, 8]));
}

#[test]
fn a_store_that_cannot_be_read_is_told_of_and_left_alone() {
    let folder = Folder::new("corrupt");
    let text = vec![b'x'; 100_000];
    fs::write(folder.file(), &text).unwrap();
    let mut process = Process::new(&folder.file(), &["a"]);
    process.spend("a", [3, 4]);
    process.write();
    process.write();
    assert!(process.is_lost());
    assert_eq!(process.writing.errors.load(Relaxed), 3);
    assert_eq!((process.used("a"), fs::read(folder.file()).unwrap()), ([3, 4], text));
    // Who takes it away has all that is in memory in a new one.
    fs::remove_file(folder.file()).unwrap();
    process.write();
    assert!(!process.is_lost());
    assert_eq!(Process::new(&folder.file(), &["a"]).used("a"), [3, 4]);
}

#[test]
fn a_store_that_is_taken_away_is_made_again() {
    let folder = Folder::new("gone");
    let mut process = Process::new(&folder.file(), &["a"]);
    process.spend("a", [3, 4]);
    process.write();
    fs::remove_file(folder.file()).unwrap();
    process.spend("a", [1, 1]);
    process.write();
    assert_eq!(process.used("a"), [4, 5]);
    assert_eq!(Process::new(&folder.file(), &["a"]).used("a"), [4, 5]);
}

/// Whatever is wrong in it, and wherever: it says so, or it is read as it was.
#[test]
fn a_damaged_store_is_never_read_wrong() {
    let folder = Folder::new("damaged");
    let mut process = Process::new(&folder.file(), &["a"]);
    process.spend("a", [12345, 678]);
    process.write();
    drop(process);
    let good = fs::read(folder.file()).unwrap();
    // What was written is in the first pages; the rest is room.
    let used: Vec<usize> = (0..good.len()).filter(|at| good[*at] != 0).collect();
    for at in used.iter().step_by((used.len() / 60).max(1)) {
        let mut bad = good.clone();
        bad[*at] ^= 0x55;
        fs::write(folder.file(), &bad).unwrap();
        let process = Process::new(&folder.file(), &["a"]);
        let used = process.used("a");
        assert!(used == [12345, 678] || process.is_lost() || used == [0, 0], "{at}: {used:?}");
    }
    fs::write(folder.file(), &good[..good.len() / 2]).unwrap();
    let process = Process::new(&folder.file(), &["a"]);
    assert!(process.is_lost() || process.used("a") == [12345, 678]);
}

#[tokio::test(flavor = "current_thread")]
async fn the_thread_follows_writes_and_ends() {
    let folder = Folder::new("thread");
    let purses = Purses::default();
    let budget = Budget {
        name: "a".into(),
        key: None,
        team: None,
        model: None,
        limits: [None; KINDS],
        period: Period::Never,
        purse: purses.of("a"),
    };
    let budgets = Budgets { list: vec![budget], ..Budgets::default() };
    let interval = Duration::from_secs(3600);
    let spec = LedgerSpec { path: folder.file(), interval, kept_seconds: 3600 };
    let ledger = Ledger::start(spec.clone(), Arc::clone(&purses.lost)).unwrap();
    ledger.follow(&budgets);
    let account = &budgets.list[0].purse.account;
    account.correct(0, [5, 6]);
    assert!(ledger.stop());
    let again = Purses::default();
    let other = Budget { purse: again.of("a"), ..budgets.list[0].clone() };
    let others = Budgets { list: vec![other], ..Budgets::default() };
    let ledger = Ledger::start(spec, Arc::clone(&again.lost)).unwrap();
    ledger.follow(&others);
    let used = others.list[0].purse.account.balance(0).used;
    assert_eq!((used[TOKENS], used[NANOS_USD], ledger.errors()), (5, 6, 0));
    assert!(ledger.stop());
}
