//! The streams of the broker.

use async_trait::async_trait;

use super::{BrokerError, Denied, OwnError, OwnStream};
use crate::{
    altered::{Altered, SharedStream},
    identity::PipelineId,
    life::Life,
};

/// What is known of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamFacts {
    /// Its name.
    pub name: String,
    /// When it was created, as the broker writes it: tells a recreated stream from the old one.
    pub created: String,
    /// How many copies of it there are.
    pub replicas: u64,
    /// First sequence that it still holds.
    pub first_sequence: u64,
    /// Last sequence that it ever gave.
    pub last_sequence: u64,
    /// Messages that it holds.
    pub messages: u64,
    /// Bytes that it holds.
    pub bytes: u64,
    /// Subjects that it holds.
    pub subjects: Vec<String>,
    /// Whether messages stay until they are too old or too many; otherwise they go when they are
    /// acknowledged, and one reader of the engine's must see them all.
    pub keeps_to_limits: bool,
    /// The life that it bears: of the pipeline whose own it is.
    pub life: Life,
    /// The sequence that it began with.
    pub begun_at: u64,
    /// Whether an engine made it: it bears a life, or says so itself.
    pub is_engines: bool,
    /// Whether it says so itself, in its description.
    pub is_described: bool,
    /// Patterns of all that may come into it from now on.
    pub may_hold: Vec<String>,
    /// Of a pipeline's own: what of it is not as the engine made it.
    pub altered: Vec<Altered>,
}

impl StreamFacts {
    /// How many sequences it has given that it holds no message of.
    pub fn gone(&self) -> u64 {
        (self.last_sequence + 1)
            .saturating_sub(self.begun_at)
            .saturating_sub(self.messages)
    }
}

/// A stream with its copies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopiedStream {
    /// What is known of it.
    pub facts: StreamFacts,
    /// The node that answers for it; none where the broker is one server, or no node does at present.
    pub leader: Option<String>,
    /// Its other copies, as the leader sees them.
    pub followers: Vec<Follower>,
}

/// A copy of a stream that follows its leader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Follower {
    /// The node that it lies on.
    pub node: String,
    /// Whether it holds all that the leader does.
    pub is_current: bool,
    /// Whether the node is away.
    pub is_offline: bool,
    /// Operations that it is behind.
    pub lag: u64,
}

/// Some of the streams of an account.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StreamPage {
    /// They themselves.
    pub streams: Vec<CopiedStream>,
    /// How many there are in all.
    pub total: u64,
}

/// The streams of the broker.
#[async_trait]
pub trait Streams: Send + Sync {
    /// Facts of a stream by name.
    async fn stream(&self, name: &str) -> Result<StreamFacts, BrokerError>;
    /// Names of the streams whose subjects overlap the pattern.
    async fn streams_with(&self, pattern: &str) -> Result<Vec<String>, BrokerError>;
    /// Names of the streams whose messages come from elsewhere and that hold some on subjects of the pattern.
    async fn derived_with(&self, pattern: &str) -> Result<Vec<String>, BrokerError>;
    /// Makes the pipeline's own stream. One of the same life is left as it is; one of another life is an error.
    async fn create_own(&self, own: &OwnStream) -> Result<StreamFacts, OwnError>;
    /// Brings the pipeline's own stream to these subjects, or adds them where `keeps` those that it has. Never
    /// makes one: it holds what is committed, so one that is gone is a loss that somebody must hear of.
    async fn bring_own(&self, own: &OwnStream, keeps: bool) -> Result<StreamFacts, OwnError>;
    /// Gives the pipeline's own stream back the settings that it was made with.
    async fn mend_own(&self, pipeline: &PipelineId) -> Result<(), BrokerError>;
    /// The streams that the engine made for all pipelines, of those that are there, where they are not as it needs them.
    async fn altered_shared(&self) -> Result<Vec<SharedStream>, BrokerError> {
        Ok(Vec::new())
    }
    /// Gives one of them back the settings that it was made with.
    async fn mend_shared(&self, name: &str) -> Result<(), BrokerError> {
        let _ = name;
        Ok(())
    }
    /// What the broker's permissions have kept the engine from a moment ago.
    fn denied(&self) -> Vec<Denied> {
        Vec::new()
    }
    /// Deletes the pipeline's own stream, where it is of this life; fine if there is none.
    async fn remove_own(&self, pipeline: &PipelineId, life: Life) -> Result<(), BrokerError>;
    /// Deletes the pipeline's consumers on an input stream; fine if they do not exist.
    async fn remove_consumers(&self, pipeline: &PipelineId, input: &str) -> Result<(), BrokerError>;
    /// The consumers that engines made, with the stream that each reads.
    async fn engine_consumers(&self) -> Result<Vec<(String, String)>, BrokerError>;
    /// Deletes a consumer; fine if there is none.
    async fn remove_consumer(&self, stream: &str, consumer: &str) -> Result<(), BrokerError>;
    /// How many replicas what the engine makes is to have; none where the broker is one server.
    fn wanted_replicas(&self) -> Option<u64> {
        None
    }
    /// Gives what the engine has made as many replicas as are wanted; never fewer than there are.
    async fn raise_replicas(&self) -> Result<(), BrokerError> {
        Ok(())
    }
    /// The broker's clock, milliseconds since the epoch; none where it does not say.
    async fn time_ms(&self) -> Result<Option<u64>, BrokerError>;
    /// The streams that an engine made for pipelines.
    async fn own_streams(&self) -> Result<Vec<StreamFacts>, BrokerError>;
    /// All streams of the account, whoever made them, with their copies: as many of them as the broker tells at once,
    /// after so many.
    async fn page_of_streams(&self, offset: u64) -> Result<StreamPage, BrokerError>;
    /// Keeps the outputs below a size by purging the oldest; commit records are never touched.
    async fn trim_outputs(&self, own: &OwnStream) -> Result<(), BrokerError>;
    /// Largest payload of a message, as far as it is known.
    fn max_payload(&self) -> usize;
    /// The same, once the broker was asked anew: it may have been given another limit.
    async fn asked_max_payload(&self) -> usize {
        self.max_payload()
    }
    /// Whether the broker writes to its disk before it answers; none where it is not known.
    async fn syncs_always(&self) -> Option<bool>;
    /// Whether the broker is connected right now.
    fn is_connected(&self) -> bool;
    /// How many messages on these subjects the stream holds from one sequence to another, both
    /// included, as the broker counts them; none where it cannot tell.
    async fn count(
        &self,
        stream: &str,
        subjects: &[String],
        from: u64,
        to: u64,
    ) -> Result<Option<u64>, BrokerError>;
}

