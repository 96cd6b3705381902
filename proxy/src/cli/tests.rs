//! Does the command line take what the documentation says, and refuse the rest with a word?

use super::*;
use clap::CommandFactory;
use clap::error::ErrorKind;

/// The command that a line parses to, or the kind of error and its text.
fn parse(line: &str) -> Result<Command, (ErrorKind, String)> {
    Cli::try_parse_from(line.split_whitespace())
        .map(|cli| cli.command)
        .map_err(|error| (error.kind(), error.to_string()))
}

fn check_refused(line: &str, kind: ErrorKind, words: &str) {
    let (found, text) = parse(line).expect_err(line);
    assert_eq!(found, kind, "{line}: {text}");
    assert!(text.contains(words), "{line}: {text}");
}

#[test]
fn the_definition_is_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn every_flag_of_run_is_read() {
    let line = "hedgerow run --settings h.yaml --manifests k8s --http 127.0.0.1:80 \
                --https [::1]:443 --admin 127.0.0.1:9180 --endpoint a/b=127.0.0.1:1 \
                --endpoint a/c:80=127.0.0.1:2";
    let Ok(Command::Run(run)) = parse(line) else {
        panic!("{:?}", parse(line));
    };
    assert_eq!(run.input.settings, Some("h.yaml".into()));
    assert_eq!(run.input.manifests, Some("k8s".into()));
    assert_eq!(run.http, "127.0.0.1:80".parse().ok());
    assert_eq!(run.https, "[::1]:443".parse().ok());
    assert_eq!(run.admin, "127.0.0.1:9180".parse().ok());
    assert_eq!(run.endpoints, ["a/b=127.0.0.1:1", "a/c:80=127.0.0.1:2"]);
}

#[test]
fn standard_input_is_a_source_of_manifests() {
    let Ok(Command::Check(check)) = parse("hedgerow check --manifests - --strict --output json")
    else {
        panic!();
    };
    assert_eq!(check.input.manifests, Some("-".into()));
    assert!(check.strict);
    assert_eq!(check.output, Output::Json);
}

#[test]
fn why_takes_a_method_and_header_fields() {
    let cli = Cli::try_parse_from([
        "hedgerow",
        "why",
        "https://a.test/x",
        "-X",
        "POST",
        "-H",
        "x-canary: yes: really",
        "--admin",
        "127.0.0.1:9180",
    ]);
    let Ok(Cli {
        command: Command::Why(why),
    }) = cli
    else {
        panic!("{cli:?}");
    };
    assert_eq!(why.method, Method::POST);
    assert_eq!(why.headers[0].0, "x-canary");
    assert_eq!(why.headers[0].1, "yes: really");
}

#[test]
fn a_wrong_command_line_is_refused_with_a_word() {
    check_refused(
        "hedgerow",
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand,
        "demo",
    );
    check_refused("hedgerow runn", ErrorKind::InvalidSubcommand, "run");
    check_refused(
        "hedgerow run --manifest x",
        ErrorKind::UnknownArgument,
        "--manifests",
    );
    check_refused("hedgerow run --http 80", ErrorKind::ValueValidation, "ADDR");
    check_refused(
        "hedgerow why http://a.test/ --manifests x --admin 127.0.0.1:1",
        ErrorKind::ArgumentConflict,
        "--admin",
    );
    check_refused(
        "hedgerow why http://a.test/ --manifests x -H nonsense",
        ErrorKind::ValueValidation,
        "name: value",
    );
    check_refused(
        "hedgerow check --manifests x --kubeconfig y",
        ErrorKind::ArgumentConflict,
        "--kubeconfig",
    );
    check_refused(
        "hedgerow check --output yaml",
        ErrorKind::InvalidValue,
        "json",
    );
}
