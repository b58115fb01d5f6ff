//! The rules of the tree that a machine can check: who may use whom, how long a file may be, which variables are documented.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The modules of the library, each of which may use those before it.
const ORDER: [&[&str]; 15] = [
    &["domain"],
    &["config"],
    &["edge", "measures", "outbound", "telemetry"],
    &["upstash"],
    &["queue"],
    &["stripe"],
    &["escrow"],
    &["deliveries", "partners"],
    &["privacy"],
    &["workers"],
    &["processor"],
    &["auth"],
    &["admission"],
    &["app"],
    &["http"],
];

/// Longest file, in lines.
const MAX_LINES: usize = 500;

const VAGUE_NAMES: [&str; 5] = ["utils", "helpers", "common", "misc", "types"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, extension));
        } else if path.extension().is_some_and(|known| known == extension) {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn sources() -> Vec<PathBuf> {
    let folders = ["src", "api", "functions", "cli/src", "cli/tests", "devkit/src", "devkit/tests", "tests"];
    let of = |extension| folders.iter().flat_map(move |folder| files(&root().join(folder), extension));
    of("rs").chain(of("lua")).collect()
}

#[test]
fn modules_use_only_those_before_them() {
    let place = |name: &str| ORDER.iter().position(|level| level.contains(&name));
    for file in files(&root().join("src"), "rs") {
        let inside = file.strip_prefix(root().join("src")).unwrap();
        let module = inside.iter().next().unwrap().to_string_lossy();
        let module = module.trim_end_matches(".rs");
        if module == "lib" {
            continue;
        }
        let own = place(module).unwrap_or_else(|| panic!("src/{module} has no place in the order"));
        let text = fs::read_to_string(&file).unwrap();
        for (number, line) in text.lines().enumerate() {
            for used in line.split("crate::").skip(1) {
                let name: String = used.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                if let Some(place) = place(&name) {
                    let allowed = place < own || name == module;
                    assert!(allowed, "{}:{}: {module} uses {name}", file.display(), number + 1);
                }
            }
        }
    }
}

#[test]
fn no_file_is_longer_than_five_hundred_lines() {
    for file in sources() {
        let lines = fs::read_to_string(&file).unwrap().lines().count();
        assert!(lines <= MAX_LINES, "{} has {lines} lines: look for the second subject in it", file.display());
    }
}

#[test]
fn no_module_has_a_name_that_says_nothing() {
    for file in sources() {
        let stem = file.file_stem().unwrap().to_string_lossy();
        let folder = file.parent().unwrap().file_name().unwrap().to_string_lossy();
        assert!(!VAGUE_NAMES.contains(&&*stem) && !VAGUE_NAMES.contains(&&*folder), "{}", file.display());
    }
}

/// `module::name` in a document is a test of `tests/it/module.rs`, or of `src/module.rs`.
#[test]
fn every_test_that_the_security_document_names_exists() {
    let document = fs::read_to_string(root().join("docs/security.md")).unwrap();
    let named: BTreeSet<(&str, &str)> = document.split('`').filter_map(|text| text.split_once("::")).collect();
    assert!(named.len() > 10, "{named:?}");
    for (module, name) in named {
        let files = [format!("tests/it/{module}.rs"), format!("src/{module}.rs")];
        let texts = files.iter().filter_map(|file| fs::read_to_string(root().join(file)).ok());
        let test = format!("fn {name}(");
        assert!(texts.into_iter().any(|text| text.contains(&test)), "{module}::{name}");
    }
}

#[test]
fn the_librarys_manifest_names_no_platforms_runtime() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    for runtime in ["lambda_http", "lambda_runtime", "vercel_runtime", "axum"] {
        assert!(!manifest.contains(&format!("\n{runtime}")), "{runtime}");
    }
}

#[test]
fn every_variable_is_in_the_example_and_in_the_readme_and_no_other_is() {
    let known: BTreeSet<String> = holdfast::config::VARIABLES.iter().map(|name| (*name).to_owned()).collect();
    let example = fs::read_to_string(root().join(".env.example")).unwrap();
    let assigned = example.lines().filter_map(|line| line.trim_start_matches("# ").split_once('='));
    let is_name = |name: &&str| {
        !name.is_empty() && name.chars().all(|c| c.is_ascii_uppercase() || c == '_' || c.is_ascii_digit())
    };
    let listed: BTreeSet<String> = assigned.map(|(name, _)| name).filter(is_name).map(str::to_owned).collect();
    assert_eq!(listed, known, ".env.example");
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let rows = readme.lines().filter_map(|line| line.strip_prefix("| `"));
    let named = rows.flat_map(|row| row.split(" | ").next().unwrap_or_default().split('`'));
    let listed: BTreeSet<String> = named.filter(is_name).filter(|name| name.contains('_')).map(str::to_owned).collect();
    assert_eq!(listed, known, "README.md");
}
