//! How does a story read and write objects at a rate, with no program in between?
//!
//! One HTTP/2 connection to the API server; when that ended (a restart, a fault), the story opens another.

use super::access::{Access, Credentials};
use crate::client::h2::H2Connection;
use crate::client::{Connection, Reply, Request};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

/// Who owns the fields that a story applies.
const FIELD_MANAGER: &str = "story";
/// The API server allows 100 streams on a connection.
const IN_FLIGHT_MAX: usize = 64;

/// The API server as one user sees it.
pub struct Api {
    connection: H2Connection,
    address: SocketAddr,
    token: Option<String>,
    /// By apiVersion: what the API server says its kinds are called in URLs.
    resources: Mutex<HashMap<String, Arc<Vec<Value>>>>,
}

/// One of many changes.
#[derive(Debug, Clone)]
pub enum Change {
    /// Server-side apply.
    Apply(Value),
    /// The object of this kind and name.
    Delete(Value),
    /// A JSON merge patch on the object of this kind and name.
    Patch { object: Value, change: Value },
}

/// What became of many changes.
#[derive(Debug, Default)]
pub struct Done {
    pub count: usize,
    pub took: Duration,
    /// The API server's words on each one that it refused.
    pub refused: Vec<String>,
}

impl Api {
    /// At the API server's address, or a proxy's before it.
    pub async fn open(
        access: &Access,
        credentials: &Credentials,
        address: SocketAddr,
    ) -> io::Result<Api> {
        let config = access.client(credentials, &["h2"]);
        let connection = Connection::open_tls(address, "127.0.0.1", config).await?;
        Ok(Api {
            connection: H2Connection::open(connection).await?,
            address,
            token: credentials.token.clone(),
            resources: Mutex::default(),
        })
    }

    /// Any request: `send("GET", "/api/v1/pods", None)`. A body is sent as that content type.
    pub async fn send(
        &self,
        method: &str,
        target: &str,
        body: Option<(&str, &Value)>,
    ) -> io::Result<Reply> {
        let mut request = Request::new(method, &format!("https://{}{target}", self.address));
        if let Some(token) = &self.token {
            request = request.field("authorization", &format!("Bearer {token}"));
        }
        if let Some((kind, value)) = body {
            request = request.field("content-type", kind).body(value.to_string());
        }
        self.connection.send(&request).await
    }

    /// The object or list at this path.
    pub async fn get(&self, path: &str) -> Value {
        self.expect("GET", path, None).await.unwrap()
    }

    /// Server-side apply; the object as it is then, or the API server's words on why not.
    pub async fn apply(&self, object: &Value) -> Result<Value, String> {
        self.apply_at(object, "").await
    }

    /// The same for its status (of a Node or a Pod, where no kubelet writes it).
    pub async fn apply_status(&self, object: &Value) -> Result<Value, String> {
        self.apply_at(object, "/status").await
    }

    async fn apply_at(&self, object: &Value, part: &str) -> Result<Value, String> {
        let path = self.path(object).await?;
        let target = format!("{path}{part}?fieldManager={FIELD_MANAGER}&force=true");
        let body = ("application/apply-patch+yaml", object);
        self.expect("PATCH", &target, Some(body)).await
    }

    /// A JSON merge patch on the object at this path.
    pub async fn patch(&self, path: &str, change: &Value) -> Result<Value, String> {
        let body = ("application/merge-patch+json", change);
        self.expect("PATCH", path, Some(body)).await
    }

    pub async fn create(&self, path: &str, object: &Value) -> Result<Value, String> {
        let body = ("application/json", object);
        self.expect("POST", path, Some(body)).await
    }

    /// Deletes the object of this kind and name, whatever else it says.
    pub async fn delete(&self, object: &Value) -> Result<Value, String> {
        let path = self.path(object).await?;
        self.expect("DELETE", &path, None).await
    }

