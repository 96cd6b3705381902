//! What do several listeners with one host come to?

use super::Attachment;
use crate::translate::gateway::ListenerView;
use config::hostname::Hostname;
use config::model::ListenerScope;

/// A host through one listener.
#[derive(Debug)]
pub(super) struct Reached {
    pub host: Option<Hostname>,
    is_https: bool,
    port: Option<u16>,
    except: Vec<Hostname>,
}

impl Reached {
    pub fn new(listener: &ListenerView, host: Option<Hostname>, except: Vec<Hostname>) -> Reached {
        Reached {
            host,
            is_https: listener.is_https,
            port: listener.public_port,
            except,
        }
    }

    fn is_of_one_protocol(&self, other: &Reached) -> bool {
        self.host == other.host && self.is_https == other.is_https
    }

    /// What this one takes, and more.
    fn is_within(&self, other: &Reached) -> bool {
        self.is_of_one_protocol(other)
            && self.port.is_some()
            && other.port.is_none()
            && other.except.iter().all(|name| self.except.contains(name))
    }
}

/// What one of two listeners on one port takes is taken.
pub(super) fn push(all: &mut Vec<Reached>, new: Reached) {
    let is_same = |one: &&mut Reached| one.is_of_one_protocol(&new) && one.port == new.port;
    match all.iter_mut().find(is_same) {
        Some(same) => same.except.retain(|name| new.except.contains(name)),
        None => all.push(new),
    }
}

/// A host that HTTP and HTTPS have in the same way is one attachment.
pub(super) fn attachments(all: Vec<Reached>) -> Vec<Attachment> {
    let mut attachments: Vec<Attachment> = Vec::with_capacity(all.len());
    for one in &all {
        if all.iter().any(|other| one.is_within(other)) {
            continue;
        }
        let except = (!one.except.is_empty()).then(|| one.except.clone().into());
        let twin = attachments.iter_mut().find(|other| {
            let is_whole = one.port.is_none() && other.scope.port.is_none();
            is_whole && other.host == one.host && other.scope.except == except
        });
        match twin {
            Some(twin) => {
                twin.scope.http |= !one.is_https;
                twin.scope.https |= one.is_https;
            }
            None => attachments.push(Attachment {
                host: one.host.clone(),
                scope: ListenerScope {
                    http: !one.is_https,
                    https: one.is_https,
                    port: one.port,
                    except,
                },
            }),
        }
    }
    attachments
}
