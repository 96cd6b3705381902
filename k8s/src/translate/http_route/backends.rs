//! To which backends does a rule of an HTTPRoute send its requests?

use super::filters;
use crate::translate::findings::{Findings, quoted};
use crate::translate::grant::{self, Grants, Reference};
use config::model::{BackendReference, Filter, PortReference, WeightedReference};
use config::name::ObjectName;
use config::problem::ProblemCode;
use gateway_api::apis::standard::httproutes::{
    HttpRouteRulesBackendRefs as Asked, HttpRouteRulesFilters,
};

/// BackendRef: "The maximum value is 1,000,000".
const WEIGHT_MAX: u32 = 1_000_000;
const MEANWHILE: &str = "its share of the requests is answered with 500";

/// Reads the references of one rule.
pub(super) struct Reader<'a, 'f> {
    pub findings: &'a mut Findings<'f>,
    pub grants: &'a Grants<'a>,
    pub has_prefixes_only: bool,
}

impl Reader<'_, '_> {
    /// A wrong reference keeps its weight: "the same proportion of requests must receive a 500" (HTTPRouteRule.backendRefs).
    pub fn backend(&mut self, parent: &str, index: usize, asked: &Asked) -> WeightedReference {
        let relative = format!("backendRefs[{index}]");
        let field = format!("{parent}.{relative}");
        let (filters, reference) = match self.filters(&field, asked) {
            Ok(filters) => (filters, self.reference(&field, asked)),
            Err(sentence) => (Vec::new(), BackendReference::Invalid { sentence }),
        };
        WeightedReference {
            weight: self.weight(&field, asked.weight),
            origin: self.findings.origin(&field),
            field: relative,
            reference,
            filters,
            policy: None,
        }
    }

    fn filters(&mut self, field: &str, asked: &Asked) -> Result<Vec<Filter>, String> {
        let Some(asked) = asked.filters.as_ref().filter(|filters| !filters.is_empty()) else {
            return Ok(Vec::new());
        };
        let field = format!("{field}.filters");
        // The generated types of a rule's and a backend's filters differ in name alone; their written form is the same.
        let same: Result<Vec<HttpRouteRulesFilters>, _> =
            serde_json::to_value(asked).and_then(serde_json::from_value);
        let filters = match same {
            Ok(same) => filters::translate(&field, &same, self.has_prefixes_only, self.findings)?,
            Err(error) => return Err(self.invalid(&field, error.to_string(), "filters of a rule")),
        };
        if filters.iter().any(|one| matches!(one, Filter::Redirect(_))) {
            let expected = "a redirect among the filters of the rule";
            return Err(self.invalid(&field, "redirects".to_owned(), expected));
        }
        Ok(filters)
    }

    fn weight(&mut self, field: &str, weight: Option<i32>) -> u32 {
        let Some(weight) = weight else {
            return 1;
        };
        match u32::try_from(weight) {
            Ok(weight) if weight <= WEIGHT_MAX => weight,
            _ => {
                self.findings.error(
                    ProblemCode::InvalidField,
                    &format!("{field}.weight"),
                    quoted(&weight.to_string()),
                    "0 to 1000000; taken as 1 meanwhile",
                );
                1
            }
        }
    }

    fn reference(&mut self, field: &str, asked: &Asked) -> BackendReference {
        match self.service(field, asked) {
            Ok(reference) => reference,
            Err(sentence) => BackendReference::Invalid { sentence },
        }
    }

    fn service(&mut self, field: &str, asked: &Asked) -> Result<BackendReference, String> {
        let group = asked.group.as_deref().unwrap_or_default();
        let kind = asked.kind.as_deref().unwrap_or("Service");
        if !group.is_empty() || kind != "Service" {
            let found = format!("names a {} of group {}", quoted(kind), quoted(group));
            return Err(self.invalid(field, found, "a Service"));
        }
        let port = asked.port.and_then(|port| u16::try_from(port).ok());
        let Some(port) = port.filter(|port| *port > 0) else {
            let found = match asked.port {
                Some(port) => quoted(&port.to_string()),
                None => "is missing".to_owned(),
            };
            let field = format!("{field}.port");
            return Err(self.invalid(&field, found, "the number of a port of the Service"));
        };
        let own = self.findings.namespace().to_owned();
        let namespace = asked.namespace.as_deref().unwrap_or(&own);
        let wanted = Reference {
            from_kind: "HTTPRoute",
            from_namespace: &own,
            to_kind: "Service",
            to_namespace: namespace,
            to_name: &asked.name,
        };
        let service = ObjectName::new(namespace, &asked.name);
        if !self.grants.allow(&wanted) {
            grant::report(field, &wanted, MEANWHILE, self.findings);
            return Err(format!(
                "{field}: no ReferenceGrant allows Service {service}"
            ));
        }
        Ok(BackendReference::Service {
            service,
            port: PortReference::Number(port),
        })
    }

    /// Reports, and gives the sentence for whoever asks why.
    fn invalid(&mut self, field: &str, found: String, expected: &str) -> String {
        let sentence = format!("{field}: {found}");
        let expected = format!("{expected}; {MEANWHILE}");
        self.findings
            .error(ProblemCode::InvalidField, field, found, expected);
        sentence
    }
}
