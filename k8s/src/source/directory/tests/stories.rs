//! Does what is sent follow the files, and never show what was not meant?

use super::*;
use std::io::Write;
use std::os::unix::fs::symlink;

#[tokio::test]
async fn an_edit_is_followed_and_the_rest_stays_the_same_object() {
    let (a, b) = (ingress("a", "one"), ingress("b", "one"));
    let mut followed = Followed::start(&[("a.yaml", &a), ("b.yaml", &b)], NEVER).await;
    let (before, _) = followed.until_hosts(&["a=one", "b=one"]).await;
    followed.write("a.yaml", &ingress("a", "two"));
    let (after, _) = followed.until_hosts(&["a=two", "b=one"]).await;
    let find = |objects: &Objects, name: &str| {
        let found = objects.ingresses.iter();
        let found = found.clone().find(|(key, _)| &*key.name == name);
        found.unwrap().1.clone()
    };
    assert!(Arc::ptr_eq(&find(&before, "b"), &find(&after, "b")));
    assert_ne!(find(&before, "a").revision, find(&after, "a").revision);
}

#[tokio::test]
async fn an_object_beside_the_edited_one_in_its_file_stays_the_same() {
    let text = format!("{}---\n{}", ingress("a", "one"), ingress("b", "one"));
    let mut followed = Followed::start(&[("a.yaml", &text)], NEVER).await;
    let (before, _) = followed.until_hosts(&["a=one", "b=one"]).await;
    followed.write("a.yaml", &text.replacen("host: one", "host: two", 1));
    let (after, _) = followed.until_hosts(&["a=two", "b=one"]).await;
    let is_kept = |(name, object): (&_, &Arc<_>)| {
        after
            .ingresses
            .get(name)
            .is_some_and(|other| Arc::ptr_eq(object, other))
    };
    assert_eq!(
        before
            .ingresses
            .iter()
            .filter(|pair| is_kept(*pair))
            .count(),
        1
    );
}

#[tokio::test]
async fn new_files_and_new_directories_appear() {
    let mut followed = Followed::start(&[], NEVER).await;
    followed.write("a.yaml", &ingress("a", "one"));
    followed.until_hosts(&["a=one"]).await;
    fs::create_dir_all(followed.path("x/y")).unwrap();
    followed.write("x/y/b.yaml", &ingress("b", "one"));
    followed.until_hosts(&["a=one", "b=one"]).await;
    followed.write("x/y/b.yaml", &ingress("b", "two"));
    followed.until_hosts(&["a=one", "b=two"]).await;
}

/// A directory made anew often gets the inode of the one before, and the watch is gone all the same.
#[tokio::test]
async fn a_directory_that_is_made_anew_below_is_followed() {
    let mut followed = Followed::start(&[], NEVER).await;
    for round in 0..3 {
        fs::create_dir(followed.path("x")).unwrap();
        followed.write("x/a.yaml", &ingress("a", &format!("first{round}")));
        followed.until_hosts(&[&format!("a=first{round}")]).await;
        followed.write("x/a.yaml", &ingress("a", &format!("second{round}")));
        followed.until_hosts(&[&format!("a=second{round}")]).await;
        fs::remove_dir_all(followed.path("x")).unwrap();
    }
    followed.until_hosts(&[]).await;
}

#[tokio::test]
async fn what_vanishes_is_gone_only_after_its_time() {
    let (a, b) = (ingress("a", "one"), ingress("b", "one"));
    let mut followed = Followed::start(&[("a.yaml", &a), ("b.yaml", &b)], NEVER).await;
    let start = Instant::now();
    fs::remove_file(followed.path("a.yaml")).unwrap();
    followed.until_hosts(&["b=one"]).await;
    assert!(start.elapsed() >= Duration::from_millis(250));
    let start = Instant::now();
    followed.write("b.yaml", "");
    followed.until_hosts(&[]).await;
    assert!(start.elapsed() >= Duration::from_millis(250));
}

/// Each way of writing is seen from the old text to the new one, with nothing in between.
#[tokio::test]
async fn no_way_of_saving_shows_the_file_without_its_objects() {
    let mut followed = Followed::start(&[("a.yaml", &ingress("a", "h0"))], NEVER).await;
    let mut last = "a=h0".to_owned();
    let ways: [fn(&Path, &str); 5] = [
        |path, text| fs::write(path, text).unwrap(),
        |path, text| {
            // Truncated, and seen empty for a while; then the rest.
            let mut file = fs::File::create(path).unwrap();
            file.flush().unwrap();
            std::thread::sleep(Duration::from_millis(150));
            file.write_all(text.as_bytes()).unwrap();
        },
        |path, text| {
            // By rename: sed -i, most editors.
            let other = path.with_extension("tmp");
            fs::write(&other, text).unwrap();
            fs::rename(&other, path).unwrap();
        },
        |path, text| {
            // vim with backup: the file is moved away, and written anew.
            let backup = path.with_extension("yaml~");
            fs::rename(path, &backup).unwrap();
            std::thread::sleep(Duration::from_millis(150));
            fs::write(path, text).unwrap();
            fs::remove_file(&backup).unwrap();
        },
        |path, text| {
            // In two halves, the first of which does not parse.
            let (first, second) = text.split_at(text.find("name: a").unwrap() - 4);
            let mut file = fs::File::create(path).unwrap();
            file.write_all(first.as_bytes()).unwrap();
            std::thread::sleep(Duration::from_millis(150));
            file.write_all(second.as_bytes()).unwrap();
        },
    ];
    for (number, way) in ways.into_iter().enumerate() {
        let host = format!("h{}", number + 1);
        let next = format!("a={host}");
        let text = ingress("a", &host);
        let path = followed.path("a.yaml");
        let writer = tokio::task::spawn_blocking(move || {
            let start = Instant::now();
            way(&path, &text);
            start.elapsed()
        });
        let seen = followed.all_until(&next).await;
        let took = writer.await.unwrap();
        let is_clean = seen.iter().all(|seen| *seen == [last.clone()]);
        // On a machine that stops the writer for longer than what vanishes is waited for, the file was truly without them.
        assert!(
            is_clean || took >= Duration::from_millis(250),
            "way {number}: {seen:?}"
        );
        last = next;
    }
}

