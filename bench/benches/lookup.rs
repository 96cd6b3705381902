//! What does it cost to find the rule of a request?

use bench::{host_name, model, path_of};
use config::compile::{CompileOptions, compile};
use config::snapshot::RequestView;
use criterion::{Criterion, criterion_group, criterion_main};
use http::{HeaderMap, Method};
use std::hint::black_box;

const PATHS: usize = 10;

fn lookup(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("lookup");
    for hosts in [1, 100, 10_000] {
        let compiled = compile(&model(hosts, PATHS), vec![], &CompileOptions::default());
        let requests: Vec<(String, String)> = (0..1024)
            .map(|n| {
                (
                    host_name(n * 7919 % hosts),
                    format!("{}/deep/er", path_of(n % PATHS)),
                )
            })
            .collect();
        let (headers, method) = (HeaderMap::new(), Method::GET);
        let mut next = 0;
        group.bench_function(format!("{hosts} hosts x {PATHS} paths"), |bencher| {
            bencher.iter(|| {
                next = (next + 1) % requests.len();
                let (host, path) = &requests[next];
                black_box(compiled.snapshot.find(&RequestView {
                    is_https: true,
                    port: Some(443),
                    host,
                    method: &method,
                    path,
                    query: None,
                    headers: &headers,
                }))
            });
        });
    }
    group.finish();
}

criterion_group!(benches, lookup);
criterion_main!(benches);
