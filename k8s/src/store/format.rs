//! How do objects lie on disk?
//!
//! A line that names format and version, one line of JSON, and a line with the CRC-32 (IEEE) of all bytes before it.

use super::Saved;
use crate::objects::{EndpointSlice, Object, Objects, Secret, Set};
use config::name::ObjectName;
use crc32fast::Hasher;
use gateway_api::apis::standard::gatewayclasses::GatewayClass;
use gateway_api::apis::standard::gateways::Gateway;
use gateway_api::apis::standard::httproutes::HttpRoute;
use gateway_api::apis::standard::referencegrants::ReferenceGrant;
use k8s_openapi::api::core::v1::{ConfigMap, Endpoints, Service};
use k8s_openapi::api::networking::v1::{Ingress, IngressClass};
use serde::{Deserialize, Serialize};
use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::Arc;

/// The number goes up when an older reader would misread what is written.
const FIRST_LINE: &[u8] = b"hedgerow last good objects, format 1\n";
/// Eight hexadecimal digits and a line end.
const LAST_LINE_BYTES: usize = 9;

#[derive(Serialize)]
struct ObjectOut<'a, K> {
    namespace: &'a str,
    name: &'a str,
    revision: u64,
    value: &'a K,
}

#[derive(Deserialize)]
struct ObjectRaw<K> {
    namespace: Box<str>,
    name: Box<str>,
    revision: u64,
    value: K,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SavedRaw {
    key: u64,
    api_server: Vec<SocketAddr>,
    ingresses: Vec<ObjectRaw<Ingress>>,
    ingress_classes: Vec<ObjectRaw<IngressClass>>,
    services: Vec<ObjectRaw<Service>>,
    endpoint_slices: Vec<ObjectRaw<EndpointSlice>>,
    endpoints: Vec<ObjectRaw<Endpoints>>,
    secrets: Vec<ObjectRaw<Secret>>,
    config_maps: Vec<ObjectRaw<ConfigMap>>,
    reference_grants: Vec<ObjectRaw<ReferenceGrant>>,
    gateways: Vec<ObjectRaw<Gateway>>,
    gateway_classes: Vec<ObjectRaw<GatewayClass>>,
    http_routes: Vec<ObjectRaw<HttpRoute>>,
}

/// Objects as they were, or a word for what was found in their place.
pub(super) fn read(bytes: &[u8]) -> Result<Saved, String> {
    let (json, sum) = parts(bytes)?;
    let mut hasher = Hasher::new();
    hasher.update(
        bytes
            .get(..bytes.len().saturating_sub(LAST_LINE_BYTES))
            .unwrap_or_default(),
    );
    let found = hasher.finalize();
    if found != sum {
        return Err(format!(
            "the sum of its bytes is {found:08x}, it says {sum:08x}"
        ));
    }
    let raw: SavedRaw = serde_json::from_slice(json)
        .map_err(|error| format!("the objects cannot be read: {error}"))?;
    Ok(saved(raw))
}

/// The JSON, and the sum that the file says of itself.
fn parts(bytes: &[u8]) -> Result<(&[u8], u32), String> {
    let Some(rest) = bytes.strip_prefix(FIRST_LINE) else {
        let line = bytes
            .split(|byte| *byte == b'\n')
            .next()
            .unwrap_or_default();
        let line = line.get(..line.len().min(60)).unwrap_or_default();
        return Err(format!(
            "begins with {:?}, expected {:?}",
            String::from_utf8_lossy(line),
            String::from_utf8_lossy(FIRST_LINE.trim_ascii_end()),
        ));
    };
    let cut = rest.len().checked_sub(LAST_LINE_BYTES);
    let halves = cut.and_then(|cut| rest.split_at_checked(cut));
    let (json, last) = halves.ok_or("ends before its first object")?;
    let sum = last
        .strip_suffix(b"\n")
        .and_then(|digits| std::str::from_utf8(digits).ok());
    let sum = sum.and_then(|digits| u32::from_str_radix(digits, 16).ok());
    Ok((json, sum.ok_or("ends without its sum: it was cut")?))
}

fn saved(raw: SavedRaw) -> Saved {
    Saved {
        key: raw.key,
        objects: Objects {
            ingresses: set(raw.ingresses),
            ingress_classes: set(raw.ingress_classes),
            services: set(raw.services),
            endpoint_slices: set(raw.endpoint_slices),
            endpoints: set(raw.endpoints),
            secrets: set(raw.secrets),
            config_maps: set(raw.config_maps),
            reference_grants: set(raw.reference_grants),
            gateways: set(raw.gateways),
            gateway_classes: set(raw.gateway_classes),
            http_routes: set(raw.http_routes),
            problems: Vec::new(),
            unused: Vec::new(),
            is_directory: false,
            api_server: raw.api_server.into(),
        },
    }
}

fn set<K>(raw: Vec<ObjectRaw<K>>) -> Set<K> {
    let objects = raw.into_iter().map(|raw| Object {
        value: raw.value,
        name: ObjectName::new(&raw.namespace, &raw.name),
        revision: raw.revision,
        lines: None,
    });
    let objects = objects.map(|object| (object.name.clone(), Arc::new(object)));
    Arc::new(objects.collect())
}

pub(super) fn write(out: &mut impl Write, objects: &Objects, key: u64) -> io::Result<()> {
    let mut out = Summing {
        out,
        sum: Hasher::new(),
    };
    out.write_all(FIRST_LINE)?;
    write!(out, "{{\"key\":{key},\"apiServer\":")?;
    serde_json::to_writer(&mut out, &*objects.api_server)?;
    write_set(&mut out, "ingresses", &objects.ingresses)?;
    write_set(&mut out, "ingressClasses", &objects.ingress_classes)?;
    write_set(&mut out, "services", &objects.services)?;
    write_set(&mut out, "endpointSlices", &objects.endpoint_slices)?;
    write_set(&mut out, "endpoints", &objects.endpoints)?;
    write_set(&mut out, "secrets", &objects.secrets)?;
    write_set(&mut out, "configMaps", &objects.config_maps)?;
    write_set(&mut out, "referenceGrants", &objects.reference_grants)?;
    write_set(&mut out, "gateways", &objects.gateways)?;
    write_set(&mut out, "gatewayClasses", &objects.gateway_classes)?;
    write_set(&mut out, "httpRoutes", &objects.http_routes)?;
    out.write_all(b"}\n")?;
    let sum = out.sum.finalize();
    writeln!(out.out, "{sum:08x}")
}

fn write_set<K: Serialize>(out: &mut impl Write, key: &str, set: &Set<K>) -> io::Result<()> {
    write!(out, ",\"{key}\":[")?;
    for (at, object) in set.values().enumerate() {
        if at > 0 {
            out.write_all(b",")?;
        }
        let object = ObjectOut {
            namespace: &object.name.namespace,
            name: &object.name.name,
            revision: object.revision,
            value: &object.value,
        };
        serde_json::to_writer(&mut *out, &object)?;
    }
    out.write_all(b"]")
}

/// Writes through, and sums what it writes.
struct Summing<'a, W> {
    out: &'a mut W,
    sum: Hasher,
}

impl<W: Write> Write for Summing<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.sum.update(bytes.get(..written).unwrap_or_default());
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
