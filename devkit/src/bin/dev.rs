//! `cargo dev`: the whole of Holdfast on this machine.
fn main() {}
