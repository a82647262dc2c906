//! Where Avro's JSON needs a choice: branches of unions, and decimals.

use super::model::{AvroSchema, Shape, TypeId};
use crate::json::{Decimal, Json};

/// The longest decimal, in bytes: making its text takes time by the square of it.
pub(super) const MAX_DECIMAL_BYTES: usize = 420;

/// The value of a branch. It carries the branch's name, unless null is the only other one.
pub(super) fn tagged(schema: &AvroSchema, branches: &[TypeId], index: usize, value: Json) -> Json {
    let branch = branches[index];
    if schema.is_plain(branches) || matches!(schema.shape(branch), Shape::Null) {
        return value;
    }
    Json::Object(vec![(schema.branch_name(branch).to_owned(), value)])
}

/// The bytes of a decimal as text, with all digits of its scale.
pub(super) fn decimal_text(bytes: &[u8], scale: usize) -> Json {
    Json::text(Decimal::from_unscaled(bytes, scale).to_fixed(scale))
}
