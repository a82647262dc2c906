//! Up to where the input is complete: nothing of the pipeline's lies there that was not given. Positions go that far,
//! so an event that is overlooked here is lost.
//!
//! The stream's leader says how far the stream is. What its consumer has still to send is said by another node where
//! the stream has copies. That node may lag behind, and has nothing to send of what it does not know. So the leader is
//! asked whether anything lies behind the last message that was given.
//!
//! Why: docs/decisions/0107-the-leader-says-that-nothing-is-left.md

use serde_json::{Value, json};
use tailrace_core::manifest::Start;

use super::NatsSubscription;
use crate::{
    api::{self, code},
    stream_info::StreamInfo,
};

impl NatsSubscription {
    /// Up to where it is complete, of a stream that was so, whose consumer has nothing to send. None where it is not,
    /// or where that is not certain.
    pub(super) async fn complete_to(&self, info: &StreamInfo) -> Option<u64> {
        let last = info.state.last_seq;
        if info.config.num_replicas <= 1 {
            return Some(last);
        }
        let next = match (self.next_sequence, &self.request.start) {
            (Some(next), _) => next,
            (None, Start::All) => 1,
            (None, Start::Sequence(first)) => *first,
            (None, Start::New | Start::Time(_)) => return None,
        };
        if next > last {
            return Some(last);
        }
        let stream = &self.request.stream;
        for subject in &self.request.subjects {
            let behind = json!({ "seq": next, "next_by_subj": subject });
            let asked = format!("STREAM.MSG.GET.{stream}");
            match self.broker.ask::<Value>(&asked, &behind).await {
                Err(cause) if api::is(&cause, code::NO_MESSAGE) => {}
                _ => return None,
            }
        }
        // Another leader may not know yet what the first one has counted.
        let asked = format!("STREAM.INFO.{stream}");
        let again: StreamInfo = self.broker.ask(&asked, &Value::Null).await.ok()?;
        let is_one = again.leader().is_some() && again.leader() == info.leader();
        is_one.then_some(last)
    }
}
