//! The documents of a schema by their names: the schema itself, what it refers to, and the standard's own. `$id`,
//! `$anchor` and `$dynamicAnchor` are found where a schema may stand, and nowhere else: in `enum` they are data.

use std::collections::HashMap;

use super::uri;
use crate::bounds::MAX_PARTS;
use crate::error::{Place, SchemaError};
use crate::json::Json;

/// The name of a document that has none.
pub(super) const NAMELESS: &str = "tailrace:///";

pub(super) const SCHEMAS: [&str; 12] = [
    "additionalProperties",
    "propertyNames",
    "items",
    "contains",
    "not",
    "if",
    "then",
    "else",
    "unevaluatedItems",
    "unevaluatedProperties",
    "contentSchema",
    "additionalItems",
];
pub(super) const LISTS: [&str; 4] = ["allOf", "anyOf", "oneOf", "prefixItems"];
pub(super) const MAPS: [&str; 6] = [
    "$defs",
    "definitions",
    "properties",
    "patternProperties",
    "dependentSchemas",
    "dependencies",
];

/// A schema inside its document.
#[derive(Clone, Copy)]
pub(super) struct Located<'d> {
    pub(super) json: &'d Json,
    /// The number of its resource.
    pub(super) resource: usize,
}

/// A resource: a schema with a URI.
pub(super) struct Resource<'d> {
    pub(super) uri: String,
    pub(super) root: &'d Json,
    /// The document's number.
    pub(super) document: usize,
    pub(super) dynamic: Vec<(String, &'d Json)>,
}

/// All documents of one schema.
#[derive(Default)]
pub(super) struct Documents<'d> {
    pub(super) resources: Vec<Resource<'d>>,
    by_uri: HashMap<String, usize>,
    anchors: HashMap<(usize, String), &'d Json>,
    /// The resource that each schema with an `$id` begins, by its address.
    begins: HashMap<*const Json, usize>,
    parts: usize,
}

impl<'d> Documents<'d> {
    /// Takes a document in under a URI, and under its own `$id` where it has one.
    pub(super) fn add(&mut self, document: usize, uri: &str, root: &'d Json) -> Result<usize, SchemaError> {
        let resource = self.begin(document, uri.to_owned(), root);
        self.scan(resource, root, &mut Vec::new(), true)?;
        Ok(self
            .begins
            .get(&std::ptr::from_ref(root))
            .copied()
            .unwrap_or(resource))
    }

    /// Another name for a resource, unless it is taken.
    pub(super) fn alias(&mut self, uri: String, resource: usize) {
        self.by_uri.entry(uri).or_insert(resource);
    }

    fn begin(&mut self, document: usize, uri: String, root: &'d Json) -> usize {
        let number = self.resources.len();
        self.by_uri.entry(uri.clone()).or_insert(number);
        self.resources.push(Resource {
            uri,
            root,
            document,
            dynamic: Vec::new(),
        });
        self.begins.insert(std::ptr::from_ref(root), number);
        number
    }

    fn scan(
        &mut self,
        mut resource: usize,
        schema: &'d Json,
        path: &mut Vec<String>,
        is_root: bool,
    ) -> Result<(), SchemaError> {
        self.parts += 1;
        if self.parts > MAX_PARTS {
            let what = format!("a schema has at most {MAX_PARTS} subschemas, with those that it refers to");
            return Err(SchemaError::new(Place::segments(&*path), what));
        }
        if let Some(id) = schema.get("$id").and_then(Json::as_str) {
            let (document, base) = (
                self.resources[resource].document,
                self.resources[resource].uri.clone(),
            );
            let uri = uri::resolve(&base, id);
            if uri != base {
                resource = self.begin(document, uri, schema);
            }
        }
        if !is_root {
            refuse_other_drafts(schema, path)?;
        }
        for keyword in ["$anchor", "$dynamicAnchor"] {
            let Some(name) = schema.get(keyword).and_then(Json::as_str) else {
                continue;
            };
            self.anchors.insert((resource, name.to_owned()), schema);
            if keyword == "$dynamicAnchor" {
                self.resources[resource].dynamic.push((name.to_owned(), schema));
            }
        }
        for (keyword, value) in schema.members() {
            path.push(keyword.clone());
            let name = keyword.as_str();
            if SCHEMAS.contains(&name) && matches!(value, Json::Object(_) | Json::Bool(_)) {
                self.scan(resource, value, path, false)?;
            } else if LISTS.contains(&name) {
                self.scan_all(resource, value.elements().iter().enumerate(), path)?;
            } else if MAPS.contains(&name) {
                self.scan_all(
                    resource,
                    value.members().iter().map(|(name, member)| (name, member)),
                    path,
                )?;
            }
            path.pop();
        }
        Ok(())
    }

