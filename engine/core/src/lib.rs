//! The engine's words and contracts: what an event is, what a pipeline's manifest says, what a commit record
//! holds, what is registered, what the engine needs of the world ([`ports`], wired as one
//! [`World`](world::World)) and what it shows of itself ([`observe`]).
//!
//! No IO and no loop, and nothing here knows how events are processed or requests answered. So the adapters
//! depend on this crate alone, and are not built again when the data plane or the control plane changes.
//!
//! Why: docs/decisions/0006-the-fields-words.md

pub mod alarm;
pub mod altered;
pub mod audit;
pub mod broker_time;
pub mod carried;
pub mod cloudevents;
pub mod codec;
pub mod codes;
pub mod compile_semaphore;
pub mod dead_letter;
pub mod delta;
pub mod due;
pub mod event;
pub mod event_time;
pub mod extract;
pub mod failpoint;
pub mod grant;
pub mod headers;
pub mod identity;
pub mod join;
pub mod life;
pub mod load;
pub mod manifest;
pub mod membership;
pub mod name;
pub mod observe;
pub mod order_log;
pub mod outcome;
pub mod ports;
pub mod rate;
pub mod record;
pub mod registry;
pub mod schema;
pub mod series;
pub mod shape;
pub mod state_deletion;
pub mod subject;
pub mod table;
pub mod tasks;
pub mod text;
pub mod timer;
pub mod trace;
pub mod units;
pub mod unrecorded;
pub mod vectors;
pub mod waiting;
pub mod watermark;
pub mod window;
pub mod world;
pub mod yaml;
