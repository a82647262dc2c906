//! Changes of Protobuf, rule by rule.

use tailrace_schema::Format;

use super::{FINE, check};

#[test]
fn each_change_has_its_verdict() {
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
