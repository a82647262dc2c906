//! Keywords of JSON Schema that stand beside others or lead to other schemas: what cannot be proven is refused.

use tailrace_schema::{Format, Options, Schema};

use super::{FINE, check};

#[test]
fn keywords_beside_a_reference_are_compared() {
    let base = r##"{"$ref":"#/$defs/a","$defs":{"a":{"type":"string"}}}"##;
    let short = r##"{"$ref":"#/$defs/a","maxLength":5,"$defs":{"a":{"type":"string"}}}"##;
    let shorter = r##"{"$ref":"#/$defs/a","maxLength":4,"$defs":{"a":{"type":"string"}}}"##;
    let member = r##"{"properties":{"x":{"$ref":"#/$defs/a"}},"$defs":{"a":{"type":"string"}}}"##;
    let short_member =
        r##"{"properties":{"x":{"$ref":"#/$defs/a","maxLength":5}},"$defs":{"a":{"type":"string"}}}"##;
    let other = r##"{"$ref":"#/$defs/a","maxLength":5,"$defs":{"a":{"type":"integer"}}}"##;
    check(
        Format::JsonSchema,
        &[
            ("new", base, short, "MAX_LENGTH_ADDED"),
            ("the same", short, short, FINE),
            ("gone", short, base, FINE),
            ("tighter", short, shorter, "MAX_LENGTH_DECREASED"),
            ("in a member", member, short_member, "MAX_LENGTH_ADDED"),
            ("in a member, gone", short_member, member, FINE),
            ("the target", short, other, "TYPE_CHANGED"),
            (
                "the reference becomes its target",
                short,
                r#"{"type":"string","maxLength":5}"#,
                FINE,
            ),
            (
                "a reference becomes part of a product",
                short,
                r##"{"$ref":"#/$defs/a","allOf":[{"maxLength":5}],"$defs":{"a":{"type":"string"}}}"##,
                FINE,
            ),
        ],
    );
}

#[test]
fn keywords_beside_a_combination_are_compared() {
    check(
        Format::JsonSchema,
        &[
            (
                "a bound beside a sum",
                r#"{"type":"string"}"#,
                r#"{"anyOf":[{"type":"string"},{"type":"null"}],"maxLength":3}"#,
                "MAX_LENGTH_ADDED",
            ),
            (
                "a second combination",
                r#"{"anyOf":[{"type":"string"},{"type":"null"}]}"#,
                r#"{"anyOf":[{"type":"string"},{"type":"null"}],"allOf":[{"maxLength":3}]}"#,
                "COMBINED_TYPE_CHANGED",
            ),
            (
                "a combination goes",
                r#"{"type":"object","anyOf":[{"required":["a"]},{"required":["b"]}]}"#,
                r#"{"type":"object"}"#,
                FINE,
            ),
            (
                "a product is written out",
                r#"{"allOf":[{"type":"string"},{"maxLength":3}]}"#,
                r#"{"type":"string","maxLength":3}"#,
                FINE,
            ),
            (
                "one value of a list and const",
                r#"{"enum":["a","b"]}"#,
                r#"{"enum":["a","b"],"const":"a"}"#,
                "ENUM_ARRAY_NARROWED",
            ),
        ],
    );
}

#[test]
fn a_value_that_may_match_two_branches_of_one_of_is_refused() {
    let number = r#"{"oneOf":[{"type":"number"}]}"#;
    check(
        Format::JsonSchema,
        &[
            (
                "an integer is a number",
                number,
                r#"{"oneOf":[{"type":"number"},{"type":"integer"}]}"#,
                "COMBINED_TYPE_SUBSCHEMAS_CHANGED",
            ),
            (
                "into oneOf with two that match",
                r#"{"type":"integer"}"#,
                r#"{"oneOf":[{"type":"number"},{"type":"integer"}]}"#,
                "TYPE_CHANGED",
            ),
            (
                "told apart by a member",
                r#"{"oneOf":[{"type":"object","required":["k"],"properties":{"k":{"const":"a"}}}]}"#,
                r#"{"oneOf":[{"type":"object","required":["k"],"properties":{"k":{"const":"a"}}},
                    {"type":"object","required":["k"],"properties":{"k":{"const":"b"}}}]}"#,
                FINE,
            ),
            (
                "told apart by what is let through",
                r#"{"oneOf":[{"type":"object","required":["a"],"properties":{"a":{}},"additionalProperties":false}]}"#,
                r#"{"oneOf":[{"type":"object","required":["a"],"properties":{"a":{}},"additionalProperties":false},
                    {"type":"object","required":["b"],"properties":{"b":{}},"additionalProperties":false}]}"#,
                FINE,
            ),
            (
                "branches that meet, unchanged",
                r#"{"oneOf":[{"type":"integer","minimum":3},{"type":"integer","maximum":5}]}"#,
                r#"{"oneOf":[{"type":"integer","minimum":3},{"type":"integer","maximum":5}]}"#,
                FINE,
            ),
            (
                "branches that meet, one wider",
                r#"{"oneOf":[{"type":"integer","minimum":3},{"type":"integer","maximum":5}]}"#,
                r#"{"oneOf":[{"type":"integer","minimum":2},{"type":"integer","maximum":5}]}"#,
                "COMBINED_TYPE_SUBSCHEMAS_CHANGED",
            ),
        ],
    );
}

