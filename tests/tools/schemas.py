#!/usr/bin/env python3
"""Writes engine/schema/tests/data: bytes that the encoders of another language make, with the JSON that they mean.

Run it by tests/tools/schemas.sh, which makes a virtual environment with the encoders. The files are committed, so no
test needs Python. Nothing here is random: the same versions write the same files.
"""

import base64
import io
import json
import pathlib
import subprocess
import sys
import tempfile
from decimal import Decimal

import fastavro
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory

ROOT = pathlib.Path(__file__).resolve().parents[2]
DATA = ROOT / "engine/schema/tests/data"


def save(name, cases):
    DATA.mkdir(parents=True, exist_ok=True)
    path = DATA / name
    path.write_text(json.dumps(cases, indent=1, ensure_ascii=True) + "\n")
    print(f"{path.relative_to(ROOT)}: {len(cases)} cases")


# Avro, by fastavro. Each case: a schema, a value for fastavro, and the JSON that the engine makes of its bytes.

RECORD = {
    "type": "record",
    "name": "Order",
    "namespace": "shop",
    "fields": [
        {"name": "id", "type": "long"},
        {"name": "count", "type": "int"},
        {"name": "price", "type": {"type": "bytes", "logicalType": "decimal", "precision": 20, "scale": 4}},
        {"name": "rate", "type": "double"},
        {"name": "share", "type": "float"},
        {"name": "paid", "type": "boolean"},
        {"name": "note", "type": ["null", "string"], "default": None},
        {"name": "raw", "type": "bytes"},
        {"name": "hash", "type": {"type": "fixed", "name": "Hash", "size": 4}},
        {"name": "state", "type": {"type": "enum", "name": "State", "symbols": ["NEW", "SENT", "DONE"]}},
        {"name": "lines", "type": {"type": "array", "items": {
            "type": "record", "name": "Line",
            "fields": [{"name": "sku", "type": "string"}, {"name": "next", "type": ["null", "Line"]}],
        }}},
        {"name": "tags", "type": {"type": "map", "values": "long"}},
        {"name": "choice", "type": ["null", "string", "long", {"type": "array", "items": "int"}, "Hash"]},
        {"name": "made", "type": {"type": "long", "logicalType": "timestamp-micros"}},
    ],
}
ORDER = {
    "id": 9223372036854775807, "count": -2147483648, "price": Decimal("-1234567890123456.7890"), "rate": 0.1,
    "share": 0.25, "paid": True, "note": "żółć", "raw": b"\x00\xff\x80", "hash": b"abc\xff", "state": "SENT",
    "lines": [{"sku": "a", "next": {"sku": "b", "next": None}}, {"sku": "", "next": None}],
    "tags": {"x": -1}, "choice": ("shop.Hash", b"\x01\x02\x03\x04"), "made": 1700000000123456,
}
ORDER_JSON = {
    "id": 9223372036854775807, "count": -2147483648, "price": "-1234567890123456.7890", "rate": 0.1, "share": 0.25,
    "paid": True, "note": "żółć", "raw": "\x00\xff\x80", "hash": "abc\xff", "state": "SENT",
    "lines": [{"sku": "a", "next": {"sku": "b", "next": None}}, {"sku": "", "next": None}],
    "tags": {"x": -1}, "choice": {"shop.Hash": "\x01\x02\x03\x04"}, "made": 1700000000123456,
}
DECIMAL = {"type": "fixed", "name": "Money", "size": 8, "logicalType": "decimal", "precision": 18, "scale": 2}
AVRO = [
    ("order", RECORD, ORDER, ORDER_JSON),
    ("null", "null", None, None),
    ("long below", "long", -9223372036854775808, -9223372036854775808),
    ("int", "int", 63, 63),
    ("double", "double", 1e300, 1e300),
    ("float", "float", 1.5, 1.5),
    ("nan", "double", float("nan"), "NaN"),
    ("infinity", "float", float("-inf"), "-Infinity"),
    ("string", "string", "😀", "😀"),
    ("empty array", {"type": "array", "items": "null"}, [], []),
    ("array of nulls", {"type": "array", "items": "null"}, [None] * 3, [None] * 3),
    ("fixed decimal", DECIMAL, Decimal("-0.01"), "-0.01"),
    ("fixed decimal zero", DECIMAL, Decimal("0.00"), "0.00"),
    ("union of numbers", ["int", "double", "string"], 0.5, {"double": 0.5}),
    ("nullable last", ["string", "null"], None, None),
]
# Written by one schema, read by another.
RESOLVED = [
    ("promoted", "int", "double", 7, 7.0),
    ("bytes as text", "bytes", "string", "é".encode(), "é"),
    ("into a union", "string", ["null", "string"], "x", "x"),
    ("out of a union", ["null", "int"], "long", 3, 3),
    ("a new field", {"type": "record", "name": "R", "fields": [{"name": "a", "type": "int"}]},
     {"type": "record", "name": "R", "fields": [
         {"name": "b", "type": ["null", "string"], "default": None}, {"name": "a", "type": "long"},
         {"name": "c", "type": {"type": "array", "items": "string"}, "default": ["x"]}]},
     {"a": 5}, {"b": None, "a": 5, "c": ["x"]}),
    ("an old field", {"type": "record", "name": "R", "fields": [
        {"name": "a", "type": {"type": "map", "values": "string"}}, {"name": "b", "type": "int"}]},
     {"type": "record", "name": "R", "fields": [{"name": "b", "type": "int"}]}, {"a": {"k": "v"}, "b": 1}, {"b": 1}),
    ("an alias", {"type": "record", "name": "R", "fields": [{"name": "old", "type": "int"}]},
     {"type": "record", "name": "R", "fields": [{"name": "new", "type": "int", "aliases": ["old"]}]},
     {"old": 1}, {"new": 1}),
    ("an unknown symbol", {"type": "enum", "name": "E", "symbols": ["A", "B"]},
     {"type": "enum", "name": "E", "symbols": ["A", "X"], "default": "X"}, "B", "X"),
]


