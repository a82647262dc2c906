//! Changes of JSON Schema, rule by rule.

use tailrace_schema::Format;

use super::{FINE, check};

#[test]
fn each_change_has_its_verdict() {
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