    fn scan_all<S: ToString>(
        &mut self,
        resource: usize,
        schemas: impl Iterator<Item = (S, &'d Json)>,
        path: &mut Vec<String>,
    ) -> Result<(), SchemaError> {
        for (segment, schema) in schemas {
            if !matches!(schema, Json::Object(_) | Json::Bool(_)) {
                continue;
            }
            path.push(segment.to_string());
            self.scan(resource, schema, path, false)?;
            path.pop();
        }
        Ok(())
    }

    /// The schema that a reference means in a resource.
    pub(super) fn find(&self, resource: usize, reference: &str) -> Option<(Located<'d>, Option<String>)> {
        let (_, fragment) = uri::split_fragment(reference);
        let target = uri::resolve(&self.resources[resource].uri, reference);
        let resource = *self.by_uri.get(&target)?;
        let root = self.resources[resource].root;
        let fragment = percent_decoded(fragment)?;
        if fragment.is_empty() {
            return Some((Located { json: root, resource }, None));
        }
        if fragment.starts_with('/') {
            return Some((self.walk(resource, root, &fragment)?, None));
        }
        let json = *self.anchors.get(&(resource, fragment.clone()))?;
        let is_dynamic = json.get("$dynamicAnchor").and_then(Json::as_str) == Some(fragment.as_str());
        Some((Located { json, resource }, is_dynamic.then_some(fragment)))
    }

    fn walk(&self, mut resource: usize, root: &'d Json, pointer: &str) -> Option<Located<'d>> {
        let mut json = root;
        for segment in pointer.split('/').skip(1) {
            let segment = segment.replace("~1", "/").replace("~0", "~");
            json = match json {
                Json::Array(elements) => elements.get(segment.parse::<usize>().ok()?)?,
                _ => json.get(&segment)?,
            };
            resource = self
                .begins
                .get(&std::ptr::from_ref(json))
                .copied()
                .unwrap_or(resource);
        }
        Some(Located { json, resource })
    }

    /// The resource that a subschema belongs to, seen from the schema that contains it.
    pub(super) fn resource_of(&self, json: &'d Json, outer: usize) -> usize {
        self.begins
            .get(&std::ptr::from_ref(json))
            .copied()
            .unwrap_or(outer)
    }
}

fn refuse_other_drafts(schema: &Json, path: &[String]) -> Result<(), SchemaError> {
    match schema
        .get("$schema")
        .and_then(Json::as_str)
        .map(|name| name.trim_end_matches('#'))
    {
        Some(draft) if is_other_draft(draft) => {
            let what = format!("{draft} is another draft; this engine takes 2020-12");
            Err(SchemaError::new(Place::segments(path), what))
        }
        _ => Ok(()),
    }
}

/// Whether a `$schema` names a draft before 2020-12.
pub(super) fn is_other_draft(draft: &str) -> bool {
    let is_standard = draft.contains("json-schema.org/draft");
    is_standard && !draft.contains("json-schema.org/draft/2020-12/")
}

fn percent_decoded(fragment: &str) -> Option<String> {
    if !fragment.contains('%') {
        return Some(fragment.to_owned());
    }
    let bytes = fragment.as_bytes();
    let (mut decoded, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        if bytes[at] == b'%' {
            let digits = std::str::from_utf8(bytes.get(at + 1..at + 3)?).ok()?;
            decoded.push(u8::from_str_radix(digits, 16).ok()?);
            at += 3;
        } else {
            decoded.push(bytes[at]);
            at += 1;
        }
    }
    String::from_utf8(decoded).ok()
}
