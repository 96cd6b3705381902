//! Does a host have one normal form, whatever its bytes?
#![no_main]

use config::hostname::{Hostname, RequestHost};

libfuzzer_sys::fuzz_target!(|raw: &str| {
    if let Ok(once) = RequestHost::parse(raw) {
        let twice = RequestHost::parse(&once.host).expect("a normal form is a host");
        assert_eq!(once.host, twice.host);
    }
    if let Ok(name) = Hostname::parse(raw) {
        assert_eq!(Hostname::parse(&name.to_string()), Ok(name));
    }
});
