//! How far a long command has come: a bar at a terminal, lines elsewhere, nothing beside JSON.

use std::io::{IsTerminal, Write};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::words::number;

/// So many lie between two lines where there is no terminal. Chosen: ten lines for ten thousand.
const LINE_EVERY: u64 = 1_000;

/// A command's progress, on standard error.
#[derive(Clone, Debug)]
pub(crate) enum Progress {
    Bar(ProgressBar),
    Lines { what: &'static str, total: u64, said: u64, done: u64 },
    Silent,
}

impl Progress {
    /// Begins: `what` is done with `total` things.
    pub(crate) fn new(json: bool, what: &'static str, total: u64) -> Self {
        if json {
            return Self::Silent;
        }
        if !std::io::stderr().is_terminal() {
            return Self::Lines { what, total, said: 0, done: 0 };
        }
        let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
        let style = ProgressStyle::with_template("{msg} {wide_bar} {human_pos} of {human_len}, {eta} left");
        if let Ok(style) = style {
            bar.set_style(style);
        }
        bar.set_message(what);
        Self::Bar(bar)
    }

    /// Says that so many more are done.
    pub(crate) fn add(&mut self, more: u64) {
        match self {
            Self::Bar(bar) => {
                bar.inc(more);
                if bar.length().is_some_and(|length| bar.position() > length) {
                    bar.set_length(bar.position());
                }
            }
            Self::Lines { what, total, said, done } => {
                *done += more;
                if *done >= *said + LINE_EVERY {
                    *said = *done;
                    // Progress is a courtesy: where it cannot be written the work goes on.
                    let _ = writeln!(std::io::stderr(), "{what} {} of {}", number(*done), number((*total).max(*done)));
                }
            }
            Self::Silent => {}
        }
    }

    /// Takes the bar away.
    pub(crate) fn end(&self) {
        if let Self::Bar(bar) = self {
            bar.finish_and_clear();
        }
    }
}
