//! Questions from engine to engine: a query of a partition goes to the engine that has it.

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use futures::future::try_join_all;
use tailrace_core::{
    identity::{EngineId, PipelineId},
    ports::broker::BrokerError,
};

use crate::{
    error::{ControlError, ControlResult},
    query::{
        Queries,
        local::{Answer, Question, What},
    },
    quotas,
};

/// Pause before this engine listens again, after the broker failed.
const PAUSE: Duration = Duration::from_secs(1);
/// Room in an answer for what the broker's protocol adds.
const ANSWER_ROOM: usize = 1_024;

impl Queries {
    /// Asks all engines that have partitions of the pipeline; one answer an engine.
    pub(crate) async fn ask(&self, id: &PipelineId, what: What) -> ControlResult<Vec<Answer>> {
        self.ask_about(id, what, |_| true).await
    }

    /// Asks the engines that have some of these partitions; about no others.
    pub(crate) async fn ask_about(
        &self,
        id: &PipelineId,
        what: What,
        is_meant: impl Fn(u32) -> bool,
    ) -> ControlResult<Vec<Answer>> {
        let life = self.context.pipeline(id)?.life;
        let shares = self.shares(id)?.into_iter().map(|(engine, mut partitions)| {
            partitions.retain(|partition| is_meant(*partition));
            (engine, partitions)
        });
        let shares = shares.filter(|(_, partitions)| !partitions.is_empty());
        let asked = shares.map(|(engine, partitions)| {
            let question = Question {
                pipeline: id.clone(),
                partitions,
                what: what.clone(),
                life,
            };
            async move {
                match engine {
                    None => self.answer_local(question).await,
                    Some(engine) => self.ask_peer(&engine, &question).await,
                }
            }
        });
        try_join_all(asked).await
    }

    /// Partitions by the engine that has them; none stands for this one.
    fn shares(&self, id: &PipelineId) -> ControlResult<BTreeMap<Option<EngineId>, Vec<u32>>> {
        let partitions = self.context.pipeline(id)?.active.manifest.partitions;
        let members = self.context.cluster.members.borrow().clone();
        let shared = self
            .context
            .overview
            .pipeline(id)
            .is_none_or(|status| status.is_shared());
        let mut shares: BTreeMap<Option<EngineId>, Vec<u32>> = BTreeMap::new();
        for partition in 0..partitions {
            let owner = members
                .as_ref()
                .map(|members| members.owner(id, partition, shared).clone());
            let elsewhere =
                owner.filter(|owner| members.as_ref().is_some_and(|members| *owner != members.me));
            shares.entry(elsewhere).or_default().push(partition);
        }
        Ok(shares)
    }

    async fn ask_peer(&self, engine: &EngineId, question: &Question) -> ControlResult<Answer> {
        let unreadable = |cause: postcard::Error| ControlError::Internal(cause.to_string());
        let question = postcard::to_stdvec(question).map_err(unreadable)?;
        let answer = self
            .context
            .world
            .peers
            .ask(engine, Bytes::from(question))
            .await?;
        match postcard::from_bytes(&answer).map_err(unreadable)? {
            Answer::Failed(cause) => Err(BrokerError::Unreachable(cause).into()),
            answer => Ok(answer),
        }
    }

    /// Answers the other engines, for ever.
    pub async fn answer_peers(self, me: EngineId) {
        loop {
            match self.context.world.peers.listen(&me).await {
                Ok(mut questions) => {
                    while let Some((question, reply)) = questions.next().await {
                        reply.send(self.answer_peer(&question).await).await;
                    }
                }
                Err(cause) => tracing::debug!(%cause, "other engines cannot ask yet"),
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// A question, as this version of the engine asks it, or the one before: that named no life, and meant the
    /// one that is registered.
    fn read_question(&self, question: &[u8]) -> Option<Question> {
        if let Ok(question) = postcard::from_bytes(question) {
            return Some(question);
        }
        let (pipeline, partitions, what) = postcard::from_bytes(question).ok()?;
        let life = self.context.pipeline(&pipeline).ok()?.life;
        Some(Question {
            pipeline,
            partitions,
            what,
            life,
        })
    }

    async fn answer_peer(&self, question: &[u8]) -> Bytes {
        if question == quotas::QUESTION {
            return postcard::to_stdvec(&self.context.weights_here())
                .unwrap_or_default()
                .into();
        }
        if let Some(answer) = self.context.answer_whether_it_runs(question) {
            return answer.into();
        }
        let answer = match self.read_question(question) {
            Some(question) => self
                .answer_local(question)
                .await
                .unwrap_or_else(|cause| Answer::Failed(cause.to_string())),
            None => Answer::Failed("another version of the engine asks".to_owned()),
        };
        let limit = self
            .context
            .world
            .streams
            .max_payload()
            .saturating_sub(ANSWER_ROOM);
        let encoded = postcard::to_stdvec(&answer).unwrap_or_default();
        if encoded.len() <= limit {
            return encoded.into();
        }
        let size = encoded.len();
        let reason = format!("the answer of {size} bytes is too large for a message; ask for fewer entries");
        postcard::to_stdvec(&Answer::Failed(reason))
            .unwrap_or_default()
            .into()
    }
}
