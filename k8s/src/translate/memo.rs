//! What did this object come to the last time?

use crate::objects::{Lines, Object};
use config::name::ObjectName;
use config::problem::{Problem, Problems};
use std::collections::HashMap;
use std::sync::Arc;

/// What each object of one kind was translated to. An unchanged object with unchanged inputs costs one look-up.
pub(super) struct Memo<K, I, T> {
    entries: HashMap<ObjectName, Entry<K, I, T>>,
    /// Counts the runs, so that entries of vanished objects are told from the others.
    run: u64,
}

struct Entry<K, I, T> {
    object: Arc<Object<K>>,
    inputs: I,
    made: T,
    problems: Problems,
    run: u64,
}

impl<K, I, T> Default for Memo<K, I, T> {
    fn default() -> Memo<K, I, T> {
        Memo {
            entries: HashMap::new(),
            run: 0,
        }
    }
}

impl<K: 'static, I: PartialEq, T: Clone> Memo<K, I, T> {
    /// Gives `sink` what each object comes to. `translate` is called only for an object that is another one than in the last run, or
    /// whose `inputs` are. Returns what such objects came to before, and what they come to now: empty if nothing changed.
    pub fn run<'a>(
        &mut self,
        objects: impl Iterator<Item = &'a Arc<Object<K>>>,
        inputs: impl Fn(&Object<K>) -> I,
        translate: impl Fn(&Object<K>, &I) -> (T, Vec<Problem>),
        mut sink: impl FnMut(&ObjectName, &T, &[Arc<Problem>]),
    ) -> Vec<T> {
        self.run = self.run.wrapping_add(1);
        let mut changes = Vec::new();
        let mut met: usize = 0;
        for object in objects {
            met += 1;
            let inputs = inputs(object);
            match self.entries.get_mut(&object.name) {
                Some(entry) if entry.inputs == inputs && is_same(&entry.object, object) => {
                    entry.run = self.run;
                    sink(&object.name, &entry.made, &entry.problems);
                }
                _ => {
                    let entry = Entry::make(object, inputs, self.run, &translate);
                    sink(&object.name, &entry.made, &entry.problems);
                    changes.push(entry.made.clone());
                    let old = self.entries.insert(object.name.clone(), entry);
                    changes.extend(old.map(|old| old.made));
                }
            }
        }
        if self.entries.len() > met {
            let run = self.run;
            let vanished = self.entries.extract_if(|_, entry| entry.run != run);
            changes.extend(vanished.map(|(_, entry)| entry.made));
        }
        changes
    }
}

impl<K, I, T> Entry<K, I, T> {
    fn make(
        object: &Arc<Object<K>>,
        inputs: I,
        run: u64,
        translate: impl Fn(&Object<K>, &I) -> (T, Vec<Problem>),
    ) -> Entry<K, I, T> {
        let (made, problems) = translate(object, &inputs);
        Entry {
            object: object.clone(),
            inputs,
            made,
            problems: problems.into_iter().map(Arc::new).collect(),
            run,
        }
    }
}

/// The same content at the same place. A source that reads a file again may hand out a new `Object` for the same text.
fn is_same<K>(old: &Arc<Object<K>>, new: &Arc<Object<K>>) -> bool {
    Arc::ptr_eq(old, new)
        || (old.revision == new.revision && is_same_place(old.lines.as_ref(), new.lines.as_ref()))
}

fn is_same_place(old: Option<&Lines>, new: Option<&Lines>) -> bool {
    match (old, new) {
        (Some(old), Some(new)) => old.file == new.file && old.fields == new.fields,
        (None, None) => true,
        _ => false,
    }
}
