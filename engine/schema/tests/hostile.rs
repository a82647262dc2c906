//! Schemas and payloads that ask for more than they are: each ends soon, in a rejection or a fault with words, on a
//! stack as small as a guest thread's.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use tailrace_schema::{Format, Options, Reference, Schema};

/// No case may take longer. They take milliseconds; the rest is for machines under load.
const SOON: Duration = Duration::from_secs(20);

/// Runs on a thread with one mebibyte of stack, and takes the time.
#[allow(clippy::disallowed_methods)] // The time that passes is what is tested.
fn soon<T: Send + 'static>(name: &str, run: impl FnOnce() -> T + Send + 'static) -> T {
    let started = Instant::now();
    let thread = std::thread::Builder::new()
        .stack_size(1024 * 1024)
        .spawn(run)
        .expect("a thread");
    let answer = thread.join().expect("it neither panics nor overflows its stack");
    assert!(started.elapsed() < SOON, "{name} took {:?}", started.elapsed());
    answer
}

fn parse(format: Format, text: &str) -> Result<Schema, String> {
    Schema::parse(format, text, &[], Options::default()).map_err(|fault| fault.to_string())
}

fn judged(format: Format, schema: String, payload: Vec<u8>) -> Result<(), String> {
    soon("a payload", move || {
        let schema = parse(format, &schema)?;
        schema.validate(&payload).map_err(|fault| fault.to_string())
    })
}

