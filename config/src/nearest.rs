//! Which of the known words was probably meant?

/// The known word that a misspelt one is closest to: equal but for case, or at most a third of its letters away.
/// None where nothing is close: a wrong guess helps nobody.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    let distance_max = (word.chars().count() / 3).max(1);
    known
        .into_iter()
        .map(|name| {
            (
                strsim::damerau_levenshtein(&word, &name.to_lowercase()),
                name,
            )
        })
        .filter(|(distance, _)| *distance <= distance_max)
        .min()
        .map(|(_, name)| name)
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
            ("colour", None),
            ("", None),
        ] {
            assert_eq!(nearest(word, known), expected, "{word}");
        }
    }
}
