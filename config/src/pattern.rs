//! What is a regular expression of a route?

use regex::{Regex, RegexBuilder};
use regex_syntax::ast::{self, Ast, ClassPerl, ClassPerlKind, ClassSetItem};
use std::convert::Infallible;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// Bytes that one compiled expression may take: thousands of them have to fit into a small machine.
const PATTERN_BYTES_MAX: usize = 256 * 1024;
/// Where the search for the size of an expression begins. Most take no more.
const PATTERN_BYTES_MIN: usize = 4 * 1024;
/// Bytes that the expressions of one object may take together: 256 ordinary ones, or four of the largest.
const PATTERNS_BYTES_MAX: usize = 1024 * 1024;

/// An expression that has to take the whole text. Time is linear in the text, whatever the expression.
#[derive(Debug, Clone)]
pub struct Pattern {
    written: Arc<str>,
    regex: Regex,
}

/// What is left for the expressions of one object.
#[derive(Debug, Clone)]
pub struct Budget {
    bytes_left: usize,
}

impl Default for Budget {
    fn default() -> Budget {
        Budget {
            bytes_left: PATTERNS_BYTES_MAX,
        }
    }
}

/// Why a text is not accepted as an expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    #[error("is not a regular expression: {0}")]
    Syntax(String),
    #[error("takes more than {} KiB when compiled", PATTERN_BYTES_MAX / 1024)]
    TooLarge,
    #[error(
        "is one too many: the expressions of one object take at most {} KiB together when compiled",
        PATTERNS_BYTES_MAX / 1024
    )]
    Spent,
}

impl Pattern {
    /// The syntax is that of RE2. As there, `\w`, `\d` and `\s` are ASCII: a path in normal form has nothing else, and Unicode's tables
    /// would make an ordinary expression a large one.
    pub fn parse(written: &str, budget: &mut Budget) -> Result<Pattern, PatternError> {
        // Parsed alone first: what is wrong must not be hidden or made right by our own brackets, as in `a)(b`.
        let parsed = ast::parse::Parser::new().parse(written);
        let parsed = parsed.map_err(|error| {
            let column = error.span().start.column;
            PatternError::Syntax(format!("{} at character {column}", error.kind()))
        })?;
        let whole = format!("^(?:{})$", with_ascii_classes(written, &parsed));
        let sizes = std::iter::successors(Some(PATTERN_BYTES_MIN), |size| size.checked_mul(2));
        for size in sizes.take_while(|size| *size <= PATTERN_BYTES_MAX) {
            if size > budget.bytes_left {
                return Err(PatternError::Spent);
            }
            let built = RegexBuilder::new(&whole)
                .size_limit(size)
                .dfa_size_limit(PATTERN_BYTES_MAX)
                .build();
            match built {
                Ok(regex) => {
                    budget.bytes_left -= size;
                    return Ok(Pattern {
                        written: written.into(),
                        regex,
                    });
                }
                Err(regex::Error::CompiledTooBig(_)) => {}
                Err(error) => return Err(PatternError::Syntax(last_line(&error.to_string()))),
            }
        }
        Err(PatternError::TooLarge)
    }

    /// As written.
    pub fn as_str(&self) -> &str {
        &self.written
    }