#[tokio::test]
async fn a_file_that_does_not_parse_keeps_its_last_good_objects() {
    let text = format!("{}---\n{}", ingress("a", "one"), ingress("b", "one"));
    let mut followed = Followed::start(&[("a.yaml", &text)], NEVER).await;
    let broken = format!("{}---\nkind: [\n", ingress("a", "two"));
    followed.write("a.yaml", &broken);
    followed.until_hosts(&["a=two", "b=one"]).await;
    let (told, _) = followed
        .until("a problem", |sent| !sent.problems.is_empty())
        .await;
    assert_eq!(told.problems.len(), 1);
    // Longer than what vanishes is waited for: a third file shows that time has gone by.
    followed.write("c.yaml", &ingress("c", "one"));
    followed.until_hosts(&["a=two", "b=one", "c=one"]).await;
    fs::remove_file(followed.path("c.yaml")).unwrap();
    followed.until_hosts(&["a=two", "b=one"]).await;
    followed.write("a.yaml", &ingress("a", "three"));
    let (mended, _) = followed.until_hosts(&["a=three"]).await;
    assert_eq!(mended.problems, []);
}

#[tokio::test]
async fn an_object_with_a_wrong_field_keeps_its_last_good_form() {
    let mut followed = Followed::start(&[("a.yaml", &ingress("a", "one"))], NEVER).await;
    followed.write("a.yaml", &ingress("a", "[]"));
    let (told, _) = followed
        .until("a problem", |sent| !sent.problems.is_empty())
        .await;
    assert_eq!(hosts(&told), ["a=one"]);
    assert_eq!(told.problems[0].field, "spec.rules[0].host");
}

#[tokio::test]
async fn an_object_that_moves_to_another_file_is_never_there_twice() {
    let mut followed = Followed::start(&[("a.yaml", &ingress("x", "one"))], NEVER).await;
    followed.write("b.yaml", &ingress("x", "two"));
    followed
        .until("both", |sent| !sent.problems.is_empty())
        .await;
    fs::remove_file(followed.path("a.yaml")).unwrap();
    let (sent, _) = followed.until_hosts(&["x=two"]).await;
    assert_eq!(sent.problems, []);
}

#[tokio::test]
async fn a_mounted_config_map_is_followed_through_its_swap() {
    let mut followed = Followed::start(&[], NEVER).await;
    let version = |number: u32| {
        let name = format!("..v{number}");
        fs::create_dir(followed.path(&name)).unwrap();
        followed.write(
            &format!("{name}/a.yaml"),
            &ingress("a", &format!("h{number}")),
        );
        symlink(&name, followed.path("..next")).unwrap();
        fs::rename(followed.path("..next"), followed.path("..data")).unwrap();
    };
    version(1);
    symlink("..data/a.yaml", followed.path("a.yaml")).unwrap();
    version(2);
    let root = followed.directory.path().to_owned();
    followed.until_hosts(&["a=h2"]).await;
    let next = root.join("..v3");
    fs::create_dir(&next).unwrap();
    fs::write(next.join("a.yaml"), ingress("a", "h3")).unwrap();
    symlink("..v3", root.join("..next")).unwrap();
    fs::rename(root.join("..next"), root.join("..data")).unwrap();
    fs::remove_dir_all(root.join("..v2")).unwrap();
    let (sent, _) = followed.until_hosts(&["a=h3"]).await;
    assert_eq!(sent.problems, []);
}

#[tokio::test]
async fn a_directory_that_is_removed_keeps_what_it_held_and_is_followed_again() {
    let poll_interval = Duration::from_millis(100);
    let mut followed = Followed::start(&[("a.yaml", &ingress("a", "one"))], poll_interval).await;
    let root = followed.directory.path().to_owned();
    let aside = root.with_extension("aside");
    fs::rename(&root, &aside).unwrap();
    let (gone, _) = followed
        .until("a problem", |sent| !sent.problems.is_empty())
        .await;
    assert_eq!(hosts(&gone), ["a=one"]);
    fs::create_dir(&root).unwrap();
    followed.write("b.yaml", &ingress("b", "one"));
    followed.until_hosts(&["b=one"]).await;
    followed.write("b.yaml", &ingress("b", "two"));
    followed.until_hosts(&["b=two"]).await;
    fs::remove_dir_all(&aside).unwrap();
}

