//! What do the files hold now, reading only those that changed?

use super::super::debounce::{Seen, Sighting};
use super::super::manifest::{self, Contents};
use super::super::yaml::{FILE_BYTES_MAX, Notation};
use super::walk::{Identity, Walk, identity, plain, walk};
use config::problem::{Problem, ProblemCode, Severity};
use std::collections::{BTreeMap, HashSet};
use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// A file written less than this before it was read may be written again without its time of change moving: file systems count it in steps,
/// of 2 s at worst (FAT; many NFS servers 1 s). Until it is older it is read at every look.
const TIME_STEP: Duration = Duration::from_secs(2);

/// Which files to read although they look the same, and which not although they do not.
#[derive(Debug, Clone, Default)]
pub struct Suspects {
    /// Without `.` in them, see `plain`.
    pub paths: HashSet<PathBuf>,
    /// True: all of them.
    pub all: bool,
    /// Open for writing, written likewise.
    pub held: HashSet<PathBuf>,
    /// Written to or closed since the last look, written likewise.
    pub stirred: HashSet<PathBuf>,
}

/// Looks at a directory again and again.
#[derive(Debug)]
pub struct Scanner {
    root: PathBuf,
    cache: BTreeMap<PathBuf, Cached>,
}

#[derive(Debug)]
struct Cached {
    signature: Signature,
    /// False: see [`TIME_STEP`].
    is_settled: bool,
    digest: u64,
    contents: Arc<Contents>,
}

/// What tells a file from its earlier self without reading it.
#[derive(Debug, PartialEq, Eq)]
struct Signature {
    identity: Identity,
    bytes: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

/// One look: what was seen, and which directories a change would show in.
#[derive(Debug, Default)]
pub struct Scan {
    pub seen: Seen,
    pub directories: BTreeMap<PathBuf, Identity>,
}

impl Scanner {
    pub fn new(root: PathBuf) -> Scanner {
        Scanner {
            root,
            cache: BTreeMap::new(),
        }
    }

    /// Walks and reads. Blocks on the file system.
    pub fn scan(&mut self, suspects: &Suspects) -> Scan {
        let walk = walk(&self.root);
        let mut seen = Seen::default();
        if walk.files.is_empty() && walk.unreadable.is_empty() && walk.unlisted.is_empty() {
            seen.problems.push(no_manifests(&self.root));
        }
        self.forget(&walk);
        for (path, metadata) in &walk.files {
            let plain = plain(path);
            if suspects.stirred.contains(&plain) {
                seen.stirred.insert(path.clone());
            }
            if suspects.held.contains(&plain) {
                seen.files.insert(path.clone(), Sighting::Held);
                continue;
            }
            let is_suspect = suspects.all || suspects.paths.contains(&plain);
            match self.contents(path, metadata, is_suspect) {
                Ok(Some(contents)) => {
                    seen.files.insert(path.clone(), Sighting::Read(contents));
                }
                // It went away since the walk: that is how the next look will find it.
                Ok(None) => {}
                Err(cause) => note_unreadable(&mut seen, path, cause),
            }
        }
        for (path, cause) in walk.unreadable {
            note_unreadable(&mut seen, &path, cause);
        }
        for (path, cause) in walk.unlisted {
            let expected = "a directory that can be read; what it held before stays in force";
            seen.problems.push(path_problem(&path, cause, expected));
            seen.unlisted.push(path);
        }
        Scan {
            seen,
            directories: walk.directories,
        }
    }

    fn forget(&mut self, walk: &Walk) {
        self.cache.retain(|path, _| {
            walk.files.contains_key(path)
                || walk.unlisted.keys().any(|above| path.starts_with(above))
        });
    }

    fn contents(
        &mut self,
        path: &Path,
        metadata: &Metadata,
        is_suspect: bool,
    ) -> Result<Option<Arc<Contents>>, String> {
        let signature = Signature::of(metadata);
        let cached = self.cache.get(path);
        if let Some(cached) = cached
            && cached.is_settled
            && cached.signature == signature
            && !is_suspect
        {
            return Ok(Some(cached.contents.clone()));
        }
        if !metadata.is_file() {
            return Err("no regular file".to_owned());
        }
        let is_settled = is_old(metadata);
        let bytes = match read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.to_string()),
        };
        let digest = config::digest::of(&[&bytes]);
        let contents = match cached {
            Some(cached) if cached.digest == digest => cached.contents.clone(),
            earlier => parse(path, &bytes, earlier.map(|cached| &*cached.contents)),
        };
        let fresh = Cached {
            signature,
            is_settled,
            digest,
            contents: contents.clone(),
        };
        self.cache.insert(path.to_owned(), fresh);
        Ok(Some(contents))
    }
}

impl Signature {
    fn of(metadata: &Metadata) -> Signature {
        Signature {
            identity: identity(metadata),
            bytes: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

/// The name of a file as problems show it.
pub fn shown(path: &Path) -> Arc<str> {
    path.to_string_lossy().into()
}

fn is_old(metadata: &Metadata) -> bool {
    let modified = metadata.modified();
    let age = modified.map(|modified| SystemTime::now().duration_since(modified));
    matches!(age, Ok(Ok(age)) if age > TIME_STEP)
}

/// One byte more than is allowed is enough to know.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    let most = u64::try_from(FILE_BYTES_MAX).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    File::open(path)?
        .take(most.saturating_add(1))
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn parse(path: &Path, bytes: &[u8], earlier: Option<&Contents>) -> Arc<Contents> {
    let is_json = path
        .extension()
        .is_some_and(|extension| extension == "json");
    let notation = if is_json {
        Notation::Json
    } else {
        Notation::Yaml
    };
    let mut contents = manifest::read(bytes, notation, &shown(path));
    if let Some(earlier) = earlier {
        contents.keep_unchanged(earlier);
    }
    Arc::new(contents)
}

fn note_unreadable(seen: &mut Seen, path: &Path, cause: String) {
    let expected = "a file that can be read; what it held before stays in force";
    seen.problems.push(path_problem(path, cause, expected));
    seen.files.insert(path.to_owned(), Sighting::Unreadable);
}

fn path_problem(path: &Path, found: String, expected: &str) -> Problem {
    manifest::file_problem(&shown(path), 1, found, expected)
}

fn no_manifests(root: &Path) -> Problem {
    Problem {
        severity: Severity::Info,
        code: ProblemCode::NoManifests,
        ..path_problem(
            root,
            "no file that ends in .yaml, .yml or .json".into(),
            "manifests; nothing is served until there are some",
        )
    }
}
