//! Verdicts, rule by rule: a change, and what Confluent's registry says of it under backward compatibility. The other
//! modes are the same comparison the other way round, or both ways, or with every version.

use tailrace_schema::{Compatibility, Direction, Format, Options, Schema};

const FINE: &str = "";

fn schema(format: Format, text: &str) -> Schema {
    Schema::parse(format, text, &[], Options::default()).unwrap_or_else(|fault| panic!("{fault}\n{text}"))
}

/// Each row: what changes, the older schema, the newer one, and the rule that forbids it.
fn check(format: Format, rows: &[(&str, &str, &str, &str)]) {
    let mut wrong = Vec::new();
    for (name, old, new, rule) in rows {
        let found = schema(format, new).differences(&schema(format, old));
        let rules: Vec<&str> = found.iter().map(|difference| difference.rule).collect();
        let is_right = if rule.is_empty() {
            rules.is_empty()
        } else {
            rules.contains(rule)
        };
        if !is_right {
            wrong.push(format!("{name}: expected {rule:?}, found {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn json_schema() {
    let open = r#"{"type":"object","properties":{"a":{"type":"string"}}}"#;
    let open_two = r#"{"type":"object","properties":{"a":{"type":"string"},"b":{"type":"integer"}}}"#;
    let open_any = r#"{"type":"object","properties":{"a":{"type":"string"},"b":{}}}"#;
    let closed = r#"{"type":"object","properties":{"a":{"type":"string"}},"additionalProperties":false}"#;
    let closed_two = r#"{"type":"object","properties":{"a":{"type":"string"},"b":{"type":"integer"}},"additionalProperties":false}"#;
    let closed_required = r#"{"type":"object","properties":{"a":{"type":"string"},"b":{"type":"integer"}},"required":["b"],"additionalProperties":false}"#;
    let closed_default = r#"{"type":"object","properties":{"a":{"type":"string"},"b":{"type":"integer","default":1}},"required":["b"],"additionalProperties":false}"#;
    let partial =
        r#"{"type":"object","properties":{"a":{"type":"string"}},"additionalProperties":{"type":"integer"}}"#;
    let partial_two = r#"{"type":"object","properties":{"a":{"type":"string"},"b":{"type":"integer"}},"additionalProperties":{"type":"integer"}}"#;
    let partial_text = r#"{"type":"object","properties":{"a":{"type":"string"},"b":{"type":"string"}},"additionalProperties":{"type":"integer"}}"#;
    check(
        Format::JsonSchema,
        &[
            ("nothing", open, open, FINE),
            (
                "annotations",
                r#"{"type":"string","title":"x"}"#,
                r#"{"type":"string","description":"y","default":"z"}"#,
                FINE,
            ),
            ("everything is taken", r#"{"type":"string"}"#, "true", FINE),
            (
                "less than everything",
                "{}",
                r#"{"type":"string"}"#,
                "TYPE_CHANGED",
            ),
            (
                "another type",
                r#"{"type":"string"}"#,
                r#"{"type":"integer"}"#,
                "TYPE_CHANGED",
            ),
            (
                "a wider number",
                r#"{"type":"integer"}"#,
                r#"{"type":"number"}"#,
                FINE,
            ),
            (
                "a narrower number",
                r#"{"type":"number"}"#,
                r#"{"type":"integer"}"#,
                "TYPE_NARROWED",
            ),
            (
                "one more type",
                r#"{"type":"string"}"#,
                r#"{"type":["string","null"]}"#,
                FINE,
            ),
            (
                "one type less",
                r#"{"type":["string","null"]}"#,
                r#"{"type":"string"}"#,
                "SUM_TYPE_NARROWED",
            ),
            (
                "maxLength up",
                r#"{"type":"string","maxLength":1}"#,
                r#"{"type":"string","maxLength":2}"#,
                FINE,
            ),
            (
                "maxLength down",
                r#"{"type":"string","maxLength":2}"#,
                r#"{"type":"string","maxLength":1}"#,
                "MAX_LENGTH_DECREASED",
            ),
            (
                "maxLength new",
                r#"{"type":"string"}"#,
                r#"{"type":"string","maxLength":1}"#,
                "MAX_LENGTH_ADDED",
            ),
            (
                "maxLength gone",
                r#"{"type":"string","maxLength":1}"#,
                r#"{"type":"string"}"#,
                FINE,
            ),
            (
                "minLength up",
                r#"{"type":"string","minLength":1}"#,
                r#"{"type":"string","minLength":2}"#,
                "MIN_LENGTH_INCREASED",
            ),
            (
                "minLength down",
                r#"{"type":"string","minLength":2}"#,
                r#"{"type":"string","minLength":1}"#,
                FINE,
            ),
            (
                "minLength new",
                r#"{"type":"string"}"#,
                r#"{"type":"string","minLength":2}"#,
                "MIN_LENGTH_ADDED",
            ),
            (
                "pattern new",
                r#"{"type":"string"}"#,
                r#"{"type":"string","pattern":"a"}"#,
                "PATTERN_ADDED",
            ),
            (
                "pattern other",
                r#"{"type":"string","pattern":"b"}"#,
                r#"{"type":"string","pattern":"a"}"#,
                "PATTERN_CHANGED",
            ),
            (
                "pattern gone",
                r#"{"type":"string","pattern":"a"}"#,
                r#"{"type":"string"}"#,
                FINE,
            ),
            (
                "maximum down",
                r#"{"maximum":2}"#,
                r#"{"maximum":1.5}"#,
                "MAXIMUM_DECREASED",
            ),
            ("maximum up", r#"{"maximum":2}"#, r#"{"maximum":2e1}"#, FINE),
            (
                "maximum new",
                r#"{"type":"number"}"#,
                r#"{"type":"number","maximum":1}"#,
                "MAXIMUM_ADDED",
            ),
            (
                "exclusiveMaximum new",
                r#"{"type":"number"}"#,
                r#"{"type":"number","exclusiveMaximum":1}"#,
                "EXCLUSIVE_MAXIMUM_ADDED",
            ),
            (
                "minimum up",
                r#"{"minimum":1}"#,
                r#"{"minimum":2}"#,
                "MINIMUM_INCREASED",
            ),
            (
                "exclusiveMinimum up",
                r#"{"exclusiveMinimum":1}"#,
                r#"{"exclusiveMinimum":2}"#,
                "EXCLUSIVE_MINIMUM_INCREASED",
            ),
            (
                "multipleOf new",
                r#"{"type":"number"}"#,
                r#"{"type":"number","multipleOf":2}"#,
                "MULTIPLE_OF_ADDED",
            ),
            (
                "multipleOf reduced",
                r#"{"multipleOf":10}"#,
                r#"{"multipleOf":2}"#,
                FINE,
            ),
            (
                "multipleOf expanded",
                r#"{"multipleOf":2}"#,
                r#"{"multipleOf":10}"#,
                "MULTIPLE_OF_EXPANDED",
            ),
            (
                "multipleOf other",
                r#"{"multipleOf":2}"#,
                r#"{"multipleOf":3}"#,
                "MULTIPLE_OF_CHANGED",
            ),
            (
                "enum extended",
                r#"{"enum":["a"]}"#,
                r#"{"enum":["a","b"]}"#,
                FINE,
            ),
            (
                "enum narrowed",
                r#"{"enum":["a","b"]}"#,
                r#"{"enum":["a"]}"#,
                "ENUM_ARRAY_NARROWED",
            ),
            (
                "enum changed",
                r#"{"enum":["a","b"]}"#,
                r#"{"enum":["a","c"]}"#,
                "ENUM_ARRAY_CHANGED",
            ),
            (
                "enum new",
                r#"{"type":"string"}"#,
                r#"{"type":"string","enum":["a"]}"#,
                "ENUM_ARRAY_ADDED",
            ),
            (
                "a member into an open model",
                open,
                open_two,
                "PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL",
            ),
            ("a member of any kind into an open model", open, open_any, FINE),
            ("a member out of an open model", open_two, open, FINE),
            ("a member into a closed model", closed, closed_two, FINE),
            (
                "a required member into a closed model",
                closed,
                closed_required,
                "REQUIRED_PROPERTY_ADDED_TO_UNOPEN_CONTENT_MODEL",
            ),
            ("a required member with a default", closed, closed_default, FINE),
            (
                "a member out of a closed model",
                closed_two,
                closed,
                "PROPERTY_REMOVED_FROM_CLOSED_CONTENT_MODEL",
            ),
            (
                "a covered member into a partial model",
                partial,
                partial_two,
                FINE,
            ),
            (
                "an uncovered member into a partial model",
                partial,
                partial_text,
                "PROPERTY_ADDED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL",
            ),
            (
                "a covered member out of a partial model",
                partial_two,
                partial,
                FINE,
            ),
            (
                "an uncovered member out of a partial model",
                partial_text,
                partial,
                "PROPERTY_REMOVED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL",
            ),
            ("open to closed", open, closed, "ADDITIONAL_PROPERTIES_REMOVED"),
            ("closed to open", closed, open, FINE),
            ("open to partial", open, partial, "ADDITIONAL_PROPERTIES_NARROWED"),
            (
                "required later",
                closed_two,
                closed_required,
                "REQUIRED_ATTRIBUTE_ADDED",
            ),
            ("required later with a default", closed_two, closed_default, FINE),
            ("required no more", closed_required, closed_two, FINE),
            (
                "maxProperties",
                r#"{"type":"object"}"#,
                r#"{"type":"object","maxProperties":1}"#,
                "MAX_PROPERTIES_ADDED",
            ),
            (
                "minProperties",
                r#"{"minProperties":1}"#,
                r#"{"minProperties":2}"#,
                "MIN_PROPERTIES_INCREASED",
            ),
            (
                "dependentRequired new",
                r#"{"type":"object"}"#,
                r#"{"type":"object","dependentRequired":{"a":["b"]}}"#,
                "DEPENDENCY_ARRAY_ADDED",
            ),
            (
                "dependentRequired more",
                r#"{"dependentRequired":{"a":["b"]}}"#,
                r#"{"dependentRequired":{"a":["b","c"]}}"#,
                "DEPENDENCY_ARRAY_EXTENDED",
            ),
            (
                "dependentRequired less",
                r#"{"dependentRequired":{"a":["b","c"]}}"#,
                r#"{"dependentRequired":{"a":["b"]}}"#,
                FINE,
            ),
            (
                "dependentRequired other",
                r#"{"dependentRequired":{"a":["b"]}}"#,
                r#"{"dependentRequired":{"a":["c"]}}"#,
                "DEPENDENCY_ARRAY_CHANGED",
            ),
            (
                "dependentSchemas new",
                r#"{"type":"object"}"#,
                r#"{"type":"object","dependentSchemas":{"a":{"minProperties":2}}}"#,
                "DEPENDENCY_SCHEMA_ADDED",
            ),
            (
                "items wider",
                r#"{"type":"array","items":{"type":"integer"}}"#,
                r#"{"type":"array","items":{"type":"number"}}"#,
                FINE,
            ),
            (
                "items narrower",
                r#"{"type":"array","items":{"type":"number"}}"#,
                r#"{"type":"array","items":{"type":"integer"}}"#,
                "TYPE_NARROWED",
            ),
            (
                "items new",
                r#"{"type":"array"}"#,
                r#"{"type":"array","items":{"type":"integer"}}"#,
                "SCHEMA_ADDED",
            ),
            (
                "maxItems",
                r#"{"maxItems":2}"#,
                r#"{"maxItems":1}"#,
                "MAX_ITEMS_DECREASED",
            ),
            (
                "minItems",
                r#"{"type":"array"}"#,
                r#"{"type":"array","minItems":1}"#,
                "MIN_ITEMS_ADDED",
            ),
            (
                "uniqueItems new",
                r#"{"type":"array"}"#,
                r#"{"type":"array","uniqueItems":true}"#,
                "UNIQUE_ITEMS_ADDED",
            ),
            (
                "uniqueItems gone",
                r#"{"type":"array","uniqueItems":true}"#,
                r#"{"type":"array"}"#,
                FINE,
            ),
            (
                "an element into an open tuple",
                r#"{"prefixItems":[{"type":"string"}]}"#,
                r#"{"prefixItems":[{"type":"string"},{"type":"string"}]}"#,
                "ITEM_ADDED_TO_OPEN_CONTENT_MODEL",
            ),
            (
                "an element into a closed tuple",
                r#"{"prefixItems":[{"type":"string"}],"items":false}"#,
                r#"{"prefixItems":[{"type":"string"},{"type":"string"}],"items":false}"#,
                FINE,
            ),
            (
                "an element out of a closed tuple",
                r#"{"prefixItems":[{"type":"string"},{"type":"string"}],"items":false}"#,
                r#"{"prefixItems":[{"type":"string"}],"items":false}"#,
                "ITEM_REMOVED_FROM_CLOSED_CONTENT_MODEL",
            ),
            (
                "a tuple is closed",
                r#"{"prefixItems":[{"type":"string"}]}"#,
                r#"{"prefixItems":[{"type":"string"}],"items":false}"#,
                "ADDITIONAL_ITEMS_REMOVED",
            ),
            (
                "a sum extended",
                r#"{"oneOf":[{"type":"string"}]}"#,
                r#"{"oneOf":[{"type":"string"},{"type":"null"}]}"#,
                FINE,
            ),
            (
                "a sum narrowed",
                r#"{"oneOf":[{"type":"string"},{"type":"null"}]}"#,
                r#"{"oneOf":[{"type":"string"}]}"#,
                "SUM_TYPE_NARROWED",
            ),
            (
                "a sum in another order",
                r#"{"anyOf":[{"type":"string"},{"type":"null"}]}"#,
                r#"{"anyOf":[{"type":"null"},{"type":"string"}]}"#,
                FINE,
            ),
            (
                "a sum of others",
                r#"{"anyOf":[{"type":"string"},{"type":"null"}]}"#,
                r#"{"anyOf":[{"type":"string"},{"type":"array"}]}"#,
                "COMBINED_TYPE_SUBSCHEMAS_CHANGED",
            ),
            (
                "a product extended",
                r#"{"allOf":[{"type":"string"}]}"#,
                r#"{"allOf":[{"type":"string"},{"minLength":1}]}"#,
                "PRODUCT_TYPE_EXTENDED",
            ),
            (
                "a product with the same twice",
                r#"{"allOf":[{"type":"string"}]}"#,
                r#"{"allOf":[{"type":"string"},{"type":"string"}]}"#,
                FINE,
            ),
            (
                "a product narrowed",
                r#"{"allOf":[{"type":"string"},{"minLength":1}]}"#,
                r#"{"allOf":[{"type":"string"}]}"#,
                FINE,
            ),
            (
                "oneOf to anyOf",
                r#"{"oneOf":[{"type":"string"},{"type":"null"}]}"#,
                r#"{"anyOf":[{"type":"string"},{"type":"null"}]}"#,
                FINE,
            ),
            (
                "anyOf to allOf",
                r#"{"anyOf":[{"type":"string"},{"type":"null"}]}"#,
                r#"{"allOf":[{"type":"string"},{"type":"null"}]}"#,
                "COMBINED_TYPE_CHANGED",
            ),
            (
                "into a sum",
                r#"{"type":"string"}"#,
                r#"{"oneOf":[{"type":"string"},{"type":"null"}]}"#,
                FINE,
            ),
            (
                "into a sum of others",
                r#"{"type":"array"}"#,
                r#"{"oneOf":[{"type":"string"},{"type":"null"}]}"#,
                "TYPE_CHANGED",
            ),
            (
                "not narrowed",
                r#"{"not":{"type":["string","null"]}}"#,
                r#"{"not":{"type":"string"}}"#,
                FINE,
            ),
            (
                "not extended",
                r#"{"not":{"type":"string"}}"#,
                r#"{"not":{"type":["string","null"]}}"#,
                "NOT_TYPE_EXTENDED",
            ),
            (
                "behind a reference",
                r##"{"$ref":"#/$defs/a","$defs":{"a":{"type":"string"}}}"##,
                r##"{"$ref":"#/$defs/b","$defs":{"b":{"type":"null"}}}"##,
                "TYPE_CHANGED",
            ),
            (
                "a tree",
                r##"{"type":"object","properties":{"next":{"$ref":"#"}}}"##,
                r##"{"type":"object","properties":{"next":{"$ref":"#"}},"maxProperties":3}"##,
                "MAX_PROPERTIES_ADDED",
            ),
        ],
    );
}

#[test]
fn avro() {
    let record = |fields: &str| format!(r#"{{"type":"record","name":"R","fields":[{fields}]}}"#);
    let one = record(r#"{"name":"a","type":"int"}"#);
    let two = record(r#"{"name":"a","type":"int"},{"name":"b","type":"string"}"#);
    let two_default = record(r#"{"name":"a","type":"int"},{"name":"b","type":"string","default":""}"#);
    let renamed = record(r#"{"name":"b","type":"int","aliases":["a"]}"#);
    let nullable = record(r#"{"name":"a","type":["null","int"]}"#);
    let other_name = one.replace(r#""R""#, r#""S""#);
    let other_space = one.replace(r#""R""#, r#""x.R""#);
    let list = record(r#"{"name":"a","type":"int"},{"name":"next","type":["null","R"],"default":null}"#);
    let e =
        |symbols: &str, more: &str| format!(r#"{{"type":"enum","name":"E","symbols":[{symbols}]{more}}}"#);
    let (ab, abc) = (e(r#""A","B""#, ""), e(r#""A","B","C""#, ""));
    let ab_default = e(r#""A","B""#, r#","default":"A""#);
    let fixed = |size: u8| format!(r#"{{"type":"fixed","name":"F","size":{size}}}"#);
    let decimal =
        |scale: u8| format!(r#"{{"type":"bytes","logicalType":"decimal","precision":9,"scale":{scale}}}"#);
    check(
        Format::Avro,
        &[
            ("nothing", &one, &one, FINE),
            ("a field with a default", &one, &two_default, FINE),
            (
                "a field without a default",
                &one,
                &two,
                "READER_FIELD_MISSING_DEFAULT_VALUE",
            ),
            ("a field is gone", &two, &one, FINE),
            ("a field by its alias", &one, &renamed, FINE),
            ("a field may be null", &one, &nullable, FINE),
            ("a field may be null no more", &nullable, &one, "TYPE_MISMATCH"),
            ("another name", &one, &other_name, "NAME_MISMATCH"),
            ("another namespace", &one, &other_space, FINE),
            ("a list in itself", &one, &list, FINE),
            ("a list in itself stays", &list, &list, FINE),
            ("int to long", "\"int\"", "\"long\"", FINE),
            ("int to double", "\"int\"", "\"double\"", FINE),
            ("long to float", "\"long\"", "\"float\"", FINE),
            ("long to int", "\"long\"", "\"int\"", "TYPE_MISMATCH"),
            ("string to bytes", "\"string\"", "\"bytes\"", FINE),
            ("bytes to string", "\"bytes\"", "\"string\"", FINE),
            ("int to string", "\"int\"", "\"string\"", "TYPE_MISMATCH"),
            ("a symbol more", &ab, &abc, FINE),
            ("a symbol less", &abc, &ab, "MISSING_ENUM_SYMBOLS"),
            ("a symbol less with a default", &abc, &ab_default, FINE),
            ("another size", &fixed(4), &fixed(5), "FIXED_SIZE_MISMATCH"),
            (
                "a branch more",
                r#"["null","int"]"#,
                r#"["null","int","string"]"#,
                FINE,
            ),
            (
                "a branch less",
                r#"["null","int","string"]"#,
                r#"["null","int"]"#,
                "MISSING_UNION_BRANCH",
            ),
            ("a branch that promotes", r#"["int"]"#, r#"["null","long"]"#, FINE),
            (
                "items",
                r#"{"type":"array","items":"long"}"#,
                r#"{"type":"array","items":"int"}"#,
                "TYPE_MISMATCH",
            ),
            (
                "values",
                r#"{"type":"map","values":"int"}"#,
                r#"{"type":"map","values":"long"}"#,
                FINE,
            ),
            (
                "array to map",
                r#"{"type":"array","items":"int"}"#,
                r#"{"type":"map","values":"int"}"#,
                "TYPE_MISMATCH",
            ),
            (
                "another scale",
                &decimal(2),
                &decimal(3),
                "DECIMAL_SCALE_MISMATCH",
            ),
        ],
    );
}

#[test]
fn protobuf() {
    let proto = |body: &str| {
        format!("syntax = \"proto3\"; package a; message M {{ {body} }} message N {{}} enum E {{ Z = 0; }}")
    };
    let old = |body: &str| format!("syntax = \"proto2\"; message M {{ {body} }}");
    let one = proto("int32 a = 1;");
    check(
        Format::Protobuf,
        &[
            ("nothing", &one, &one, FINE),
            (
                "another package",
                &one,
                &one.replace("package a", "package b"),
                "PACKAGE_CHANGED",
            ),
            (
                "a message is gone",
                &one,
                &one.replace("message N {}", ""),
                "MESSAGE_REMOVED",
            ),
            ("a message more", &one.replace("message N {}", ""), &one, FINE),
            ("a field more", &one, &proto("int32 a = 1; string b = 2;"), FINE),
            ("a field less", &proto("int32 a = 1; string b = 2;"), &one, FINE),
            ("another name of a field", &one, &proto("int32 b = 1;"), FINE),
            ("a wider number", &one, &proto("int64 a = 1;"), FINE),
            ("a bool", &one, &proto("bool a = 1;"), FINE),
            (
                "another kind of number",
                &one,
                &proto("sint32 a = 1;"),
                "FIELD_SCALAR_KIND_CHANGED",
            ),
            (
                "a text",
                &one,
                &proto("string a = 1;"),
                "FIELD_SCALAR_KIND_CHANGED",
            ),
            (
                "text to bytes",
                &proto("string a = 1;"),
                &proto("bytes a = 1;"),
                FINE,
            ),
            ("a number to an enum", &one, &proto("E a = 1;"), FINE),
            (
                "a text to an enum",
                &proto("string a = 1;"),
                &proto("E a = 1;"),
                "FIELD_KIND_CHANGED",
            ),
            (
                "a number to a message",
                &one,
                &proto("N a = 1;"),
                "FIELD_KIND_CHANGED",
            ),
            (
                "another message",
                &proto("N a = 1;"),
                &proto("M a = 1;"),
                "FIELD_NAMED_TYPE_CHANGED",
            ),
            (
                "a number repeated",
                &one,
                &proto("repeated int32 a = 1;"),
                "FIELD_NUMERIC_LABEL_CHANGED",
            ),
            (
                "a text repeated",
                &proto("string a = 1;"),
                &proto("repeated string a = 1;"),
                FINE,
            ),
            (
                "a map's value",
                &proto("map<string, int32> a = 1;"),
                &proto("map<string, string> a = 1;"),
                "FIELD_SCALAR_KIND_CHANGED",
            ),
            (
                "a map no more",
                &proto("map<string, int32> a = 1;"),
                &proto("int32 a = 1;"),
                "FIELD_KIND_CHANGED",
            ),
            (
                "one field into a new oneof",
                &proto("int32 a = 1;"),
                &proto("oneof o { int32 a = 1; }"),
                FINE,
            ),
            (
                "two fields into a new oneof",
                &proto("int32 a = 1; int32 b = 2;"),
                &proto("oneof o { int32 a = 1; int32 b = 2; }"),
                "MULTIPLE_FIELDS_MOVED_TO_ONEOF",
            ),
            (
                "a field into a oneof that was there",
                &proto("oneof o { int32 a = 1; } int32 b = 2;"),
                &proto("oneof o { int32 a = 1; int32 b = 2; }"),
                "FIELD_MOVED_TO_EXISTING_ONEOF",
            ),
            (
                "a new field in a oneof",
                &proto("oneof o { int32 a = 1; }"),
                &proto("oneof o { int32 a = 1; int32 b = 2; }"),
                FINE,
            ),
            (
                "a field out of a oneof",
                &proto("oneof o { int32 a = 1; int32 b = 2; }"),
                &proto("oneof o { int32 a = 1; }"),
                "ONEOF_FIELD_REMOVED",
            ),
            (
                "a oneof is gone",
                &proto("oneof o { int32 a = 1; } int32 b = 2;"),
                &proto("int32 b = 2;"),
                FINE,
            ),
            (
                "a required field more",
                &old("optional int32 a = 1;"),
                &old("optional int32 a = 1; required int32 b = 2;"),
                "REQUIRED_FIELD_ADDED",
            ),
            (
                "a required field less",
                &old("required int32 a = 1;"),
                &old("optional int32 b = 2;"),
                "REQUIRED_FIELD_REMOVED",
            ),
            (
                "a message inside",
                &proto("message I { int32 x = 1; } I i = 1;"),
                &proto("message I { string x = 1; } I i = 1;"),
                "FIELD_SCALAR_KIND_CHANGED",
            ),
            (
                "a message in itself",
                &proto("M m = 1;"),
                &proto("M m = 1; int32 n = 2;"),
                FINE,
            ),
        ],
    );
}

#[test]
fn modes_look_at_the_versions_and_the_directions_that_they_say() {
    let fields = |fields: &str| {
        schema(
            Format::Avro,
            &format!(r#"{{"type":"record","name":"R","fields":[{fields}]}}"#),
        )
    };
    let a = r#"{"name":"a","type":"int"}"#;
    let a_default = r#"{"name":"a","type":"int","default":0}"#;
    let b_default = r#"{"name":"b","type":"int","default":0}"#;
    // First without a, then with a default, then without the default: fine with the last one, not with the first.
    let first = fields(b_default);
    let second = fields(&format!("{a_default},{b_default}"));
    let third = fields(&format!("{a},{b_default}"));
    let older = [&first, &second];
    for (mode, conflicts) in [
        ("none", vec![]),
        ("backward", vec![]),
        ("backward-transitive", vec![(0, Direction::Backward)]),
        ("forward", vec![]),
        ("forward-transitive", vec![]),
        ("full", vec![]),
        ("full-transitive", vec![(0, Direction::Backward)]),
    ] {
        let mode: Compatibility = mode.parse().expect("a mode");
        let found = mode.conflicts(&third, &older);
        let found: Vec<_> = found
            .iter()
            .map(|conflict| (conflict.with, conflict.direction))
            .collect();
        assert_eq!(found, conflicts, "{mode}");
    }
    let without = fields(a_default);
    let found = Compatibility::Forward.conflicts(
        &without,
        &[&fields(&format!(r#"{a},{{"name":"b","type":"int"}}"#))],
    );
    assert_eq!(found.len(), 1, "the last version cannot read what lacks b");
    assert_eq!(found[0].differences[0].rule, "READER_FIELD_MISSING_DEFAULT_VALUE");
    assert_eq!(found[0].differences[0].place.to_pointer(), "/fields/1");
    assert!("sideways".parse::<Compatibility>().is_err());
    let other = schema(Format::JsonSchema, "true");
    assert_eq!(
        Compatibility::Backward.conflicts(&other, &[&first])[0].differences[0].rule,
        "FORMAT_CHANGED"
    );
}