def avro_bytes(schema, value):
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(schema), value)
    return out.getvalue()


def avro():
    cases = []
    for name, schema, value, meant in AVRO:
        data = avro_bytes(schema, value)
        cases.append({"name": name, "schema": json.dumps(schema), "hex": data.hex(), "json": meant})
    for name, writer, reader, value, meant in RESOLVED:
        data = avro_bytes(writer, value)
        # fastavro reads the same: the case is not ours alone.
        read = fastavro.schemaless_reader(io.BytesIO(data), fastavro.parse_schema(writer), fastavro.parse_schema(reader))
        assert read == meant, (name, read, meant)
        cases.append({"name": name, "schema": json.dumps(reader), "writer": json.dumps(writer), "hex": data.hex(),
                      "json": meant})
    save("fastavro.json", cases)


# Protobuf, by the compiler of grpcio-tools and the runtime of protobuf.

PROTOS = {
    "proto3": ("everything.proto", """
syntax = "proto3";
package shop.v1;
import "google/protobuf/any.proto";
import "google/protobuf/timestamp.proto";
import "google/protobuf/duration.proto";
import "google/protobuf/struct.proto";
import "google/protobuf/wrappers.proto";
import "google/protobuf/field_mask.proto";
message Everything {
  double a_double = 1; float a_float = 2; int32 an_int32 = 3; int64 an_int64 = 4; uint32 a_uint32 = 5;
  uint64 a_uint64 = 6; sint32 a_sint32 = 7; sint64 a_sint64 = 8; fixed32 a_fixed32 = 9; fixed64 a_fixed64 = 10;
  sfixed32 an_sfixed32 = 11; sfixed64 an_sfixed64 = 12; bool a_bool = 13; string a_string = 14; bytes some_bytes = 15;
  Color color = 16; Inner inner = 17; repeated int32 numbers = 18; repeated string words = 19 [json_name = "Wörter"];
  map<string, Inner> by_name = 20; map<int64, bool> by_number = 21; map<bool, Color> by_bool = 22;
  oneof choice { string left = 23; Inner right = 24; int32 zero = 25; }
  optional int32 maybe = 26;
  google.protobuf.Timestamp at = 27; google.protobuf.Duration took = 28; google.protobuf.Struct object = 29;
  google.protobuf.Value value = 30; google.protobuf.Int64Value wrapped = 31; google.protobuf.FieldMask mask = 32;
  google.protobuf.Any any = 33; google.protobuf.ListValue list = 34; google.protobuf.BoolValue flag = 35;
  repeated Color colors = 36; repeated sint64 zigzags = 37 [packed = false];
  google.protobuf.NullValue nothing = 38; repeated Inner inners = 39;
  enum Color { NONE = 0; RED = 1; BLUE = -1; }
  message Inner { string name = 1; Everything back = 2; message Deep { bool yes = 1; } Deep deep = 3; }
}
message Second { int32 id = 1; }
"""),
    "proto2": ("old.proto", """
syntax = "proto2";
package shop.old;
message Old {
  required string id = 1;
  optional int32 count = 2 [default = 7];
  repeated int32 numbers = 3;
  repeated int32 packed_numbers = 4 [packed = true];
  optional group Place = 5 { optional double lat = 1; optional double lon = 2; }
  optional Kind kind = 6;
  extensions 100 to 199;
  enum Kind { A = 1; B = 2; }
}
extend Old { optional string further = 100; }
"""),
    "edition": ("new.proto", """
edition = "2023";
package shop.next;
message New {
  int32 explicit = 1;
  int32 implicit = 2 [features.field_presence = IMPLICIT];
  repeated int32 packed = 3;
  repeated int32 expanded = 4 [features.repeated_field_encoding = EXPANDED];
  Part length_prefixed = 5;
  Part delimited = 6 [features.message_encoding = DELIMITED];
  Closed closed = 7;
  Open open = 8 [features.field_presence = IMPLICIT];
  map<string, Part> parts = 9;
  message Part { string text = 1; }
  enum Closed { option features.enum_type = CLOSED; FIRST = 3; NEXT = 4; }
  enum Open { ZERO = 0; ONE = 1; }
}
"""),
}
BIG = {
    "aDouble": 0.1, "aFloat": 0.1, "anInt32": -1, "anInt64": "-9223372036854775808", "aUint32": 4294967295,
    "aUint64": "18446744073709551615", "aSint32": -2147483648, "aSint64": "9007199254740993", "aFixed32": 1,
    "aFixed64": "2", "anSfixed32": -3, "anSfixed64": "-4", "aBool": True, "aString": "żółć 😀\u0000",
    "someBytes": base64.b64encode(bytes(range(250, 256))).decode(), "color": "BLUE",
    "inner": {"name": "n", "back": {"anInt32": 5}, "deep": {"yes": True}}, "numbers": [1, 0, -1],
    "Wörter": ["", "a"], "byName": {"k": {"name": "v"}}, "byNumber": {"-5": True}, "byBool": {"true": "RED"},
    "zero": 0, "maybe": 0, "at": "2026-02-28T23:59:59.000000001Z", "took": "-1.500s",
    "object": {"a": [1.0, None, "x", {"b": False}]}, "value": None, "wrapped": "0", "mask": "aB,c.dE",
    "any": {"@type": "type.googleapis.com/shop.v1.Second", "id": 9}, "list": [True, "y"], "flag": False,
    "colors": ["RED", "NONE", 77], "zigzags": ["-1", "1"], "inners": [{}, {"name": "z"}],
}
PROTOBUF = [
    ("proto3", "shop.v1.Everything", "all fields", BIG),
    ("proto3", "shop.v1.Everything", "nothing", {}),
    ("proto3", "shop.v1.Everything", "not finite", {"aDouble": "NaN", "aFloat": "-Infinity"}),
    ("proto3", "shop.v1.Everything", "minus zero", {"aDouble": -0.0}),
    ("proto3", "shop.v1.Everything", "an unknown number of an enum", {"color": 12}),
    ("proto3", "shop.v1.Everything", "any of a well known type",
     {"any": {"@type": "type.googleapis.com/google.protobuf.Duration", "value": "3s"}}),
    ("proto3", "shop.v1.Everything", "an empty choice", {"right": {}}),
    ("proto3", "shop.v1.Second", "the second message", {"id": 3}),
    ("proto3", "shop.v1.Everything.Inner.Deep", "a message inside", {"yes": True}),
    ("proto2", "shop.old.Old", "all fields", {
        "id": "", "count": 7, "numbers": [1, 2], "packedNumbers": [3, 300], "place": {"lat": 1.5, "lon": -0.25},
        "kind": "B", "[shop.old.further]": "more"}),
    ("edition", "shop.next.New", "all fields", {
        "explicit": 0, "implicit": 4, "packed": [1, 2], "expanded": [3, 4], "lengthPrefixed": {"text": "l"},
        "delimited": {"text": "d"}, "closed": "NEXT", "open": 9, "parts": {"p": {"text": "q"}}}),
    ("edition", "shop.next.New", "zeros", {"explicit": 0}),
]


