//! The files that every Protobuf compiler brings along. They need no push. Of `descriptor.proto` only the options are
//! here: a schema extends them, and no payload has them.

/// By the name under which they are imported.
pub(super) const FILES: [(&str, &str); 8] = [
    ("google/protobuf/any.proto", include_str!("standard/any.proto")),
    (
        "google/protobuf/duration.proto",
        include_str!("standard/duration.proto"),
    ),
    (
        "google/protobuf/timestamp.proto",
        include_str!("standard/timestamp.proto"),
    ),
    (
        "google/protobuf/empty.proto",
        include_str!("standard/empty.proto"),
    ),
    (
        "google/protobuf/field_mask.proto",
        include_str!("standard/field_mask.proto"),
    ),
    (
        "google/protobuf/struct.proto",
        include_str!("standard/struct.proto"),
    ),
    (
        "google/protobuf/wrappers.proto",
        include_str!("standard/wrappers.proto"),
    ),
    (
        "google/protobuf/descriptor.proto",
        include_str!("standard/descriptor.proto"),
    ),
];

/// Imported by many, and without a type that a payload has: what they declare is for compilers.
pub(super) const PASSED_OVER: [&str; 3] = [
    "google/protobuf/go_features.proto",
    "google/protobuf/java_features.proto",
    "google/protobuf/cpp_features.proto",
];
