//! Whatever is written is read back as it was; and no bytes at all make a reader panic.

use proptest::prelude::*;
use tailrace_schema::{Format, Json, Options, Schema, read_json, write_json};

fn schema(format: Format, text: &str) -> Schema {
    Schema::parse(format, text, &[], Options::default()).expect("a schema")
}

const AVRO: &str = r#"{"type":"record","name":"R","fields":[
    {"name":"long","type":"long"},{"name":"int","type":"int"},{"name":"double","type":"double"},
    {"name":"text","type":"string"},{"name":"bytes","type":"bytes"},
    {"name":"decimal","type":{"type":"bytes","logicalType":"decimal","precision":30,"scale":3}},
    {"name":"union","type":["null","long","string","boolean"]},
    {"name":"map","type":{"type":"map","values":"int"}},
    {"name":"list","type":{"type":"array","items":["null","R"]}}]}"#;

const PROTOBUF: &str = r#"syntax = "proto3";
message R {
  int64 long = 1; sint32 int = 2; double double = 3; string text = 4; bytes bytes = 5; fixed64 fixed = 6;
  oneof union { uint64 number = 7; string word = 8; bool flag = 9; }
  map<string, int32> map = 10; repeated R list = 11; optional float float = 12; repeated sfixed32 packed = 13;
}"#;

#[allow(clippy::needless_pass_by_value)]
fn number(value: impl std::fmt::Display) -> Json {
    Json::Number(format!("{value}").into_boxed_str())
}

#[allow(clippy::needless_pass_by_value)]
fn text(value: impl std::fmt::Display) -> Json {
    Json::String(format!("{value}"))
}

fn object(members: Vec<(&str, Json)>) -> Json {
    Json::Object(
        members
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
    )
}

fn map() -> impl Strategy<Value = Json> {
    proptest::collection::btree_map(any::<String>(), any::<i32>(), 0..4).prop_map(|map| {
        Json::Object(
            map.into_iter()
                .map(|(name, value)| (name, number(value)))
                .collect(),
        )
    })
}

fn finite() -> impl Strategy<Value = f64> {
    any::<f64>().prop_filter("finite", |number| number.is_finite())
}

fn avro_value() -> impl Strategy<Value = Json> {
    let union = || {
        prop_oneof![
            Just(Json::Null),
            any::<i64>().prop_map(|long| object(vec![("long", number(long))])),
            any::<String>().prop_map(|word| object(vec![("string", text(word))])),
            any::<bool>().prop_map(|flag| object(vec![("boolean", Json::Bool(flag))])),
        ]
    };
    let leaf = || {
        (
            (
                any::<i64>(),
                any::<i32>(),
                finite(),
                any::<String>(),
                any::<Vec<u8>>(),
                -999_999_999_i64..999_999_999,
            ),
            (union(), map()),
        )
    };
    let made = |parts: ((i64, i32, f64, String, Vec<u8>, i64), (Json, Json)), list: Vec<Json>| {
        let ((long, int, double, word, bytes, units), (union, map)) = parts;
        let decimal = format!(
            "{}{}.{:03}",
            if units < 0 { "-" } else { "" },
            (units / 1000).abs(),
            (units % 1000).abs()
        );
        object(vec![
            ("long", number(long)),
            ("int", number(int)),
            ("double", number(format!("{double:?}"))),
            ("text", text(word)),
            ("bytes", Json::String(bytes.into_iter().map(char::from).collect())),
            ("decimal", text(decimal)),
            ("union", union),
            ("map", map),
            ("list", Json::Array(list)),
        ])
    };
    (leaf(), proptest::collection::vec(leaf(), 0..3)).prop_map(move |(outer, inner)| {
        let inner = inner
            .into_iter()
            .map(|parts| made(parts, vec![Json::Null]))
            .collect();
        made(outer, inner)
    })
}

fn protobuf_value() -> impl Strategy<Value = Json> {
    let union = prop_oneof![
        any::<u64>().prop_map(|value| ("number", text(value))),
        any::<String>().prop_map(|value| ("word", text(value))),
        any::<bool>().prop_map(|value| ("flag", Json::Bool(value))),
    ];
    // Fields without presence are not zero here: a zero is not written.
    let long = any::<i64>().prop_filter("not zero", |value| *value != 0);
    let int = any::<i32>().prop_filter("not zero", |value| *value != 0);
    let fixed = 1..u64::MAX;
    let word = any::<String>().prop_filter("not empty", |value| !value.is_empty());
    let float = any::<f32>().prop_filter("finite", |value| value.is_finite());
    (long, int, finite(), word, fixed, union, map(), float).prop_map(
        |(long, int, double, word, fixed, union, map, float)| {
            let mut members = vec![("long", text(long)), ("int", number(int))];
            if double.to_bits() != 0 {
                members.push(("double", number(format!("{double:?}"))));
            }
            members.extend([
                ("text", text(word)),
                ("bytes", text("/+8=")),
                ("fixed", text(fixed)),
                union,
            ]);
            if map != Json::Object(Vec::new()) {
                members.push(("map", map));
            }
            members.push((
                "list",
                Json::Array(vec![object(vec![("long", text(long))]), object(vec![])]),
            ));
            members.push(("float", number(format!("{float:?}"))));
            members.push(("packed", Json::Array(vec![number(int), number(0)])));
            object(members)
        },
    )
}

proptest! {
    #[test]
    fn avro_goes_there_and_back(value in avro_value()) {
        let schema = schema(Format::Avro, AVRO);
        let json = write_json(&value);
        let bytes = schema.encode(&json).expect("it is of the schema");
        prop_assert_eq!(schema.decode(&bytes).expect("it was written"), json);
    }

    #[test]
    fn protobuf_goes_there_and_back(value in protobuf_value()) {
        let schema = schema(Format::Protobuf, PROTOBUF);
        let json = write_json(&value);
        let bytes = schema.encode(&json).expect("it is of the schema");
        prop_assert_eq!(schema.decode(&bytes).expect("it was written"), json);
    }

    #[test]
    fn json_goes_there_and_back(value in avro_value()) {
        let json = write_json(&value);
        prop_assert_eq!(write_json(&read_json(&json).expect("JSON")), json);
    }

    #[test]
    fn no_bytes_make_a_reader_panic(bytes in any::<Vec<u8>>(), value in avro_value(), at in any::<usize>(), new in any::<u8>()) {
        let (avro, protobuf) = (schema(Format::Avro, AVRO), schema(Format::Protobuf, PROTOBUF));
        for schema in [&avro, &protobuf] {
            let _ = schema.decode(&bytes);
            let _ = schema.encode(&bytes);
        }
        let mut torn = avro.encode(&write_json(&value)).expect("it is of the schema");
        let at = at % torn.len();
        torn[at] = new;
        let _ = avro.decode(&torn);
        torn.truncate(at);
        let _ = avro.decode(&torn);
        let _ = read_json(&torn);
    }

    #[test]
    fn no_text_makes_a_parser_panic(text in "[ a-z{}\\[\\]\":,;=<>.0-9_$#/\\\\]{0,200}", at in 0_usize..400, new in any::<char>()) {
        for format in Format::ALL {
            let _ = Schema::parse(format, &text, &[], Options::default());
        }
        for (format, good) in [(Format::Avro, AVRO), (Format::Protobuf, PROTOBUF)] {
            let mutant: String = good.chars().enumerate().map(|(index, character)| if index == at { new } else { character }).collect();
            let _ = Schema::parse(format, &mutant, &[], Options::default());
            let cut: String = good.chars().take(at).collect();
            let _ = Schema::parse(format, &cut, &[], Options::default());
        }
    }
}
