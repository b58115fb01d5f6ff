//! `dead-letter edit`: another payload, from the command line, a file, standard input or an editor.

use std::io::{IsTerminal, Seek, Write};
use std::process::Command;

use clap::Args;
use holdfast::domain::id::JobId;
use serde_json::value::RawValue;

use crate::enqueue::read_payload;
use crate::failure::Failure;
use crate::job;
use crate::pretty::pretty;
use crate::session::Session;

#[derive(Debug, Args)]
pub(crate) struct Edit {
    /// The job's id.
    id: JobId,
    /// The payload as JSON; `@file` reads a file, `-` standard input. Without it `$EDITOR` is opened on the payload as it is.
    #[arg(long)]
    payload: Option<String>,
}

impl Edit {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let letter = super::find(session, &self.id).await?;
        let payload = match &self.payload {
            Some(text) => read_payload(text)?,
            None => in_editor(&letter.document.payload)?,
        };
        let queue = session.queue()?;
        queue.edit_payload(&self.id, &payload, &session.recorder()).await?;
        let document = job::read(&queue, &self.id).await?;
        let id = &self.id;
        session.answer(&job::json(&document), || {
            format!("edited {id}; `holdfast dead-letter redrive {id}` brings it back\n")
        })
    }
}

/// Opens the payload in the person's editor, in a file that only they can read and that is gone afterwards.
#[expect(clippy::disallowed_methods, reason = "which editor a person uses is the environment's to say")]
fn in_editor(payload: &RawValue) -> Result<Box<RawValue>, Failure> {
    let editor =
        std::env::var("VISUAL").or_else(|_| std::env::var("EDITOR")).ok().filter(|name| !name.trim().is_empty());
    let Some(editor) = editor.filter(|_| std::io::stdin().is_terminal()) else {
        return Err(Failure::Usage(
            "--payload is missing, and there is no terminal with an $EDITOR to edit in".to_owned(),
        ));
    };
    let failed = |what: &str, error: std::io::Error| Failure::Usage(format!("{what}: {error}; nothing was changed"));
    let mut file = tempfile::Builder::new().prefix("holdfast-").suffix(".json").tempfile();
    let file = file.as_mut().map_err(|error| Failure::Usage(format!("no file to edit in: {error}")))?;
    let before = pretty(payload.get());
    writeln!(file, "{before}").and_then(|()| file.rewind()).map_err(|error| failed("no file to edit in", error))?;
    // As git does: the variable may hold arguments, and a shell takes it apart.
    let status = Command::new("sh").args(["-c", &format!("{editor} \"$1\""), "sh"]).arg(file.path()).status();
    if !status.map_err(|error| failed("the editor does not start", error))?.success() {
        return Err(Failure::Refused("the editor ended with an error; nothing was changed".to_owned()));
    }
    let after =
        std::fs::read_to_string(file.path()).map_err(|error| failed("the edited file cannot be read", error))?;
    if after.trim() == before {
        return Err(Failure::Refused("the payload was left as it is; nothing was changed".to_owned()));
    }
    read_payload(&after)
}
