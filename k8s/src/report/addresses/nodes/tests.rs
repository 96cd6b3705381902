//! Which nodes count, and for how long?

use super::*;
use serde_json::json;

fn slice(endpoints: serde_json::Value) -> EndpointSlice {
    serde_json::from_value(json!({ "addressType": "IPv4", "endpoints": endpoints })).unwrap()
}

#[test]
fn nodes_with_a_ready_endpoint_count() {
    let slices = [
        slice(json!([
            { "addresses": ["10.0.0.1"], "nodeName": "a", "conditions": { "ready": true } },
            { "addresses": ["10.0.0.2"], "nodeName": "b", "conditions": { "ready": false } },
            { "addresses": ["10.0.0.3"], "nodeName": "c" },
        ])),
        slice(
            json!([{ "addresses": ["10.0.0.4"], "nodeName": "a" }, { "addresses": ["10.0.0.5"] }]),
        ),
    ];
    let nodes: Vec<String> = ready_nodes(slices.iter()).into_iter().collect();
    assert_eq!(nodes, ["a", "c"]);
}

#[test]
fn a_list_counts_once_it_is_complete() {
    let mut slices = Slices::default();
    let named = |name: &str, node: &str| {
        let mut slice = slice(json!([{ "addresses": ["10.0.0.1"], "nodeName": node }]));
        slice.metadata.name = Some(name.to_owned());
        slice
    };
    slices.take(Event::Init);
    slices.take(Event::InitApply(named("one", "a")));
    assert_eq!(slices.ready_nodes(), None);
    slices.take(Event::InitDone);
    slices.take(Event::Apply(named("two", "b")));
    slices.take(Event::Init);
    assert_eq!(slices.ready_nodes().unwrap().len(), 2);
    slices.take(Event::Delete(named("one", "a")));
    assert_eq!(slices.ready_nodes().unwrap().len(), 1);
}

#[track_caller]
fn check(all: serde_json::Value, expected: &[&str]) {
    let node = serde_json::from_value(json!({ "status": { "addresses": all } })).unwrap();
    let expected: Vec<Address> = expected.iter().map(|text| Address::parse(text)).collect();
    assert_eq!(addresses(&node), expected);
}

#[test]
fn external_addresses_of_a_node_are_better_than_internal_ones() {
    let internal = json!({ "type": "InternalIP", "address": "192.168.0.40" });
    let external = json!({ "type": "ExternalIP", "address": "203.0.113.4" });
    let name = json!({ "type": "Hostname", "address": "pi" });
    check(json!([internal, name]), &["192.168.0.40"]);
    check(json!([internal, name, external]), &["203.0.113.4"]);
    check(json!([]), &[]);
}

#[tokio::test(start_paused = true)]
async fn a_node_that_leaves_stays_for_a_moment() {
    let mut told = Told::default();
    let address = |text: &str| vec![Address::parse(text)];
    told.addresses
        .insert("a".to_owned(), address("192.168.0.40"));
    told.addresses
        .insert("b".to_owned(), address("192.168.0.41"));
    let only_a = BTreeSet::from(["a".to_owned()]);
    let start = tokio::time::Instant::now();
    told.forget_others(&only_a, start);
    assert_eq!(told.addresses.len(), 2);
    assert_eq!(told.next_look, start + LEAVE_DELAY);
    // Back in time: nothing has happened.
    let both = BTreeSet::from(["a".to_owned(), "b".to_owned()]);
    told.forget_others(&both, start + Duration::from_secs(5));
    told.forget_others(&only_a, start + Duration::from_secs(12));
    assert_eq!(told.addresses.len(), 2);
    told.forget_others(&only_a, start + Duration::from_secs(22));
    assert_eq!(told.addresses.len(), 1);
    // Not one is left: the last ones stay.
    told.forget_others(&BTreeSet::new(), start + Duration::from_secs(100));
    assert_eq!(told.addresses.len(), 1);
}
