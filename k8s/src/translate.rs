//! What do the objects ask for, in the words of the model?

pub mod annotations;
mod bounds;
mod class;
mod config_map;
mod digest;
mod endpoints;
mod findings;
mod gateway;
mod grant;
mod http_route;
mod ingress;
mod memo;
mod outcome;
mod overrides;
mod policy;
mod priority;
mod secret;
mod service;
mod wanted;

pub use class::CONTROLLER;
pub(crate) use endpoints::{is_of_the_api_server, service_of};
pub(crate) use outcome::{GatewayOutcome, ListenerOutcome, Outcomes, ParentOutcome, RouteOutcome};
pub(crate) use wanted::{References, is_secret_wanted};

use crate::objects::{EndpointSlice, Objects};
use config::model::Model;
use config::name::ObjectName;
use config::problem::{Problem, Problems};
use config::settings::Settings;
use endpoints::Allowed;
use gateway_api::apis::standard::gateways::Gateway;
use gateway_api::apis::standard::httproutes::HttpRoute;
use k8s_openapi::api::core::v1 as core;
use k8s_openapi::api::networking::v1::Ingress;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use memo::Memo;
use std::sync::Arc;
use wanted::Wanted;

/// Translates all objects again and again, and does again only what changed. The result is a function of the arguments alone.
#[derive(Default)]
pub struct Translator {
    ingresses: Memo<Ingress, class::Verdict, Option<Arc<config::model::Route>>>,
    gateways: Memo<Gateway, (gateway::Verdict, u64), gateway::Made>,
    http_routes: Memo<HttpRoute, u64, Option<Arc<config::model::Route>>>,
    services: Memo<core::Service, Option<service::Overrides>, Arc<config::model::Service>>,
    slices: Memo<EndpointSlice, Allowed, endpoints::Slices>,
    endpoints: Memo<core::Endpoints, Allowed, endpoints::Slices>,
    secrets: Memo<crate::objects::Secret, (), Option<Arc<config::model::Certificate>>>,
    config_maps: Memo<core::ConfigMap, (), Option<config_map::Authorities>>,
    touched: Touched,
    wanted: Wanted,
}

/// Which parts of the model are other than in the last translation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Touched {
    pub routes: bool,
    pub services: bool,
    pub certificates: bool,
    pub authorities: bool,
    /// The Services whose endpoints did, sorted.
    pub endpoints_of: Vec<ObjectName>,
}

impl Touched {
    /// True: the endpoints of Services at most.
    pub fn is_only_endpoints(&self) -> bool {
        !(self.routes || self.services || self.certificates || self.authorities)
    }
}

impl Translator {
    /// The model that the objects ask for, and what is wrong with them (beside what the source itself found). What is right is never lost
    /// for what is wrong beside it.
    pub fn translate(&mut self, objects: &Objects, settings: &Settings) -> (Model, Problems) {
        let mut made = Making::default();
        self.touched = Touched::default();
        self.ingresses(objects, settings, &mut made);
        self.gateway_api(objects, settings, &mut made);
        self.services(objects, settings, &mut made);
        self.endpoints(objects, settings, &mut made);
        if self.touched.routes || self.touched.services {
            self.wanted = Wanted::of(&made.model);
        }
        self.secrets(objects, settings, &mut made);
        self.config_maps(objects, &mut made);
        (made.model, made.problems)
    }

    /// The Secrets and ConfigMaps that the objects of the last call of `translate` refer to.
    pub fn references(&self, settings: &Settings) -> References {
        self.wanted.references(settings)
    }

    /// What the last call of `translate` found changed.
    pub fn touched(&self) -> &Touched {
        &self.touched
    }
}

/// Which Ingresses are ours, whatever else is wrong with them.
pub(crate) fn own_ingresses<'a>(
    objects: &'a Objects,
    settings: &'a Settings,
) -> impl Fn(&crate::objects::Object<Ingress>) -> bool {
    let classes = class::Classes::of(objects, settings);
    move |ingress| classes.verdict(ingress) == class::Verdict::Ours
}

/// What is being put together.
#[derive(Default)]
struct Making {
    model: Model,
    problems: Problems,
}

impl Translator {
    fn ingresses(&mut self, objects: &Objects, settings: &Settings, making: &mut Making) {
        let Making { model, problems } = making;
        let classes = class::Classes::of(objects, settings);
        model.routes.reserve(objects.ingresses.len());
        let changes = self.ingresses.run(
            objects.ingresses.values(),
            |ingress| classes.verdict(ingress),
            ingress::translate,
            |_, route, found| {
                problems.extend_from_slice(found);
                model.routes.extend(route.clone());
            },
        );
        self.touched.routes |= !changes.is_empty();
        priority::judge(objects, model, problems);
    }

