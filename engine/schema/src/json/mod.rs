//! JSON as it came: numbers keep their digits, members their order, and a member twice is a fault. What the usual
//! reader makes of a number (64 bits) or of a double member (the last one counts) is not what was sent.

mod number;
mod read;
mod value;
mod write;

pub(crate) use number::Decimal;
pub use read::read;
pub use value::Json;
pub use write::write;
