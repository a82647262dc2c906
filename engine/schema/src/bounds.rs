//! What a schema and a payload may ask of the engine. Both come from tenants who do not trust each other, and each
//! bound stops one thing that a few bytes could make large.

/// Bytes of one schema's text. The largest public schemas are below it, and parsing one stays below 50 ms.
pub const MAX_SCHEMA_BYTES: usize = 512 * 1024;

/// Bytes of a schema with all that it refers to: they are held in memory together.
pub const MAX_CLOSURE_BYTES: usize = 4 * 1024 * 1024;

/// Documents that one schema refers to, directly or through others.
pub const MAX_REFERENCES: usize = 64;

/// Types, fields, symbols and subschemas of one schema with all that it refers to.
pub const MAX_PARTS: usize = 20_000;

/// Levels of a document, of a schema or of a value. Every reader here calls itself for each, so it bounds the stack.
pub const MAX_DEPTH: usize = 128;

/// Values in one payload. An array of nulls has no bytes in Avro, so the length of the payload bounds nothing.
pub const MAX_VALUES: usize = 1_000_000;

/// Bytes of text that count as one value more, where a schema says them and not the payload: names of fields, symbols,
/// defaults. A few bytes of a payload repeat them as often as they like.
pub const TEXT_OF_A_VALUE: usize = 16;

/// Keywords that one payload may be judged by. References that branch double the work at each level.
pub const MAX_STEPS: usize = 2_000_000;

/// Evaluations on top of each other: a reference to itself asks for ever more of them.
pub const MAX_EVALUATIONS_DEEP: usize = 512;

/// Bytes of one compiled regular expression. `(a{1000}){1000}` is short and compiles to a million states.
pub const MAX_REGEX_BYTES: usize = 1024 * 1024;

/// Differences that a verdict names; the rest is counted.
pub const MAX_DIFFERENCES: usize = 50;

/// Pairs of types that one comparison looks at.
pub const MAX_COMPARISONS: usize = 200_000;
