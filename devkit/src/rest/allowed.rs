//! Which commands may be sent over REST.
//!
//! A connection is shared by many callers and may not be left in another state, or waiting, by one of them;
//! and Upstash is a service, so what configures or replicates a server is not there.

use super::command::Command;

/// Longest name of a command that is looked up: no refused one is longer.
const NAME_BYTES: usize = 16;

/// Says why a command may not be sent, if it may not.
pub(super) fn refusal(command: &Command<'_>) -> Option<String> {
    let mut buffer = [0; NAME_BYTES];
    let name = upper(&command.0[0], &mut buffer)?;
    match name {
        b"WATCH" | b"UNWATCH" | b"MULTI" | b"EXEC" | b"DISCARD" | b"SUBSCRIBE" | b"PSUBSCRIBE" | b"SSUBSCRIBE"
        | b"UNSUBSCRIBE" | b"PUNSUBSCRIBE" | b"SUNSUBSCRIBE" | b"MONITOR" | b"BLPOP" | b"BRPOP" | b"BLMPOP"
        | b"BRPOPLPUSH" | b"BLMOVE" | b"BZPOPMIN" | b"BZPOPMAX" | b"BZMPOP" | b"WAIT" | b"WAITAOF" | b"AUTH"
        | b"HELLO" | b"SELECT" | b"QUIT" | b"RESET" | b"CLIENT" | b"ASKING" | b"READONLY" | b"READWRITE" => {
            Some(not_over_rest(name))
        }
        b"XREAD" | b"XREADGROUP" if blocks(command) => Some(not_over_rest(name)),
        b"CONFIG" | b"DEBUG" | b"SHUTDOWN" | b"REPLICAOF" | b"SLAVEOF" | b"FAILOVER" | b"CLUSTER" | b"MODULE"
        | b"SYNC" | b"PSYNC" | b"REPLCONF" | b"SAVE" | b"BGSAVE" | b"BGREWRITEAOF" | b"LATENCY" | b"SLOWLOG"
        | b"MIGRATE" | b"MOVE" | b"SWAPDB" | b"PFDEBUG" | b"PFSELFTEST" | b"RESTORE-ASKING" => {
            Some(not_available(name))
        }
        b"SCRIPT" if !has_script_subcommand(command) => Some(not_available(name)),
        _ => None,
    }
}

fn not_over_rest(name: &[u8]) -> String {
    let name = String::from_utf8_lossy(name);
    format!("ERR Command \"{name}\" is not allowed in REST or it has a special context path")
}

fn not_available(name: &[u8]) -> String {
    let name = String::from_utf8_lossy(name);
    format!(
        "ERR Command is not available: '{name}'. \
         See https://upstash.com/docs/redis/overall/rediscompatibility for details"
    )
}

/// Whether a stream is read with `BLOCK`, which stands before `STREAMS`.
fn blocks(command: &Command<'_>) -> bool {
    command.0[1..]
        .iter()
        .take_while(|argument| !argument.eq_ignore_ascii_case(b"STREAMS"))
        .any(|argument| argument.eq_ignore_ascii_case(b"BLOCK"))
}

fn has_script_subcommand(command: &Command<'_>) -> bool {
    command.0.get(1).is_none_or(|subcommand| {
        [&b"LOAD"[..], b"EXISTS", b"FLUSH"].iter().any(|allowed| subcommand.eq_ignore_ascii_case(allowed))
    })
}

/// `name` in capitals, or nothing if it is longer than any name looked up.
pub(super) fn upper<'a>(name: &[u8], buffer: &'a mut [u8; NAME_BYTES]) -> Option<&'a [u8]> {
    let upper = buffer.get_mut(..name.len())?;
    upper.copy_from_slice(name);
    upper.make_ascii_uppercase();
    Some(upper)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(json: &str) -> Option<String> {
        refusal(&Command::from_json(json.as_bytes()).unwrap())
    }

    #[test]
    fn what_waits_or_changes_a_connection_is_not_allowed_in_rest() {
        for name in ["watch", "BLPOP", "Subscribe", "SELECT", "AUTH", "CLIENT", "QUIT", "MULTI", "MONITOR"] {
            let message = refused(&format!("[\"{name}\", 1]")).unwrap();

            let name = name.to_uppercase();
            assert_eq!(
                message,
                format!("ERR Command \"{name}\" is not allowed in REST or it has a special context path")
            );
        }
    }

    #[test]
    fn a_stream_may_be_read_but_not_waited_for() {
        assert!(refused(r#"["XREAD","block",0,"STREAMS","s","$"]"#).is_some());
        assert_eq!(refused(r#"["XREAD","COUNT",1,"STREAMS","BLOCK","0"]"#), None);
    }

    #[test]
    fn what_runs_a_server_is_not_available() {
        for name in ["CONFIG", "DEBUG", "SHUTDOWN", "REPLICAOF", "CLUSTER"] {
            let message = refused(&format!("[\"{name}\", \"x\"]")).unwrap();

            assert!(message.starts_with(&format!("ERR Command is not available: '{name}'. See https://upstash.com/")));
        }
        assert!(refused(r#"["SCRIPT","DEBUG","YES"]"#).is_some());
    }

    #[test]
    fn what_upstash_allows_is_allowed() {
        for json in [
            r#"["INFO"]"#,
            r#"["PING"]"#,
            r#"["ECHO","x"]"#,
            r#"["FLUSHDB"]"#,
            r#"["DBSIZE"]"#,
            r#"["COMMAND"]"#,
            r#"["SCRIPT","load","return 1"]"#,
            r#"["SCRIPT","EXISTS","x"]"#,
            r#"["SCRIPT","FLUSH"]"#,
        ] {
            assert_eq!(refused(json), None, "{json}");
        }
    }
}
