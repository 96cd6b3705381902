//! Is everybody who they say they are, and is it written down who was refused?

use serde_json::json;
use tests::client::PATIENCE;
use tests::cluster::{Cluster, LOOK_INTERVAL, Options, audit};

const SERVICES: &str = "/api/v1/namespaces/default/services";

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_call_is_in_the_audit_log() {
    let cluster = Cluster::start_with(Options {
        audit_policy: Some(audit::METADATA.to_owned()),
        ..Options::default()
    })
    .await;
    let edge = cluster.service_account("default", "edge").await;
    let refused = cluster.api(&edge).await;
    let refused = refused.send("GET", &format!("{SERVICES}/web"), None).await;
    assert_eq!(refused.unwrap().status, 403);
    let line = cluster
        .audit
        .line_where(|line| line["annotations"]["authorization.k8s.io/decision"] == "forbid")
        .await;
    let user = "system:serviceaccount:default:edge";
    assert_eq!(line["user"]["username"], user, "{line:#}");
    assert_eq!(cluster.audit.denied(), [format!("{user} get services/web")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_may_do_what_a_role_of_one_of_its_groups_says() {
    let cluster = Cluster::shared().await;
    cluster
        .apply(
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: { name: look }\n\
             rules: [{ apiGroups: [''], resources: [services], verbs: [list] }]\n---\n\
             apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: { name: lookers }\n\
             roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: look }\n\
             subjects: [{ apiGroup: rbac.authorization.k8s.io, kind: Group, name: lookers }]\n",
        )
        .await;
    let ask = async |groups: &[&str]| {
        let api = cluster.api(&cluster.user("anna", groups)).await;
        api.send("GET", SERVICES, None).await.unwrap().status
    };
    // A binding counts some time after it is written.
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while ask(&["lookers"]).await != 200 {
        assert!(tokio::time::Instant::now() < deadline, "never allowed");
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
    for (groups, expected) in [
        (&["others", "lookers"][..], 200),
        (&["others"], 403),
        (&[], 403),
    ] {
        assert_eq!(ask(groups).await, expected, "{groups:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kubeconfig_works_for_kubectl_and_names_its_user() {
    let cluster = Cluster::shared().await;
    let edge = cluster.service_account("kube-public", "edge").await;
    for (credentials, expected) in [
        (cluster.admin(), "admin"),
        (cluster.user("berta", &["team"]), "berta"),
        (edge, "system:serviceaccount:kube-public:edge"),
    ] {
        let kubeconfig = cluster.kubeconfig(&credentials);
        let kubeconfig = format!("--kubeconfig={}", kubeconfig.display());
        let name = "-o=jsonpath={.status.userInfo.username}";
        let found = cluster
            .kubectl(&[&kubeconfig, "auth", "whoami", name])
            .await;
        assert_eq!(found, expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn gateway_apis_definitions_are_established_from_the_start() {
    let cluster = Cluster::shared().await;
    let api = cluster.api(&cluster.admin()).await;
    let list = api
        .get("/apis/apiextensions.k8s.io/v1/customresourcedefinitions")
        .await;
    let items = list["items"].as_array().unwrap();
    let is_established = |item: &serde_json::Value| {
        let conditions = item["status"]["conditions"].as_array().unwrap();
        conditions
            .iter()
            .any(|c| c["type"] == "Established" && c["status"] == "True")
    };
    assert!(items.iter().all(is_established), "{list:#}");
    let class = json!({
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": "GatewayClass",
        "metadata": { "name": "hedgerow" },
        "spec": { "controllerName": "edwardstech.dev/hedgerow" },
    });
    api.apply(&class).await.unwrap();
    println!(
        "{} definitions, started in {:?}",
        items.len(),
        cluster.start_time
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_without_gateway_api_has_none_of_its_kinds() {
    let cluster = Cluster::start_with(Options {
        gateway_api: false,
        ..Options::default()
    })
    .await;
    println!("started in {:?}", cluster.start_time);
    let api = cluster.api(&cluster.admin()).await;
    let missing = api.send("GET", "/apis/gateway.networking.k8s.io/v1", None);
    assert_eq!(missing.await.unwrap().status, 404);
}
