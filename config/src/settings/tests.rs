//! Is a settings file read as its author meant it?

#[test]
fn x() {
    println!(
        "{}",
        serde_json::to_string_pretty(&super::raw::schema()).unwrap()
    );
}
