//! Which files does the house consist of?

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Text files by their path from the repository's root, with `/`.
#[derive(Debug, Clone, Default)]
pub struct Tree {
    pub files: BTreeMap<String, String>,
}

/// Where source, manifests of crates and documents live.
const PLACES: &[&str] = &["config", "k8s", "proxy", "bench", "tests", "docs"];
/// Built, downloaded or generated: not the house's.
const PASSED_OVER: &[&str] = &["target", "node_modules", ".cache", "corpus"];

impl Tree {
    pub fn read() -> Tree {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let mut tree = Tree::default();
        for place in PLACES {
            tree.read_below(&root, &root.join(place));
        }
        assert!(tree.files.len() > 50, "found {} files", tree.files.len());
        tree
    }

    fn read_below(&mut self, root: &Path, directory: &Path) {
        let entries = std::fs::read_dir(directory).unwrap();
        let paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        for path in paths {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if PASSED_OVER.contains(&name.as_str()) || name.starts_with('.') {
                continue;
            }
            if path.is_dir() {
                self.read_below(root, &path);
            } else if let Ok(text) = std::fs::read_to_string(&path) {
                let short = path
                    .strip_prefix(root)
                    .unwrap()
                    .to_string_lossy()
                    .into_owned();
                self.files.insert(short, text);
            }
        }
    }

    /// Rust files, with their text.
    pub fn rust(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files
            .iter()
            .filter(|(path, _)| path.ends_with(".rs"))
            .map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// The text of one file; empty where there is none.
    pub fn text(&self, path: &str) -> &str {
        self.files.get(path).map_or("", String::as_str)
    }
}
