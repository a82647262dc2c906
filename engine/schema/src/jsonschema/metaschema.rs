//! The standard's own schemas: what a schema must be, and what `$ref` may name without a push. `metaschema/` has them
//! without their comments.

use std::sync::LazyLock;

use crate::json::{Json, read};

/// The name of the dialect.
pub(super) const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

const TEXTS: [&str; 8] = [
    include_str!("metaschema/schema.json"),
    include_str!("metaschema/core.json"),
    include_str!("metaschema/applicator.json"),
    include_str!("metaschema/unevaluated.json"),
    include_str!("metaschema/validation.json"),
    include_str!("metaschema/meta-data.json"),
    include_str!("metaschema/format-annotation.json"),
    include_str!("metaschema/content.json"),
];

/// The documents, each with its `$id`; the first is the dialect's.
pub(super) static DOCUMENTS: LazyLock<Vec<Json>> = LazyLock::new(|| {
    TEXTS
        .iter()
        .map(|text| read(text.as_bytes()).expect("the standard's schemas are JSON"))
        .collect()
});
