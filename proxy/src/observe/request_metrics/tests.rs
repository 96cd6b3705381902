//! Does the number of series stay within its budget, whatever is configured and whatever is asked?

use super::*;
use crate::observe::Metrics;

fn labels(prefix: &str, count: usize) -> Vec<Arc<str>> {
    (0..count)
        .map(|at| format!("{prefix} ns/{at:05}").into())
        .collect()
}

/// Samples as a scrape counts them: a histogram is its buckets, `+Inf`, `_sum` and `_count`.
fn series(metrics: &Metrics) -> usize {
    let text = prometheus::TextEncoder::new()
        .encode_to_string(&metrics.registry.gather())
        .unwrap();
    text.lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .count()
}

fn place(metrics: &Metrics, routes: &[Arc<str>], backends: &[Arc<str>]) -> Vec<RouteMetrics> {
    let listeners: Vec<Arc<str>> = vec!["[::]:80".into(), "[::]:443".into()];
    metrics.requests.place_listeners(&listeners).unwrap();
    let budget = Budget::divide(
        600,
        Wanted {
            listeners: listeners.len(),
            routes: routes.len(),
            backends: backends.len(),
        },
    );
    metrics
        .backends
        .place(backends, budget.backends, budget.histograms)
        .unwrap();
    metrics
        .requests
        .place_routes(routes, budget.routes)
        .unwrap()
}

#[test]
fn five_thousand_routes_stay_within_the_budget() {
    let metrics = Metrics::new().unwrap();
    let placed = place(&metrics, &labels("Ingress", 5000), &labels("svc", 5000));
    assert_eq!(placed.len(), 5000);
    assert!(series(&metrics) <= 600, "{}", series(&metrics));
    assert!(placed[0].is_same(&placed[0]) && !placed[0].is_same(&placed[1]));
    assert!(
        placed[4998].is_same(&placed[4999]),
        "the last ones share other"
    );
}

#[test]
fn hostile_requests_add_no_series() {
    let metrics = Metrics::new().unwrap();
    let placed = place(&metrics, &labels("Ingress", 10), &labels("svc", 10));
    let before = series(&metrics);
    for at in 0..10_000u32 {
        metrics.requests.count(&Counted {
            listener: &format!("listener-{at}"),
            method: &format!("M{at}"),
            status: u16::try_from(at % 1000).unwrap(),
            reason: Reason::ALL[usize::try_from(at).unwrap() % Reason::ALL.len()],
            bytes_in: 1,
            bytes_out: 1,
            total: Duration::from_millis(u64::from(at)),
        });
        placed[0].count(u16::try_from(at % 1000).unwrap());
        metrics.backends.count_attempt(Reason::ALL[0]);
    }
    assert_eq!(series(&metrics), before);
}

#[test]
fn a_route_keeps_its_series_when_younger_ones_come_and_loses_them_when_it_goes() {
    let metrics = Metrics::new().unwrap();
    let old: Arc<str> = "Ingress zz/old".into();
    let first = place(&metrics, std::slice::from_ref(&old), &[]);
    first[0].count(200);
    let mut many = labels("Ingress", 5000);
    many.push(old);
    let second = place(&metrics, &many, &[]);
    assert!(second[5000].is_same(&first[0]));
    assert_eq!(second[5000].total(), 1);
    let text = |metrics: &Metrics| {
        metrics
            .registry
            .gather()
            .iter()
            .map(|f| format!("{f:?}"))
            .collect::<String>()
    };
    assert!(text(&metrics).contains("zz/old"));
    place(&metrics, &labels("Ingress", 3), &[]);
    assert!(!text(&metrics).contains("zz/old"));
    assert!(text(&metrics).contains("Ingress ns/00002"));
}

#[test]
fn a_backend_has_its_endpoints_counted_in_its_own_series_or_in_other() {
    let metrics = Metrics::new().unwrap();
    let names = labels("svc", 2);
    let placed = metrics.backends.place(&names, 1, 1).unwrap();
    metrics
        .backends
        .set_endpoints(&[(names[0].clone(), [2, 0, 1]), (names[1].clone(), [5, 0, 0])]);
    placed[1].shift_endpoints([5, 0, 0], [4, 1, 0]);
    let text = prometheus::TextEncoder::new()
        .encode_to_string(&metrics.registry.gather())
        .unwrap();
    for line in [
        r#"hedgerow_backend_endpoints{backend="svc ns/00000",state="ready"} 2"#,
        r#"hedgerow_backend_endpoints{backend="other",state="ready"} 4"#,
        r#"hedgerow_backend_endpoints{backend="other",state="terminating"} 1"#,
    ] {
        assert!(text.contains(line), "{line} in {text}");
    }
}
