//! How does a directory of manifests become objects, and follow its edits?
