//! JSON Schema 2020-12, as it is: `$ref` and `$dynamicRef` within what was pushed, `unevaluated…`, vocabularies.
//! `format` asserts where it is asked for, patterns take linear time, numbers are exact, and nothing is fetched.
//!
//! No crate is used: none bounds the steps of an evaluation (decision 0120). The public test suite is run whole
//! (`tests/json_schema_suite.rs`).

pub(crate) mod compare;
mod compile;
mod documents;
mod endless;
mod evaluate;
mod format;
mod metaschema;
mod model;
mod pattern;
mod uri;

use std::sync::LazyLock;

use compile::{Vocabulary, compile};
use documents::{Documents, Located, NAMELESS, is_other_draft};
use model::Program;

use crate::bounds::MAX_SCHEMA_BYTES;
use crate::error::{Place, Rejection, SchemaError};
use crate::json::{Json, read};

/// Whether a text is a reference to a URI, relative or not. Letters beyond ASCII are let through (RFC 3987).
pub fn is_iri_reference(text: &str) -> bool {
    format::is_iri_reference(text)
}

const VOCABULARY: &str = "https://json-schema.org/draft/2020-12/vocab/";

/// A JSON Schema, ready to judge.
#[derive(Debug)]
pub struct JsonSchema {
    program: Program,
    /// The schema as it was pushed, for comparisons.
    pub(crate) document: Json,
    pub(crate) references: Vec<(String, Json)>,
    /// Whether `format` asserts in any of the documents.
    pub(crate) asserts_formats: bool,
    /// Whether `type` and its like assert in all of the documents.
    pub(crate) validates: bool,
}

/// Said where `type` names none.
const TYPES: &str = "; there are array, boolean, integer, null, number, object and string";

/// What every schema must match.
static META: LazyLock<Program> = LazyLock::new(|| {
    let mut documents = Documents::default();
    let root = add_standard(&mut documents, 0).expect("the standard's schemas are in order");
    let plain = Vocabulary {
        validates: true,
        asserts_formats: true,
    };
    let located = Located {
        json: documents.resources[root].root,
        resource: root,
    };
    compile(&documents, located, &[plain; 8]).expect("the standard's schemas compile")
});

fn add_standard(documents: &mut Documents<'_>, first: usize) -> Result<usize, SchemaError> {
    let mut root = 0;
    for (number, document) in metaschema::DOCUMENTS.iter().enumerate() {
        let id = document.get("$id").and_then(Json::as_str).unwrap_or_default();
        let resource = documents.add(first + number, id, document)?;
        if number == 0 {
            root = resource;
        }
    }
    Ok(root)
}

impl JsonSchema {
    /// Reads a schema of at most [`MAX_SCHEMA_BYTES`]. `references` are documents by
    /// the names under which `$ref` finds them.
    pub fn parse(
        text: &str,
        references: &[(&str, &str)],
        asserts_formats: bool,
    ) -> Result<Self, SchemaError> {
        if text.len() > MAX_SCHEMA_BYTES {
            let what = format!(
                "a schema has at most {MAX_SCHEMA_BYTES} bytes, this one has {}",
                text.len()
            );
            return Err(SchemaError::new(Place::default(), what));
        }
        let document = parse_document(text)?;
        let mut parsed = Vec::with_capacity(references.len());
        for (name, text) in references {
            parsed.push((
                (*name).to_owned(),
                parse_document(text).map_err(|fault| fault.within(name))?,
            ));
        }
        let vocabularies = vocabularies(&document, &parsed, asserts_formats)?;
        let (asserts_formats, validates) = (
            vocabularies.iter().any(|one| one.asserts_formats),
            vocabularies.iter().all(|one| one.validates),
        );
        let program = build(&document, &parsed, vocabularies)?;
        Ok(Self {
            program,
            document,
            references: parsed,
            asserts_formats,
            validates,
        })
    }

    /// Judges a JSON text.
    pub fn validate(&self, bytes: &[u8]) -> Result<(), Rejection> {
        self.judge(&read(bytes)?)
    }

    /// Judges a JSON text that was read.
    pub fn judge(&self, json: &Json) -> Result<(), Rejection> {
        evaluate::evaluate(&self.program, json)
    }
}

