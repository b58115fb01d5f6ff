//! `doctor`: what is wrong with a deployment, and what to do about it.
//!
//! It looks and changes nothing: the one key it writes it removes in the same step, and what it asks of others has no effect.

mod redis;
mod services;
mod variables;

use clap::Args;
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::session::Session;
use crate::table::on_one_line;
use crate::variables::Variables;
use crate::words::count;

#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// Looks at the variables alone, and calls nobody.
    #[arg(long)]
    offline: bool,
}

/// How bad something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Level {
    Fine,
    Warning,
    Problem,
}

/// Something that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Finding {
    level: Level,
    about: String,
    found: String,
    cure: Option<String>,
}

impl Finding {
    fn fine(about: &str, found: impl Into<String>) -> Self {
        Self { level: Level::Fine, about: about.to_owned(), found: found.into(), cure: None }
    }

    fn warning(about: &str, found: impl Into<String>, cure: impl Into<String>) -> Self {
        Self { level: Level::Warning, about: about.to_owned(), found: found.into(), cure: Some(cure.into()) }
    }

    fn problem(about: &str, found: impl Into<String>, cure: impl Into<String>) -> Self {
        Self { level: Level::Problem, about: about.to_owned(), found: found.into(), cure: Some(cure.into()) }
    }
}

impl Level {
    fn word(self) -> &'static str {
        match self {
            Self::Fine => "ok",
            Self::Warning => "warning",
            Self::Problem => "PROBLEM",
        }
    }
}

impl Doctor {
    pub(crate) async fn run(self, session: &Session, variables: &Variables) -> Result<(), Failure> {
        let mut findings = variables::findings(variables, session.app.config());
        if !self.offline {
            findings.extend(redis::findings(session).await);
            findings.extend(services::findings(session.app.config()).await?);
        }
        let many = |level| findings.iter().filter(|finding| finding.level == level).count();
        let (problems, warnings) = (many(Level::Problem), many(Level::Warning));
        let list: Value = findings.iter().map(json).collect();
        let document = json!({"problems": problems, "warnings": warnings, "findings": list});
        session.answer(&document, || text(&findings, problems, warnings))?;
        if problems == 0 { Ok(()) } else { Err(Failure::Found) }
    }
}

fn json(finding: &Finding) -> Value {
    let level = finding.level.word().to_lowercase();
    json!({"level": level, "about": finding.about, "found": finding.found, "cure": finding.cure})
}

fn text(findings: &[Finding], problems: usize, warnings: usize) -> String {
    let width = findings.iter().map(|finding| finding.about.chars().count()).max().unwrap_or(0);
    let mut lines = Vec::new();
    for finding in findings {
        let found = on_one_line(&finding.found);
        lines.push(format!("{:<7}  {:<width$}  {found}", finding.level.word(), finding.about));
        lines.extend(finding.cure.as_ref().map(|cure| format!("{:<7}  {:<width$}  -> {cure}", "", "")));
    }
    lines.push(String::new());
    lines.push(format!("{}, {}", count(problems, "problem"), count(warnings, "warning")));
    lines.join("\n") + "\n"
}
