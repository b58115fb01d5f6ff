//! Each script's header says what its call passes, and none does what Upstash's own Lua engine may not.

use holdfast::upstash::Script;
use holdfast::workers::audit;
use holdfast::{admission, deliveries, escrow, partners, privacy, queue};

/// All scripts of the library.
fn scripts() -> impl Iterator<Item = &'static Script> {
    let own = escrow::SCRIPTS
        .into_iter()
        .chain([&escrow::LEGAL])
        .chain(admission::SCRIPTS)
        .chain(deliveries::SCRIPTS)
        .chain(partners::SCRIPTS)
        .chain(privacy::SCRIPTS);
    queue::SCRIPTS.into_iter().chain(audit::SCRIPTS).chain(own)
}

/// The script's own part: what follows the shared ones.
fn own(source: &str, name: &str) -> String {
    let header = format!("--[[\n{name}: ");
    let at = source.find(&header).unwrap_or_else(|| panic!("{name} has no header"));
    source[at..].to_owned()
}

#[test]
fn every_script_has_a_header_with_keys_arguments_answers_writes_and_cost() {
    for script in scripts() {
        let own = own(script.source, script.name);
        let header = own.split("]]").next().unwrap();
        for part in ["KEYS[1] ", "ARGV[1] ", "\nReturns ", "\nWrites  ", "\nCost    "] {
            let optional = !part.starts_with('\n') && !own.contains(part.trim());
            assert!(optional || header.contains(part), "{}: the header has no {part:?}", script.name);
        }
    }
}

#[test]
fn every_key_and_argument_that_is_read_is_in_the_header() {
    for script in scripts() {
        let own = own(script.source, script.name);
        let (header, body) = own.split_once("]]").unwrap();
        for list in ["KEYS", "ARGV"] {
            let mut n = 1;
            while body.contains(&format!("{list}[{n}]")) {
                let known = header.contains(&format!("{list}[{n}]")) || header.contains(&format!("{list}[{n}..]"));
                assert!(known, "{}: {list}[{n}] is not in the header", script.name);
                n += 1;
            }
        }
    }
}

#[test]
fn no_script_uses_what_upstash_does_not_promise() {
    for script in scripts() {
        for word in ["cjson", "cmsgpack", "struct.", "bit.", "#!lua", "redis.replicate", "LMPOP", "loadstring"] {
            assert!(!script.source.contains(word), "{} uses {word}", script.name);
        }
    }
}

#[test]
fn no_script_that_reads_is_one_that_writes() {
    const WRITES: [&str; 12] = [
        "'SET'",
        "'HSETNX'",
        "'HDEL'",
        "'XADD'",
        "'MSET'",
        "'DEL'",
        "'RPUSH'",
        "'LPUSH'",
        "'ZADD'",
        "'ZREM'",
        "'HSET'",
        "'HINCRBY'",
    ];
    for script in scripts() {
        let own = own(script.source, script.name);
        let says_nothing = own.contains("\nWrites  nothing");
        let writes = WRITES.iter().any(|command| script.source.contains(command));
        assert_eq!(says_nothing, !writes, "{}", script.name);
    }
}
