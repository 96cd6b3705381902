//! What does a running edge tell of a settings file that it refuses?

use super::{PATIENCE, Running, Voice, get};
use std::time::{Duration, Instant};

/// `/problems`, once it does or does not contain these words.
fn problems_until(admin: &str, words: &str, are_there: bool) -> String {
    let begun = Instant::now();
    loop {
        let answer = get(admin, "/problems");
        if answer.contains(words) == are_there {
            return answer;
        }
        assert!(begun.elapsed() < PATIENCE, "{answer}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_refused_settings_file_is_a_problem_until_it_is_mended() {
    let directory = tempfile::tempdir().expect("makes a directory");
    let manifests = directory.path().join("manifests");
    std::fs::create_dir(&manifests).expect("makes a directory");
    let file = directory.path().join("hedgerow.yaml");
    std::fs::write(&file, "via: true\n").expect("writes");
    let text = |path: &std::path::Path| path.to_str().expect("is text").to_owned();
    let (manifests, settings) = (text(&manifests), text(&file));
    let anywhere = "127.0.0.1:0";
    let arguments = [
        "run",
        "--manifests",
        &manifests,
        "--settings",
        &settings,
        "--http",
        anywhere,
        "--https",
        anywhere,
        "--admin",
        anywhere,
    ];
    let edge = Running::start(&arguments, &Voice::Err, "\n  found ");
    let admin = edge.word("http://127.0.0.1:").replace("http://", "");
    std::fs::write(&file, "vai: true\n").expect("writes");
    let refused = problems_until(&admin, "there is no such setting", true);
    assert!(
        refused.contains("\"kind\":\"Settings\"") || refused.contains("\"kind\": \"Settings\"")
    );
    assert!(refused.contains("did you mean via?"), "{refused}");
    std::fs::write(&file, "via: false\n").expect("writes");
    problems_until(&admin, "Settings", false);
}
