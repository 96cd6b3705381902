//! How does a notice become an Event of the API server?

use super::ledger::Notice;
use crate::leader::Leadership;
use crate::objects::{Object, Objects, Set};
use crate::report::MANAGER;
use crate::report::status::EventResult;
use crate::source::cluster::{Cause, Fault, resource};
use config::name::{Kind, ObjectRef};
use config::problem::{Problem, Severity};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use kube::api::{Patch, PatchParams, PostParams};
use kube::{Api, Client};
use serde_json::json;
use std::sync::Arc;
use std::time::{Duration, Instant};

const SEND_TIMEOUT: Duration = Duration::from_secs(4);
/// The API server takes no longer note.
const NOTE_BYTES_MAX: usize = 1_000;
/// Of an object's name, within that of an Event: the API server takes 253 characters.
const NAME_BYTES_MAX: usize = 200;

pub(super) struct Sender<'a> {
    pub client: Client,
    pub leadership: &'a Leadership,
}

impl Sender<'_> {
    /// None: we do not lead any more, and nothing was sent.
    pub async fn send(
        &self,
        objects: &Objects,
        notice: &Notice,
    ) -> Result<Option<EventResult>, Fault> {
        let Some(left) = self.leadership.time_left(Instant::now()) else {
            return Ok(None);
        };
        let Some(event) = event(objects, notice) else {
            // The object is gone.
            return Ok(Some(EventResult::Known));
        };
        let sent = tokio::time::timeout(left.min(SEND_TIMEOUT), self.put(&event, notice)).await;
        match sent {
            Ok(Ok(result)) => Ok(Some(result)),
            Ok(Err(error)) => Err(Fault::of_client(&error)),
            Err(_) => {
                let message = "an Event was not answered in time".to_owned();
                Err(Fault::new(Cause::Unreachable, message))
            }
        }
    }

    async fn put(&self, event: &Event, notice: &Notice) -> Result<EventResult, kube::Error> {
        let namespace = namespace_of(&notice.problem.object);
        let api: Api<Event> = Api::namespaced(self.client.clone(), &namespace);
        match api.create(&PostParams::default(), event).await {
            Ok(_) => return Ok(EventResult::Created),
            // It is there. Told by whoever led before, or by us when it last came.
            Err(kube::Error::Api(status)) if status.code == 409 => {}
            Err(error) => return Err(error),
        }
        if notice.count < 2 {
            return Ok(EventResult::Known);
        }
        let series = json!({ "series": {
            "count": notice.count,
            "lastObservedTime": MicroTime(Timestamp::now()),
        }});
        let name = event.metadata.name.as_deref().unwrap_or_default();
        api.patch(name, &PatchParams::default(), &Patch::Merge(series))
            .await?;
        Ok(EventResult::Repeated)
    }
}

/// Events about objects without a namespace are in `default`.
pub(super) fn namespace_of(object: &ObjectRef) -> Arc<str> {
    match object.name.namespace.is_empty() {
        true => "default".into(),
        false => object.name.namespace.clone(),
    }
}

/// None: the object is not there.
pub(super) fn metadata<'a>(objects: &'a Objects, object: &ObjectRef) -> Option<&'a ObjectMeta> {
    fn of<'a, K>(
        set: &'a Set<K>,
        object: &ObjectRef,
        metadata: impl FnOnce(&'a K) -> &'a ObjectMeta,
    ) -> Option<&'a ObjectMeta> {
        let found: &Arc<Object<K>> = set.get(&object.name)?;
        Some(metadata(&found.value))
    }
    match object.kind {
        Kind::Ingress => of(&objects.ingresses, object, |one| &one.metadata),
        Kind::IngressClass => of(&objects.ingress_classes, object, |one| &one.metadata),
        Kind::Service => of(&objects.services, object, |one| &one.metadata),
        Kind::EndpointSlice => of(&objects.endpoint_slices, object, |one| &one.metadata),
        Kind::Endpoints => of(&objects.endpoints, object, |one| &one.metadata),
        Kind::Secret => of(&objects.secrets, object, |one| &one.metadata),
        Kind::ConfigMap => of(&objects.config_maps, object, |one| &one.metadata),
        Kind::ReferenceGrant => of(&objects.reference_grants, object, |one| &one.metadata),
        Kind::Gateway => of(&objects.gateways, object, |one| &one.metadata),
        Kind::GatewayClass => of(&objects.gateway_classes, object, |one| &one.metadata),
        Kind::HttpRoute => of(&objects.http_routes, object, |one| &one.metadata),
        Kind::Namespace | Kind::Settings | Kind::Manifest => None,
    }
}

