//! How does an explanation look on a terminal?

use super::outcome::OVERRIDE;
use super::{
    ActionTaken, AnswersFirst, BackendExplained, Considered, Destination, Explanation,
    FailureExplained, ProblemExplained, RuleName, Target, Verdict, Winner,
};
use std::fmt;

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} {}://{}{}",
            self.method, self.listener, self.host, self.path
        )?;
        if let Some(through) = &self.through {
            writeln!(f, "  listener     {through}")?;
        }
        writeln!(f, "  host         {}", self.host)?;
        let certificate = match &self.certificate {
            Some(secret) => format!("Secret {secret}"),
            None => "the default certificate".to_owned(),
        };
        writeln!(f, "  certificate  {certificate}")?;
        writeln!(f)?;
        if self.considered.is_empty() {
            writeln!(f, "No rule is for this host.")?;
        }
        for considered in &self.considered {
            considered.fmt(f)?;
        }
        if self.not_listed > 0 {
            writeln!(f, "  and {} more rules of this host", self.not_listed)?;
        }
        writeln!(f)?;
        if let Some(first) = &self.first {
            first.fmt(f)?;
        }
        match &self.winner {
            Some(winner) => winner.fmt(f)?,
            None => writeln!(f, "404: no rule takes this request (no-rule)")?,
        }
        self.write_problems(f)
    }
}

impl Explanation {
    fn write_problems(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.problems.is_empty() {
            return Ok(());
        }
        writeln!(
            f,
            "\nProblems of objects that are, or may be, for this host:"
        )?;
        for problem in &self.problems {
            write!(f, "{problem}")?;
        }
        match self.problems_not_listed {
            0 => Ok(()),
            more => writeln!(f, "  and {more} more; hedgerow check prints all of them"),
        }
    }
}

impl fmt::Display for ProblemExplained {
    /// A problem may carry a whole manifest to use instead; its first line says what it is about.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "  {}", self.object)?;
        if !self.field.is_empty() {
            write!(f, ", {}", self.field)?;
        }
        if let Some(origin) = &self.origin {
            write!(f, " ({origin})")?;
        }
        let (first, rest) = match self.expected.split_once('\n') {
            Some((first, _)) => (first, " (a manifest, which hedgerow check prints)"),
            None => (&*self.expected, ""),
        };
        writeln!(f, "\n     {} ({}); {first}{rest}", self.found, self.code)
    }
}

impl fmt::Display for AnswersFirst {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "The edge itself answers, before it acts on a rule:")?;
        match self {
            AnswersFirst::Redirect { status, to, why } => {
                writeln!(f, "  redirect {status} to {to}: {why}")?;
            }
            AnswersFirst::Fail(failure) => failure.fmt(f)?,
        }
        writeln!(f)
    }
}

impl fmt::Display for RuleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}", self.object, self.field)?;
        match &self.origin {
            Some(origin) => write!(f, " ({origin})"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Considered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = match self.verdict {
            Verdict::Wins => "=>",
            Verdict::Matches => " +",
            Verdict::Fails => " -",
        };
        writeln!(f, "{mark} {}", self.asks_for)?;
        writeln!(f, "     {}", self.rule)?;
        writeln!(f, "     {}", self.why)
    }
}

impl fmt::Display for Winner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} takes it", self.rule)?;
        if let Some(precedence) = &self.precedence {
            writeln!(f, "  {precedence}")?;
        }
        for (name, value) in &self.policy {
            writeln!(f, "  {name}: {value}")?;
        }
        match &self.action {
            ActionTaken::Redirect { status, to } => writeln!(f, "  redirect {status} to {to}"),
            ActionTaken::Fail(failure) => failure.fmt(f),
            ActionTaken::Forward(targets) => targets.iter().try_for_each(|target| target.fmt(f)),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.weight != self.of {
            writeln!(f, "  {} of {} requests:", self.weight, self.of)?;
        }
        match &self.to {
            Destination::Backend(backend) => backend.fmt(f),
            Destination::Fail(failure) => failure.fmt(f),
        }
    }
}

impl fmt::Display for FailureExplained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let FailureExplained {
            status,
            reason,
            sentence,
        } = self;
        writeln!(f, "  answer {status} ({reason}): {sentence}")
    }
}

impl fmt::Display for BackendExplained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "  Service {} over {}", self.service, self.protocol)?;
        for (name, value) in &self.policy {
            writeln!(f, "    {name}: {value}")?;
        }
        for endpoint in &self.endpoints {
            write!(f, "    {}  {}; ", endpoint.address, endpoint.state)?;
            match &*endpoint.health {
                "unknown" => write!(f, "health unknown")?,
                seen => write!(f, "{seen}")?,
            }
            write!(f, "; from {}", endpoint.object)?;
            match &endpoint.origin {
                Some(origin) => writeln!(f, " ({origin})")?,
                None => writeln!(f)?,
            }
        }
        let mut objects = self.endpoints.iter().map(|endpoint| &*endpoint.object);
        let is_written = objects.next().is_some_and(|object| object != OVERRIDE);
        if self.is_manual && is_written {
            writeln!(
                f,
                "    these endpoints were written by hand: no control plane keeps them right"
            )?;
        }
        if let Some(failure) = &self.failure {
            write!(f, "  ")?;
            failure.fmt(f)?;
        }
        Ok(())
    }
}