#[test]
fn conditions_are_compared() {
    let plain = r#"{"type":"object"}"#;
    let conditional = r#"{"type":"object","if":{"required":["a"]},"then":{"maxProperties":2}}"#;
    let wider = r#"{"type":"object","if":{"required":["a"]},"then":{"maxProperties":3}}"#;
    let other = r#"{"type":"object","if":{"required":["b"]},"then":{"maxProperties":2}}"#;
    let otherwise =
        r#"{"type":"object","if":{"required":["a"]},"then":{"maxProperties":2},"else":{"maxProperties":9}}"#;
    check(
        Format::JsonSchema,
        &[
            ("new", plain, conditional, "CONDITION_CHANGED"),
            ("the same", conditional, conditional, FINE),
            ("gone", conditional, plain, FINE),
            ("wider", conditional, wider, FINE),
            ("narrower", wider, conditional, "MAX_PROPERTIES_DECREASED"),
            ("another", conditional, other, "CONDITION_CHANGED"),
            ("else", conditional, otherwise, "CONDITION_CHANGED"),
        ],
    );
}

#[test]
fn names_and_patterns_of_members_are_compared() {
    let plain = r#"{"type":"object"}"#;
    let named = r#"{"type":"object","propertyNames":{"maxLength":5}}"#;
    let pattern = r#"{"type":"object","patternProperties":{"^a":{"type":"string"}}}"#;
    let closed = r#"{"type":"object","properties":{"b":{"type":"integer"}},"additionalProperties":false}"#;
    let closed_pattern = r#"{"type":"object","properties":{"b":{"type":"integer"}},"patternProperties":{"^a":{"type":"string"}},"additionalProperties":false}"#;
    let closed_meeting = r#"{"type":"object","properties":{"b":{"type":"integer"}},"patternProperties":{"^b":{"type":"string"}},"additionalProperties":false}"#;
    check(
        Format::JsonSchema,
        &[
            ("propertyNames new", plain, named, "PROPERTY_NAMES_ADDED"),
            ("propertyNames gone", named, plain, FINE),
            (
                "propertyNames tighter",
                named,
                r#"{"type":"object","propertyNames":{"maxLength":4}}"#,
                "MAX_LENGTH_DECREASED",
            ),
            ("a pattern new", plain, pattern, "PATTERN_PROPERTY_ADDED"),
            ("a pattern gone", pattern, plain, FINE),
            ("a pattern into a closed model", closed, closed_pattern, FINE),
            (
                "a pattern that meets a member",
                closed,
                closed_meeting,
                "PATTERN_PROPERTY_ADDED",
            ),
            (
                "a pattern out of a closed model",
                closed_pattern,
                closed,
                "PATTERN_PROPERTY_REMOVED",
            ),
            (
                "a required member without a schema",
                plain,
                r#"{"type":"object","required":["a"]}"#,
                "REQUIRED_ATTRIBUTE_ADDED",
            ),
            (
                "dependencies of older drafts",
                plain,
                r#"{"type":"object","dependencies":{"a":["b"]}}"#,
                "DEPENDENCY_ARRAY_ADDED",
            ),
        ],
    );
}

