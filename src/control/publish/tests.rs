//! Against worker threads with real mailboxes, each with a temper of its own.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};

use super::*;
use crate::bus::{Event, Inbox, Mailbox, mailbox};

/// A snapshot that knows which thread freed it.
#[derive(Debug)]
struct Table {
    freed_elsewhere: Arc<AtomicUsize>,
    freed: Arc<AtomicUsize>,
    home: thread::ThreadId,
}

impl Drop for Table {
    fn drop(&mut self) {
        let elsewhere = usize::from(thread::current().id() != self.home);
        self.freed_elsewhere
            .store(self.freed_elsewhere.load(Ordering::SeqCst) + elsewhere, Ordering::SeqCst);
        self.freed.store(self.freed.load(Ordering::SeqCst) + 1, Ordering::SeqCst);
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Temper {
    Willing,
    /// Keeps the old snapshot in an exchange, and lets it go at the next letter only.
    Clinging,
    Refusing,
    /// Reads its letters and never answers one.
    Silent,
    /// Ends at its first letter.
    Mortal,
}
use Temper::{Clinging, Mortal, Refusing, Silent, Willing};

/// What a worker was told, in order.
type Diary = Vec<String>;

struct Crew {
    links: Links<Table>,
    events: Inbox<Event<Table>>,
    threads: Vec<JoinHandle<Diary>>,
    publisher: Publisher<Table>,
    freed: Arc<AtomicUsize>,
    freed_elsewhere: Arc<AtomicUsize>,
}

impl Crew {
    fn new(tempers: &[Temper]) -> Self {
        let (outbox, events) = mailbox(256).unwrap();
        let mut links = Vec::new();
        let mut threads = Vec::new();
        for (worker, temper) in (0u32..).map(WorkerId).zip(tempers.iter().copied()) {
            let (link, inbox) = mailbox(64).unwrap();
            links.push(link);
            let outbox = outbox.clone();
            threads.push(thread::spawn(move || live(worker, temper, &inbox, &outbox)));
        }
        Self {
            links: Links::new(links),
            events,
            threads,
            publisher: Publisher::default(),
            freed: Arc::default(),
            freed_elsewhere: Arc::default(),
        }
    }

    fn table(&self) -> Arc<Table> {
        Arc::new(Table {
            freed_elsewhere: Arc::clone(&self.freed_elsewhere),
            freed: Arc::clone(&self.freed),
            home: thread::current().id(),
        })
    }

    fn publish(&mut self) -> Turn {
        let sockets = self.links.living().map(|_| Vec::new()).collect::<Vec<_>>();
        let sockets = if sockets.len() == self.links.len() {
            sockets
        } else {
            std::iter::repeat_with(Vec::new).take(self.links.len()).collect()
        };
        let now = Instant::now();
        let mut turn = self.publisher.prepare(&self.links, self.table(), sockets, now);
        loop {
            turn = match turn {
                Some(Turn::AllPrepared) => self.publisher.commit(&self.links, now),
                Some(turn) => return turn,
                None => self.on_event(),
            };
        }
    }

    fn on_event(&mut self) -> Option<Turn> {
        match self.events.wait().expect("this test holds a sender through its workers") {
            Event::Prepared { worker, version } => self.publisher.prepared(worker, version),
            Event::Refused { worker, version, why } => {
                self.publisher.refused(&self.links, worker, version, &why)
            }
            Event::Committed { worker, version, retired } => {
                self.publisher.committed(worker, version, retired)
            }
            Event::Stopped { worker, .. } => {
                self.links.gone(worker);
                self.publisher.gone(worker)
            }
            Event::Started { .. } => {
                // Sent by the silent ones for each letter: time passes for them.
                let late = Instant::now() + Duration::from_millis(PREPARE_MS_MAX + COMMIT_MS_MAX);
                self.publisher.on_time(&self.links, late)
            }
            Event::Drained { .. } => unreachable!("nobody drains here"),
        }
    }

    fn diaries(self) -> Vec<Diary> {
        drop(self.links);
        self.threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    }
}

fn live(
    worker: WorkerId,
    temper: Temper,
    inbox: &Inbox<Command<Table>>,
    outbox: &Mailbox<Event<Table>>,
) -> Diary {
    let mut diary = Diary::new();
    let (mut serving, mut prepared, mut held) = (None, None, None);
    while let Some(command) = inbox.wait() {
        drop(held.take());
        let answer = match command {
            Command::Prepare { version, snapshot, .. } => {
                diary.push(format!("prepare {version}"));
                prepared = Some(snapshot);
                Some(match temper {
                    Mortal => Event::Stopped { worker, why: crate::bus::Stop::Drained },
                    Refusing => Event::Refused { worker, version, why: "no room".into() },
                    Silent => Event::Started { worker },
                    _ => Event::Prepared { worker, version },
                })
            }
            Command::Commit { version } => {
                diary.push(format!("commit {version}"));
                let mut retired = std::mem::replace(&mut serving, prepared.take());
                if temper == Clinging {
                    held = retired.take();
                }
                Some(Event::Committed { worker, version, retired })
            }
            Command::Abort { version } => {
                diary.push(format!("abort {version}"));
                prepared = None;
                None
            }
            Command::Drain { .. } | Command::Cut => None,
        };
        answer.into_iter().for_each(|answer| outbox.send(answer).unwrap());
        if temper == Mortal {
            break;
        }
    }
    diary
}

#[test]
fn all_workers_prepare_then_all_commit() {
    let mut crew = Crew::new(&[Willing, Willing, Willing]);
    for version in 1..=3 {
        assert_eq!(crew.publish(), Turn::Published { version, late: vec![] });
        assert_eq!((crew.publisher.version(), crew.publisher.busy()), (version, false));
    }
    assert_eq!(crew.publisher.retired(), 0, "every old one came back");
    assert_eq!(crew.freed.load(Ordering::SeqCst), 2);
    let expected = ["prepare 1", "commit 1", "prepare 2", "commit 2", "prepare 3", "commit 3"];
    crew.diaries().iter().for_each(|diary| assert_eq!(*diary, expected));
}

#[test]
fn one_refusal_aborts_it_for_all() {
    let mut crew = Crew::new(&[Willing, Refusing, Willing]);
    let why = "worker 1 refused it: no room".to_owned();
    assert_eq!(crew.publish(), Turn::Refused { version: 1, why });
    assert_eq!(crew.publisher.version(), 0);
    assert!(crew.publisher.current().is_none());
    crew.diaries().iter().for_each(|diary| assert_eq!(*diary, ["prepare 1", "abort 1"]));
}

#[test]
fn an_answer_that_does_not_come_aborts_it() {
    let mut crew = Crew::new(&[Silent, Silent]);
    let turn = crew.publish();
    let Turn::Refused { version: 1, why } = turn else { panic!("{turn:?}") };
    assert!(why.starts_with("no answer from worker"), "{why}");
    let told = crew.diaries();
    assert!(told.iter().all(|diary| *diary == ["prepare 1", "abort 1"]), "{told:?}");
}

#[test]
fn a_worker_that_dies_holds_nobody_up() {
    let mut crew = Crew::new(&[Willing, Mortal]);
    assert_eq!(crew.publish(), Turn::Published { version: 1, late: vec![] });
    assert_eq!(crew.publish(), Turn::Published { version: 2, late: vec![] });
    assert_eq!(crew.diaries()[1], ["prepare 1"]);
}

#[test]
fn after_the_commit_there_is_no_way_back() {
    let (mailboxes, _inboxes): (Vec<_>, Vec<_>) = (0..2).map(|_| mailbox(64).unwrap()).unzip();
    let links = Links::new(mailboxes);
    let mut publisher = Publisher::default();
    let now = Instant::now();
    publisher.prepare(&links, Arc::new(()), vec![vec![], vec![]], now);
    assert_eq!(publisher.prepared(WorkerId(1), 1), None);
    assert_eq!(publisher.prepared(WorkerId(0), 1), Some(Turn::AllPrepared));
    assert_eq!(publisher.commit(&links, now), None);
    assert_eq!(publisher.committed(WorkerId(0), 1, None), None);
    assert_eq!(publisher.abort(&links, "too late".into()), None);
    let due = now + Duration::from_millis(COMMIT_MS_MAX);
    assert_eq!(publisher.on_time(&links, due - Duration::from_millis(1)), None);
    let published = Turn::Published { version: 1, late: vec![WorkerId(1)] };
    assert_eq!(publisher.on_time(&links, due), Some(published));
    assert_eq!((publisher.version(), publisher.busy()), (1, false));
}

#[test]
fn a_snapshot_is_freed_here_when_its_last_exchange_ended() {
    let mut crew = Crew::new(&[Willing, Clinging]);
    crew.publish();
    crew.publish();
    assert_eq!(crew.publisher.retired(), 1, "an exchange of worker 1 still uses version 1");
    crew.publish();
    assert_eq!(crew.publisher.retired(), 1, "version 1 is freed, version 2 is clung to");
    let Crew { links, threads, mut publisher, freed, freed_elsewhere, .. } = crew;
    drop(links);
    threads.into_iter().for_each(|thread| drop(thread.join().unwrap()));
    publisher.sweep();
    drop(publisher);
    assert_eq!((freed.load(Ordering::SeqCst), freed_elsewhere.load(Ordering::SeqCst)), (3, 0));
}

#[test]
fn a_worker_that_reads_nothing_refuses_every_version() {
    let (link, _inbox) = mailbox(COMMANDS_ROOM_MIN + 1).unwrap();
    let links = Links::new(vec![link]);
    let mut publisher = Publisher::default();
    let now = Instant::now();
    assert_eq!(publisher.prepare(&links, Arc::new(()), vec![vec![]], now), None);
    let late = now + Duration::from_millis(PREPARE_MS_MAX);
    let why = "no answer from worker 0 in time".to_owned();
    assert_eq!(publisher.on_time(&links, late), Some(Turn::Refused { version: 1, why }));
    let why = "worker 0 does not read its mail".to_owned();
    let turn = publisher.prepare(&links, Arc::new(()), vec![vec![]], late);
    assert_eq!(turn, Some(Turn::Refused { version: 2, why }));
}

#[test]
fn an_answer_to_another_question_is_ignored() {
    let (link, _inbox) = mailbox(64).unwrap();
    let links = Links::new(vec![link]);
    let mut publisher = Publisher::default();
    let now = Instant::now();
    publisher.prepare(&links, Arc::new(()), vec![vec![]], now);
    assert_eq!(publisher.prepared(WorkerId(0), 9), None);
    assert_eq!(publisher.committed(WorkerId(0), 1, None), None);
    assert_eq!(publisher.prepared(WorkerId(0), 1), Some(Turn::AllPrepared));
    assert_eq!(publisher.prepared(WorkerId(0), 1), None);
    assert_eq!(publisher.commit(&links, now), None);
    let published = Turn::Published { version: 1, late: vec![] };
    assert_eq!(publisher.committed(WorkerId(0), 1, None), Some(published));
}
