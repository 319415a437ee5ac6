//! The runtime of one worker: ring set-up, the choice of the driver, tasks with a panic fence.

use std::cell::Cell;
use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

/// Submission entries: as many operations as one turn of the loop may produce without an extra
/// system call. Completions get four times that, so that a burst does not overflow.
const RING_ENTRIES: u32 = 4096;
const RING_COMPLETIONS: u32 = 16384;

/// What carries the operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Driver {
    /// io_uring with completions run only when the worker asks for them (kernel 6.1).
    UringDeferred,
    /// io_uring without interrupts for completions (kernel 5.19).
    UringCooperative,
    /// io_uring without any flag (kernel 5.15).
    UringPlain,
    Epoll,
}

/// What the user asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DriverChoice {
    /// The best that the kernel and the container allow.
    #[default]
    Auto,
    Uring,
    Epoll,
}

impl fmt::Display for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UringDeferred => "io_uring (deferred)",
            Self::UringCooperative => "io_uring (cooperative)",
            Self::UringPlain => "io_uring (plain)",
            Self::Epoll => "epoll",
        })
    }
}

/// Lets every task that is ready now run before it returns. Nothing waits for the kernel.
pub async fn pause() {
    let mut paused = false;
    poll_fn(|context| {
        if std::mem::replace(&mut paused, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// The best driver that works here, found by setting up a small ring and throwing it away.
///
/// # Errors
/// With `Uring`: why the kernel refuses a ring. `EPERM` mostly means a container's seccomp profile
/// or `kernel.io_uring_disabled`.
pub fn probe(choice: DriverChoice) -> io::Result<Driver> {
    if choice == DriverChoice::Epoll {
        return Ok(Driver::Epoll);
    }
    let rings = [Driver::UringDeferred, Driver::UringCooperative, Driver::UringPlain];
    let mut refusal = None;
    for driver in rings {
        match builder(driver).build(8) {
            Ok(_) => return Ok(driver),
            Err(error) => refusal = Some(error),
        }
    }
    match (choice, refusal) {
        (DriverChoice::Uring, Some(error)) => Err(error),
        _ => Ok(Driver::Epoll),
    }
}

/// Runs `main` to its end on this thread, with every task that it spawns. The ring is bound to the
/// thread that builds it, so this is called on the pinned thread itself.
///
/// # Errors
/// Why the ring or the epoll instance could not be set up.
pub fn run<F: Future>(driver: Driver, main: F) -> io::Result<F::Output> {
    match driver {
        Driver::Epoll => {
            let mut runtime = monoio::RuntimeBuilder::<monoio::LegacyDriver>::new().build()?;
            Ok(runtime.block_on(main))
        }
        uring => {
            let mut runtime = monoio::RuntimeBuilder::<monoio::IoUringDriver>::new()
                .with_entries(RING_ENTRIES)
                .uring_builder(builder(uring))
                .build()?;
            Ok(runtime.block_on(main))
        }
    }
}

fn builder(driver: Driver) -> io_uring::Builder {
    let mut builder = io_uring::IoUring::builder();
    builder.setup_cqsize(RING_COMPLETIONS).dontfork();
    match driver {
        Driver::UringDeferred => {
            builder.setup_submit_all().setup_single_issuer().setup_defer_taskrun();
        }
        Driver::UringCooperative => {
            builder.setup_submit_all().setup_coop_taskrun();
        }
        Driver::UringPlain | Driver::Epoll => {}
    }
    builder
}

/// Starts a task on this worker. A panic in it ends the task alone: `on_panic` is called, and the
/// worker lives. (The runtime itself would unwind through the loop and lose every connection.)
/// Each poll of it is counted in `polls`.
pub fn spawn<F, P>(task: F, polls: Option<Rc<Cell<u64>>>, on_panic: P)
where
    F: Future<Output = ()> + 'static,
    P: FnOnce() + 'static,
{
    drop(monoio::spawn(Fenced { task: Some(task), polls, on_panic: Some(on_panic) }));
}

/// The CPU time of the calling thread.
pub fn thread_cpu_nanos() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is to a live value.
    let result = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    debug_assert_eq!(result, 0, "every thread has a clock");
    time.tv_sec.cast_unsigned() * 1_000_000_000 + time.tv_nsec.cast_unsigned()
}

struct Fenced<F, P> {
    task: Option<F>,
    polls: Option<Rc<Cell<u64>>>,
    on_panic: Option<P>,
}

impl<F: Future<Output = ()>, P: FnOnce()> Future for Fenced<F, P> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        // SAFETY: `task` is pinned with `self`: it is polled in place, and dropped in place by the
        // assignment of `None`. `on_panic` is never pinned.
        let this = unsafe { self.get_unchecked_mut() };
        let Some(task) = this.task.as_mut() else { return Poll::Ready(()) };
        if let Some(polls) = &this.polls {
            polls.set(polls.get() + 1);
        }
        // SAFETY: as above.
        let task = unsafe { Pin::new_unchecked(task) };
        match catch_unwind(AssertUnwindSafe(|| task.poll(context))) {
            Ok(polled) => polled,
            Err(_) => {
                // What the task still held is dropped here; an operation in flight keeps its
                // buffer to itself, and its bytes are lost with the connection.
                let dropped = catch_unwind(AssertUnwindSafe(|| this.task = None));
                debug_assert!(dropped.is_ok(), "a second panic while the first was cleaned up");
                if let Some(on_panic) = this.on_panic.take() {
                    on_panic();
                }
                Poll::Ready(())
            }
        }
    }
}

#[cfg(test)]
mod tests;
