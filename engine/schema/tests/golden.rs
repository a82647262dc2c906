//! What encoders of another language write, this one reads; and it writes the same bytes again, so they read it.
//! `tests/tools/schemas.sh` has written the cases.

use tailrace_schema::{Format, Header, Json, Options, Schema, read_json, write_json};

struct Case(Json);

impl Case {
    fn get(&self, name: &str) -> Option<&Json> {
        let Json::Object(members) = &self.0 else {
            panic!("no object")
        };
        members
            .iter()
            .find(|(member, _)| member == name)
            .map(|(_, value)| value)
    }

    fn text(&self, name: &str) -> &str {
        match self.get(name) {
            Some(Json::String(text)) => text,
            other => panic!("{name} is {other:?}"),
        }
    }

    fn bytes(&self) -> Vec<u8> {
        let hex = self.text("hex");
        let pairs = (0..hex.len()).step_by(2);
        pairs
            .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hexadecimal"))
            .collect()
    }

    fn json(&self) -> &Json {
        self.get("json").expect("a meaning")
    }

    fn schema(&self, format: Format, text: &str) -> Schema {
        let parsed = Schema::parse(format, text, &[], Options::default());
        parsed.unwrap_or_else(|fault| panic!("{}: {fault}", self.text("name")))
    }
}

fn cases(file: &str) -> Vec<Case> {
    let path = format!("{}/tests/data/{file}", env!("CARGO_MANIFEST_DIR"));
    let json = read_json(&std::fs::read(path).expect("the file is there")).expect("JSON");
    let Json::Array(cases) = json else {
        panic!("no array")
    };
    cases.into_iter().map(Case).collect()
}

/// Equal by value: numbers by their digits without zeros and exponents, members in any order.
fn same(one: &Json, other: &Json) -> bool {
    match (one, other) {
        (Json::Number(one), Json::Number(other)) => {
            let is_long = one.len() > 15 && !one.contains(['.', 'e']);
            one == other || (!is_long && one.parse::<f64>().ok() == other.parse::<f64>().ok())
        }
        (Json::Array(one), Json::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Json::Object(one), Json::Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(name, value)| {
                    other
                        .iter()
                        .any(|(other_name, other)| other_name == name && same(value, other))
                })
        }
        _ => one == other,
    }
}

fn assert_decoded(case: &Case, decoded: &[u8]) {
    let name = case.text("name");
    let decoded = read_json(decoded).expect("JSON");
    let expected = case.json();
    let shown = |json: &Json| String::from_utf8(write_json(json)).expect("text");
    assert!(
        same(&decoded, expected),
        "{name}:\n{}\n{}",
        shown(&decoded),
        shown(expected)
    );
}

#[test]
fn what_fastavro_writes_is_read_and_written() {
    for case in cases("fastavro.json") {
        let (name, bytes) = (case.text("name"), case.bytes());
        let reader = case.schema(Format::Avro, case.text("schema"));
        let Some(Json::String(writer)) = case.get("writer") else {
            let decoded = reader
                .decode(&bytes)
                .unwrap_or_else(|fault| panic!("{name}: {fault}"));
            assert_decoded(&case, &decoded);
            assert_eq!(reader.encode(&decoded), Ok(bytes), "{name}");
            continue;
        };
        let writer = case.schema(Format::Avro, writer);
        let decoded = reader
            .decode_written(&writer, &[], &bytes)
            .unwrap_or_else(|fault| panic!("{name}: {fault}"));
        assert_decoded(&case, &decoded);
        // A value of the union is read, though not every one would be.
        assert_eq!(
            reader.differences(&writer).is_empty(),
            name != "out of a union",
            "{name}"
        );
    }
}

#[test]
fn what_protobuf_writes_is_read_and_written_by_text_and_by_descriptor() {
    for case in cases("protobuf.json") {
        let (name, bytes) = (case.text("name"), case.bytes());
        for source in ["schema", "set"] {
            let schema = case.schema(Format::Protobuf, case.text(source));
            let schema = schema
                .for_message(case.text("message"))
                .expect("the message is there");
            let decoded = schema
                .decode(&bytes)
                .unwrap_or_else(|fault| panic!("{name} by {source}: {fault}"));
            assert_decoded(&case, &decoded);
            let encoded = schema
                .encode(&decoded)
                .unwrap_or_else(|fault| panic!("{name} by {source}: {fault}"));
            assert_eq!(encoded, bytes, "{name} by {source}");
            // The text and the descriptor are the same schema.
            let other = case.schema(Format::Protobuf, case.text("schema"));
            assert_eq!(schema.differences(&other), [], "{name} by {source}");
        }
    }
}

#[test]
fn what_confluents_serialisers_write_is_read_and_written() {
    for case in cases("confluent.json") {
        let (name, bytes) = (case.text("name"), case.bytes());
        let format: Format = case.text("format").parse().expect("a format");
        let mut schema = case.schema(format, case.text("schema"));
        if format == Format::Protobuf {
            schema = schema
                .for_message(case.text("message"))
                .expect("the message is there");
        }
        let (header, payload) =
            Header::read(format, &bytes).unwrap_or_else(|fault| panic!("{name}: {fault}"));
        assert_eq!(header.message, schema.message(), "{name}");
        let decoded = schema.decode_written(&schema, &header.message, payload);
        let decoded = decoded.unwrap_or_else(|fault| panic!("{name}: {fault}"));
        assert_decoded(&case, &decoded);
        let encoded = schema
            .encode(&decoded)
            .unwrap_or_else(|fault| panic!("{name}: {fault}"));
        assert_eq!(header.write(&encoded), bytes, "{name}");
    }
}
