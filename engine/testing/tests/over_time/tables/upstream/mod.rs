//! Tables of what another pipeline keeps: the rows of the reader are the state of the source, whatever dies.

mod edges;
mod equal;
mod reader;
mod source;
