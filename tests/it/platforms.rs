//! What the platforms are told agrees with the routes: each has its binary, its function and its path on both, and nothing else has.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use holdfast::config::VARIABLES;
use holdfast::http::{ROUTES, Route};
use saphyr::{LoadableYamlNode, Yaml};
use serde_json::{Value, json};
use url::Url;

fn read(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// Every function's binary of a manifest, name and path as they are written: a builder compares the path as text. What stands in a folder that
/// begins with `_` is none.
fn binaries(manifest: &str) -> BTreeSet<(String, String)> {
    let text = read(manifest);
    let field = |block: &str, name: &str| {
        let line = block.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(" = \"")?.strip_suffix('"'));
        line.unwrap_or_else(|| panic!("{manifest}: a [[bin]] without a {name}")).to_owned()
    };
    let binaries = text.split("[[bin]]").skip(1).map(|block| (field(block, "name"), field(block, "path")));
    binaries.filter(|(_, path)| !path.starts_with('_')).collect()
}

/// Every source in `folder` that a builder takes for a function: what stands in a folder that begins with `_` is not.
fn sources(folder: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        if name.starts_with(['_', '.']) {
            continue;
        }
        let path = format!("{folder}/{name}");
        if entry.path().is_dir() {
            found.extend(sources(&path));
        } else if entry.path().extension().is_some_and(|extension| extension == "rs") {
            found.insert(path);
        }
    }
    found
}

/// Where Vercel looks for a route: `/api/jobs/{id}` is `api/jobs/[id].rs`.
fn vercel_source(route: &Route) -> String {
    format!("{}.rs", route.path.trim_start_matches('/').replace('{', "[").replace('}', "]"))
}

/// The logical id of a route's function: `jobs-id` is `JobsIdFunction`.
fn logical_id(route: &Route) -> String {
    let words = route.name.split('-').map(|word| word[..1].to_uppercase() + &word[1..]);
    words.chain(["Function".to_owned()]).collect()
}

/// A YAML document as JSON; `!Ref`, `!Sub` and the like leave what they stand before.
fn yaml(file: &str) -> Value {
    fn bare(node: &Yaml<'_>) -> Value {
        match node {
            Yaml::Tagged(_, node) => bare(node),
            Yaml::Sequence(items) => items.iter().map(bare).collect(),
            Yaml::Mapping(entries) => {
                entries.iter().map(|(key, value)| (key.as_str().unwrap().to_owned(), bare(value))).collect()
            }
            scalar => {
                let text = scalar.as_str().map(Value::from);
                text.or(scalar.as_integer().map(Value::from)).or(scalar.as_bool().map(Value::from)).unwrap_or_default()
            }
        }
    }
    bare(&Yaml::load_from_str(&read(file)).unwrap()[0])
}

fn functions(template: &Value) -> BTreeMap<&str, &Value> {
    let resources = template["Resources"].as_object().unwrap();
    let functions = resources.iter().filter(|(_, resource)| resource["Type"] == "AWS::Serverless::Function");
    functions.map(|(id, resource)| (id.as_str(), resource)).collect()
}

#[test]
fn a_routes_name_is_its_path_in_one_word() {
    for route in ROUTES {
        let name = route.path.trim_start_matches("/api/").replace(['{', '}'], "").replace('/', "-");
        assert_eq!(route.name, name, "{}", route.path);
    }
}

#[test]
fn vercel_has_a_source_and_a_binary_for_each_route_and_no_other() {
    let expected: BTreeSet<String> = ROUTES.into_iter().map(vercel_source).collect();
    assert_eq!(sources("api"), expected);

    let expected = ROUTES.map(|route| {
        let path = vercel_source(route).trim_start_matches("api/").to_owned();
        (format!("api-{}", route.name), path)
    });
    assert_eq!(binaries("api/Cargo.toml"), expected.into());
}

