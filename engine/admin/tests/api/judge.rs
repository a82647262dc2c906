//! Judges what the API answers by what its description says: every answer that a test gets over a stage comes through
//! here. The judge is the engine's own reader of JSON Schema. It is stricter than the description: an answer may have
//! no member that its schema does not name.

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

use axum::http::StatusCode;
use serde_json::{Map, Value, json};
use tailrace_schema::{Format, Options, Schema};

/// The description. A test holds it to what is served.
static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    let text = include_str!("../../../../docs/reference/openapi.json");
    serde_json::from_str(text).expect("the description is JSON")
});

/// Schemas that were read, by their text.
static READ: LazyLock<Mutex<BTreeMap<String, Arc<Schema>>>> = LazyLock::new(Mutex::default);

const PLACE: &str = "#/components/schemas/";

/// Judges an answer with this type of content, if the path is that of a route.
pub fn judge(method: &str, path: &str, status: StatusCode, kind: &str, body: &[u8]) {
    let method = method.to_lowercase();
    let bare = path.split('?').next().unwrap_or_default();
    let Some(template) = template(bare) else { return };
    let operation = &DOCUMENT["paths"][&template][&method];
    if operation.is_null() {
        return;
    }
    let responses = &operation["responses"];
    let asked = format!("{method} {path}: {status}");
    let known = &responses[status.as_str()];
    let response = if known.is_null() {
        let is_refusal = status.is_client_error() || status.is_server_error();
        assert!(is_refusal, "{asked} is not described");
        &responses["default"]
    } else {
        known
    };
    let Some(content) = response["content"].as_object() else {
        assert!(body.is_empty(), "{asked} has a body");
        return;
    };
    let kind = kind.split(';').next().unwrap_or_default();
    let schema = content
        .get(kind)
        .unwrap_or_else(|| panic!("{asked}: {kind} is not described"));
    let schema = &schema["schema"];
    match kind {
        "application/json" | "application/problem+json" => fits(schema, body, &asked),
        "text/event-stream" => judge_events(schema, body, &asked),
        _ => assert_eq!(schema["type"], "string", "{asked}"),
    }
}

fn judge_events(schema: &Value, body: &[u8], asked: &str) {
    let text = String::from_utf8_lossy(body);
    for event in text.split("\n\n") {
        let field = |name: &str| {
            let mut lines = event.lines();
            lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
        };
        let (Some(name), Some(data)) = (field("event"), field("data")) else {
            continue;
        };
        let known = &schema["x-events"][name];
        assert!(!known.is_null(), "{asked}: event {name} is not described");
        fits(known, data.as_bytes(), &format!("{asked}, event {name}"));
    }
}

fn fits(schema: &Value, body: &[u8], asked: &str) {
    if let Err(why) = read(schema).validate(body) {
        let shown = String::from_utf8_lossy(body);
        panic!("{asked} is not as described: {why:?}\n{shown}\n{schema}");
    }
}

/// The most literal of the paths of the description that this one fits.
fn template(path: &str) -> Option<String> {
    let own: Vec<&str> = path.split('/').collect();
    let fits = |template: &&String| {
        let parts: Vec<&str> = template.split('/').collect();
        let fits = |(own, part): (&&str, &&str)| own == part || (part.starts_with('{') && !own.is_empty());
        parts.len() == own.len() && own.iter().zip(&parts).all(fits)
    };
    let known = DOCUMENT["paths"].as_object()?.keys().filter(fits);
    known
        .min_by_key(|template| template.matches('{').count())
        .cloned()
}

/// A schema with all that it names, closed.
fn read(schema: &Value) -> Arc<Schema> {
    let mut read = READ.lock().unwrap_or_else(PoisonError::into_inner);
    let found = read.entry(schema.to_string()).or_insert_with(|| {
        let mut named = Map::new();
        gather(schema, &mut named);
        // What may be anything is `true`.
        let mut whole = if schema.is_object() {
            schema.clone()
        } else {
            json!({})
        };
        close(&mut whole);
        whole["$defs"] = named.into();
        let text = whole.to_string().replace(PLACE, "#/$defs/");
        let read = Schema::parse(Format::JsonSchema, &text, &[], Options::default());
        Arc::new(read.unwrap_or_else(|why| panic!("{why:?}: {text}")))
    });
    found.clone()
}

