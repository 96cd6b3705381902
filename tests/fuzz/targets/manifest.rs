//! Do manifests compile, with problems for what is wrong, whatever their text?
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| {
    let loaded = k8s::source::directory::gather_stdin(text);
    let settings = config::settings::Settings::default();
    let compiled = k8s::control::build(&loaded.objects, &settings, 1_800_000_000);
    assert!(!compiled.snapshot.rules.is_empty());
});