#[test]
fn lambda_has_a_source_and_a_binary_for_each_route_and_no_other() {
    let expected = ROUTES.map(|route| (route.name.to_owned(), format!("{}.rs", route.name.replace('-', "_"))));
    assert_eq!(binaries("functions/Cargo.toml"), expected.clone().into());

    let mains = sources("functions").into_iter().filter(|path| read(path).contains("fn main("));
    let expected: BTreeSet<String> = expected.into_iter().map(|(_, path)| format!("functions/{path}")).collect();
    assert_eq!(mains.collect::<BTreeSet<_>>(), expected);
}

#[test]
fn the_stack_has_a_function_for_each_route_and_no_other() {
    let template = yaml("template.yaml");
    let functions = functions(&template);
    let expected: BTreeSet<String> = ROUTES.into_iter().map(logical_id).collect();
    assert_eq!(functions.keys().map(|id| (*id).to_owned()).collect::<BTreeSet<_>>(), expected);

    for route in ROUTES {
        let function = functions[logical_id(route).as_str()];
        let metadata = json!({"BuildMethod": "rust-cargolambda", "BuildProperties": {"Binary": route.name}});
        assert_eq!(function["Metadata"], metadata, "{}", route.name);
        let http = json!({"Type": "HttpApi", "Properties": {"ApiId": "Api", "Path": route.path, "Method": "ANY"}});
        assert_eq!(function["Properties"]["Events"]["Http"], http, "{}", route.name);
        assert_eq!(function["Properties"]["Role"], "FunctionRole.Arn", "{}", route.name);
    }
}

#[test]
fn the_stack_calls_the_processor_every_minute_and_nothing_else() {
    let template = yaml("template.yaml");
    let mut schedules = Vec::new();
    for (id, function) in functions(&template) {
        let events = function["Properties"]["Events"].as_object().unwrap();
        let timed = events.values().filter(|event| event["Type"] != "HttpApi");
        schedules.extend(timed.map(|event| (id, &event["Type"], &event["Properties"]["ScheduleExpression"])));
    }
    assert_eq!(schedules, [("JobsProcessFunction", &json!("ScheduleV2"), &json!("rate(1 minute)"))]);
}

#[test]
fn the_stack_sets_no_variable_that_nothing_reads_and_fills_secrets_by_their_own_name() {
    let template = yaml("template.yaml");
    let shared = &template["Globals"]["Function"]["Environment"]["Variables"];
    let own = functions(&template).into_values().map(|function| &function["Properties"]["Environment"]["Variables"]);
    let environments: Vec<_> = own.chain([shared]).filter_map(Value::as_object).collect();
    assert!(environments.len() > 1);
    for (name, value) in environments.into_iter().flatten() {
        assert!(VARIABLES.contains(&name.as_str()), "{name}");
        if let Some((_, rest)) = value.to_string().split_once(":SecretString:") {
            assert_eq!(rest.split_once(':').unwrap().0, name);
        }
    }
}

#[test]
fn the_page_about_aws_explains_every_parameter_of_the_stack_and_no_other() {
    let page = read("docs/deploy/aws.md");
    let rows = page.split_once("| parameter | default | |").unwrap().1.split("\n\n").next().unwrap().lines();
    let named = rows.filter_map(|row| row.strip_prefix("| `")?.split(" | ").next());
    let explained: BTreeSet<String> =
        named.flat_map(|names| names.split(", ")).map(|name| name.replace('`', "")).collect();
    let template = yaml("template.yaml");
    let parameters = template["Parameters"].as_object().unwrap().keys().cloned().collect();
    assert_eq!(explained, parameters);
}

