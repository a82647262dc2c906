//! YAML (1.2) as a tree that keeps each scalar as it was written, so that the place decides what it is: where a
//! text is expected `NO`, `on`, `01234` and `1e3` are texts.
//!
//! - [`compose`] reads the text, with anchors, aliases and merge keys, and bounds what they can grow to;
//! - [`places`] says where each node is, so that a mistake has a line and a column;
//! - [`scalar`] says what a plain scalar is where the place says nothing: the core schema of YAML 1.2, but for
//!   digits with a leading zero, which are text;
//! - [`typed`] reads a type from the tree, by what the type asks for.
//!
//! Why: docs/decisions/0077-yaml-is-typed-by-its-place.md

pub mod compose;
pub mod places;
pub mod scalar;
pub mod typed;
mod words;

pub use compose::{Yaml, YamlError, parse, parse_with_places};
pub use scalar::{Plain, YamlScalar};