#[tokio::test]
async fn what_is_not_told_is_found_by_polling() {
    let elsewhere = tempfile::tempdir().unwrap();
    let target = elsewhere.path().join("target");
    fs::write(&target, ingress("a", "one")).unwrap();
    let mut followed = Followed::start(&[], Duration::from_millis(100)).await;
    symlink(&target, followed.path("a.yaml")).unwrap();
    followed.until_hosts(&["a=one"]).await;
    fs::write(&target, ingress("a", "two")).unwrap();
    followed.until_hosts(&["a=two"]).await;
}

#[tokio::test]
async fn a_constant_stream_of_edits_is_followed_all_the_same() {
    let mut followed = Followed::start(&[], NEVER).await;
    let root = followed.directory.path().to_owned();
    let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let is_over = stop.clone();
    let writer = tokio::task::spawn_blocking(move || {
        for number in 0_u32.. {
            fs::write(root.join("noise.yaml"), format!("# {number}\n")).unwrap();
            if is_over.load(std::sync::atomic::Ordering::Relaxed) {
                return;
            }
        }
    });
    followed.write("a.yaml", &ingress("a", "one"));
    followed.until_hosts(&["a=one"]).await;
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    writer.await.unwrap();
}

#[tokio::test]
async fn it_ends_when_nobody_listens() {
    let directory = tempfile::tempdir().unwrap();
    let (sender, receiver) = channel::channel(None);
    let task = tokio::spawn(follow(directory.path().to_owned(), sender, NEVER));
    drop(receiver);
    tokio::time::timeout(PATIENCE, task).await.unwrap().unwrap();
}

/// A rule without its host would be for every host.
#[tokio::test]
async fn a_misspelt_key_never_widens_a_rule() {
    let good = format!("{}---\n{}", ingress("a", "one"), ingress("b", "one"));
    let mut followed = Followed::start(&[("a.yaml", &good)], NEVER).await;
    for (right, wrong, field) in [
        ("- host: one", "- hots: one", "spec.rules[0].hots"),
        ("  name: a", "  name: a\n  namespce: x", "metadata.namespce"),
        ("  name: a", "  nmae: a", "metadata.name"),
    ] {
        followed.write("a.yaml", &good.replacen(right, wrong, 1));
        let what = format!("a problem with {field}");
        let (told, _) = followed
            .until(&what, |sent| sent.problems.iter().any(|p| p.field == field))
            .await;
        assert_eq!(hosts(&told), ["a=one", "b=one"], "{wrong}");
        // Longer than what vanishes is waited for.
        followed.write("c.yaml", &ingress("c", "one"));
        followed.until_hosts(&["a=one", "b=one", "c=one"]).await;
        fs::remove_file(followed.path("c.yaml")).unwrap();
        followed.until_hosts(&["a=one", "b=one"]).await;
    }
}

/// An editor, or a program that prints as it goes, which stops in the middle for longer than what vanishes is waited for. The first part parses.
#[tokio::test]
async fn a_file_counts_only_when_its_writer_has_closed_it() {
    let old = format!("{}---\n{}", ingress("a", "one"), ingress("b", "one"));
    let mut followed = Followed::start(&[("a.yaml", &old)], Duration::from_millis(100)).await;
    let mut file = fs::File::create(followed.path("a.yaml")).unwrap();
    file.write_all(ingress("a", "two").as_bytes()).unwrap();
    // Another file shows that looks go on meanwhile.
    followed.write("c.yaml", &ingress("c", "one"));
    followed.until_hosts(&["a=one", "b=one", "c=one"]).await;
    let is_early = tokio::time::timeout(Duration::from_millis(600), followed.receiver.changed());
    assert!(is_early.await.is_err());
    let rest = format!("---\n{}", ingress("b", "two"));
    file.write_all(rest.as_bytes()).unwrap();
    drop(file);
    followed.until_hosts(&["a=two", "b=two", "c=one"]).await;
}

#[tokio::test]
async fn frequent_saves_in_place_never_lose_an_object() {
    let mut followed = Followed::start(&[("a.yaml", &ingress("a", "one"))], NEVER).await;
    let path = followed.path("a.yaml");
    let writer = tokio::task::spawn_blocking(move || {
        for number in 0..60 {
            let mut file = fs::File::create(&path).unwrap();
            std::thread::sleep(Duration::from_millis(20));
            let text = format!("{}# {number}\n", ingress("a", "one"));
            file.write_all(text.as_bytes()).unwrap();
            drop(file);
            std::thread::sleep(Duration::from_millis(10));
        }
        fs::write(&path, ingress("a", "two")).unwrap();
    });
    let seen = followed.all_until("a=two").await;
    writer.await.unwrap();
    assert!(seen.iter().all(|seen| *seen == ["a=one"]), "{seen:?}");
}
