//! The pipeline as a tenant writes it. These types are its documentation: the JSON Schema that is
//! served and committed is made from them. [`parse`] reads the text, [`check`] refuses what cannot work.

pub mod check;
pub mod parse;
mod parts;
pub mod sketches;

pub use parts::*;
pub use sketches::SketchSpec;
