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
    let folders = [
        "src",
        "api",
        "functions",
        "cli/src",
        "cli/tests",
        "devkit/src",
        "devkit/tests",
        "fuzz/fuzz_targets",
        "fuzz/src",
        "tests",
    ];
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
fn every_fuzz_target_is_built_has_seeds_and_is_in_the_security_document() {
    let stems = |folder: &str| -> BTreeSet<String> {
        let entries = fs::read_dir(root().join(folder)).unwrap();
        entries.map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned()).collect()
    };
    let targets = stems("fuzz/fuzz_targets");
    assert_eq!(stems("fuzz/seeds"), targets);
    let manifest = fs::read_to_string(root().join("fuzz/Cargo.toml")).unwrap();
    let document = fs::read_to_string(root().join("docs/security.md")).unwrap();
    for target in targets {
        assert!(manifest.contains(&format!("path = \"fuzz_targets/{target}.rs\"")), "{target}");
        assert!(document.contains(&format!("`{target}`")), "{target}");
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

/// How a private key begins. In two parts, so that this file has none.
const PRIVATE_KEY: &str = concat!("-----BEG", "IN ");

/// How credentials that open something begin, and how many letters and digits follow at least. Those of `cargo dev` and of the tests are of other forms.
const CREDENTIALS: [(&str, usize); 9] = [
    ("sk_live_", 10),
    ("rk_live_", 10),
    ("AKIA", 16),
    ("ghp_", 30),
    ("github_pat_", 20),
    ("xoxb-", 10),
    ("AIza", 30),
    ("eyJhbGciOi", 120),
    (PRIVATE_KEY, 0),
];

/// Every file of the tree that is no tool's or build's own.
fn everything(folder: &Path) -> Vec<PathBuf> {
    const PASSED_OVER: [&str; 6] = ["target", ".git", "node_modules", ".vercel", ".aws-sam", ".env"];
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.file_name().and_then(|name| name.to_str()) {
            Some(name) if PASSED_OVER.contains(&name) => {}
            _ if path.is_dir() => found.extend(everything(&path)),
            _ => found.push(path),
        }
    }
    found
}

/// Returns how a credential in the text begins.
pub(crate) fn has_credential(text: &str) -> Option<&'static str> {
    let follows = |rest: &str| rest.bytes().take_while(|b| b.is_ascii_alphanumeric() || b"-_.".contains(b)).count();
    let is_one = |start: &str, least: usize| {
        text.match_indices(start).any(|(at, _)| follows(&text[at + start.len()..]) >= least)
    };
    let found = CREDENTIALS.into_iter().find(|(start, least)| is_one(start, *least));
    found
        .map(|(start, _)| start)
        .filter(|start| *start != PRIVATE_KEY || text.contains(concat!("PRIVATE ", "KEY-----")))
}

#[test]
fn no_file_has_a_credential_in_it() {
    let planted = ["sk", "live", "51H8abcdefghij"].join("_");
    assert_eq!(has_credential(&planted), Some("sk_live_"));
    for file in everything(root()) {
        let Ok(text) = fs::read_to_string(&file) else { continue };
        assert_eq!(has_credential(&text), None, "{}", file.display());
    }
}

/// JSON as it came may hold what no log shows: an address, or the secret of a payment.
#[test]
fn no_type_that_holds_json_as_it_came_derives_debug() {
    for file in files(&root().join("src"), "rs") {
        let text = fs::read_to_string(&file).unwrap();
        for derived in text.split("#[derive(").skip(1) {
            let (traits, rest) = derived.split_once(")]").unwrap();
            let item = rest.split("\n}").next().unwrap();
            let shows = traits.split(", ").any(|one| one == "Debug") && item.contains("RawValue");
            assert!(!shows, "{} {item}", file.display());
        }
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
