//! Logs: one JSON object a line on standard output, in the form that both platforms take apart into fields.
//!
//! A line's own fields stand beside its message; `span` has those of what it belongs to: a request, or a job. Both carry `trace.id`, the
//! trace that the caller named by `traceparent`, so one id finds everything that one request caused.

use tracing::{Level, Subscriber};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::Config;

/// Starts logging for the process. A second call changes nothing.
pub fn init(config: &Config) {
    let level = config.log_level.clone().unwrap_or(Level::INFO);
    let _ = lines(level, std::io::stdout).try_init();
}

/// Makes what writes lines of at least `level` to `writer`.
pub fn lines<W>(level: Level, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let lines = tracing_subscriber::fmt().json().flatten_event(true).with_target(false).with_current_span(true);
    lines.with_span_list(false).with_max_level(LevelFilter::from_level(level)).with_writer(writer).finish()
}

/// Returns the trace that a `traceparent` names: 32 hexadecimal digits. Another producer's may be of another form, and names none.
pub fn trace_id(traceparent: Option<&str>) -> Option<&str> {
    traceparent?.get(3..35).filter(|id| id.bytes().all(|b| b.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_is_the_second_part_of_its_context() {
        let trace = "0af7651916cd43dd8448eb211c80319c";
        assert_eq!(trace_id(Some(&format!("00-{trace}-b7ad6b7169203331-01"))), Some(trace));
        for none in ["", "00-", "00-0af7651916cd43dd8448eb211c8031\nc-b7ad6b7169203331-01", "ä"] {
            assert_eq!(trace_id(Some(none)), None, "{none:?}");
        }
    }
}