fn event(objects: &Objects, notice: &Notice) -> Option<Event> {
    let problem = &notice.problem;
    let metadata = metadata(objects, &problem.object)?;
    let namespace = namespace_of(&problem.object).to_string();
    let is_warning = !notice.is_solved && problem.severity != Severity::Info;
    Some(Event {
        metadata: ObjectMeta {
            name: Some(name(notice, metadata.uid.as_deref().unwrap_or_default())),
            namespace: Some(namespace),
            ..ObjectMeta::default()
        },
        action: Some(if notice.is_solved { "Solve" } else { "Read" }.to_owned()),
        event_time: Some(MicroTime(Timestamp::now())),
        note: Some(note(notice)),
        reason: Some(reason(notice)),
        regarding: Some(regarding(&problem.object, metadata)),
        reporting_controller: Some(MANAGER.to_owned()),
        reporting_instance: Some("hedgerow".to_owned()),
        type_: Some(if is_warning { "Warning" } else { "Normal" }.to_owned()),
        ..Event::default()
    })
}

fn regarding(object: &ObjectRef, metadata: &ObjectMeta) -> ObjectReference {
    ObjectReference {
        api_version: Some(resource(object.kind, "v1").api_version),
        kind: Some(object.kind.as_str().to_owned()),
        name: metadata.name.clone(),
        namespace: metadata.namespace.clone(),
        uid: metadata.uid.clone(),
        resource_version: metadata.resource_version.clone(),
        ..ObjectReference::default()
    }
}

/// The same for the same thing of the same object, whoever tells it.
fn name(notice: &Notice, uid: &str) -> String {
    let Problem {
        object,
        field,
        found,
        ..
    } = &notice.problem;
    let digest = config::digest::of(&[
        uid.as_bytes(),
        notice.problem.code_str().as_bytes(),
        field.as_bytes(),
        found.as_bytes(),
        &[u8::from(notice.is_solved)],
    ]);
    let own = object.name.name.get(..NAME_BYTES_MAX);
    let own = own.unwrap_or(&object.name.name);
    format!("{}.{digest:016x}", own.trim_end_matches(['.', '-']))
}

/// `NoSuchService`, or `NoSuchServiceSolved`.
fn reason(notice: &Notice) -> String {
    let words = notice.problem.code_str();
    let mut reason = String::new();
    for word in words.split('-') {
        let mut letters = word.chars();
        reason.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        reason.push_str(letters.as_str());
    }
    if notice.is_solved {
        reason.push_str("Solved");
    }
    reason
}

fn note(notice: &Notice) -> String {
    let Problem {
        field,
        found,
        expected,
        ..
    } = &notice.problem;
    let field = match field.is_empty() {
        true => String::new(),
        false => format!("{field}: "),
    };
    let mut note = match notice.is_solved {
        true => format!("solved: {field}{found}"),
        false => format!("{field}{found}; {expected}"),
    };
    if note.len() > NOTE_BYTES_MAX {
        let end = note.floor_char_boundary(NOTE_BYTES_MAX);
        note.truncate(end);
        note.push_str(" ...");
    }
    note
}

#[cfg(test)]
mod tests {
    use super::*;
    use config::problem::ProblemCode;

    fn notice(is_solved: bool, found: &str) -> Notice {
        Notice {
            problem: Problem {
                severity: Severity::Error,
                code: ProblemCode::NoSuchService,
                object: ObjectRef::new(Kind::Ingress, "shop", "web"),
                field: "spec".to_owned(),
                found: found.to_owned(),
                expected: "a Service that exists".to_owned(),
                origin: None,
            },
            is_solved,
            count: 1,
        }
    }

    #[test]
    fn an_event_has_one_name_for_one_thing_of_one_object() {
        let one = name(&notice(false, "a"), "1");
        assert_eq!(one, name(&notice(false, "a"), "1"));
        for other in [
            name(&notice(true, "a"), "1"),
            name(&notice(false, "b"), "1"),
            name(&notice(false, "a"), "2"),
        ] {
            assert_ne!(one, other);
        }
        assert!(one.starts_with("web."));
    }

    #[test]
    fn an_event_says_the_problem_in_the_words_of_every_other_place() {
        let came = notice(false, "there is no Service shop/wbe");
        assert_eq!(reason(&came), "NoSuchService");
        assert_eq!(
            note(&came),
            "spec: there is no Service shop/wbe; a Service that exists"
        );
        let solved = notice(true, "there is no Service shop/wbe");
        assert_eq!(reason(&solved), "NoSuchServiceSolved");
        assert!(note(&solved).starts_with("solved: "));
    }

    #[test]
    fn a_long_note_is_cut_where_a_letter_ends() {
        let note = note(&notice(false, &"ä".repeat(900)));
        assert!(note.len() <= NOTE_BYTES_MAX + 4, "{}", note.len());
    }
}
