//! Chaos: see `devkit::chaos`.

use std::process::ExitCode;

use clap::Parser;
use devkit::chaos::{self, Options};
use devkit::last_words::failed;

fn main() -> ExitCode {
    let options = Options::parse();
    let mut runtime = if options.child.is_some() {
        tokio::runtime::Builder::new_current_thread()
    } else {
        tokio::runtime::Builder::new_multi_thread()
    };
    let ended = match runtime.enable_all().build() {
        Ok(runtime) => {
            let ended = runtime.block_on(chaos::main(options));
            // A process of a run still reads its standard input, and would wait for its end.
            runtime.shutdown_background();
            ended
        }
        Err(error) => Err(error.into()),
    };
    ended.unwrap_or_else(|error| failed("chaos", error.as_ref()))
}
