//! Are settings read, or refused with a reason, whatever their text?
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Err(problems) = config::settings::Settings::parse(text, "hedgerow.yaml") {
        assert!(!problems.is_empty());
    }
});
