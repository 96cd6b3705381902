//! How is text made fit for a terminal?

use std::fmt::Write as _;
use std::io::IsTerminal;

/// Colours, or none: `NO_COLOR` (any value but the empty one, no-color.org) and pipes mean none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paint {
    is_on: bool,
}

/// A colour by its use (ECMA-48 SGR parameters).
#[derive(Debug, Clone, Copy)]
pub enum Ink {
    Bad,
    Doubtful,
    Good,
    Place,
    Quiet,
    Strong,
}

impl Paint {
    /// No colour: for pipes, files and tests.
    pub const PLAIN: Paint = Paint { is_on: false };

    /// What standard output can show.
    pub fn of_stdout() -> Paint {
        Paint::of(&std::io::stdout())
    }

    /// What standard error can show.
    pub fn of_stderr() -> Paint {
        Paint::of(&std::io::stderr())
    }

    fn of(stream: &impl IsTerminal) -> Paint {
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Paint {
            is_on: !refused && stream.is_terminal(),
        }
    }

    #[cfg(test)]
    pub const COLOUR: Paint = Paint { is_on: true };

    /// The text in that colour, with control characters made visible: manifests and addresses are strangers' bytes.
    pub fn text(self, ink: Ink, text: &str) -> String {
        let text = printable(text);
        if !self.is_on {
            return text;
        }
        let code = match ink {
            Ink::Bad => "1;31",
            Ink::Doubtful => "1;33",
            Ink::Good => "32",
            Ink::Place => "36",
            Ink::Quiet => "2",
            Ink::Strong => "1",
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }
}

/// Control characters but the line feed as `\u{..}`, so that nobody's manifest moves the cursor of the person who checks it.
pub fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() && c != '\n' {
            // Writing to a String cannot fail.
            let _ = write!(out, "{}", c.escape_unicode());
        } else {
            out.push(c);
        }
    }
    out
}

/// `1 rule`, `2 rules`.
pub fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_shown_and_not_obeyed() {
        assert_eq!(printable("a\u{1b}[2Jb\nc"), "a\\u{1b}[2Jb\nc");
        assert_eq!(Paint::COLOUR.text(Ink::Bad, "x"), "\u{1b}[1;31mx\u{1b}[0m");
        assert_eq!(Paint::PLAIN.text(Ink::Bad, "x"), "x");
    }
}
