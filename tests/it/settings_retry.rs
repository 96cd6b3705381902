//! Is a listener whose port was taken bound once the port is free?

use std::net::TcpListener;
use tests::client::{Connection, Request};
use tests::edge::Edge;
use tests::manifest;
use tests::origin::Origin;

const ANYWHERE: &str = "listeners: { http: [\"127.0.0.1:0\"], https: [\"127.0.0.1:0\"] }\n";

fn site(origin: &Origin) -> String {
    manifest::join(&[
        manifest::ingress("shop", "shop.test", &[("/", "web", 80)]),
        manifest::service("web", 80, &[origin.address]),
    ])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_that_cannot_be_bound_is_a_problem_and_the_others_serve() {
    let origin = Origin::start("a").await;
    let edge = Edge::start_following(&site(&origin), ANYWHERE).await;
    let holder = TcpListener::bind("127.0.0.1:0").expect("binds");
    let taken = holder.local_addr().expect("has an address");
    edge.write_settings(&format!(
        "listeners: {{ http: [\"127.0.0.1:0\", \"{taken}\"] }}\n"
    ));
    edge.until("the taken port is a problem", |in_force| {
        let mut problems = in_force.problems.iter();
        problems.any(|problem| problem.found.contains(&taken.to_string()))
    })
    .await;
    assert_eq!(edge.get("http://shop.test/").await.status, 200);
    // A port that an edit asks for in vain takes nothing out, and is taken once it is free.
    edge.until_ready_says("[!] a listener of the settings has no address")
        .await;
    assert_eq!(edge.admin("/readyz").await.status, 200);
    drop(holder);
    edge.until("the port is no problem any more", |in_force| {
        let mut problems = in_force.problems.iter();
        !problems.any(|problem| problem.found.contains(&taken.to_string()))
    })
    .await;
    let mut connection = Connection::open(taken).await.expect("connects");
    let request = Request::new("GET", "http://shop.test/");
    let reply = request.send_on(&mut connection).await.expect("answers");
    assert_eq!(reply.served_by(), "a");
    let verbose = edge.admin("/readyz?verbose").await.text();
    assert!(!verbose.contains("[!]"), "{verbose}");
    drop(connection);
    edge.stop().await;
}
