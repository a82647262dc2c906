//! JSON that borrows its texts and names from the payload: most events are only looked at, and a
//! copy of each name and text would be most of the time that a look takes.
//!
//! `value` is what is read, `read` parses strictly.

mod read;
mod value;

pub(crate) use read::{Name, parse, text};
pub(crate) use value::{Json, Object, order};