/// Whether a stream of this name is the pipeline's own, and not of another life of it.
pub fn check_own(facts: &StreamFacts, own: &OwnStream) -> Result<(), OwnError> {
    let bears_its_life = facts.life == own.life && (facts.is_engines || !own.life.is_unnamed());
    if bears_its_life || has_lost_its_life(facts, own) {
        return Ok(());
    }
    if !facts.is_engines {
        return Err(OwnError::Theirs(facts.name.clone()));
    }
    Err(OwnError::Foreign {
        name: facts.name.clone(),
        why: format!("it is of life {}, and this one is {}", facts.life, own.life),
    })
}

/// Whether somebody has taken a pipeline's own stream the life that it bore. Where its sequences begin says whose it
/// is: a life has 40 bits of that, and nobody sets it by chance.
pub fn has_lost_its_life(facts: &StreamFacts, own: &OwnStream) -> bool {
    let is_marked = !own.life.is_unnamed();
    facts.life.is_unnamed() && is_marked && facts.begun_at == own.life.first_sequence()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::Name;

    #[test]
    fn the_life_says_whose_a_stream_is_and_not_the_description() {
        let life = |text: &str| text.parse::<Life>().unwrap();
        let (mine, other) = (
            life("0123456789abcdef0123456789abcdef"),
            life("1123456789abcdef0123456789abcdef"),
        );
        let own = OwnStream {
            pipeline: PipelineId {
                tenant: Name::new("shop").unwrap(),
                pipeline: Name::new("x").unwrap(),
            },
            life: mine,
            output_pattern: None,
            keep_age: None,
            keep_bytes: None,
            replicas: None,
        };
        let facts = |life: Life, is_described: bool| StreamFacts {
            name: "TR_shop_x".to_owned(),
            created: String::new(),
            replicas: 1,
            first_sequence: 1,
            last_sequence: 0,
            messages: 0,
            bytes: 0,
            subjects: Vec::new(),
            keeps_to_limits: true,
            life,
            begun_at: 1,
            is_engines: is_described || !life.is_unnamed(),
            is_described,
            may_hold: Vec::new(),
            altered: Vec::new(),
        };
        assert!(check_own(&facts(mine, true), &own).is_ok());
        assert!(check_own(&facts(mine, false), &own).is_ok());
        for anothers in [
            facts(other, true),
            facts(other, false),
            facts(Life::UNNAMED, true),
        ] {
            let refused = check_own(&anothers, &own);
            assert!(matches!(refused, Err(OwnError::Foreign { .. })), "{refused:?}");
        }
        let theirs = check_own(&facts(Life::UNNAMED, false), &own).unwrap_err();
        assert!(matches!(theirs, OwnError::Theirs(_)), "{theirs:?}");
        assert!(
            theirs.to_string().contains("nats stream rm TR_shop_x"),
            "{theirs}"
        );
        // What was made before there were lives says so itself, or is somebody's.
        let before = OwnStream {
            life: Life::UNNAMED,
            ..own
        };
        assert!(check_own(&facts(Life::UNNAMED, true), &before).is_ok());
        assert!(check_own(&facts(Life::UNNAMED, false), &before).is_err());
    }
}
