//! Is anything served wrong while a file is half written, empty, gone or twice there?

use crate::load::{Load, Patron};
use config::problem::ProblemCode;
use std::fs::{self, OpenOptions};
use std::io::Write;
use tests::client::Request;
use tests::edge::Edge;
use tests::manifest;
use tests::origin::Origin;

struct Shop {
    edge: Edge,
    a: Origin,
    b: Origin,
}

fn site(origin: &Origin) -> String {
    manifest::shop(&[origin.address])
}

async fn start() -> Shop {
    let (a, b) = (Origin::start("a").await, Origin::start("b").await);
    let edge = Edge::start(&site(&a)).await;
    Shop { edge, a, b }
}

fn ask(edge: &Edge) -> Load {
    let request = Request::new("GET", "http://shop.test/");
    let mut load = Load::new();
    load.add(Patron::plain(edge.http()), vec![request.clone()]);
    load.add(Patron::plain(edge.http()).fickle(), vec![request]);
    load
}

/// In place: truncated, then written in pieces, as simple editors and `cp` do.
fn write_in_pieces(edge: &Edge, text: &str) {
    let path = edge.manifests().join("main.yaml");
    let mut file = OpenOptions::new()
        .write(true)
        .truncate(true)
        .open(path)
        .unwrap();
    for piece in text.as_bytes().chunks(64) {
        file.write_all(piece).unwrap();
        file.flush().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_truncated_and_written_in_pieces_is_never_served_half() {
    let shop = start().await;
    let load = ask(&shop.edge);
    for round in 0..30 {
        let origin = [&shop.b, &shop.a][round % 2];
        write_in_pieces(&shop.edge, &site(origin));
        shop.edge.settled().await;
        let reply = shop.edge.get("http://shop.test/").await;
        assert_eq!(reply.served_by(), origin.name, "round {round}");
    }
    load.stop().await;
    shop.edge.stop().await;
}

/// Texts that are no manifests; each stays until a Problem says so, however long that is.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_does_not_parse_keeps_what_it_said_last() {
    let shop = start().await;
    let load = ask(&shop.edge);
    let whole = site(&shop.a);
    let half = &whole[..whole.find("ingressClassName").unwrap() - 3];
    for broken in [
        format!("{whole}---\nkind: [\n"),
        format!("{half}\n\t\t:"),
        "{".to_owned(),
        "\u{0}\u{0}\u{0}".to_owned(),
        "kind: Ingress\nkind: Service\n".to_owned(),
    ] {
        shop.edge.write_quietly("main.yaml", &broken);
        let has_problem = |now: &proxy::live::InForce| {
            let mut codes = now.problems.iter().map(|problem| problem.code);
            codes.any(|code| code == ProblemCode::UnreadableManifest)
        };
        shop.edge.until(&format!("{broken:?}"), has_problem).await;
        assert_eq!(shop.edge.get("http://shop.test/").await.served_by(), "a");
        shop.edge.write("main.yaml", &whole).await;
        let in_force = shop.edge.in_force();
        assert!(
            !has_problem(&in_force),
            "{broken:?}: {:#?}",
            in_force.problems
        );
    }
    load.stop().await;
    shop.edge.stop().await;
}

/// An empty file parses, and says that there is nothing; whoever truncates and writes at once has lost nothing.
#[tokio::test(flavor = "multi_thread")]
async fn an_empty_file_counts_only_if_it_stays_empty() {
    let shop = start().await;
    let load = ask(&shop.edge);
    let path = shop.edge.manifests().join("main.yaml");
    for round in 0..20 {
        let origin = [&shop.b, &shop.a][round % 2];
        fs::write(&path, "").unwrap();
        fs::write(&path, site(origin)).unwrap();
        shop.edge.settled().await;
    }
    load.stop().await;
    fs::write(&path, "").unwrap();
    shop.edge.settled().await;
    assert_eq!(shop.edge.get("http://shop.test/").await.status, 404);
    fs::write(&path, site(&shop.b)).unwrap();
    shop.edge.settled().await;
    assert_eq!(shop.edge.get("http://shop.test/").await.served_by(), "b");
    shop.edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_moves_to_another_name_and_nobody_notices() {
    let shop = start().await;
    let load = ask(&shop.edge);
    let directory = shop.edge.manifests();
    for round in 0..20 {
        let (from, to) = match round % 2 {
            0 => ("main.yaml", "moved.yml"),
            _ => ("moved.yml", "main.yaml"),
        };
        fs::rename(directory.join(from), directory.join(to)).unwrap();
        shop.edge.settled().await;
    }
    load.stop().await;
    assert_eq!(shop.edge.get("http://shop.test/").await.served_by(), "a");
    shop.edge.stop().await;
}

/// Hidden names, other endings and objects of other programs change nothing; the same object twice is reported, and the first path wins.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_meant_for_us_is_not_read_and_a_double_is_reported() {
    let shop = start().await;
    let edge = &shop.edge;
    let load = ask(edge);
    let other = site(&shop.b);
    for name in [
        ".main.yaml",
        ".main.yaml.swp",
        "main.yaml~",
        "main.yaml.bak",
        "a.txt",
        "#main.yaml#",
    ] {
        edge.write_quietly(name, &other);
    }
    edge.write("zz.yaml", "apiVersion: v1\nkind: Pod\nmetadata: { name: x }\n---\napiVersion: example.com/v1\nkind: Thing\nmetadata: { name: y }\n").await;
    assert_eq!(edge.get("http://shop.test/").await.served_by(), "a");
    edge.write("twice.yaml", &other).await;
    let reply = edge.get("http://shop.test/").await;
    assert_eq!(reply.served_by(), "a", "main.yaml comes before twice.yaml");
    let problems = edge.admin("/problems").await.text();
    assert!(
        problems.contains("main.yaml") && problems.contains("twice.yaml"),
        "{problems}"
    );
    edge.write("aaa.yaml", &other).await;
    let reply = edge.get("http://shop.test/").await;
    assert_eq!(reply.served_by(), "b", "aaa.yaml comes before main.yaml");
    load.stop().await;
    shop.edge.stop().await;
}

/// The symlinks of a mounted ConfigMap: `..data` is swapped, every file changes at once.
#[tokio::test(flavor = "multi_thread")]
async fn a_config_map_is_swapped_as_a_whole() {
    let (a, b) = (Origin::start("a").await, Origin::start("b").await);
    let edge = Edge::start("").await;
    let directory = edge.manifests();
    let stage = |number: usize, origin: &Origin| {
        let inner = directory.join(format!("..version-{number}"));
        fs::create_dir(&inner).unwrap();
        fs::write(inner.join("site.yaml"), site(origin)).unwrap();
        let next = directory.join("..data_tmp");
        std::os::unix::fs::symlink(inner.file_name().unwrap(), &next).unwrap();
        fs::rename(next, directory.join("..data")).unwrap();
    };
    stage(0, &a);
    std::os::unix::fs::symlink("..data/site.yaml", directory.join("site.yaml")).unwrap();
    edge.settled().await;
    let load = ask(&edge);
    for round in 1..20 {
        let origin = [&a, &b][round % 2];
        stage(round, origin);
        fs::remove_dir_all(directory.join(format!("..version-{}", round - 1))).unwrap();
        edge.settled().await;
        let reply = edge.get("http://shop.test/").await;
        assert_eq!(reply.served_by(), origin.name, "round {round}");
    }
    load.stop().await;
    edge.stop().await;
}
