//! Is a Secret read as its type says, and only if somebody refers to it?

use crate::sample;
use config::model::Model;
use config::name::ObjectName;

const INGRESS: &str = "kind: Ingress\napiVersion: networking.k8s.io/v1\nmetadata: { name: shop, namespace: web }\nspec: { tls: [{ hosts: [shop.test], secretName: tls }], defaultBackend: { service: { name: web, port: { number: 80 } } } }\n---\n";
const YEARS: (i32, i32) = (2020, 2120);

fn has_certificate(model: &Model) -> bool {
    model
        .certificates
        .contains_key(&ObjectName::new("web", "tls"))
}

#[track_caller]
fn check(secret: &str, is_right: bool, problem: &str) {
    let (model, found) = sample::translate(&format!("{INGRESS}{secret}"));
    assert_eq!(has_certificate(&model), is_right, "{found:#?}");
    let lines = sample::problems(&found);
    let lines: Vec<&str> = lines
        .iter()
        .map(|line| line.split(':').next().unwrap())
        .collect();
    match problem {
        "" => assert_eq!(lines, [""; 0]),
        _ => assert_eq!(lines, [problem], "{found:#?}"),
    }
    for problem in found {
        assert!(!problem.to_string().contains("PRIVATE KEY"), "{problem}");
    }
}

#[test]
fn a_secret_of_the_right_type_with_a_fitting_key_is_a_certificate() {
    let own = sample::certificate(&["shop.test"], YEARS);
    let right = sample::secret("tls", &own);
    check(&right, true, "");
    let other = sample::certificate(&["shop.test"], YEARS);
    for (wrong, problem) in [
        (
            right.replace("type: kubernetes.io/tls", "type: Opaque"),
            "error invalid-certificate type",
        ),
        (
            right.replace("type: kubernetes.io/tls\n", ""),
            "error invalid-certificate type",
        ),
        (
            right.replace("tls.crt", "crt"),
            "error invalid-certificate data.tls.crt",
        ),
        (
            right.replace("tls.key", "key"),
            "error invalid-certificate data.tls.key",
        ),
        (
            sample::secret("tls", &(own.0.clone(), other.1)),
            "error invalid-certificate data",
        ),
        (
            sample::secret("tls", &("nothing".to_owned(), own.1.clone())),
            "error invalid-certificate data.tls.crt",
        ),
        (
            sample::secret("tls", &(own.0.clone(), "nothing".to_owned())),
            "error invalid-certificate data.tls.key",
        ),
        (
            sample::secret("tls", &(own.1, own.0)),
            "error invalid-certificate data.tls.crt",
        ),
    ] {
        check(&wrong, false, problem);
    }
}

#[test]
fn a_secret_that_nobody_refers_to_is_not_looked_into() {
    let broken = sample::secret("other", &("x".to_owned(), "y".to_owned()));
    check(&broken, false, "");
    let elsewhere = sample::secret("tls", &sample::certificate(&["shop.test"], YEARS));
    check(
        &elsewhere.replace("namespace: web", "namespace: other"),
        false,
        "",
    );
}
