//! How long does a change take to be served, and what does a large site cost?
//!
//! The whole program as a process of its own, beside a plain watcher. Nothing is asserted of times: a short form of each story runs
//! with all the others, and `bench/run pace` prints the figures of the long ones (FULL=1) with a release build (HEDGEROW=path).

mod changes;
mod figures;
mod load;
mod program;
mod sites;
mod watcher;

use changes::Mover;
use load::Load;
use program::Program;
use sites::Site;
use std::sync::Arc;
use std::time::Duration;
use tests::cluster::Cluster;
use tests::origin::Origin;

/// Requests in each second while objects change.
const LOAD_PER_SECOND: u32 = 200;
const CHANGES_PER_SECOND: u32 = 50;
/// What came after a start has settled by then.
const SETTLE_TIME: Duration = Duration::from_secs(10);

/// The long form was asked for.
fn is_full() -> bool {
    std::env::var_os("FULL").is_some_and(|full| full == "1")
}

/// A cluster with a site in it, and what stands behind it.
struct Ground {
    cluster: Cluster,
    origin: Origin,
    site: Site,
}

impl Ground {
    async fn with(site: Site) -> Ground {
        let cluster = Cluster::start().await;
        let api = Arc::new(cluster.api(&cluster.admin()).await);
        for stage in site.stages() {
            let done = api.change_all(stage, None).await;
            assert_eq!(done.refused, Vec::<String>::new());
        }
        Ground {
            cluster,
            origin: Origin::start("pace").await,
            site,
        }
    }

    async fn program(&self) -> Program {
        let program = Program::start(&self.cluster, self.origin.address);
        program.until_served().await;
        program
    }

    async fn mover(&self, program: &Program) -> Mover {
        Mover::new(&self.cluster, program.http).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_served_soon_after_a_plain_watcher_hears_of_it() {
    let (routes, changes) = if is_full() { (3_000, 500) } else { (50, 20) };
    let ground = Ground::with(Site::of_routes(routes)).await;
    let program = ground.program().await;
    tokio::time::sleep(program.settle_time()).await;
    let mover = ground.mover(&program).await;
    let before = program.cpu();
    let times = mover.one_by_one(changes).await;
    let cost = (program.cpu() - before) / u32::try_from(changes).unwrap();
    println!(
        "propagation at {routes} routes, {changes} changes one by one ({}):",
        program.build()
    );
    times.print();
    println!(
        "  CPU of the edge for each change: {:.1} ms",
        figures::ms(cost)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_of_changes_under_load_costs_no_request() {
    let (routes, changes) = if is_full() {
        (3_000, 10_000)
    } else {
        (50, 200)
    };
    let ground = Ground::with(Site::of_routes(routes)).await;
    let program = ground.program().await;
    tokio::time::sleep(program.settle_time()).await;
    let mover = ground.mover(&program).await;
    let load = Load::start(program.http, LOAD_PER_SECOND);
    let before = program.cpu();
    let times = mover.at_a_rate(changes, CHANGES_PER_SECOND).await;
    let cost = (program.cpu() - before) / u32::try_from(changes).unwrap();
    let (served, failed) = load.stop().await;
    println!(
        "{changes} changes at {CHANGES_PER_SECOND}/s, {routes} routes, {LOAD_PER_SECOND} requests/s ({}):",
        program.build()
    );
    times.print();
    println!(
        "  CPU of the edge for each change and its share of requests: {:.1} ms",
        figures::ms(cost)
    );
    println!(
        "  requests: {served} answered, {} failed; memory {:.1} MiB",
        failed.len(),
        program.resident_mib()
    );
    assert_eq!(failed, Vec::<String>::new());
    assert!(served > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_site_is_ready_and_then_costs_nothing() {
    let site = if is_full() {
        Site::large()
    } else {
        Site::of_routes(50)
    };
    let ground = Ground::with(site).await;
    let program = ground.program().await;
    let site = &ground.site;
    println!("{site} ({}):", program.build());
    println!(
        "  ready after {:.0} ms",
        figures::ms(program.begun.elapsed())
    );
    tokio::time::sleep(program.settle_time()).await;
    println!(
        "  memory: {:.1} MiB resident, {:.1} MiB at most",
        program.resident_mib(),
        program.peak_mib()
    );
    println!(
        "  CPU while nothing happens: {:.2} % of a core",
        program.cpu_percent().await
    );
    until_kept(&program).await;
    ground.cluster.api_server.kill();
    let again = program.again().await;
    again.until_served().await;
    println!(
        "  started without the API server: served after {:.0} ms",
        figures::ms(again.begun.elapsed())
    );
    tokio::time::sleep(again.settle_time()).await;
    println!("  memory: {:.1} MiB resident", again.resident_mib());
    println!(
        "  CPU while the API server is away: {:.2} % of a core",
        again.cpu_percent().await
    );
}

/// What is in force is on disk.
async fn until_kept(program: &Program) {
    program.until_file("last-good-objects").await;
}
