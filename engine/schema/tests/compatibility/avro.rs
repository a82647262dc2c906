//! Changes of Avro, rule by rule.

use tailrace_schema::Format;

use super::{FINE, check};

#[test]
fn each_change_has_its_verdict() {
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