#[test]
fn what_is_left_over_is_compared() {
    let open = r#"{"type":"object","properties":{"a":{}}}"#;
    let closed = r#"{"type":"object","properties":{"a":{}},"unevaluatedProperties":false}"#;
    let closed_two =
        r#"{"type":"object","properties":{"a":{},"b":{"type":"string"}},"unevaluatedProperties":false}"#;
    let product = r#"{"allOf":[{"properties":{"a":{}}}],"unevaluatedProperties":false}"#;
    check(
        Format::JsonSchema,
        &[
            ("members", open, closed, "UNEVALUATED_NARROWED"),
            ("members, the same", closed, closed, FINE),
            ("members, open again", closed, open, FINE),
            ("a member more", closed, closed_two, FINE),
            ("a member less", closed_two, closed, "UNEVALUATED_NARROWED"),
            ("beside a product", product, product, FINE),
            (
                "beside a product with less",
                r#"{"allOf":[{"properties":{"a":{},"b":{}}}],"unevaluatedProperties":false}"#,
                product,
                "UNEVALUATED_NARROWED",
            ),
            (
                "in a member",
                r#"{"properties":{"x":{"type":"object","properties":{"a":{}}}}}"#,
                r#"{"properties":{"x":{"type":"object","properties":{"a":{}},"unevaluatedProperties":false}}}"#,
                "UNEVALUATED_NARROWED",
            ),
            (
                "elements",
                r#"{"type":"array","prefixItems":[{}]}"#,
                r#"{"type":"array","prefixItems":[{}],"unevaluatedItems":false}"#,
                "UNEVALUATED_NARROWED",
            ),
        ],
    );
}

#[test]
fn a_dynamic_reference_is_compared() {
    let tree = |kind: &str| {
        format!(
            r##"{{"type":"object","properties":{{"x":{{"$dynamicRef":"#node"}}}},
                "$defs":{{"n":{{"$dynamicAnchor":"node","type":{kind}}}}}}}"##
        )
    };
    let (wide, narrow) = (tree(r#"["string","null"]"#), tree(r#""string""#));
    check(
        Format::JsonSchema,
        &[
            ("narrower", &wide, &narrow, "SUM_TYPE_NARROWED"),
            ("wider", &narrow, &wide, FINE),
            ("the same", &wide, &wide, FINE),
            (
                "new",
                r#"{"type":"object","properties":{"x":{"type":"string"}}}"#,
                &narrow,
                "TYPE_CHANGED",
            ),
        ],
    );
}

#[test]
fn elements_that_count_are_compared_in_both_directions() {
    check(
        Format::JsonSchema,
        &[
            (
                "more elements count",
                r#"{"contains":{"type":"integer"},"maxContains":2}"#,
                r#"{"contains":{"type":"number"},"maxContains":2}"#,
                "TYPE_CHANGED",
            ),
            (
                "none was needed",
                r#"{"contains":{"type":"integer"},"minContains":0}"#,
                r#"{"contains":{"type":"integer"}}"#,
                "MIN_CONTAINS_INCREASED",
            ),
            (
                "the default is written",
                r#"{"contains":{"type":"integer"}}"#,
                r#"{"contains":{"type":"integer"},"minContains":1}"#,
                FINE,
            ),
        ],
    );
}

#[test]
fn a_format_counts_where_it_asserts() {
    let parse = |text: &str, asserts_formats: bool| {
        Schema::parse(Format::JsonSchema, text, &[], Options { asserts_formats }).expect("a schema")
    };
    let (plain, date) = (r#"{"type":"string"}"#, r#"{"type":"string","format":"date"}"#);
    let rules = |old: &Schema, new: &Schema| -> Vec<&'static str> {
        new.differences(old).into_iter().map(|one| one.rule).collect()
    };
    assert_eq!(rules(&parse(plain, false), &parse(date, false)), [""; 0]);
    assert_eq!(
        rules(&parse(plain, true), &parse(date, true)),
        ["FORMAT_ASSERTED"]
    );
    assert_eq!(
        rules(&parse(date, false), &parse(date, true)),
        ["FORMAT_ASSERTED"]
    );
    assert_eq!(rules(&parse(date, true), &parse(date, true)), [""; 0]);
    assert_eq!(rules(&parse(date, true), &parse(plain, true)), [""; 0]);
    let time = r#"{"type":"string","format":"time"}"#;
    assert_eq!(rules(&parse(date, true), &parse(time, true)), ["FORMAT_ASSERTED"]);
}

#[test]
fn a_circle_of_negations_ends() {
    let circle = r##"{"not":{"$ref":"#"}}"##;
    if let Ok(schema) = Schema::parse(Format::JsonSchema, circle, &[], Options::default()) {
        let other = Schema::parse(Format::JsonSchema, circle, &[], Options::default()).expect("the same");
        let rules: Vec<_> = schema
            .differences(&other)
            .into_iter()
            .map(|one| one.rule)
            .collect();
        assert!(rules.iter().all(|rule| *rule == "TOO_COMPLEX"), "{rules:?}");
    }
}