#[test]
fn references_that_double_the_work_at_each_level_are_stopped() {
    // Billion laughs: each definition asks the next one twice.
    let mut schema = String::from(r##"{"$ref":"#/$defs/d0","$defs":{"##);
    for level in 0..60 {
        let next = level + 1;
        write!(
            schema,
            r##""d{level}":{{"allOf":[{{"$ref":"#/$defs/d{next}"}},{{"$ref":"#/$defs/d{next}"}}]}},"##
        )
        .unwrap();
    }
    schema.push_str(r#""d60":{"type":"integer"}}}"#);
    let answer = judged(Format::JsonSchema, schema, b"1".to_vec());
    assert!(
        answer.as_ref().is_err_and(|fault| fault.contains("steps")),
        "{answer:?}"
    );
    // The same by recursion into the payload.
    let schema = r##"{"allOf":[{"properties":{"a":{"$ref":"#"}}},{"properties":{"a":{"$ref":"#"}}}]}"##;
    let payload = "{\"a\":".repeat(100) + "1" + &"}".repeat(100);
    let answer = judged(Format::JsonSchema, schema.to_owned(), payload.into_bytes());
    assert!(
        answer.as_ref().is_err_and(|fault| fault.contains("steps")),
        "{answer:?}"
    );
}

#[test]
fn a_reference_that_never_goes_into_the_value_is_refused_with_its_place() {
    let defs = r##""$defs":{"a":{"allOf":[true,{"$ref":"#/$defs/b"}]},"b":{"$ref":"#/$defs/a"}}"##;
    for (schema, place) in [
        (r##"{"$ref":"#"}"##.to_owned(), "/$ref"),
        (r##"{"type":"object","$ref":"#"}"##.to_owned(), "/$ref"),
        (r##"{"anyOf":[{"$ref":"#"}]}"##.to_owned(), "/anyOf/0/$ref"),
        (r##"{"not":{"$ref":"#"}}"##.to_owned(), "/not/$ref"),
        (r##"{"if":{"$ref":"#"},"then":true}"##.to_owned(), "/if/$ref"),
        (
            format!(r##"{{"properties":{{"x":{{"$ref":"#/$defs/a"}}}},{defs}}}"##),
            "/$ref",
        ),
    ] {
        let refused = parse(Format::JsonSchema, &schema).unwrap_err();
        assert!(
            refused.contains(place) && refused.contains("comes back"),
            "{schema}: {refused}"
        );
    }
    for schema in [
        r##"{"type":["object","null"],"properties":{"next":{"$ref":"#"}}}"##,
        r##"{"anyOf":[{"type":"integer"},{"items":{"$ref":"#"}}]}"##,
        r##"{"allOf":[{"$ref":"#/$defs/a"},{"$ref":"#/$defs/a"}],"$defs":{"a":{"type":"integer"}}}"##,
    ] {
        parse(Format::JsonSchema, schema).unwrap();
    }
}

#[test]
fn a_reference_that_may_come_back_to_itself_ends() {
    for schema in [
        r##"{"anyOf":[{"type":"string"},{"$ref":"#"}]}"##,
        r##"{"$dynamicAnchor":"x","$dynamicRef":"#x"}"##,
    ] {
        let answer = judged(Format::JsonSchema, schema.to_owned(), b"1".to_vec());
        assert!(
            answer.as_ref().is_err_and(|fault| fault.contains("levels deep")),
            "{schema}: {answer:?}"
        );
    }
}

fn many_fields(count: usize) -> String {
    let mut fields = String::new();
    for n in 1..=count {
        write!(fields, "int32 f{n} = {n};").unwrap();
    }
    fields
}

#[test]
fn ten_thousand_fields_are_no_burden_and_more_are_refused() {
    let members = |count: usize| {
        (0..count)
            .map(|n| format!(r#""m{n}":{{"type":"integer"}}"#))
            .collect::<Vec<_>>()
            .join(",")
    };
    let schema = format!(
        r#"{{"properties":{{{}}},"additionalProperties":false}}"#,
        members(10_000)
    );
    let payload = format!(
        "{{{}}}",
        (0..10_000)
            .map(|n| format!(r#""m{n}":{n}"#))
            .collect::<Vec<_>>()
            .join(",")
    );
    assert_eq!(judged(Format::JsonSchema, schema, payload.into_bytes()), Ok(()));
    let schema = format!(
        r#"{{"properties":{{{}}}}}"#,
        (0..20_001)
            .map(|n| format!(r#""{n}":true"#))
            .collect::<Vec<_>>()
            .join(",")
    );
    assert!(judged(Format::JsonSchema, schema, b"1".to_vec()).is_err_and(|fault| fault.contains("at most")));
    let fields = |count: usize| {
        (0..count)
            .map(|n| format!(r#"{{"name":"f{n}","type":"int","default":1}}"#))
            .collect::<Vec<_>>()
            .join(",")
    };
    let avro = format!(r#"{{"type":"record","name":"R","fields":[{}]}}"#, fields(10_000));
    assert_eq!(judged(Format::Avro, avro, vec![0; 10_000]), Ok(()));
    let fields = many_fields(10_000);
    assert_eq!(
        judged(
            Format::Protobuf,
            format!("syntax=\"proto3\";message M{{{fields}}}"),
            vec![8, 1]
        ),
        Ok(())
    );
    let fields = many_fields(20_001);
    let answer = judged(
        Format::Protobuf,
        format!("syntax=\"proto3\";message M{{{fields}}}"),
        vec![8, 1],
    );
    assert!(answer.is_err_and(|fault| fault.contains("at most")));
}

#[test]
fn expressions_that_blow_up_take_linear_time() {
    let payload = format!("\"{}!\"", "a".repeat(50_000));
    for pattern in ["^(a+)+$", "^(a|a)*$", "(a*)*b", "^(([a-z])+.)+[A-Z]([a-z])+$"] {
        let schema = format!(r#"{{"pattern":"{pattern}"}}"#);
        assert!(judged(Format::JsonSchema, schema, payload.clone().into_bytes()).is_err());
    }
    let huge = r#"{"pattern":"((a{500}){500}){500}"}"#.to_owned();
    assert!(judged(Format::JsonSchema, huge, b"1".to_vec()).is_err_and(|fault| fault.contains("/pattern")));
    let many: Vec<String> = (0..200).map(|n| format!(r#"{{"pattern":"{n}"}}"#)).collect();
    let many = format!(r#"{{"anyOf":[{}]}}"#, many.join(","));
    assert!(judged(Format::JsonSchema, many, b"1".to_vec()).is_err_and(|fault| fault.contains("patterns")));
}

#[test]
fn depth_is_bounded_everywhere() {
    let deep = |open: &str, close: &str, inner: &str| open.repeat(5_000) + inner + &close.repeat(5_000);
    assert!(judged(Format::JsonSchema, deep(r#"{"not":"#, "}", "true"), b"1".to_vec()).is_err());
    assert!(
        judged(
            Format::JsonSchema,
            "true".to_owned(),
            deep("[", "]", "").into_bytes()
        )
        .is_err()
    );
    assert!(
        judged(
            Format::Avro,
            deep(r#"{"type":"array","items":"#, "}", r#""int""#),
            vec![0]
        )
        .is_err()
    );
    let messages = format!("syntax=\"proto3\";{}", deep("message M{", "}", ""));
    assert!(judged(Format::Protobuf, messages, Vec::new()).is_err());
    // A list in itself: the payload is deep, though the schema is not.
    let list = r#"{"type":"record","name":"L","fields":[{"name":"n","type":["null","L"]}]}"#.to_owned();
    assert!(judged(Format::Avro, list, vec![2; 100_000]).is_err_and(|fault| fault.contains("levels")));
    // A record that has no end needs no bytes at all.
    let endless = r#"{"type":"record","name":"L","fields":[{"name":"n","type":"L"}]}"#.to_owned();
    assert!(judged(Format::Avro, endless, Vec::new()).is_err_and(|fault| fault.contains("levels")));
    let mut payload = Vec::new();
    for _ in 0..2_000 {
        let mut outer = vec![0x0a];
        let mut length = payload.len();
        while length >= 0x80 {
            outer.push(length as u8 | 0x80);
            length >>= 7;
        }
        outer.push(length as u8);
        outer.extend(&payload);
        payload = outer;
    }
    let answer = judged(
        Format::Protobuf,
        "syntax=\"proto3\"; message M { M m = 1; }".to_owned(),
        payload.clone(),
    );
    assert!(answer.is_err_and(|fault| fault.contains("levels")));
    let groups = "syntax=\"proto2\"; message M { optional group G = 1 { optional int32 x = 1; } }".to_owned();
    assert!(judged(Format::Protobuf, groups, vec![0x1b; 100_000]).is_err());
}

#[test]
fn lengths_and_counts_are_claims_until_the_bytes_are_there() {
    let claim = [0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f];
    for schema in [r#""bytes""#, r#""string""#, r#"{"type":"map","values":"null"}"#] {
        assert!(
            judged(Format::Avro, schema.to_owned(), claim.to_vec()).is_err(),
            "{schema}"
        );
    }
    // A billion nulls are five bytes, and so are a billion empty records.
    let nulls = r#"{"type":"array","items":"null"}"#.to_owned();
    assert!(judged(Format::Avro, nulls.clone(), claim.to_vec()).is_err_and(|fault| fault.contains("values")));
    let block = [0x80, 0x89, 0x7a]; // a million nulls
    assert!(
        judged(Format::Avro, nulls, [block, block, block].concat())
            .is_err_and(|fault| fault.contains("values"))
    );
    // Defaults multiply what is short.
    let writer = r#"{"type":"array","items":{"type":"record","name":"R","fields":[]}}"#;
    let long = "x".repeat(100_000);
    let reader = format!(
        r#"{{"type":"array","items":{{"type":"record","name":"R","fields":[{{"name":"a","type":"string","default":"{long}"}}]}}}}"#
    );
    let answer = soon("defaults", move || {
        let (writer, reader) = (parse(Format::Avro, writer)?, parse(Format::Avro, &reader)?);
        let payload = [0x80, 0x89, 0x7a, 0x00];
        reader
            .decode_written(&writer, &[], &payload)
            .map(|json| json.len())
            .map_err(|fault| fault.to_string())
    });
    assert!(answer.is_err_and(|fault| fault.contains("values")));
    for payload in [
        &[0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f][..],
        &[0xff; 11],
        &[0x0a],
        &[0x0b],
        &[0x0f],
        &[0],
    ] {
        let schema = "syntax=\"proto3\"; message M { bytes b = 1; }".to_owned();
        assert!(
            judged(Format::Protobuf, schema, payload.to_vec()).is_err(),
            "{payload:?}"
        );
    }
}

#[test]
fn numbers_of_any_size_cost_what_their_digits_cost() {
    let digits = "9".repeat(100_000);
    let schema = r#"{"multipleOf":0.01,"maximum":1e400}"#.to_owned();
    assert!(judged(Format::JsonSchema, schema.clone(), digits.clone().into_bytes()).is_err());
    assert_eq!(judged(Format::JsonSchema, schema, b"1e399".to_vec()), Ok(()));
    let unique = format!(r"[1e999999999,{}]", ["1e999999998"; 1].join(","));
    assert_eq!(
        judged(
            Format::JsonSchema,
            r#"{"uniqueItems":true}"#.to_owned(),
            unique.into_bytes()
        ),
        Ok(())
    );
    let decimal = r#"{"type":"bytes","logicalType":"decimal","precision":1000}"#.to_owned();
    let mut payload = vec![0x80, 0xb5, 0x18]; // 200,000 bytes
    payload.resize(200_003, 0x7f);
    assert!(judged(Format::Avro, decimal, payload).is_err_and(|fault| fault.contains("digits")));
}

#[test]
fn comparing_schemas_that_branch_in_each_other_ends() {
    let nested = |kind: &str| {
        let branches: Vec<String> = (0..6)
            .map(|n| format!(r##"{{"properties":{{"p{n}":{{"$ref":"#"}}}},"{kind}":{{"$ref":"#"}}}}"##))
            .collect();
        // The first one ends, or the schema would be refused.
        format!(r#"{{"anyOf":[{{"const":0}},{}]}}"#, branches.join(","))
    };
    soon("JSON Schema", move || {
        let (one, other) = (
            parse(Format::JsonSchema, &nested("not")),
            parse(Format::JsonSchema, &nested("items")),
        );
        one.expect("a schema")
            .differences(&other.expect("a schema"))
            .len()
    });
    let mut text = String::from("[");
    for n in 0..200 {
        let of = (n * 7) % 200;
        let ty = if of < n {
            format!(r#"["null","R{of}"]"#)
        } else {
            r#"["null","int"]"#.to_owned()
        };
        write!(
            text,
            r#"{}{{"type":"record","name":"R{n}","fields":[{{"name":"a","type":{ty}}}]}}"#,
            if n > 0 { "," } else { "" }
        )
        .unwrap();
    }
    text.push(']');
    soon("Avro", move || {
        let other = text.replace("\"int\"", "\"string\"");
        let (one, other) = (parse(Format::Avro, &text), parse(Format::Avro, &other));
        one.expect("a schema")
            .differences(&other.expect("a schema"))
            .len()
    });
}

#[test]
fn a_schema_with_its_references_has_a_size() {
    let large = format!("\"{}\"", "a".repeat(600 * 1024));
    assert!(parse(Format::JsonSchema, &large).is_err_and(|fault| fault.contains("bytes")));
    let references: Vec<Reference> = (0..65).map(|n| Reference::new(format!("r{n}"), "true")).collect();
    let fault =
        Schema::parse(Format::JsonSchema, "true", &references, Options::default()).expect_err("too many");
    assert!(fault.to_string().contains("at most 64"), "{fault}");
}

#[test]
fn a_type_is_told_with_its_article() {
    for (kind, told) in [("int64", "an int64 is"), ("uint64", "a uint64 is")] {
        let text = format!("syntax = \"proto3\"; message M {{ {kind} a = 1; }}");
        let schema = Schema::parse(Format::Protobuf, &text, &[], Options::default()).unwrap();
        // Eight bytes where a number of any length is expected.
        let fault = schema
            .decode(&[9, 0, 0, 0, 0, 0, 0, 0, 0])
            .unwrap_err()
            .to_string();
        assert!(fault.contains(told), "{fault}");
    }
}

#[test]
fn required_is_a_label_of_proto2_only() {
    let text = |syntax: &str| format!("{syntax}; message M {{\n  required string a = 1;\n}}");
    assert!(parse(Format::Protobuf, &text("syntax = \"proto2\"")).is_ok());
    for syntax in ["syntax = \"proto3\"", "edition = \"2023\""] {
        let fault = parse(Format::Protobuf, &text(syntax)).unwrap_err();
        assert!(
            fault.contains("required is a label of proto2") && fault.contains('2'),
            "{fault}"
        );
    }
}

#[test]
fn defaults_that_have_themselves_or_double_end() {
    let itself = r#"{"type":"record","name":"A","fields":[{"name":"a","type":"A","default":{}}]}"#;
    let answer = judged(Format::Avro, itself.to_owned(), vec![0]);
    assert!(answer.is_err_and(|fault| fault.contains("defaults make")));
    let mut inner = r#"{"type":"record","name":"R40","fields":[]}"#.to_owned();
    for n in (0..40).rev() {
        let next = n + 1;
        inner = format!(
            r#"{{"type":"record","name":"R{n}","fields":[{{"name":"a","type":{inner},"default":{{}}}},{{"name":"b","type":"R{next}","default":{{}}}}]}}"#
        );
    }
    let answer = judged(Format::Avro, inner, vec![0]);
    assert!(answer.is_err_and(|fault| fault.contains("defaults make")));
}

#[test]
fn names_that_the_schema_says_are_bounded_however_often_a_payload_means_them() {
    let long = "x".repeat(100_000);
    let record = |of: &str| {
        format!(
            r#"{{"type":"array","items":{{"type":"record","name":"R","fields":[{{"name":"{long}","type":{of}}}]}}}}"#
        )
    };
    let block = [0xc0, 0x84, 0x3d]; // 500,000
    let many_nulls = [&block[..], &[0]].concat();
    let many_small = [&block[..], &[0x02, 0x00].repeat(500_000), &[0]].concat();
    let symbols = format!(r#"{{"type":"array","items":{{"type":"enum","name":"E","symbols":["{long}"]}}}}"#);
    let union =
        format!(r#"{{"type":"array","items":["int",{{"type":"enum","name":"E{long}","symbols":["a"]}}]}}"#);
    let decimals =
        r#"{"type":"array","items":{"type":"bytes","logicalType":"decimal","precision":1000,"scale":1000}}"#;
    let zeros = [&block[..], &[0].repeat(500_000), &[0]].concat();
    for (schema, payload) in [
        (record("\"null\""), many_nulls),
        (symbols, zeros),
        (union, many_small.clone()),
        (decimals.to_owned(), many_small),
    ] {
        let answer = judged(Format::Avro, schema, payload);
        assert!(answer.is_err_and(|fault| fault.contains("values")));
    }
    let proto = format!(
        "syntax=\"proto3\"; message L {{ repeated M m = 1; repeated E e = 2; }} message M {{ bool {long} = 1; }} enum E {{ Z = 0; Y{long} = 1; }}"
    );
    for payload in [
        [0x0a, 0x02, 0x08, 0x01].repeat(250_000),
        [0x10, 0x01].repeat(500_000),
    ] {
        let answer = judged(Format::Protobuf, proto.clone(), payload);
        assert!(answer.is_err_and(|fault| fault.contains("values")));
    }
}

#[test]
fn what_is_large_in_the_schema_is_not_paid_for_by_every_value() {
    let symbols: Vec<String> = (0..15_000).map(|n| format!("\"S{n}\"")).collect();
    let symbols = symbols.join(",");
    let avro = format!(r#"{{"type":"array","items":{{"type":"enum","name":"E","symbols":[{symbols}]}}}}"#);
    // 500,000 times the last symbol, which is three bytes.
    let mut payload = vec![0xc0, 0x84, 0x3d];
    payload.extend([0xae, 0xd4, 0x01].repeat(500_000));
    payload.push(0);
    assert_eq!(judged(Format::Avro, avro, payload), Ok(()));
    let values: String = (0..15_000)
        .map(|n| format!("S{n} = {n}; "))
        .collect::<Vec<_>>()
        .concat();
    let proto = format!("syntax=\"proto3\"; enum E {{ {values} }} message M {{ repeated E e = 1; }}");
    let mut payload = vec![0x0a, 0xc0, 0x84, 0x3d]; // a million bytes of them
    payload.extend([0x97, 0x75].repeat(500_000));
    assert_eq!(judged(Format::Protobuf, proto, payload), Ok(()));
    // Many empty messages of many fields.
    let proto = format!(
        "syntax=\"proto3\"; message L {{ repeated M m = 1; }} message M {{ {} }}",
        many_fields(15_000)
    );
    let answer = judged(Format::Protobuf, proto, [0x0a, 0x00].repeat(400_000));
    assert!(answer.is_err_and(|fault| fault.contains("values")));
    // Many members of a oneof, each replacing the one before.
    let proto = format!(
        "syntax=\"proto3\"; message M {{ oneof o {{ {} }} }}",
        many_fields(15_000)
    );
    assert_eq!(
        judged(Format::Protobuf, proto, [0x08, 0x01, 0x10, 0x01].repeat(200_000)),
        Ok(())
    );
    // A long number among many values.
    let values: Vec<String> = (0..15_000).map(|n| n.to_string()).collect();
    let schema = format!(r#"{{"enum":[{}]}}"#, values.join(","));
    let answer = judged(Format::JsonSchema, schema, "9".repeat(500_000).into_bytes());
    assert!(answer.is_err_and(|fault| fault.contains("steps")));
}
