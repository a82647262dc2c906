//! The console: the files that a browser loads, kept in the binary. It decides what a browser gets and knows no
//! HTTP library, so it has no dependency; the API puts the answer on the wire.
//!
//! - `file`: a built file and its encodings;
//! - `headers`: what every answer carries, the content security policy above all;
//! - `negotiate`: which encoding a browser takes, whether it has the file already;
//! - `answer`: from a path to an answer.
//!
//! Invariants: every answer carries the policy. No answer depends on a token: the console is the same for
//! everybody, and reads through the public API what its user's token may read.
//!
//! Why: docs/decisions/0072-the-console-is-static-files.md

mod answer;
mod file;
mod headers;
mod negotiate;

pub use answer::{Answer, Request, answer};
