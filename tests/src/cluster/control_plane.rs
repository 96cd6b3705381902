//! With which arguments do etcd, the API server and the controllers run?
//!
//! Everything listens on 127.0.0.1 alone, as any user, without a default route.

use super::Options;
use super::access::Access;
use std::path::Path;

/// Inside the cluster; nobody routes it here.
const SERVICE_ADDRESSES: &str = "10.96.0.0/16,fd00:96::/112";

/// The ports of one cluster, the same for its whole life.
#[derive(Debug, Clone, Copy)]
pub struct Ports {
    pub etcd: u16,
    pub etcd_peer: u16,
    pub api_server: u16,
}

/// Without fsync: a test's power cut is SIGKILL, and what was written to memory outlives that. With TLS: whoever else took the port is
/// not mistaken for it.
pub fn etcd(access: &Access, ports: Ports) -> Vec<String> {
    let client = format!("https://127.0.0.1:{}", ports.etcd);
    let peer = format!("http://127.0.0.1:{}", ports.etcd_peer);
    let file = |name: &str| access.file(name).display().to_string();
    vec![
        "--name=test".into(),
        format!("--data-dir={}", file("etcd")),
        format!("--cert-file={}", file("server.crt")),
        format!("--key-file={}", file("server.key")),
        "--client-cert-auth".into(),
        format!("--trusted-ca-file={}", file("ca.crt")),
        "--unsafe-no-fsync".into(),
        format!("--listen-client-urls={client}"),
        format!("--advertise-client-urls={client}"),
        format!("--listen-peer-urls={peer}"),
        format!("--initial-advertise-peer-urls={peer}"),
        format!("--initial-cluster=test={peer}"),
        "--log-level=warn".into(),
    ]
}

/// 192.0.2.1 is nobody (RFC 5737): without a default route the API server finds no address by itself, and a loopback one it refuses.
pub fn api_server(access: &Access, ports: Ports, options: &Options) -> Vec<String> {
    let file = |name: &str| access.file(name).display().to_string();
    let mut arguments = vec![
        format!("--etcd-servers=https://127.0.0.1:{}", ports.etcd),
        format!("--etcd-cafile={}", file("ca.crt")),
        format!("--etcd-certfile={}", file("etcd-client.crt")),
        format!("--etcd-keyfile={}", file("etcd-client.key")),
        "--bind-address=127.0.0.1".into(),
        format!("--secure-port={}", ports.api_server),
        "--advertise-address=192.0.2.1".into(),
        "--endpoint-reconciler-type=none".into(),
        format!("--tls-cert-file={}", file("server.crt")),
        format!("--tls-private-key-file={}", file("server.key")),
        format!("--client-ca-file={}", file("ca.crt")),
        format!("--requestheader-client-ca-file={}", file("front-ca.crt")),
        "--requestheader-username-headers=X-Remote-User".into(),
        "--requestheader-group-headers=X-Remote-Group".into(),
        "--authorization-mode=Node,RBAC".into(),
        "--enable-admission-plugins=NodeRestriction".into(),
        format!("--service-cluster-ip-range={SERVICE_ADDRESSES}"),
        "--allow-privileged=true".into(),
        "--service-account-issuer=https://kubernetes.default.svc".into(),
        format!("--service-account-signing-key-file={}", file("sa.key")),
        format!("--service-account-key-file={}", file("sa.pub")),
    ];
    if let Some(policy) = &options.audit_policy {
        std::fs::write(access.file("audit.yaml"), policy).unwrap();
        arguments.push(format!("--audit-policy-file={}", file("audit.yaml")));
        arguments.push(format!("--audit-log-path={}", file("audit.log")));
        // MiB; a log that is cut in two loses lines for its reader.
        arguments.push("--audit-log-maxsize=4096".into());
    }
    arguments.extend(options.api_server_flags.iter().cloned());
    arguments
}

/// Port 0: they serve nothing. Each of its controllers asks with a ServiceAccount of its own, as in a real cluster.
pub fn controller_manager(access: &Access, kubeconfig: &Path) -> Vec<String> {
    vec![
        format!("--kubeconfig={}", kubeconfig.display()),
        "--secure-port=0".into(),
        "--leader-elect=false".into(),
        "--use-service-account-credentials".into(),
        format!("--root-ca-file={}", access.file("ca.crt").display()),
        format!(
            "--service-account-private-key-file={}",
            access.file("sa.key").display()
        ),
        "--node-monitor-period=1s".into(),
        "--node-monitor-grace-period=8s".into(),
    ]
}

pub fn scheduler(kubeconfig: &Path) -> Vec<String> {
    vec![
        format!("--kubeconfig={}", kubeconfig.display()),
        "--secure-port=0".into(),
        "--leader-elect=false".into(),
    ]
}
