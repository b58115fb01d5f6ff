//! Logs: one JSON object a line on standard output, in the form that both platforms take apart into fields.

use tracing::Level;
use tracing_subscriber::filter::LevelFilter;

use crate::config::Config;

/// Starts logging for the process. A second call changes nothing.
pub fn init(config: &Config) {
    let level = config.log_level.clone().unwrap_or(Level::INFO);
    let lines = tracing_subscriber::fmt().json().flatten_event(true).with_target(false).with_current_span(false);
    let _ = lines.with_span_list(false).with_max_level(LevelFilter::from_level(level)).try_init();
}
