//! How does one runtime of the data path begin and end?

use crate::connection::Worker;
use crate::runtime::Layout;
use std::io;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::watch;

/// Tasks that are cut get this long to leave what they are doing.
const CUT_TIMEOUT: Duration = Duration::from_millis(500);

/// A thread with a runtime of the data path, from outside.
#[derive(Debug)]
pub struct Core {
    pub worker: Arc<Worker>,
    pub runtime: Handle,
    /// Its drop ends the thread, too.
    end: watch::Sender<bool>,
    /// Closed when the thread has ended.
    alive: watch::Receiver<()>,
}

impl Core {
    /// Starts the thread and waits until its worker stands. The worker is made inside the runtime, for what it spawns there.
    pub fn start(
        layout: Layout,
        number: usize,
        make_worker: impl FnOnce() -> Worker + Send + 'static,
    ) -> io::Result<Core> {
        let (made, making) = mpsc::channel();
        let (end, mut ending) = watch::channel(false);
        let (living, alive) = watch::channel(());
        thread::Builder::new()
            .name(thread_name(number))
            .spawn(move || {
                let _living = living;
                let runtime = match layout.build() {
                    Ok(runtime) => runtime,
                    Err(error) => return ignore(made.send(Err(error))),
                };
                runtime.block_on(async move {
                    ignore(made.send(Ok((Arc::new(make_worker()), Handle::current()))));
                    // An error means that whoever could end us is gone.
                    let _ = ending.wait_for(|end| *end).await;
                });
                runtime.shutdown_timeout(CUT_TIMEOUT);
            })?;
        let (worker, runtime) = making
            .recv()
            .map_err(|_| io::Error::other("the thread ended before its runtime stood"))??;
        Ok(Core {
            worker,
            runtime,
            end,
            alive,
        })
    }

    /// Cuts whatever still runs, and waits until the thread has ended.
    pub async fn end(&self) {
        self.end.send_replace(true);
        let mut alive = self.alive.clone();
        while alive.changed().await.is_ok() {}
    }
}

fn thread_name(number: usize) -> String {
    let mut name = "data-".to_owned();
    name.push_str(&number.to_string());
    name
}

/// `start` waits for the message until the thread ends, so it arrives.
fn ignore<T, E>(_sent: Result<T, E>) {}