    fn gateway_api(&mut self, objects: &Objects, settings: &Settings, making: &mut Making) {
        let Making { model, problems } = making;
        let around = gateway::Surroundings::of(objects, settings);
        let around_digest = around.digest(objects);
        let mut gateways = gateway::Gateways::new();
        let gateway_changes = self.gateways.run(
            objects.gateways.values(),
            |gateway| (gateway::verdict(objects, gateway), around_digest),
            |gateway, (verdict, _)| gateway::translate(gateway, *verdict, &around),
            |name, made, found| {
                problems.extend_from_slice(found);
                model.routes.extend(made.route.clone());
                gateways.insert(name.clone(), made.view.clone());
            },
        );
        let surroundings = http_route::Surroundings {
            gateways: &gateways,
            grants: &around.grants,
        };
        // Routes depend on all Gateways and on their classes, so those are part of what is remembered of them.
        let inputs = config::digest::of(&[
            &around_digest.to_le_bytes(),
            &digest::of_set(&objects.gateways).to_le_bytes(),
            &digest::of_set(&objects.gateway_classes).to_le_bytes(),
        ]);
        let route_changes = self.http_routes.run(
            objects.http_routes.values(),
            |_| inputs,
            |route, _| http_route::translate(route, &surroundings),
            |_, route, found| {
                problems.extend_from_slice(found);
                model.routes.extend(route.clone());
            },
        );
        self.touched.routes |= !gateway_changes.is_empty() || !route_changes.is_empty();
    }

    fn services(&mut self, objects: &Objects, settings: &Settings, making: &mut Making) {
        let Making { model, problems } = making;
        let overrides = overrides::by_service(settings);
        let changes = self.services.run(
            objects.services.values(),
            |service| overrides.get(&service.name).cloned(),
            service::translate,
            |name, service, found| {
                problems.extend_from_slice(found);
                model.services.insert(name.clone(), service.clone());
            },
        );
        self.touched.services = !changes.is_empty();
        let wrong = overrides::check(settings, &model.services);
        problems.extend(wrong.into_iter().map(Arc::new));
    }

    /// EndpointSlices and Endpoints; which of them count is for the compilation to say.
    fn endpoints(&mut self, objects: &Objects, settings: &Settings, making: &mut Making) {
        let Making { model, problems } = making;
        let allowed = if objects.is_directory {
            Allowed::Everything
        } else {
            Allowed::Remote {
                admin: settings.admin,
                api_server: objects.api_server.clone(),
            }
        };
        let slices = objects.endpoint_slices.values();
        // The API server's own addresses are refused, and nobody did anything wrong there.
        let slices = slices
            .filter(|slice| objects.is_directory || !endpoints::is_of_the_api_server(&slice.value));
        let mut sink = |slices: &endpoints::Slices, found: &[Arc<Problem>]| {
            problems.extend_from_slice(found);
            let Some((service, slices)) = slices else {
                return;
            };
            let all = model.endpoints.entry(service.clone()).or_default();
            all.extend(slices.iter().cloned());
        };
        let mut changes = self.slices.run(
            slices,
            |_| allowed.clone(),
            endpoints::translate_slice,
            |_, slices, found| sink(slices, found),
        );
        changes.extend(self.endpoints.run(
            objects.endpoints.values(),
            |_| allowed.clone(),
            endpoints::translate_endpoints,
            |_, slices, found| sink(slices, found),
        ));
        let services = changes.into_iter().flatten().map(|(service, _)| service);
        self.touched.endpoints_of = services.collect();
        self.touched.endpoints_of.sort_unstable();
        self.touched.endpoints_of.dedup();
    }

    fn secrets(&mut self, objects: &Objects, settings: &Settings, making: &mut Making) {
        let wanted = self.wanted.secrets(settings);
        let certificates = &mut making.model.certificates;
        let problems = &mut making.problems;
        let changes = self.secrets.run(
            wanted.filter_map(|name| objects.secrets.get(name)),
            |_| (),
            |secret, ()| secret::translate(secret),
            |name, certificate, found| {
                problems.extend_from_slice(found);
                if let Some(certificate) = certificate {
                    certificates.insert(name.clone(), certificate.clone());
                }
            },
        );
        self.touched.certificates = !changes.is_empty();
    }

    fn config_maps(&mut self, objects: &Objects, making: &mut Making) {
        let Making { model, problems } = making;
        let wanted = self.wanted.config_maps.iter();
        let authorities = &mut model.authorities;
        let changes = self.config_maps.run(
            wanted.filter_map(|name| objects.config_maps.get(name)),
            |_| (),
            |config_map, ()| config_map::translate(config_map),
            |name, made, found| {
                problems.extend_from_slice(found);
                if let Some(made) = made {
                    authorities.insert(name.clone(), made.clone());
                }
            },
        );
        self.touched.authorities = !changes.is_empty();
    }
}

/// `metadata.creationTimestamp` in seconds since 1970.
fn created_seconds(metadata: &ObjectMeta) -> Option<i64> {
    let created = metadata.creation_timestamp.as_ref()?;
    Some(created.0.as_second())
}

#[cfg(test)]
mod tests;
