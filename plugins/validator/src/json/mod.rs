//! JSON that borrows its texts and names from the payload: most events are only looked at, and a
//! copy of each name and text would be most of the time that a look takes.
//!
//! Each value is kept beside the bytes that it was read from. What no rule changes is written as it
//! came: no digit, no escape and no zero behind the point is lost in a field that is none of the
//! validator's business.
//!
//! `value` is what is read, `number` a number by its digits, `read` parses strictly, `write` writes.

mod number;
mod read;
mod value;
mod write;

pub(crate) use number::Number;
pub(crate) use read::{Name, failure, of_raw, parse, text};
pub(crate) use value::{Item, Json, Member, Object, order};
