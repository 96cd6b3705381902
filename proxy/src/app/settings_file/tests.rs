//! Is every edit taken when it is complete, and none before?

use super::*;
use std::sync::mpsc;

const PATIENCE: Duration = Duration::from_secs(10);

/// A followed file, and what was applied: the admin port, or the error.
fn follow(path: &Path) -> (SettingsFile, mpsc::Receiver<Result<u16, String>>) {
    let (sender, receiver) = mpsc::channel();
    let file = SettingsFile::follow(path.to_owned(), move |loaded| {
        let told = loaded.map_err(|problems| crate::app::settings::sentences(&problems));
        let _ = sender.send(told.map(|(settings, _)| settings.admin.port()));
    });
    (file.expect("a thread starts"), receiver)
}

/// A followed file in a directory of its own, with port 1 to begin with.
struct Followed {
    directory: tempfile::TempDir,
    path: std::path::PathBuf,
    file: SettingsFile,
    applied: mpsc::Receiver<Result<u16, String>>,
}

impl Followed {
    fn start() -> Followed {
        let directory = tempfile::tempdir().expect("makes a directory");
        let path = directory.path().join("hedgerow.yaml");
        std::fs::write(&path, settings(1)).expect("writes");
        let (file, applied) = follow(&path);
        Followed {
            directory,
            path,
            file,
            applied,
        }
    }

    fn write(&self, text: &str) {
        std::fs::write(&self.path, text).expect("writes");
    }

    /// What the next edit came to.
    #[track_caller]
    fn next(&self) -> Result<u16, String> {
        self.applied.recv_timeout(PATIENCE).expect("tells")
    }
}

fn settings(port: u16) -> String {
    format!("admin: 127.0.0.1:{port}\n")
}

#[test]
fn an_edit_is_applied_and_a_bad_one_is_told() {
    let file = Followed::start();
    file.write(&settings(2));
    assert_eq!(file.next(), Ok(2));
    file.write("admn: 127.0.0.1:3\n");
    let told = file.next();
    assert!(
        told.as_ref().is_err_and(|text| text.contains("admin")),
        "{told:?}"
    );
    std::fs::remove_file(&file.path).expect("removes");
    let told = file.next();
    assert!(
        told.as_ref()
            .is_err_and(|text| text.contains("is the path right?")),
        "{told:?}"
    );
    file.write(&settings(4));
    assert_eq!(file.next(), Ok(4));
}

#[test]
fn a_swapped_link_of_a_config_map_is_an_edit() {
    let directory = tempfile::tempdir().expect("makes a directory");
    let at = |name: &str| directory.path().join(name);
    for (version, port) in [("..1", 1), ("..2", 2)] {
        std::fs::create_dir(at(version)).expect("makes a directory");
        std::fs::write(at(version).join("hedgerow.yaml"), settings(port)).expect("writes");
    }
    let link = |to: &str, name: &str| {
        std::os::unix::fs::symlink(to, at(name)).expect("links");
    };
    link("..1", "..data");
    link("..data/hedgerow.yaml", "hedgerow.yaml");
    let (_file, applied) = follow(&at("hedgerow.yaml"));
    link("..2", "..data_tmp");
    std::fs::rename(at("..data_tmp"), at("..data")).expect("renames");
    assert_eq!(applied.recv_timeout(PATIENCE), Ok(Ok(2)));
}

#[test]
fn a_hangup_reads_again_even_if_nothing_changed() {
    let file = Followed::start();
    file.file.read_again();
    assert_eq!(file.next(), Ok(1));
}

#[test]
fn a_file_that_was_emptied_is_a_bad_edit() {
    for nothing in ["", "\n\n", "# admin: 127.0.0.1:1\n", "---\n"] {
        let file = Followed::start();
        file.write(nothing);
        let told = file.next();
        assert!(
            told.as_ref()
                .is_err_and(|text| text.contains("{} for the defaults")),
            "{nothing:?}: {told:?}"
        );
        // Once more nothing does not make it meant.
        file.write("# still nothing\n");
        assert!(file.next().is_err());
        file.write("{}\n");
        assert!(file.next().is_ok());
    }
}

#[test]
fn a_file_is_read_only_when_its_writer_has_closed_it() {
    use std::io::Write;
    let file = Followed::start();
    // The watch stands once an edit was followed.
    file.write(&settings(2));
    assert_eq!(file.next(), Ok(2));
    let mut writer = std::fs::File::create(&file.path).expect("opens");
    writer.write_all(b"via: true\n").expect("writes");
    assert!(
        file.applied
            .recv_timeout(Duration::from_millis(700))
            .is_err()
    );
    writer.write_all(settings(3).as_bytes()).expect("writes");
    drop(writer);
    assert_eq!(file.next(), Ok(3));
    // One that never closes it is not waited for for ever.
    let mut writer = std::fs::File::create(&file.path).expect("opens");
    writer.write_all(settings(4).as_bytes()).expect("writes");
    assert_eq!(file.next(), Ok(4));
}

#[test]
fn a_truncated_file_is_not_taken_for_the_defaults() {
    let file = Followed::start();
    file.write("");
    file.write(&settings(2));
    assert_eq!(file.next(), Ok(2));
    assert!(file.applied.try_recv().is_err());
}

#[test]
fn a_file_that_is_touched_all_the_time_is_taken_all_the_same() {
    let file = Followed::start();
    let (stop, stopped) = mpsc::channel::<()>();
    let touched = file.path.clone();
    let toucher = std::thread::spawn(move || {
        let file = std::fs::File::open(touched).expect("opens");
        let pause = Duration::from_millis(5);
        while stopped.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
            file.set_modified(std::time::SystemTime::now())
                .expect("touches");
        }
    });
    // In its place: one that writes would close it, and a touch does not.
    std::fs::write(file.directory.path().join("new"), settings(2)).expect("writes");
    std::fs::rename(file.directory.path().join("new"), &file.path).expect("renames");
    assert_eq!(file.next(), Ok(2));
    drop(stop);
    toucher.join().expect("ends");
}
