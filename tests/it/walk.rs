//! `docs/adding-a-job-type.md` against the tree: every line it builds on is where it says. `checks/job-type` follows it and compiles the result.

use std::fs;
use std::path::Path;

/// The lines that a part of a diff finds in its file: those it keeps and those it removes.
fn found(hunk: &str) -> String {
    let lines = hunk.lines().skip(1).filter(|line| !line.starts_with('+'));
    lines.fold(String::new(), |found, line| found + line.get(1..).unwrap_or_default() + "\n")
}

#[test]
fn every_step_of_the_walk_to_a_new_job_type_fits_the_tree() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let walk = fs::read_to_string(root.join("docs/adding-a-job-type.md")).unwrap();
    let diffs = walk.split("```diff\n").skip(1).map(|rest| rest.split("```\n").next().unwrap());
    let mut hunks = 0;
    for diff in diffs {
        let path = diff.lines().next().unwrap().strip_prefix("--- a/").unwrap();
        let file = fs::read_to_string(root.join(path)).unwrap();
        for hunk in diff.split("\n@@ ").skip(1) {
            let found = found(hunk.trim_end_matches('\n'));
            assert!(file.contains(&found), "docs/adding-a-job-type.md: {path} has not, in one piece:\n{found}");
            hunks += 1;
        }
    }
    assert!(hunks > 15, "{hunks} parts of diffs found");
    for path in walk.split("A new file, `").skip(1).map(|rest| rest.split('`').next().unwrap()) {
        assert!(!root.join(path).exists(), "{path} is there already");
    }
}
