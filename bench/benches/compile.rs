//! What does it cost to compile a model in which one object changed?

use bench::{model, route};
use config::compile::{CompileOptions, compile};
use criterion::{Criterion, criterion_group, criterion_main};
use std::hint::black_box;
use std::sync::Arc;

fn compilation(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("compile");
    group.sample_size(20);
    for routes in [1_000, 3_000, 10_000] {
        let mut model = model(routes, 1);
        let mut paths = 1;
        let mut next = || {
            paths = 3 - paths;
            model.routes[routes / 2] = Arc::new(route(routes / 2, paths));
            compile(&model, vec![], &CompileOptions::default())
        };
        // What stands between a change and its publication. The old one is dropped afterwards, on the control path.
        group.bench_function(format!("{routes} routes, one changed"), |bencher| {
            bencher.iter_with_large_drop(&mut next);
        });
        // All of the work: the one before is dropped, too.
        let mut last = next();
        let name = format!("{routes} routes, one changed, the last one dropped");
        group.bench_function(name, |bencher| {
            bencher.iter(|| last = black_box(next()));
        });
        drop(last);
    }
    group.finish();
}

criterion_group!(benches, compilation);
criterion_main!(benches);