/// The types that a schema names, and those that these name.
fn gather(schema: &Value, named: &mut Map<String, Value>) {
    match schema {
        Value::Object(members) => {
            let name = members.get("$ref").and_then(Value::as_str);
            if let Some(name) = name.and_then(|place| place.strip_prefix(PLACE))
                && !named.contains_key(name)
            {
                let component = &DOCUMENT["components"]["schemas"][name];
                assert!(!component.is_null(), "{name} is named, and not there");
                let mut closed = component.clone();
                close(&mut closed);
                named.insert(name.to_owned(), closed);
                gather(component, named);
            }
            members.values().for_each(|member| gather(member, named));
        }
        Value::Array(items) => items.iter().for_each(|item| gather(item, named)),
        _ => {}
    }
}

/// Lets a schema of an object have no other members than those that it names, by itself or by its choices.
fn close(schema: &mut Value) {
    let Some(members) = schema.as_object_mut() else {
        return;
    };
    beside(members);
    let is_open =
        !members.contains_key("additionalProperties") && !members.contains_key("unevaluatedProperties");
    let names_members = members.contains_key("properties");
    for choice in ["oneOf", "anyOf", "allOf"] {
        for choice in members
            .get_mut(choice)
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten()
        {
            if names_members {
                open_but_below(choice);
            } else {
                close(choice);
            }
        }
    }
    close_below(members);
    if is_open && names_members {
        members.insert("unevaluatedProperties".to_owned(), json!(false));
    }
}

/// A type that stands beside members of the same object is one of its choices.
fn beside(members: &mut Map<String, Value>) {
    if members.contains_key("properties")
        && let Some(name) = members.remove("$ref")
        && let Some(choices) = members.entry("allOf").or_insert_with(|| json!([])).as_array_mut()
    {
        choices.push(json!({ "$ref": name }));
    }
}

/// Of what stands beside members of the same object, that object is what is closed.
fn open_but_below(choice: &mut Value) {
    if let Some(members) = choice.as_object_mut() {
        beside(members);
    }
    if let Some(name) = choice["$ref"]
        .as_str()
        .and_then(|place| place.strip_prefix(PLACE))
    {
        *choice = DOCUMENT["components"]["schemas"][name].clone();
    }
    let Some(members) = choice.as_object_mut() else {
        return;
    };
    members.remove("additionalProperties");
    for below in ["oneOf", "anyOf", "allOf"] {
        let below = members.get_mut(below).and_then(Value::as_array_mut);
        below.into_iter().flatten().for_each(open_but_below);
    }
    close_below(members);
}

fn close_below(members: &mut Map<String, Value>) {
    for map in ["properties", "patternProperties"] {
        let map = members.get_mut(map).and_then(Value::as_object_mut);
        map.into_iter().flat_map(Map::values_mut).for_each(close);
    }
    for one in ["items", "additionalProperties"] {
        if let Some(one) = members.get_mut(one) {
            close(one);
        }
    }
    let places = members.get_mut("prefixItems").and_then(Value::as_array_mut);
    places.into_iter().flatten().for_each(close);
}

#[test]
fn an_answer_with_a_member_that_no_schema_names_is_found() {
    let schema = json!({ "$ref": format!("{PLACE}Problem") });
    let good = json!({ "type": "a", "title": "b", "status": 400, "detail": "c", "code": "d" });
    assert!(read(&schema).validate(good.to_string().as_bytes()).is_ok());
    let mut more = good.clone();
    more["further"] = json!(1);
    assert!(read(&schema).validate(more.to_string().as_bytes()).is_err());
    let mut less = good;
    less["code"].take();
    assert!(read(&schema).validate(less.to_string().as_bytes()).is_err());
}
