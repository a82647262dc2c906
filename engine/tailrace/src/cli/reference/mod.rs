//! The generators of two pages of `docs/reference`: the command line, from clap's own definitions, and the
//! stable codes of errors.

mod command_line;
mod errors;