fn parse_document(text: &str) -> Result<Json, SchemaError> {
    let document = read(text.as_bytes()).map_err(|fault| SchemaError::new(fault.place, fault.what))?;
    let dialect = document
        .get("$schema")
        .and_then(Json::as_str)
        .unwrap_or(metaschema::DIALECT);
    let dialect = dialect.trim_end_matches('#');
    if is_other_draft(dialect) {
        let what = format!("{dialect} is another draft; this engine takes 2020-12");
        return Err(SchemaError::new(Place::segments(["$schema"]), what));
    }
    if dialect == metaschema::DIALECT {
        let is_schema = evaluate::evaluate(&META, &document);
        is_schema.map_err(|fault| {
            let hint = if fault.place.is_keyword("type") { TYPES } else { "" };
            SchemaError::new(fault.place, format!("no JSON Schema: {}{hint}", fault.what))
        })?;
    }
    Ok(document)
}

/// What the keywords of each document mean; the schema itself is the first.
fn vocabularies(
    document: &Json,
    references: &[(String, Json)],
    asserts_formats: bool,
) -> Result<Vec<Vocabulary>, SchemaError> {
    let mut vocabularies = vec![vocabulary(document, references, asserts_formats)?];
    for (name, reference) in references {
        let vocabulary = vocabulary(reference, references, asserts_formats);
        vocabularies.push(vocabulary.map_err(|fault| fault.within(name))?);
    }
    Ok(vocabularies)
}

fn build(
    document: &Json,
    references: &[(String, Json)],
    mut vocabularies: Vec<Vocabulary>,
) -> Result<Program, SchemaError> {
    let (documents, root) = gather(document, references)?;
    vocabularies.extend(
        [Vocabulary {
            validates: true,
            asserts_formats: false,
        }; 8],
    );
    compile(&documents, root, &vocabularies)
}

/// All documents under their names: the schema is number 0, its references follow, then the standard's.
fn gather<'d>(
    document: &'d Json,
    references: &'d [(String, Json)],
) -> Result<(Documents<'d>, Located<'d>), SchemaError> {
    let mut documents = Documents::default();
    let resource = documents.add(0, &format!("{NAMELESS}schema"), document)?;
    let base = documents.resources[resource].uri.clone();
    for (number, (name, reference)) in references.iter().enumerate() {
        let named = documents.add(number + 1, &uri::resolve(NAMELESS, name), reference);
        let named = named.map_err(|fault| fault.within(name))?;
        documents.alias(uri::resolve(&base, name), named);
    }
    add_standard(&mut documents, references.len() + 1)?;
    Ok((
        documents,
        Located {
            json: document,
            resource,
        },
    ))
}

/// What the dialect of a document turns on and off. A dialect of one's own is one of the references.
fn vocabulary(
    document: &Json,
    references: &[(String, Json)],
    asserts_formats: bool,
) -> Result<Vocabulary, SchemaError> {
    let all = Vocabulary {
        validates: true,
        asserts_formats,
    };
    let Some(dialect) = document.get("$schema").and_then(Json::as_str) else {
        return Ok(all);
    };
    let dialect = dialect.trim_end_matches('#');
    if dialect == metaschema::DIALECT {
        return Ok(all);
    }
    let is_named = |(name, json): &&(String, Json)| {
        name == dialect || json.get("$id").and_then(Json::as_str) == Some(dialect)
    };
    let place = || Place::segments(["$schema"]);
    let Some((_, meta)) = references.iter().find(is_named) else {
        let what = format!("{dialect} is not among what was pushed; push it and name it as a reference");
        return Err(SchemaError::new(place(), what));
    };
    let Some(vocabularies) = meta.get("$vocabulary") else {
        return Ok(all);
    };
    let known = [
        "core",
        "applicator",
        "unevaluated",
        "validation",
        "meta-data",
        "format-annotation",
        "content",
    ];
    for (name, needed) in vocabularies.members() {
        let short = name.strip_prefix(VOCABULARY).unwrap_or(name);
        if *needed == Json::Bool(true) && !known.contains(&short) && short != "format-assertion" {
            let what = format!("the dialect needs the vocabulary {name}, which this engine does not know");
            return Err(SchemaError::new(place(), what));
        }
    }
    let has = |short: &str| vocabularies.get(&format!("{VOCABULARY}{short}")).is_some();
    Ok(Vocabulary {
        validates: has("validation"),
        asserts_formats: asserts_formats || has("format-assertion"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> String {
        JsonSchema::parse(text, &[], false).unwrap_err().to_string()
    }

    #[test]
    fn a_type_that_is_none_brings_the_list_of_them() {
        for text in [
            r#"{"type":"objekt"}"#,
            r#"{"properties":{"a":{"type":["string","int"]}}}"#,
        ] {
            assert!(
                told(text).contains("integer, null, number, object and string"),
                "{}",
                told(text)
            );
        }
        let member = told(r#"{"properties":{"type":7}}"#);
        assert!(!member.contains("there are array"), "{member}");
    }
}
