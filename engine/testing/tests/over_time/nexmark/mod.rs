//! The queries of `examples/nexmark` on events in disorder and with late ones, in one partition and in four, through
//! crashes: the results are those that SQLite computes for the same events.

mod events;
mod pipeline;
mod queries;
mod sandbox;
mod sql;
