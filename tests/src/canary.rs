//! Does any of a private key stand in a text?
//!
//! What is looked for is the secret number of a P-256 key alone: everything before it is the same in all keys, and what follows is in the
//! certificate.

use crate::authority::{Authority, Pair, base64};
use crate::edge::Edge;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Where the number is in PKCS#8 of a P-256 key: behind two headers (RFC 5208, RFC 5915).
const NUMBER: std::ops::Range<usize> = 36..68;
/// So much of a form is enough to be found: 12 bytes of the number and more.
const PIECE: usize = 16;
/// Names the folder with the key to the process that plays a story.
const FOLDER: &str = "HEDGEROW_STORY_FOLDER";
/// What it says when it has come to the end.
const MARK: &str = "the story is told";
const ADMIN: [&str; 10] = [
    "/",
    "/livez",
    "/readyz?verbose",
    "/startupz",
    "/metrics",
    "/config",
    "/problems",
    "/loglevel",
    "/why?url=https%3A%2F%2Fshop.test%2F",
    "/why?url=https%3A%2F%2Fshop.test%2F&output=text",
];

/// The forms of one key.
pub struct Canary {
    needles: Vec<(&'static str, Vec<u8>)>,
}

impl Canary {
    pub fn of(pair: &Pair) -> Canary {
        let der = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).unwrap();
        let number = &der.secret_der()[NUMBER];
        let header = "-----BEGIN PRIVATE KEY-----\n";
        assert!(pair.key.starts_with(header), "PKCS#8");
        // 36 bytes are 48 letters of the first line, which has 64; the rest of the number is in the second.
        let line = header.len() + 48..header.len() + 64;
        let body = &pair.key[line.clone()];
        let once = base64(pair.key.as_bytes());
        let within_once = line.start.div_ceil(3) * 4..line.end / 3 * 4;
        let twice = base64(once.as_bytes());
        let within_twice = within_once.start.div_ceil(3) * 4..within_once.end / 3 * 4;
        let listed = |bytes: &[u8]| {
            let numbers: Vec<String> = bytes.iter().map(u8::to_string).collect();
            numbers.join(", ").into_bytes()
        };
        let hex = |bytes: &[u8]| -> String { bytes.iter().map(|b| format!("{b:02x}")).collect() };
        let mut needles = vec![
            ("bytes", number[..PIECE].to_vec()),
            ("bytes", number[PIECE..].to_vec()),
            ("PEM", body.as_bytes().to_vec()),
            ("base64 of PEM", once[within_once].as_bytes().to_vec()),
            (
                "base64 of base64 of PEM",
                twice[within_twice].as_bytes().to_vec(),
            ),
            ("list of bytes", listed(&number[..PIECE / 2])),
            ("list of bytes of PEM", listed(&body.as_bytes()[..PIECE])),
        ];
        for bytes in [&number[..PIECE / 2], &number[PIECE..PIECE * 3 / 2]] {
            needles.push(("hexadecimal", hex(bytes).into_bytes()));
            needles.push(("hexadecimal", hex(bytes).to_uppercase().into_bytes()));
        }
        Canary { needles }
    }

    /// In which form the key is in there, if it is.
    pub fn found_in(&self, text: &[u8]) -> Option<&'static str> {
        let mut needles = self.needles.iter();
        let is_in = |needle: &[u8]| text.windows(needle.len()).any(|part| part == needle);
        needles
            .find(|(_, needle)| is_in(needle))
            .map(|(form, _)| *form)
    }

    /// Fails the story where it is, without showing it.
    #[track_caller]
    pub fn check_absent(&self, place: &str, text: &[u8]) {
        let found = self.found_in(text);
        assert_eq!(found, None, "the private key is in {place}");
    }
}

/// Everything that an operator can ask an edge for, and what a line with `{:?}` would write.
pub async fn check_edge(edge: &Edge, canary: &Canary) {
    for target in ADMIN {
        let reply = edge.admin(target).await;
        assert!([200, 404].contains(&reply.status), "{target}");
        canary.check_absent(target, &reply.body);
    }
    let in_force = format!("{:?}", edge.in_force());
    canary.check_absent("what is in force", in_force.as_bytes());
    let settings = format!("{:?}", edge.in_force().settings);
    canary.check_absent("the settings", settings.as_bytes());
    canary.check_absent("the access log", edge.log.text().as_bytes());
}

/// Plays an ignored story of this program in a process of its own, because the log belongs to a whole process, with everything logged
/// that can be. Its key must not be in what that process writes; this text must.
pub fn check_story(story: &str, text: &str) {
    let folder = tempfile::tempdir().unwrap();
    let pair = Authority::default().sign(&["shop.test"]);
    std::fs::write(folder.path().join("key"), &pair.key).unwrap();
    std::fs::write(folder.path().join("certificate"), &pair.certificate).unwrap();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", story, "--ignored", "--nocapture"])
        .env(FOLDER, folder.path())
        .env("HEDGEROW_LOG", "trace")
        .stdin(Stdio::null());
    let output = command.output().unwrap();
    let canary = Canary::of(&pair);
    canary.check_absent("the log", &output.stderr);
    canary.check_absent("the output", &output.stdout);
    let words = String::from_utf8_lossy(&output.stderr);
    let end = words.floor_char_boundary(words.len().saturating_sub(4000));
    assert!(output.status.success(), "{}", &words[end..]);
    let is_told = String::from_utf8_lossy(&output.stdout).contains(MARK);
    assert!(is_told && words.contains(text), "{}", &words[end..]);
}

/// For the story that is played: its key.
pub fn pair_of_the_story() -> Pair {
    let folder = PathBuf::from(std::env::var_os(FOLDER).expect("is played by another process"));
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    Pair {
        certificate: read("certificate"),
        key: read("key"),
    }
}

/// For the story that is played, at its end.
pub fn the_story_is_told() {
    println!("{MARK}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authority::secret;

    #[test]
    fn a_key_is_found_in_each_of_its_forms() {
        let pair = Authority::default().sign(&["shop.test"]);
        let canary = Canary::of(&pair);
        let der = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).unwrap();
        let der = der.secret_der();
        let manifest = secret("shop", &pair);
        for (text, form) in [
            (der.to_vec(), "bytes"),
            (pair.key.clone().into_bytes(), "PEM"),
            (manifest.clone().into_bytes(), "base64 of PEM"),
            (
                base64(base64(pair.key.as_bytes()).as_bytes()).into_bytes(),
                "base64 of base64 of PEM",
            ),
            (format!("{der:?}").into_bytes(), "list of bytes"),
            (
                format!("{:?}", pair.key.as_bytes()).into_bytes(),
                "list of bytes of PEM",
            ),
            (
                der.iter()
                    .map(|b| format!("{b:02X}"))
                    .collect::<String>()
                    .into_bytes(),
                "hexadecimal",
            ),
        ] {
            assert_eq!(canary.found_in(&text), Some(form));
        }
        let another = Authority::default().sign(&["shop.test"]);
        assert_eq!(canary.found_in(another.key.as_bytes()), None);
        assert_eq!(canary.found_in(pair.certificate.as_bytes()), None);
    }
}