def compiled(name, text):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / name
        path.write_text(text)
        out = pathlib.Path(folder) / "set"
        import grpc_tools
        include = pathlib.Path(grpc_tools.__file__).parent / "_proto"
        subprocess.run([sys.executable, "-m", "grpc_tools.protoc", f"-I{folder}", f"-I{include}", "--include_imports",
                        f"--descriptor_set_out={out}", str(path)], check=True)
        return out.read_bytes()


def protobuf():
    sets = {key: compiled(*file) for key, file in PROTOS.items()}
    cases = []
    for key, message, name, meant in PROTOBUF:
        pool = descriptor_pool.DescriptorPool()
        for file in descriptor_pb2.FileDescriptorSet.FromString(sets[key]).file:
            pool.Add(file)
        made = message_factory.GetMessageClass(pool.FindMessageTypeByName(message))()
        message_factory.GetMessageClassesForFiles([file.name for file in
            descriptor_pb2.FileDescriptorSet.FromString(sets[key]).file], pool)
        json_format.ParseDict(meant, made, descriptor_pool=pool)
        data = made.SerializeToString(deterministic=True)
        shown = json_format.MessageToDict(made, descriptor_pool=pool)
        cases.append({"name": f"{key}: {name}", "schema": PROTOS[key][1], "set": base64.b64encode(sets[key]).decode(),
                      "message": message, "hex": data.hex(), "json": shown})
    save("protobuf.json", cases)


