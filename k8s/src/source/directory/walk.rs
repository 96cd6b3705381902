//! Which files of manifests are there?

use std::collections::{BTreeMap, HashSet};
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

/// Files of one source. What is found beyond is an error and not read.
const FILES_MAX: usize = 20_000;
/// Directories of one source, each of which needs a watch.
const DIRECTORIES_MAX: usize = 4_096;
/// Directories within directories. Links that lead in a circle are seen by their identity; this bounds the rest.
const DEPTH_MAX: usize = 32;
const EXTENSIONS: [&str; 3] = ["yaml", "yml", "json"];

/// Device and inode: two paths to one file are one file.
pub type Identity = (u64, u64);

/// What a walk has found, in the order of paths.
#[derive(Debug, Default)]
pub struct Walk {
    pub files: BTreeMap<PathBuf, Metadata>,
    /// Files that are there and cannot be looked at, and why.
    pub unreadable: BTreeMap<PathBuf, String>,
    /// Directories whose files are unknown, and why.
    pub unlisted: BTreeMap<PathBuf, String>,
    pub directories: BTreeMap<PathBuf, Identity>,
}

/// Walks a directory, or takes a single file as it is, whatever its name.
pub fn walk(root: &Path) -> Walk {
    let mut found = Walk::default();
    match fs::metadata(root) {
        Ok(metadata) if metadata.is_dir() => found.below(root, &metadata),
        Ok(metadata) => {
            found.files.insert(root.to_owned(), metadata);
            let parent = root
                .parent()
                .filter(|parent| !parent.as_os_str().is_empty());
            let parent = parent.unwrap_or(Path::new("."));
            if let Ok(metadata) = fs::metadata(parent) {
                found
                    .directories
                    .insert(parent.to_owned(), identity(&metadata));
            }
        }
        Err(error) => {
            let cause = match error.kind() {
                io::ErrorKind::NotFound => "nothing of this name".to_owned(),
                _ => error.to_string(),
            };
            found.unlisted.insert(root.to_owned(), cause);
        }
    }
    found.one_path_per_file();
    found
}

pub fn identity(metadata: &Metadata) -> Identity {
    (metadata.dev(), metadata.ino())
}

/// The path without `.` in it, so that two ways to write it compare equal.
pub fn plain(path: &Path) -> PathBuf {
    let components = path.components();
    components
        .filter(|component| !matches!(component, Component::CurDir))
        .collect()
}

impl Walk {
    fn below(&mut self, root: &Path, metadata: &Metadata) {
        let mut visited = HashSet::from([identity(metadata)]);
        let mut waiting = vec![(root.to_owned(), identity(metadata), 0)];
        while let Some((directory, identity, depth)) = waiting.pop() {
            self.directories.insert(directory.clone(), identity);
            let mut inner = match self.list(&directory) {
                Ok(inner) => inner,
                Err(error) => {
                    self.vanished_or_unlisted(directory, &error);
                    continue;
                }
            };
            inner.retain(|(_, identity)| visited.insert(*identity));
            // The last one is taken first: reversed, the first path by name is the one that a directory with two paths keeps.
            for (path, identity) in inner.into_iter().rev() {
                if depth >= DEPTH_MAX || visited.len() > DIRECTORIES_MAX {
                    let cause = format!(
                        "more than {DEPTH_MAX} levels or {DIRECTORIES_MAX} directories; it is not read"
                    );
                    self.unlisted.insert(path, cause);
                    continue;
                }
                waiting.push((path, identity, depth + 1));
            }
        }
    }

    /// Notes the files of one directory and returns its directories, sorted.
    fn list(&mut self, directory: &Path) -> io::Result<Vec<(PathBuf, Identity)>> {
        let mut inner = Vec::new();
        for entry in fs::read_dir(directory)? {
            let entry = entry?;
            if entry.file_name().as_encoded_bytes().starts_with(b".") {
                continue;
            }
            let path = entry.path();
            let is_plain_file = entry.file_type().is_ok_and(|sort| sort.is_file());
            if is_plain_file && !is_manifest(&path) {
                continue;
            }
            match fs::metadata(&path) {
                Ok(metadata) if metadata.is_dir() => inner.push((path, identity(&metadata))),
                Ok(metadata) if is_manifest(&path) => self.file(path, metadata),
                Ok(_) => {}
                Err(error) if is_manifest(&path) => self.without_metadata(path, &error),
                Err(_) => {}
            }
        }
        inner.sort_unstable();
        Ok(inner)
    }

    fn file(&mut self, path: PathBuf, metadata: Metadata) {
        if self.files.len() >= FILES_MAX {
            let cause = format!("more than {FILES_MAX} files; it is not read");
            self.unreadable.insert(path, cause);
            return;
        }
        self.files.insert(path, metadata);
    }

    /// It went away between its listing and now, or it is a link to nothing.
    fn without_metadata(&mut self, path: PathBuf, error: &io::Error) {
        let is_gone =
            fs::symlink_metadata(&path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound);
        if is_gone {
            return;
        }
        let cause = match error.kind() {
            io::ErrorKind::NotFound => "a link to nothing".to_owned(),
            _ => error.to_string(),
        };
        self.unreadable.insert(path, cause);
    }

    fn vanished_or_unlisted(&mut self, directory: PathBuf, error: &io::Error) {
        if error.kind() != io::ErrorKind::NotFound {
            self.unlisted.insert(directory, error.to_string());
        }
    }

    /// A link beside its target is the same file, not the same object in two files.
    fn one_path_per_file(&mut self) {
        let mut seen = HashSet::with_capacity(self.files.len());
        self.files
            .retain(|_, metadata| seen.insert(identity(metadata)));
    }
}

fn is_manifest(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    extension.is_some_and(|extension| EXTENSIONS.contains(&extension))
}
