//! What was ever committed: a credential that was taken out again is still there for whoever has the repository.

use std::path::Path;
use std::process::Command;

use crate::layout::has_credential;

/// What `git log` begins each commit with here.
const COMMIT: &str = "commit: ";

fn git(arguments: &[&str]) -> String {
    let ran = Command::new("git").current_dir(env!("CARGO_MANIFEST_DIR")).args(arguments).output().unwrap();
    assert!(ran.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&ran.stderr));
    String::from_utf8_lossy(&ran.stdout).into_owned()
}

/// Returns each commit of a log in which a credential stands, in its message or in a line it added or took away, with how that begins.
fn finds(log: &str) -> Vec<(&str, &'static str)> {
    let mut commit = "";
    let mut finds = Vec::new();
    for line in log.lines() {
        if let Some(hash) = line.strip_prefix(COMMIT) {
            commit = hash;
        }
        finds.extend(has_credential(line).map(|start| (commit, start)));
    }
    finds
}

#[test]
fn no_commit_has_a_credential_in_it() {
    let planted = ["sk", "live", "51H8abcdefghij"].join("_");
    let log = format!("{COMMIT}a1\nstripe: Use it\n+nothing\n{COMMIT}b2\n-key = \"{planted}\"\n");
    assert_eq!(finds(&log), [("b2", "sk_live_")]);

    if !Path::new(env!("CARGO_MANIFEST_DIR")).join(".git").exists() {
        println!("looked at no commit: an unpacked archive has none");
        return;
    }
    let format = format!("--format={COMMIT}%H%n%B");
    let log = git(&["log", "--all", "-m", "-p", "-U0", "--no-color", "--no-ext-diff", "--no-textconv", &format]);
    let commits = log.lines().filter(|line| line.starts_with(COMMIT)).count();
    let shallow = git(&["rev-parse", "--is-shallow-repository"]).trim() == "true";
    println!("looked at {commits} commits{}", if shallow { ", which are not all: the clone is shallow" } else { "" });
    assert!(commits > 0);
    assert_eq!(finds(&log), []);
}

#[test]
fn the_workflow_clones_the_whole_history() {
    let workflow = Path::new(env!("CARGO_MANIFEST_DIR")).join(".github/workflows/ci.yml");
    let workflow = std::fs::read_to_string(workflow).unwrap();
    let mut steps = workflow.split("- uses: ").filter(|step| step.starts_with("actions/checkout@"));
    assert!(steps.any(|step| step.contains("with: { fetch-depth: 0 }")), "{workflow}");
}
