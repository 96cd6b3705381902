//! How does a program of the cluster start, stop, freeze, and end with its test?
//!
//! The kernel kills it when the thread that started it ends (`setpriv --pdeathsig`), so one thread starts all of them and lives as long
//! as the test's process. That covers every end of a test: a panic, Ctrl-C, SIGKILL.

use super::LOOK_INTERVAL;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Sender, SyncSender, channel, sync_channel};
use std::sync::{LazyLock, Mutex};

/// So much of a log is shown when a program does not come up.
const LOG_LINES_SHOWN: usize = 20;

/// A program, running or not, that is started again with the same arguments.
pub struct Process {
    pub name: String,
    program: PathBuf,
    arguments: Vec<String>,
    log: PathBuf,
    child: Mutex<Option<Child>>,
}

impl Process {
    /// Not started yet. What it writes goes to `NAME.log` in that directory.
    pub fn new(name: &str, program: PathBuf, arguments: Vec<String>, directory: &Path) -> Process {
        Process {
            name: name.to_owned(),
            program,
            arguments,
            log: directory.join(format!("{name}.log")),
            child: Mutex::new(None),
        }
    }

    pub fn start(&self) {
        let mut child = self.child.lock().unwrap();
        assert!(child.is_none(), "{} runs already", self.name);
        let log = OpenOptions::new().create(true).append(true).open(&self.log);
        let log: File = log.unwrap();
        let mut command = Command::new("setpriv");
        command
            .args(["--pdeathsig", "KILL", "--"])
            .arg(&self.program)
            .args(&self.arguments)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log);
        *child = Some(spawn(command));
    }

    /// None: it does not run (it was killed, or it never started).
    pub fn pid(&self) -> Option<u32> {
        self.child.lock().unwrap().as_ref().map(Child::id)
    }

    /// How it ended by itself; None while it runs, and after `kill`.
    pub fn ended(&self) -> Option<ExitStatus> {
        let mut child = self.child.lock().unwrap();
        child.as_mut()?.try_wait().unwrap()
    }

    /// SIGKILL, as a power cut: works on a frozen program too. Returns when it is gone.
    pub fn kill(&self) {
        if let Some(mut child) = self.child.lock().unwrap().take() {
            // It may have ended by itself.
            let _ = child.kill();
            child.wait().unwrap();
        }
    }

    /// SIGSTOP: its connections stay open, and nobody answers. Returns when no thread of it runs.
    pub async fn freeze(&self) {
        self.signal(Signal::SIGSTOP);
        let pid = self.pid().expect("it runs");
        while !threads_stand_still(pid) {
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
    }

    /// SIGCONT after `freeze`.
    pub fn thaw(&self) {
        self.signal(Signal::SIGCONT);
    }

    fn signal(&self, signal: Signal) {
        let pid = self
            .pid()
            .unwrap_or_else(|| panic!("{} does not run", self.name));
        kill(Pid::from_raw(i32::try_from(pid).unwrap()), signal).unwrap();
    }

    /// The end of what it wrote.
    pub fn log_end(&self) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(LOG_LINES_SHOWN)..].join("\n")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Runs a program to its end with this input; it too ends with the test.
pub async fn output(program: PathBuf, arguments: Vec<String>, input: String) -> Output {
    let run = move || {
        let mut command = Command::new("setpriv");
        command
            .args(["--pdeathsig", "KILL", "--"])
            .arg(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = spawn(command);
        let mut stdin = child.stdin.take().unwrap();
        // Beside the reading, or two full pipes wait for each other.
        let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
        let output = child.wait_with_output().unwrap();
        // A program that does not read all of its input says why by itself.
        let _ = writer.join().unwrap();
        output
    };
    tokio::task::spawn_blocking(run).await.unwrap()
}

type Order = (Command, SyncSender<io::Result<Child>>);

/// The thread whose end is the end of all programs.
static STARTER: LazyLock<Mutex<Sender<Order>>> = LazyLock::new(|| {
    let (orders, next) = channel::<Order>();
    std::thread::spawn(move || {
        for (mut command, answer) in next {
            let _ = answer.send(command.spawn());
        }
    });
    Mutex::new(orders)
});

fn spawn(command: Command) -> Child {
    let (answer, started) = sync_channel(1);
    STARTER.lock().unwrap().send((command, answer)).unwrap();
    started.recv().unwrap().unwrap_or_else(|error| {
        panic!("`setpriv` does not start: {error}; it is part of util-linux 2.33 or newer")
    })
}

/// State `T` for each thread in proc(5): SIGSTOP reaches them one after the other.
fn threads_stand_still(pid: u32) -> bool {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).expect("it runs");
    tasks.flatten().all(|task| {
        let stat = std::fs::read_to_string(task.path().join("stat")).unwrap_or_default();
        let state = stat.rsplit(") ").next().unwrap_or_default();
        state.starts_with('T')
    })
}
