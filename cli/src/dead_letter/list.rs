//! `dead-letter list`.

use clap::Args;
use holdfast::domain::job::JobType;
use holdfast::domain::limits::MAX_STEP_LETTERS;
use holdfast::queue::{DeadLetter, LetterOrder};
use serde::Serialize;

use super::{Narrow, Shown};
use crate::failure::Failure;
use crate::job::kind_name;
use crate::job_type;
use crate::session::Session;
use crate::table::{Side, Table};
use crate::words::seen_from;

/// Characters of an error in the list. Chosen: a line of a terminal; `show` has all of it.
const ERROR_CHARS: usize = 60;

#[derive(Debug, Args)]
pub(crate) struct List {
    /// Only of this type.
    #[arg(long = "type", value_name = "TYPE", value_parser = job_type::parser())]
    job_type: Option<JobType>,
    #[command(flatten)]
    narrow: Narrow,
    /// Dead letters shown.
    #[arg(long, default_value_t = 50, allow_negative_numbers = true, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    limit: u32,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    dead_letters: Vec<Shown>,
    more: bool,
}

impl List {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let (queue, most) = (session.queue()?, usize::try_from(self.limit).unwrap_or(usize::MAX));
        let filter = self.narrow.filter(self.job_type);
        let mut range = self.narrow.range(LetterOrder::Newest, session.now());
        let mut letters: Vec<DeadLetter> = Vec::new();
        let mut more = true;
        while more && letters.len() <= most {
            // One more than is shown tells that there are more.
            let wanted = if filter.is_open() { most + 1 - letters.len() } else { MAX_STEP_LETTERS };
            let page = queue.dead_letters(&range, wanted).await?;
            letters.extend(page.letters.into_iter().filter(|letter| filter.matches(letter)));
            range.after = page.last.or(range.after);
            more = page.more;
        }
        let more = letters.len() > most;
        letters.truncate(most);
        let document = Listed { dead_letters: letters.iter().map(Shown::new).collect(), more };
        session.answer(&document, || text(session, &letters, more))
    }
}

fn text(session: &Session, letters: &[DeadLetter], more: bool) -> String {
    if letters.is_empty() {
        return "no dead letters\n".to_owned();
    }
    let left = |name| (name, Side::Left);
    let columns = [left("died"), left("type"), ("attempts", Side::Right), left("failure"), left("id"), left("error")];
    let mut table = Table::new(&columns);
    let now = session.now();
    for letter in letters {
        let job = &letter.document;
        let error = job.last_error.as_ref();
        let message: String = error.map(|error| error.message.chars().take(ERROR_CHARS).collect()).unwrap_or_default();
        table.row([
            seen_from(now, letter.died_at),
            job.job_type.to_string(),
            job.attempt_count.to_string(),
            error.and_then(|error| error.kind).map(kind_name).unwrap_or_default(),
            job.id.to_string(),
            message,
        ]);
    }
    let mut text = table.text();
    if more {
        text.push_str("... and more; --limit shows them\n");
    }
    text
}
