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
        group.bench_function(format!("{routes} routes, one changed"), |bencher| {
            // The old one is dropped by its last reader, not by the compilation.
            bencher.iter_with_large_drop(|| {
                paths = 3 - paths;
                model.routes[routes / 2] = Arc::new(route(routes / 2, paths));
                black_box(compile(&model, vec![], &CompileOptions::default()))
            });
        });
    }
    group.finish();
}

criterion_group!(benches, compilation);
criterion_main!(benches);
