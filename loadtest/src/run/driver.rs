//! The runtime of one thread of the load: io_uring with the flags that make it cheap, or less of
//! it, or epoll where a container forbids it. `LOADTEST_DRIVER=epoll` asks for the latter.

use std::future::Future;
use std::io;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Driver {
    /// Completions are run when the thread asks for them (kernel 6.1).
    Deferred,
    Cooperative,
    Plain,
    Epoll,
}

impl Driver {
    /// The best that works here, found by setting up a small ring.
    pub(super) fn probe() -> Self {
        if std::env::var("LOADTEST_DRIVER").is_ok_and(|driver| driver == "epoll") {
            return Self::Epoll;
        }
        let rings = [Self::Deferred, Self::Cooperative, Self::Plain];
        let works = |driver: &Self| driver.builder(16).build(8).is_ok();
        rings.into_iter().find(works).unwrap_or(Self::Epoll)
    }

    pub(super) fn is_uring(self) -> bool {
        self != Self::Epoll
    }

    /// Runs `main` to its end on this thread, which must stay the only one to use its ring.
    pub(super) fn run<F: Future>(self, connections: usize, main: F) -> io::Result<F::Output> {
        if !self.is_uring() {
            let mut runtime = monoio::RuntimeBuilder::<monoio::LegacyDriver>::new().build()?;
            return Ok(runtime.block_on(main));
        }
        // A burst of one turn: a send and a receive on each connection.
        let entries = (connections * 2).next_power_of_two().clamp(256, ENTRIES_MAX) as u32;
        let mut runtime = monoio::RuntimeBuilder::<monoio::IoUringDriver>::new()
            .with_entries(entries)
            .uring_builder(self.builder(entries * 4))
            .build()?;
        Ok(runtime.block_on(main))
    }

    fn builder(self, completions: u32) -> io_uring::Builder {
        let mut builder = io_uring::IoUring::builder();
        builder.setup_cqsize(completions).dontfork();
        match self {
            Self::Deferred => {
                builder.setup_submit_all().setup_single_issuer().setup_defer_taskrun();
            }
            Self::Cooperative => {
                builder.setup_submit_all().setup_coop_taskrun();
            }
            Self::Plain | Self::Epoll => {}
        }
        builder
    }
}

const ENTRIES_MAX: usize = 4096;
