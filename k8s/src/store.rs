//! Which objects were good last, when nobody can be asked?
//!
//! One file in `state.directory` holds the objects in force, Secrets included, so that an edge that crashed or was restarted serves
//! without the API server. Whatever is wrong with the file, the edge starts as if there were none.

mod format;
mod keep;

pub use keep::{StoreFacts, keep};

use crate::objects::Objects;
use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

const FILE_NAME: &str = "last-good-objects";
/// 5,000 routes with 20,000 endpoints take about 10 MiB; a larger file is none of ours.
const FILE_BYTES_MAX: u64 = 256 << 20;

/// Where the last good objects are kept.
#[derive(Debug, Clone)]
pub struct Store {
    directory: PathBuf,
}

/// The objects of an earlier life, and what they were saved for (see [`Store::save`]).
#[derive(Debug)]
pub struct Saved {
    pub objects: Objects,
    pub key: u64,
}

/// Why are there no objects of an earlier life?
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("{path}: {source}; found a file or directory that cannot be used, expected one that this user may read and write", path = path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("{path}: {found}; it is passed over, and replaced as soon as there are good objects", path = path.display())]
    Content { path: PathBuf, found: String },
}

impl Store {
    pub fn new(directory: &Path) -> Store {
        Store {
            directory: directory.to_owned(),
        }
    }

    /// The objects that were saved last. None: nothing was ever saved here.
    pub fn load(&self) -> Result<Option<Saved>, StoreError> {
        let path = self.path();
        let bytes = match read_bounded(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(StoreError::File { path, source }),
        };
        match format::read(&bytes) {
            Ok(saved) => Ok(Some(saved)),
            Err(found) => Err(StoreError::Content { path, found }),
        }
    }

    /// Replaces what was saved, whole or not at all: a new file of this user alone (0600), synced, then renamed. Returns its bytes.
    /// `key` says what the objects come to, so that the same is not written twice.
    pub fn save(&self, objects: &Objects, key: u64) -> Result<u64, StoreError> {
        self.write(objects, key).map_err(|source| StoreError::File {
            path: self.path(),
            source,
        })
    }

    fn write(&self, objects: &Objects, key: u64) -> io::Result<u64> {
        fs::create_dir_all(&self.directory)?;
        let temporary = tempfile::Builder::new()
            .prefix(&format!(".{FILE_NAME}-"))
            .tempfile_in(&self.directory)?;
        let mut out = BufWriter::new(temporary.as_file());
        format::write(&mut out, objects, key)?;
        out.flush()?;
        drop(out);
        temporary.as_file().sync_all()?;
        let file = temporary
            .persist(self.path())
            .map_err(|failed| failed.error)?;
        // The rename itself is on disk only when the directory is.
        File::open(&self.directory)?.sync_all()?;
        Ok(file.metadata()?.len())
    }

    fn path(&self) -> PathBuf {
        self.directory.join(FILE_NAME)
    }
}

/// Secrets are in it, so it is overwritten at its end; it never grows, which would leave a copy.
fn read_bounded(path: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
    let file = File::open(path)?;
    let length = file.metadata()?.len().min(FILE_BYTES_MAX);
    let room = usize::try_from(length)
        .unwrap_or_default()
        .saturating_add(1);
    let mut bytes = Zeroizing::new(Vec::with_capacity(room));
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > FILE_BYTES_MAX {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("more than {FILE_BYTES_MAX} bytes"),
        ));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests;
