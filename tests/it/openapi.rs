//! The API's description against the API: nothing of the one is missing in the other.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use holdfast::http::ROUTES;
use serde_json::{Map, Value, json};

const METHODS: [&str; 5] = ["get", "put", "post", "delete", "patch"];

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| serde_json::from_str(&devkit::openapi::text()).unwrap());

/// Fails where an answer has a status or a field that the document does not name, or lacks one that it promises. Every test that calls a
/// route comes by here; whether each value is of its type, `checks/openapi` looks at.
pub(crate) fn assert_described(method: &str, path: &str, status: u16, content_type: &str, body: &Value) {
    // A method that the path does not have is described nowhere.
    let Some(operation) = DOCUMENT["paths"][path].get(method.to_lowercase()) else { return };
    let response = operation["responses"].get(status.to_string());
    let response = response.unwrap_or_else(|| panic!("{method} {path} answered {status}, which is not described"));
    let Some(media) = response["content"].get(content_type.split(';').next().unwrap()) else {
        panic!("{method} {path} answered {status} as {content_type}, which is not described");
    };
    if content_type.contains("json") {
        let wrong = differences(&media["schema"], body, "");
        assert!(wrong.is_empty(), "{method} {path} {status}: {wrong:?} in {body}");
    }
}

/// Says which fields of `value` the schema does not name, and which that it needs are not there.
fn differences(schema: &Value, value: &Value, at: &str) -> Vec<String> {
    let resolved = resolve(schema);
    let any = |list: &Value| {
        let each = list.as_array().unwrap().iter().map(|one| differences(one, value, at));
        each.min_by_key(Vec::len).unwrap()
    };
    match value {
        _ if resolved.get("oneOf").is_some() => any(&resolved["oneOf"]),
        _ if resolved.get("anyOf").is_some() => any(&resolved["anyOf"]),
        Value::Object(fields) => {
            let (properties, required, open) = object(&resolved);
            let missing =
                required.iter().filter(|name| !fields.contains_key(*name)).map(|name| format!("no {at}.{name}"));
            let found = fields.iter().flat_map(|(name, value)| match (properties.get(name), &open) {
                (Some(schema), _) | (None, Some(schema)) => differences(schema, value, &format!("{at}.{name}")),
                (None, None) => vec![format!("{at}.{name}")],
            });
            missing.chain(found).collect()
        }
        Value::Array(items) if resolved.get("items").is_some() => {
            items.iter().flat_map(|item| differences(&resolved["items"], item, at)).collect()
        }
        Value::Array(_) if resolved.get("type").is_some() => vec![format!("{at} is a list")],
        _ if resolved["type"] == "object" || resolved["type"] == "array" => vec![format!("{at} is {value}")],
        _ => Vec::new(),
    }
}

/// The properties of an object, those it must have, and what others must be: nothing where there may be none.
fn object(schema: &Value) -> (Map<String, Value>, Vec<String>, Option<Value>) {
    if let Some(parts) = schema["allOf"].as_array() {
        let mut all = (Map::new(), Vec::new(), None);
        for part in parts {
            let (properties, required, open) = object(&resolve(part));
            all.0.extend(properties);
            all.1.extend(required);
            all.2 = all.2.or(open);
        }
        return all;
    }
    let properties = schema["properties"].as_object().cloned();
    let required = schema["required"].as_array().into_iter().flatten().map(|name| name.as_str().unwrap().to_owned());
    let open = schema.get("additionalProperties").cloned().or_else(|| properties.is_none().then(|| json!({})));
    (properties.unwrap_or_default(), required.collect(), open)
}

fn resolve(schema: &Value) -> Value {
    match schema["$ref"].as_str() {
        Some(name) => DOCUMENT.pointer(name.trim_start_matches('#')).unwrap().clone(),
        None => schema.clone(),
    }
}

#[test]
fn the_committed_document_is_the_one_that_is_written_now() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/openapi.json");
    let committed = fs::read_to_string(path).unwrap();
    let same = committed == devkit::openapi::text();
    assert!(same, "docs/openapi.json is stale: cargo run -p devkit --bin openapi > docs/openapi.json");
}

#[test]
fn every_route_is_described_with_its_methods_and_no_other_is() {
    // The dashboard is pages for people, which no program is to call.
    let routes = ROUTES
        .iter()
        .filter(|route| route.path != "/api/dashboard")
        .flat_map(|route| route.methods().map(|method| format!("{} {}", method.as_str().to_lowercase(), route.path)));
    let paths = DOCUMENT["paths"].as_object().unwrap();
    let described = paths.iter().flat_map(|(path, operations)| {
        let operations = operations.as_object().unwrap().keys().filter(|key| METHODS.contains(&key.as_str()));
        operations.map(move |method| format!("{method} {path}"))
    });
    assert_eq!(described.collect::<BTreeSet<_>>(), routes.collect::<BTreeSet<_>>());
}

#[test]
fn every_operation_says_who_may_call_it_and_every_answer_what_it_means() {
    for (path, operations) in DOCUMENT["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let open = ["/api/health", "/api/webhooks/"].iter().any(|open| path.starts_with(open));
            assert_eq!(operation.get("security").is_none(), open, "{method} {path}");
            assert!(operation["operationId"].is_string(), "{method} {path}");
            for (status, response) in operation["responses"].as_object().unwrap() {
                let words = response["description"].as_str().unwrap_or_default();
                assert!(!words.is_empty(), "{method} {path} {status}");
            }
        }
    }
}

#[test]
fn every_reference_leads_somewhere() {
    let text = devkit::openapi::text();
    for reference in text.split("\"$ref\": \"").skip(1).map(|rest| rest.split('"').next().unwrap()) {
        assert!(DOCUMENT.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
    }
}
