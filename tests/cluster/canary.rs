//! Does a private key leave the edge when it comes from an API server?

use super::source_edge::{classes, edge, ingress, service};
use config::problem::{Problem, ProblemCode};
use std::sync::Arc;
use tests::authority::secret;
use tests::canary::{self, Canary};
use tests::cluster::faults::http::{Answer, HttpFaults, Which};
use tests::cluster::{Cluster, access};
use tests::edge::Edge;
use tests::manifest::join;

const SECRETS: &str = "/api/v1/secrets";

#[test]
fn a_private_key_of_an_api_server_is_in_no_log_and_no_answer() {
    canary::check_story("canary::tells_the_story", "\"TRACE\"");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "only for the story that looks at its log"]
async fn tells_the_story() {
    let pair = canary::pair_of_the_story();
    let canary = Canary::of(&pair);
    let cluster = Cluster::start().await;
    let with_tls = format!(
        "{}  tls: [{{ hosts: [shop.test], secretName: shop }}]\n",
        ingress("shop")
    );
    let right = secret("shop", &pair);
    cluster
        .apply(&join(&[
            classes(),
            with_tls,
            service("shop"),
            right.clone(),
        ]))
        .await;
    let faults = HttpFaults::start(&cluster).await;
    let kubeconfig = cluster.kubeconfig_via(&cluster.admin(), faults.address);
    let edge = edge(kubeconfig, |_| {}).await;
    let shown = edge.connect_trusting("shop.test").await.unwrap();
    assert!(shown.chain[0] == access::chain(&pair.certificate)[0]);
    drop(shown);
    canary::check_edge(&edge, &canary).await;
    // As kubectl without --server-side notes it, with the key in an annotation, and a chain that does not parse.
    let noted = right.replace("tls.crt: ", "tls.crt: eA==\n  was: ");
    let arguments = ["apply", "--force", "-f", "-"];
    cluster.kubectl_with(&arguments, &noted).await;
    until_problem(&edge, ProblemCode::InvalidCertificate).await;
    canary::check_edge(&edge, &canary).await;
    // What cannot be read is not logged either.
    faults.answer(Which::Read, SECRETS, Answer::CutShort);
    faults.answer(Which::Watch, SECRETS, Answer::ExpiredEvent);
    cluster.restart_api_server().await;
    edge.until_metric("hedgerow_source_up", &["\"Secret\""], 0.0)
        .await;
    canary::check_edge(&edge, &canary).await;
    edge.stop().await;
    canary::the_story_is_told();
}

async fn until_problem(edge: &Edge, code: ProblemCode) {
    let has = |problem: &Arc<Problem>| problem.code == code;
    edge.until("it is told", |now| now.problems.iter().any(has))
        .await;
}