    /// Begins all of them in order, at most `per_second` (None: as fast as the API server goes), many in flight.
    pub async fn change_all(
        self: &Arc<Api>,
        changes: impl IntoIterator<Item = Change>,
        per_second: Option<u32>,
    ) -> Done {
        let start = Instant::now();
        let mut ticks = per_second.map(|rate| {
            let mut ticks = tokio::time::interval(Duration::from_secs(1) / rate);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
            ticks
        });
        let mut done = Done::default();
        let mut in_flight = JoinSet::new();
        for change in changes {
            if let Some(ticks) = &mut ticks {
                ticks.tick().await;
            }
            if in_flight.len() >= IN_FLIGHT_MAX {
                done.add(in_flight.join_next().await.unwrap().unwrap());
            }
            let api = self.clone();
            in_flight.spawn(async move { api.change(change).await });
        }
        while let Some(changed) = in_flight.join_next().await {
            done.add(changed.unwrap());
        }
        done.took = start.elapsed();
        done
    }

    async fn change(&self, change: Change) -> Result<(), String> {
        let changed = match change {
            Change::Apply(object) => self.apply(&object).await,
            Change::Delete(object) => self.delete(&object).await,
            Change::Patch { object, change } => {
                let path = self.path(&object).await?;
                self.patch(&path, &change).await
            }
        };
        changed.map(drop)
    }

    /// A 2xx answer's object, or the API server's words.
    async fn expect(
        &self,
        method: &str,
        target: &str,
        body: Option<(&str, &Value)>,
    ) -> Result<Value, String> {
        let reply = self.send(method, target, body).await;
        let reply = reply.map_err(|error| format!("{method} {target}: {error}"))?;
        if !(200..300).contains(&reply.status) {
            return Err(format!(
                "{method} {target}: {}: {}",
                reply.status,
                reply.text()
            ));
        }
        serde_json::from_slice(&reply.body).map_err(|error| format!("{method} {target}: {error}"))
    }

    /// Where an object of this kind, namespace and name is; `default` if it names no namespace.
    pub async fn path(&self, object: &Value) -> Result<String, String> {
        let version = object["apiVersion"].as_str().ok_or("no apiVersion")?;
        let group = if version.contains('/') {
            format!("/apis/{version}")
        } else {
            format!("/api/{version}")
        };
        let resources = self.resources(&group).await?;
        let resource = resources
            .iter()
            // `services/status` is of the kind Service too.
            .find(|known| known["kind"] == object["kind"] && !text(&known["name"]).contains('/'))
            .ok_or_else(|| format!("{group} has no kind {}", object["kind"]))?;
        let plural = text(&resource["name"]);
        let name = text(&object["metadata"]["name"]);
        if resource["namespaced"] == json!(false) {
            return Ok(format!("{group}/{plural}/{name}"));
        }
        let namespace = object["metadata"]["namespace"].as_str();
        let namespace = namespace.unwrap_or("default");
        Ok(format!("{group}/namespaces/{namespace}/{plural}/{name}"))
    }

    async fn resources(&self, group: &str) -> Result<Arc<Vec<Value>>, String> {
        if let Some(known) = self.resources.lock().unwrap().get(group) {
            return Ok(known.clone());
        }
        let found = self.expect("GET", group, None).await?;
        let found = Arc::new(found["resources"].as_array().cloned().unwrap_or_default());
        let mut resources = self.resources.lock().unwrap();
        resources.insert(group.to_owned(), found.clone());
        Ok(found)
    }
}

impl Done {
    fn add(&mut self, result: Result<(), String>) {
        self.count += 1;
        self.refused.extend(result.err());
    }
}

/// The objects of a YAML text, as `manifest::join` makes it.
pub fn objects(yaml: &str) -> Vec<Value> {
    serde_saphyr::from_multiple(yaml).unwrap_or_else(|error| panic!("{error} in:\n{yaml}"))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
