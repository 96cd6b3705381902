//! Which threads run what?
//!
//! The data path has one current-thread runtime per core, each with its own sockets and its own `HttpProxy`: measured at 0.79 to 0.96 of
//! the CPU of work stealing. A pool of upstream connections that two runtimes shared would hang when one of them is busy. Sources,
//! compilation and status run on the control runtime, what an operator asks on the admin runtime, so that neither waits for the other.

use std::io;
use std::num::NonZeroUsize;
use tokio::runtime::{Builder, Runtime};

/// How the data path uses the cores. The one place where this is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// A runtime per thread; the kernel spreads connections over them.
    ThreadPerCore { threads: NonZeroUsize },
    /// One runtime whose threads take tasks from each other: for few heavy connections, which could all meet one core.
    WorkStealing { threads: NonZeroUsize },
}

impl Layout {
    /// A thread per core that this process may use (the cgroup's share counts).
    pub fn of_this_machine() -> Layout {
        let threads = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        Layout::ThreadPerCore { threads }
    }

    /// Runtimes, and as many sockets for each listener.
    pub fn runtimes(self) -> usize {
        match self {
            Layout::ThreadPerCore { threads } => threads.get(),
            Layout::WorkStealing { .. } => 1,
        }
    }

    /// Threads of each runtime; sizes what pingora keeps per thread.
    pub fn threads_per_runtime(self) -> usize {
        match self {
            Layout::ThreadPerCore { .. } => 1,
            Layout::WorkStealing { threads } => threads.get(),
        }
    }

    /// One runtime of the data path.
    pub fn build(self) -> io::Result<Runtime> {
        match self {
            Layout::ThreadPerCore { .. } => Builder::new_current_thread().enable_all().build(),
            Layout::WorkStealing { threads } => Builder::new_multi_thread()
                .worker_threads(threads.get())
                .thread_name("data")
                .enable_all()
                .build(),
        }
    }
}

/// The runtime of the control path or of the admin server: one thread of its own.
pub fn background(name: &'static str) -> io::Result<Runtime> {
    Builder::new_multi_thread()
        .worker_threads(1)
        // One after the other on one thread: memory that reading manifests gave back is used again by compiling them.
        .max_blocking_threads(1)
        .thread_name(name)
        .enable_all()
        .build()
}
