//! Does a path have one normal form, whatever its bytes?
#![no_main]

libfuzzer_sys::fuzz_target!(|raw: &str| {
    if let Ok(once) = config::path::normalise(raw) {
        let twice = config::path::normalise(&once).expect("a normal form is a path");
        assert_eq!(once, twice);
        assert!(!once.split('/').any(|segment| segment == "." || segment == ".."));
    }
});
