//! How does what a story writes into its directory come to an API server?
//!
//! By server-side apply, as an operator would do it. All stories of a process share one cluster, one after the other: each begins by
//! deleting what the last one made.

use super::plan::{ByPath, Plan, add_namespaces, chosen, is_namespace};
use super::{age, listed};
use crate::cluster::Cluster;
use crate::cluster::api::{Api, Change, objects};
use config::settings::Source;
use k8s::objects::Objects;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use tokio::sync::Mutex;

/// So often objects are made again, until all of them are equally old.
const TRIES_MAX: usize = 5;

/// What stories have made and not deleted yet, in the one cluster of this process.
static THERE: Mutex<ByPath> = Mutex::const_new(BTreeMap::new());
static KUBECONFIG: OnceLock<PathBuf> = OnceLock::new();
/// A story has the whole cluster.
static IS_TAKEN: AtomicBool = AtomicBool::new(false);

/// The API server in place of one story's directory.
pub struct Mirror {
    cluster: &'static Cluster,
    api: Arc<Api>,
    directory: PathBuf,
    _taken: Taken,
}

struct Taken;

impl Drop for Taken {
    fn drop(&mut self) {
        IS_TAKEN.store(false, Ordering::SeqCst);
    }
}

impl Mirror {
    /// An API server that holds what stands in this directory, and nothing of earlier stories.
    pub async fn start(directory: PathBuf) -> Mirror {
        let was_taken = IS_TAKEN.swap(true, Ordering::SeqCst);
        assert!(
            !was_taken,
            "one edge at a time has the cluster: run with --test-threads=1; a story with two edges runs on a directory alone"
        );
        let taken = Taken;
        let cluster = Cluster::shared().await;
        let mirror = Mirror {
            api: Arc::new(cluster.api(&cluster.admin()).await),
            cluster,
            directory,
            _taken: taken,
        };
        let mut there = THERE.lock().await;
        let earlier = chosen(&there, |_, object| !is_namespace(object));
        mirror.delete(&mut there, earlier).await;
        drop(there);
        mirror.sync().await;
        mirror
    }

    /// What the edge's settings say in place of the directory.
    pub fn source(&self) -> Source {
        let kubeconfig = KUBECONFIG.get_or_init(|| self.cluster.kubeconfig(&self.cluster.admin()));
        Source::Cluster {
            namespaces: Vec::new(),
            namespace_selector: None,
            kubeconfig: Some(kubeconfig.clone()),
        }
    }

    /// Everything that the API server has, once it has what the directory says by now.
    pub async fn synced(&self) -> Objects {
        self.sync().await;
        listed::objects(&self.api, self.cluster.address()).await
    }

    /// Applies what the directory says by now, and deletes what it does not say any more.
    pub async fn sync(&self) {
        let wanted = self.wanted().await;
        let mut there = THERE.lock().await;
        if age::is_told(wanted.values()) && age::all(&wanted) != age::all(&there) {
            let aged = chosen(&there, |_, object| age::counts(object));
            self.delete(&mut there, aged).await;
        }
        let plan = Plan::new(&there, &wanted);
        // First, so that a story that fails here leaves nothing to the next one.
        there.extend(wanted);
        self.apply(&plan.namespaces).await;
        self.apply(&plan.changed).await;
        self.make_aged(&plan.aged).await;
        self.delete(&mut there, plan.gone).await;
        self.apply(&plan.lost).await;
    }

    /// The objects of all files, and their namespaces.
    async fn wanted(&self) -> ByPath {
        let mut wanted = ByPath::new();
        for file in files(&self.directory) {
            let text = std::fs::read_to_string(&file).unwrap();
            let mut objects = objects(&text);
            objects.retain(|object| !object.is_null());
            for object in objects {
                let path = self.api.path(&object).await;
                let path = path.unwrap_or_else(|words| panic!("{}: {words}", file.display()));
                wanted.insert(path, object);
            }
        }
        add_namespaces(&mut wanted);
        wanted
    }

    async fn apply(&self, objects: &ByPath) {
        let all = objects.values().map(|object| Change::Apply(object.clone()));
        let done = self.api.change_all(all, None).await;
        for words in done.refused {
            let object = objects
                .iter()
                .find(|(path, _)| words.contains(&format!("{path}?")));
            let (_, object) = object.unwrap_or_else(|| panic!("{words}"));
            assert!(
                words.contains("immutable"),
                "the API server refuses: {words}"
            );
            self.api.delete(object).await.unwrap();
            self.api.apply(object).await.unwrap();
        }
    }

    /// Those that the files call older first; those of one age within one second.
    async fn make_aged(&self, objects: &ByPath) {
        let mut groups: BTreeMap<Option<&str>, ByPath> = BTreeMap::new();
        for (path, object) in objects {
            let group = groups.entry(age::told(object)).or_default();
            group.insert(path.clone(), object.clone());
        }
        // What does not tell its age is the youngest.
        let untold = groups.remove(&None);
        let groups: Vec<ByPath> = groups.into_values().chain(untold).collect();
        for (number, group) in groups.iter().enumerate() {
            if number > 0 {
                age::next_second().await;
            }
            self.make_at_once(group).await;
        }
    }

    async fn make_at_once(&self, objects: &ByPath) {
        for _ in 0..TRIES_MAX {
            self.apply(objects).await;
            let mut seconds = BTreeSet::new();
            if objects.len() > 1 {
                for path in objects.keys() {
                    let made = self.api.get(path).await;
                    seconds.insert(age::told(&made).map(str::to_owned));
                }
            }
            if seconds.len() < 2 {
                return;
            }
            self.delete(&mut ByPath::new(), objects.clone()).await;
            age::next_second().await;
        }
        panic!("{} objects are not made within one second", objects.len());
    }

    async fn delete(&self, there: &mut ByPath, gone: ByPath) {
        there.retain(|path, _| !gone.contains_key(path));
        let all = gone.into_values().map(Change::Delete);
        let mut done = self.api.change_all(all, None).await;
        // It was never made, because its story failed before.
        done.refused.retain(|words| !words.contains(": 404: "));
        assert_eq!(done.refused, [""; 0], "deletions");
    }
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}
