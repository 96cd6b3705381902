//! How does a change of objects become a compiled configuration?

mod last_good;
mod news;
mod own_names;
mod unused;

use crate::objects::Objects;
use crate::translate::{References, Touched, Translator};
use config::compile::{CompileOptions, Compiler, compile};
use config::model::Model;
use config::problem::{Problem, Problems};
use config::settings::{DefaultCertificate, Settings};
use config::snapshot::{Compiled, UnusedHosts};
use last_good::LastGood;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::watch;

/// What objects refer to and what a source therefore has to fetch one by one.
pub type Wanted = Arc<References>;

/// The control path: translates and compiles whenever objects or settings change, and sends on what differs. Ends when the objects do,
/// or when nobody takes the result any more.
pub async fn run(
    mut objects: watch::Receiver<Option<Arc<Objects>>>,
    mut settings: watch::Receiver<Arc<Settings>>,
    compiled: watch::Sender<Option<Arc<Compiled>>>,
    wanted: watch::Sender<Wanted>,
) {
    let mut control = Control::default();
    while !compiled.is_closed() {
        let now_objects = objects.borrow_and_update().clone();
        let now_settings = settings.borrow_and_update().clone();
        if let Some(now_objects) = now_objects {
            let next = match now_objects.is_directory {
                // What came from an API server was parsed on this thread, and two changes of threads would take longer than a small step.
                false => control.step(&now_objects, &now_settings, unix_seconds()),
                true => {
                    let stepped = step_apart(control, now_objects, now_settings).await;
                    let Ok((back, next)) = stepped else { return };
                    control = back;
                    next
                }
            };
            send_wanted(&wanted, &control.wanted);
            if let Some(next) = next {
                compiled.send_replace(Some(next));
            }
        }
        tokio::select! {
            changed = objects.changed() => if changed.is_err() { return },
            () = changed_ever(&mut settings) => {}
            () = compiled.closed() => {}
            () = tokio::time::sleep(control.time_to_next_look(unix_seconds())) => {}
        }
    }
}

fn send_wanted(wanted: &watch::Sender<Wanted>, now: &Wanted) {
    wanted.send_if_modified(|last| {
        let is_other = !Arc::ptr_eq(last, now) && last != now;
        if is_other {
            last.clone_from(now);
        }
        is_other
    });
}

/// One step on a thread that may block, the one that reads manifests where the runtime has a single one: what parsing gave back to the
/// allocator is used again by compiling (55 MiB resident before, 44 after, at 5,000 routes with glibc, whose arenas belong to threads).
async fn step_apart(
    mut control: Control,
    objects: Arc<Objects>,
    settings: Arc<Settings>,
) -> Result<(Control, Option<Arc<Compiled>>), tokio::task::JoinError> {
    tokio::task::spawn_blocking(move || {
        let next = control.step(&objects, &settings, unix_seconds());
        (control, next)
    })
    .await
}

/// The same in one go, for `check` and `why`. `now` is in seconds since 1970.
pub fn build(objects: &Objects, settings: &Settings, now: i64) -> Compiled {
    let (mut model, mut problems) = Translator::default().translate(objects, settings);
    own_names::fill(&mut model);
    problems.extend(of_source(objects));
    let mut compiled = compile(&model, problems, &options(objects, now));
    let more = unused::problems(objects, settings, now, &compiled.problems);
    finish(&mut compiled, more, unused::hosts(objects));
    compiled
}

/// Adds what compilation does not know: what concerns objects that are not used.
fn finish(compiled: &mut Compiled, more: Vec<Problem>, unused_hosts: Arc<UnusedHosts>) {
    if !more.is_empty() {
        let all = Arc::make_mut(&mut compiled.problems);
        all.extend(more.into_iter().map(Arc::new));
        all.sort_unstable();
    }
    compiled.unused_hosts = unused_hosts;
}

fn of_source(objects: &Objects) -> impl Iterator<Item = Arc<Problem>> {
    objects.problems.iter().cloned().map(Arc::new)
}

fn options(objects: &Objects, now: i64) -> CompileOptions {
    CompileOptions {
        now,
        is_cluster: !objects.is_directory,
    }
}

/// What the loop remembers from one change to the next.
#[derive(Default)]
struct Control {
    translator: Translator,
    compiler: Compiler,
    last_good: LastGood,
    /// Of the translation and the source, sorted.
    problems: Problems,
    /// What was sent on.
    compiled: Option<Arc<Compiled>>,
    wanted: Wanted,
    /// What `wanted` was made for, beside the objects.
    default_certificate: Option<DefaultCertificate>,
    /// Seconds since 1970: certificates are judged again then.
    next_look: i64,
}

impl Control {
    /// The configuration to send on. None: it is the last one.
    fn step(&mut self, objects: &Objects, settings: &Settings, now: i64) -> Option<Arc<Compiled>> {
        let (mut model, mut problems) = self.translator.translate(objects, settings);
        self.note_wanted(settings);
        problems.extend(of_source(objects));
        let kept = self.last_good.keep(objects, settings, &mut model, now);
        problems.extend(kept.into_iter().map(Arc::new));
        own_names::fill(&mut model);
        problems.sort_unstable();
        let touched = self.translator.touched().clone();
        if touched == Touched::default() && problems == self.problems && now < self.next_look {
            return None;
        }
        let options = options(objects, now);
        self.problems.clone_from(&problems);
        let mut next = self
            .endpoints_only(&model, &problems, &options)
            .unwrap_or_else(|| self.compiler.compile(&model, problems, &options));
        let more = unused::problems(objects, settings, now, &next.problems);
        finish(&mut next, more, unused::hosts(objects));
        self.next_look = news::next_look(model.certificates.values(), now);
        if let Some(last) = &self.compiled
            && !news::is_news(last, &next, &touched, objects.is_directory)
        {
            return None;
        }
        let next = Arc::new(next);
        news::tell(self.compiled.as_deref(), &next);
        self.compiled = Some(next.clone());
        Some(next)
    }

    fn note_wanted(&mut self, settings: &Settings) {
        let touched = self.translator.touched();
        if touched.is_only_endpoints() && settings.default_certificate == self.default_certificate {
            return;
        }
        self.default_certificate
            .clone_from(&settings.default_certificate);
        let wanted = self.translator.references(settings);
        if wanted != *self.wanted {
            self.wanted = Arc::new(wanted);
        }
    }

    /// The cheap way, where nothing but endpoints changed.
    fn endpoints_only(
        &mut self,
        model: &Model,
        problems: &[Arc<Problem>],
        options: &CompileOptions,
    ) -> Option<Compiled> {
        let last = self.compiled.as_ref()?;
        let touched = self.translator.touched();
        // What is told of unused objects must not outlive them.
        let had_unused = !last.unused_hosts.is_empty();
        if !touched.is_only_endpoints() || options.now >= self.next_look || had_unused {
            return None;
        }
        let problems = problems.to_vec();
        let churn = (&**last, &*touched.endpoints_of);
        self.compiler
            .recompile_endpoints(churn, model, problems, options)
    }

    fn time_to_next_look(&self, now: i64) -> Duration {
        let seconds = u64::try_from(self.next_look.saturating_sub(now)).unwrap_or(0);
        // Never in a busy loop, whatever the clock does.
        Duration::from_secs(seconds.clamp(1, news::LOOK_SECONDS_MAX))
    }
}

/// Settings that nobody can change any more are not a reason to end.
async fn changed_ever(settings: &mut watch::Receiver<Arc<Settings>>) {
    if settings.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
}

fn unix_seconds() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| {
        i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
    })
}

#[cfg(test)]
mod tests;