    pub fn is_match(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

/// The lines before it draw the expression.
fn last_line(text: &str) -> String {
    let last = text.lines().last().unwrap_or_default();
    last.trim_start_matches("error: ").to_owned()
}

fn with_ascii_classes(written: &str, parsed: &Ast) -> String {
    let found = match ast::visit(parsed, PerlClasses::default()) {
        Ok(found) => found,
        Err(never) => match never {},
    };
    let mut text = String::with_capacity(written.len() + 8 * found.len());
    let mut copied = 0;
    for (place, class) in found {
        text.push_str(written.get(copied..place.start).unwrap_or_default());
        text.push_str(class);
        copied = place.end;
    }
    text.push_str(written.get(copied..).unwrap_or_default());
    text
}

/// Where `\w` and the like stand, and what stands for them, in the order of the text.
#[derive(Default)]
struct PerlClasses(Vec<(Range<usize>, &'static str)>);

impl PerlClasses {
    fn push(&mut self, class: &ClassPerl, is_in_brackets: bool) {
        let ascii = match (&class.kind, class.negated, is_in_brackets) {
            (ClassPerlKind::Digit, false, true) => "[:digit:]",
            (ClassPerlKind::Digit, true, true) => "[:^digit:]",
            (ClassPerlKind::Digit, false, false) => "[[:digit:]]",
            (ClassPerlKind::Digit, true, false) => "[[:^digit:]]",
            (ClassPerlKind::Space, false, true) => "[:space:]",
            (ClassPerlKind::Space, true, true) => "[:^space:]",
            (ClassPerlKind::Space, false, false) => "[[:space:]]",
            (ClassPerlKind::Space, true, false) => "[[:^space:]]",
            (ClassPerlKind::Word, false, true) => "[:word:]",
            (ClassPerlKind::Word, true, true) => "[:^word:]",
            (ClassPerlKind::Word, false, false) => "[[:word:]]",
            (ClassPerlKind::Word, true, false) => "[[:^word:]]",
        };
        let place = class.span.start.offset..class.span.end.offset;
        self.0.push((place, ascii));
    }
}

impl ast::Visitor for PerlClasses {
    type Output = Vec<(Range<usize>, &'static str)>;
    type Err = Infallible;

    fn finish(self) -> Result<Self::Output, Infallible> {
        Ok(self.0)
    }

    fn visit_pre(&mut self, ast: &Ast) -> Result<(), Infallible> {
        if let Ast::ClassPerl(class) = ast {
            self.push(class, false);
        }
        Ok(())
    }

    fn visit_class_set_item_pre(&mut self, item: &ClassSetItem) -> Result<(), Infallible> {
        if let ClassSetItem::Perl(class) = item {
            self.push(class, true);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(written: &str) -> Result<Pattern, PatternError> {
        Pattern::parse(written, &mut Budget::default())
    }

    #[track_caller]
    fn check(written: &str, right: &[&str], wrong: &[&str]) {
        let pattern = parse(written).unwrap();
        assert_eq!(pattern.to_string(), written);
        for text in right {
            assert!(pattern.is_match(text), "{written} {text}");
        }
        for text in wrong {
            assert!(!pattern.is_match(text), "{written} {text}");
        }
    }

    #[test]
    fn an_expression_takes_the_whole_text() {
        check("/a|/ab", &["/a", "/ab"], &["/abc", "x/a"]);
    }

    #[test]
    fn classes_are_ascii_and_ordinary_expressions_are_small() {
        let id = "a".repeat(36);
        check(
            r"/a/\w{8}",
            &["/a/abcdef_9"],
            &["/a/abcdef_", "/a/abcdef_é"],
        );
        check(r"/u/[\w-]{36}/.*", &[&format!("/u/{id}/")], &["/u/a/"]);
        check(
            r"/\D\S\W[\D/][^\w]",
            &["/aa-a-", "/ééééé"],
            &["/1a-a-", "/aa-aa"],
        );
        check(r"\\w\d[\]\s]", &[r"\w1]", r"\w1 "], &[r"\w11"]);
        check(r"(?i)/shop/\w+", &["/SHOP/a"], &["/shop/"]);
        let mut budget = Budget::default();
        for _ in 0..64 {
            Pattern::parse(r"/N\w{4}", &mut budget).unwrap();
        }
    }

    #[test]
    fn what_is_wrong_is_said_in_one_line() {
        for (written, expected) in [
            (
                "a)(b",
                "is not a regular expression: unopened group at character 2",
            ),
            (
                "(",
                "is not a regular expression: unclosed group at character 1",
            ),
            (r"[!-\w]", "is not a regular expression: "),
            (r"\p{Nothing}", "is not a regular expression: "),
            (r"\w{1000}{1000}", "takes more than 256 KiB when compiled"),
        ] {
            let found = parse(written).unwrap_err().to_string();
            assert!(
                found.starts_with(expected) && !found.contains('\n'),
                "{found}"
            );
        }
    }

    #[test]
    fn the_expressions_of_one_object_have_a_bound_together() {
        let mut budget = Budget::default();
        let large = "[a-z]{400}";
        let taken = (0..1000).take_while(|_| Pattern::parse(large, &mut budget).is_ok());
        assert!((4..200).contains(&taken.count()));
        assert_eq!(
            Pattern::parse(large, &mut budget).unwrap_err(),
            PatternError::Spent
        );
    }
}