#[test]
fn vercel_gives_each_function_its_time_and_calls_the_processor() {
    // A pattern is a source's path, or the last one, which is for all that no other is.
    const ALL: &str = "api/**/*.rs";
    let settings: Value = serde_json::from_str(&read("vercel.json")).unwrap();
    let patterns = settings["functions"].as_object().unwrap();
    let sources = sources("api");
    for (pattern, function) in patterns {
        assert!(pattern == ALL || sources.contains(pattern), "{pattern} matches nothing, which is an error");
        let keys: Vec<&String> = function.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["maxDuration"], "{pattern}");
    }
    assert_eq!(patterns["api/jobs/process.rs"]["maxDuration"], 60);
    assert!(patterns[ALL]["maxDuration"].as_u64().unwrap() <= 15);

    assert_eq!(settings["crons"], json!([{"path": "/api/jobs/process", "schedule": "* * * * *"}]));
    let cron = ROUTES.into_iter().find(|route| route.path == "/api/jobs/process").unwrap();
    assert!(cron.methods().any(|method| method == "GET"), "Vercel's cron sends GET and nothing else");
}

#[test]
fn vercels_hobby_plan_has_one_function_for_all_routes_and_a_cron_once_a_day() {
    let settings: Value = serde_json::from_str(&read("vercel.hobby.json")).unwrap();
    assert_eq!(settings["builds"][0], json!({"src": "api/_hobby/all.rs", "use": "@vercel/rust"}));
    assert_eq!(settings["routes"][0], json!({"src": "/api/.*", "dest": "/api/_hobby/all.rs"}));
    assert!(ROUTES.into_iter().all(|route| route.path.starts_with("/api/")));
    assert_eq!(settings["crons"], json!([{"path": "/api/jobs/process", "schedule": "0 5 * * *"}]));
}

/// What the builders compile when they run `cargo build --bin NAME`: the workspace's default members, with the features of all of them.
#[test]
fn no_function_has_redis_own_protocol_in_it() {
    let arguments = ["tree", "--offline", "--locked", "--edges", "normal", "--prefix", "none", "--format", "{p} {f}"];
    let tree = Command::new(env!("CARGO")).args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let tree = String::from_utf8(tree.stdout).unwrap();
    for package in ["on_vercel v", "on_lambda v", "holdfast v", "rustls v"] {
        assert!(tree.lines().any(|line| line.starts_with(package)), "{package}: {tree}");
    }
    let redis = tree.lines().find(|line| line.starts_with("redis v"));
    assert_eq!(redis, None);
}

#[test]
fn the_deploy_button_asks_for_variables_that_exist_and_has_upstash_make_the_database() {
    let page = read("docs/deploy/vercel.md");
    let at = page.find("https://vercel.com/new/clone?").unwrap();
    let link = Url::parse(page[at..].split(')').next().unwrap()).unwrap();
    let parameters: BTreeMap<_, _> = link.query_pairs().collect();

    assert_eq!(parameters["repository-url"], "https://github.com/YOU/holdfast");
    for name in parameters["env"].split(',') {
        assert!(VARIABLES.contains(&name), "{name}");
        assert!(page.contains(&format!("| `{name}` |")), "{name} is not explained on the page");
    }
    assert!(page.contains("\n## 3. The variables\n"));
    assert!(parameters["envLink"].ends_with("/docs/deploy/vercel.md#3-the-variables"));
    let stores: Value = serde_json::from_str(&parameters["stores"]).unwrap();
    let upstash = json!({"type": "integration", "integrationSlug": "upstash", "productSlug": "upstash-kv", "protocol": "storage"});
    assert_eq!(stores, json!([upstash]));
}

#[test]
fn every_workflow_is_yaml_those_to_be_copied_too() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(".github/workflows");
    let own: Vec<String> =
        fs::read_dir(folder).unwrap().map(|file| fs::read_to_string(file.unwrap().path()).unwrap()).collect();
    assert!(!own.is_empty());
    let page = read("docs/deploy/external-cron.md");
    let shown: Vec<&str> = page.split("```yaml\n").skip(1).map(|block| block.split("```").next().unwrap()).collect();
    assert_eq!(shown.len(), 1);
    for text in own.iter().map(String::as_str).chain(shown) {
        let document = &Yaml::load_from_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"))[0];
        assert!(document.as_mapping_get("jobs").is_some(), "{text}");
    }
}
