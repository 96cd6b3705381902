//! How many entries may a list of an object have?
//!
//! The API server refuses longer ones; a file has nobody to refuse it. Lists of one object multiply (hosts with matches, ports with
//! addresses), so that a small file could take all memory. What is left out never makes a rule take more.

use super::findings::Findings;
use config::problem::ProblemCode;

/// HTTPRouteSpec and ParentReference.
pub(super) const HOSTNAMES_MAX: usize = 16;
pub(super) const PARENTS_MAX: usize = 32;
pub(super) const RULES_MAX: usize = 16;
/// Of one rule, and of all rules together (a validation rule of HTTPRouteSpec).
pub(super) const MATCHES_MAX: usize = 64;
pub(super) const MATCHES_OF_ROUTE_MAX: usize = 128;
/// Of one match.
pub(super) const CONDITIONS_MAX: usize = 16;
pub(super) const BACKENDS_MAX: usize = 16;
pub(super) const FILTERS_MAX: usize = 16;
/// GatewaySpec.
pub(super) const LISTENERS_MAX: usize = 64;
pub(super) const CERTIFICATES_MAX: usize = 64;
/// EndpointSlice. Ports hold for a subset of Endpoints too, for which there is no maximum.
pub(super) const ENDPOINTS_MAX: usize = 1000;
pub(super) const PORTS_MAX: usize = 100;

/// The first `max` entries; more are reported.
pub(super) fn first<'a, T>(
    list: &'a [T],
    max: usize,
    field: &str,
    findings: &mut Findings<'_>,
) -> &'a [T] {
    let Some(kept) = list.get(..max).filter(|kept| kept.len() < list.len()) else {
        return list;
    };
    findings.error(
        ProblemCode::InvalidField,
        field,
        format!("has {} entries", list.len()),
        format!("at most {max}, as the API server enforces; the first {max} count"),
    );
    kept
}

#[cfg(test)]
mod tests {
    use crate::sample;
    use config::problem::Problem;

    const EDGE: &str = "kind: GatewayClass\napiVersion: gateway.networking.k8s.io/v1\nmetadata: { name: hedgerow }\nspec: { controllerName: edwardstech.dev/hedgerow }\n---\nkind: Gateway\napiVersion: gateway.networking.k8s.io/v1\nmetadata: { name: edge, namespace: web }\nspec: { gatewayClassName: hedgerow, listeners: [{ name: http, protocol: HTTP, port: 80 }] }\n---\n";

    fn list(length: usize, item: impl Fn(usize) -> String) -> String {
        (0..length).map(item).collect::<Vec<_>>().join(", ")
    }

    fn fields(problems: &[Problem]) -> Vec<&str> {
        problems.iter().map(|problem| &*problem.field).collect()
    }

    /// The lengths of the lists of hosts of its rules, how many lines they make, and the fields of problems.
    #[track_caller]
    fn check_route(spec: &str, expected: (usize, usize), problems: &[&str]) {
        let route = format!(
            "{EDGE}kind: HTTPRoute\napiVersion: gateway.networking.k8s.io/v1\nmetadata: {{ name: r, namespace: web }}\nspec: {{ parentRefs: [{{ name: edge }}], {spec} }}\n"
        );
        let (model, found) = sample::translate(&route);
        let hosts = model.routes.iter().flat_map(|route| &route.rules);
        let hosts = hosts.map(|rule| rule.hosts.len()).max().unwrap_or_default();
        assert_eq!((hosts, sample::rules(&model).len()), expected, "{found:#?}");
        assert_eq!(fields(&found), problems, "{found:#?}");
    }

