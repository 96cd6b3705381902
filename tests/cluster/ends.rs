//! Is anything left behind when a story with a cluster ends, in whichever way?

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use tests::client::PATIENCE;
use tests::cluster::directory::users_of;
use tests::cluster::{Cluster, LOOK_INTERVAL};

/// What the victim says before its directory.
const MARK: &str = "a cluster lives in ";

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_cluster_leaves_nothing() {
    let cluster = Cluster::start().await;
    println!("started in {:?}", cluster.start_time);
    let directory = cluster.path("");
    assert_eq!(users_of(&directory).len(), cluster.pids().len());
    drop(cluster);
    assert!(!directory.exists());
    assert!(users_of(&directory).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_story_that_fails_leaves_nothing() {
    let (tell, told) = tokio::sync::oneshot::channel();
    let story = tokio::spawn(async move {
        let cluster = Cluster::start().await;
        tell.send(cluster.path("")).unwrap();
        panic!("on purpose");
    });
    let directory = told.await.unwrap();
    assert!(story.await.unwrap_err().is_panic());
    assert!(!directory.exists());
    assert!(users_of(&directory).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_test_leaves_nothing() {
    let (mut victim, directory) = victim().await;
    kill(pid(&victim), Signal::SIGKILL).unwrap();
    victim.wait().unwrap();
    until_gone(&directory).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_test_leaves_nothing() {
    let (mut victim, directory) = victim().await;
    // As a terminal does on Ctrl-C: to everybody in the group.
    killpg(pid(&victim), Signal::SIGINT).unwrap();
    victim.wait().unwrap();
    until_gone(&directory).await;
}

/// Another process of this very program, with a cluster, that waits for its end.
async fn victim() -> (Child, PathBuf) {
    let start = || {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args([
                "--exact",
                "ends::waits_for_its_end",
                "--ignored",
                "--nocapture",
            ])
            .stdout(Stdio::piped())
            .process_group(0);
        let mut victim = command.spawn().unwrap();
        let mut lines = BufReader::new(victim.stdout.take().unwrap()).lines();
        let directory = lines.find_map(|line| {
            let line = line.unwrap();
            line.split_once(MARK).map(|(_, path)| PathBuf::from(path))
        });
        (victim, directory.expect("the victim's cluster starts"))
    };
    let (victim, directory) = tokio::task::spawn_blocking(start).await.unwrap();
    assert!(directory.is_dir());
    assert_eq!(users_of(&directory).len(), 2);
    (victim, directory)
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "only for the stories that kill it"]
async fn waits_for_its_end() {
    let cluster = Cluster::start().await;
    println!("{MARK}{}", cluster.path("").display());
    std::future::pending::<()>().await;
}

fn pid(child: &Child) -> Pid {
    Pid::from_raw(i32::try_from(child.id()).unwrap())
}

async fn until_gone(directory: &Path) {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while directory.exists() || !users_of(directory).is_empty() {
        let is_late = tokio::time::Instant::now() > deadline;
        assert!(
            !is_late,
            "left: {} {:?}",
            directory.display(),
            users_of(directory)
        );
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
}
