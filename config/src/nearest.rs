//! Which of the known words was probably meant?

/// The known word that a misspelt one is closest to: equal but for case, at most a third of its letters away, or the same parts
/// in another order (`body-max-size`). None where nothing is close: a wrong guess helps nobody.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    nearest_within(word, known, (word.chars().count() / 3).max(1))
}

/// The same, at most so many letters away.
pub fn nearest_within<'a>(
    word: &str,
    known: impl IntoIterator<Item = &'a str>,
    distance_max: usize,
) -> Option<&'a str> {
    let word = word.to_lowercase();
    known
        .into_iter()
        .map(|name| (distance(&word, &name.to_lowercase()), name))
        .filter(|(distance, _)| *distance <= distance_max)
        .min()
        .map(|(_, name)| name)
}

fn distance(a: &str, b: &str) -> usize {
    match parts(a) == parts(b) {
        true => 0,
        false => strsim::damerau_levenshtein(a, b),
    }
}

fn parts(word: &str) -> Vec<&str> {
    let mut parts: Vec<_> = word.split(['-', '_']).collect();
    parts.sort_unstable();
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_keyboard_is_named_and_a_stranger_is_not() {
        let known = ["hold", "attempts", "ingressClasses", "request-timeout"];
        for (word, expected) in [
            ("hodl", Some("hold")),
            ("ingressclasses", Some("ingressClasses")),
            ("request-timout", Some("request-timeout")),
            ("attempt", Some("attempts")),
            ("timeout-request", Some("request-timeout")),
            ("request_timeout", Some("request-timeout")),
            ("colour", None),
            ("", None),
        ] {
            assert_eq!(nearest(word, known), expected, "{word}");
        }
    }
}