    #[test]
    fn the_lists_of_a_route_have_the_bounds_of_the_api() {
        let rule = |matches: &str| {
            format!("{{ matches: [{matches}], backendRefs: [{{ name: web, port: 80 }}] }}")
        };
        let paths = |length| list(length, |at| format!("{{ path: {{ value: /p{at} }} }}"));
        let hosts = list(2000, |at| format!("h{at}.test"));
        check_route(
            &format!("hostnames: [{hosts}], rules: [{}]", rule(&paths(2000))),
            (16, 64),
            &["spec.hostnames", "spec.rules[0].matches"],
        );
        let rules = list(17, |_| rule(&paths(10)));
        check_route(
            &format!("rules: [{rules}]"),
            (0, 128),
            &[
                "spec.rules",
                "spec.rules[12].matches",
                "spec.rules[13].matches",
                "spec.rules[14].matches",
                "spec.rules[15].matches",
            ],
        );
        let headers = list(17, |at| format!("{{ name: h{at}, value: a }}"));
        check_route(
            &format!("rules: [{}]", rule(&format!("{{ headers: [{headers}] }}"))),
            (0, 0),
            &["spec.rules[0].matches[0].headers"],
        );
        let patterns =
            |at| format!("{{ path: {{ type: RegularExpression, value: \"/{at}[a-z]{{400}}\" }} }}");
        let (_, found) = sample::translate(&format!(
            "{EDGE}kind: HTTPRoute\napiVersion: gateway.networking.k8s.io/v1\nmetadata: {{ name: r, namespace: web }}\nspec: {{ parentRefs: [{{ name: edge }}], rules: [{}] }}\n",
            rule(&list(60, patterns))
        ));
        assert!(
            found.len() > 10 && found[0].found.contains("one object"),
            "{found:#?}"
        );
    }

    #[test]
    fn too_many_filters_stop_the_rule_and_too_many_backends_are_left_out() {
        let header = "{ type: RequestHeaderModifier, requestHeaderModifier: { remove: [a] } }";
        let filters = list(17, |_| header.to_owned());
        check_route(
            &format!(
                "rules: [{{ filters: [{filters}], backendRefs: [{{ name: web, port: 80 }}] }}]"
            ),
            (0, 1),
            &["spec.rules[0].filters"],
        );
        let backends = list(17, |at| format!("{{ name: web{at}, port: 80 }}"));
        check_route(
            &format!("rules: [{{ backendRefs: [{backends}] }}]"),
            (0, 1),
            &["spec.rules[0].backendRefs"],
        );
    }

    #[test]
    fn ports_of_one_name_do_not_multiply_addresses() {
        let addresses = list(3000, |at| {
            format!("{{ addresses: [10.0.{}.{}] }}", at / 256, at % 256)
        });
        let ports = list(3000, |at| format!("{{ name: http, port: {} }}", at + 1));
        let (model, found) = sample::translate(&format!(
            "kind: EndpointSlice\napiVersion: discovery.k8s.io/v1\nmetadata: {{ name: a, namespace: web, labels: {{ kubernetes.io/service-name: web }} }}\naddressType: IPv4\nports: [{ports}]\nendpoints: [{addresses}]\n"
        ));
        let slice = &model.endpoints.values().next().unwrap()[0];
        assert_eq!((slice.ports.len(), slice.endpoints.len()), (1, 1000));
        assert!(found.len() <= 101, "{}", found.len());
    }

    #[test]
    fn an_ingress_has_one_tls_block_for_all_its_hosts() {
        let blocks = list(50, |at| format!("{{ secretName: s{at} }}"));
        let rules = list(50, |at| {
            format!(
                "{{ host: h{at}.test, http: {{ paths: [{{ path: /, pathType: Prefix, backend: {{ service: {{ name: web, port: {{ number: 80 }} }} }} }}] }} }}"
            )
        });
        let (model, found) = sample::translate(&format!(
            "kind: Ingress\napiVersion: networking.k8s.io/v1\nmetadata: {{ name: i, namespace: web }}\nspec: {{ tls: [{blocks}], rules: [{rules}] }}\n"
        ));
        let tls = &model.routes[0].tls;
        assert_eq!((tls.len(), tls[0].hosts.len()), (1, 50));
        assert_eq!(found.len(), 49);
    }
}