# Confluent's header, by the serialisers of confluent-kafka against its registry in memory.

def confluent():
    from confluent_kafka.schema_registry import SchemaRegistryClient
    from confluent_kafka.schema_registry.avro import AvroSerializer
    from confluent_kafka.schema_registry.json_schema import JSONSerializer
    from confluent_kafka.schema_registry.protobuf import ProtobufSerializer
    from confluent_kafka.serialization import MessageField, SerializationContext

    client = SchemaRegistryClient.new_client({"url": "mock://"})
    cases = []

    def case(name, form, schema, data, meant, message=""):
        cases.append({"name": name, "format": form, "schema": schema, "hex": data.hex(), "json": meant,
                      "message": message})

    avro_schema = json.dumps({"type": "record", "name": "User", "fields": [{"name": "id", "type": "long"}]})
    to = SerializationContext("avro", MessageField.VALUE)
    case("avro", "avro", avro_schema, AvroSerializer(client, avro_schema)({"id": 7}, to), {"id": 7})

    json_schema = json.dumps({"title": "User", "type": "object", "properties": {"id": {"type": "integer"}}})
    to = SerializationContext("json", MessageField.VALUE)
    case("json", "json-schema", json_schema, JSONSerializer(json_schema, client)({"id": 7}, to), {"id": 7})

    pool = descriptor_pool.Default()
    text = """
syntax = "proto3";
package shop.registry;
message First { int32 id = 1; message Inside { int32 id = 1; } }
message Other { int32 id = 1; message Inside { int32 id = 1; } message Last { int32 id = 1; } }
"""
    for file in descriptor_pb2.FileDescriptorSet.FromString(compiled("registry.proto", text)).file:
        pool.Add(file)
    for index, name in enumerate(["First", "Other", "First.Inside", "Other.Last"]):
        kind = message_factory.GetMessageClass(pool.FindMessageTypeByName(f"shop.registry.{name}"))
        to = SerializationContext(f"protobuf{index}", MessageField.VALUE)
        serializer = ProtobufSerializer(kind, client, {"use.deprecated.format": False})
        case(f"protobuf {name}", "protobuf", text, serializer(kind(id=7), to), {"id": 7}, f"shop.registry.{name}")
    save("confluent.json", cases)


if __name__ == "__main__":
    avro()
    protobuf()
    confluent()
