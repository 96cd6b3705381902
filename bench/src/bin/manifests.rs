//! Which manifests does a measurement of memory start from?
//!
//! `manifests ROUTES ENDPOINT_PORT` prints them.

#![allow(clippy::print_stdout)]

fn main() {
    let mut arguments = std::env::args()
        .skip(1)
        .map(|argument| argument.parse::<usize>());
    match (arguments.next(), arguments.next()) {
        (Some(Ok(routes)), Some(Ok(port))) if port <= 65_535 => {
            let port = u16::try_from(port).unwrap_or_default();
            print!("{}", bench::manifests(routes, port));
        }
        _ => {
            eprintln!("usage: manifests ROUTES ENDPOINT_PORT");
            std::process::exit(2);
        }
    }
}
