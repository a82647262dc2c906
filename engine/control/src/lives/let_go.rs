//! Waiting until no engine runs a pipeline any more. An engine that cannot be asked is waited for as long as it
//! is alive, but not for ever: what it commits after its stream has gone is refused.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tailrace_core::{
    identity::{EngineId, PipelineId},
    life::Life,
};

use crate::{context::Context, lives::Lives};

/// Begins the question whether an engine runs a pipeline. No [`crate::query::local`] question begins like that:
/// its first byte would be the length of a name, and names are shorter.
pub(crate) const QUESTION: &[u8] = b"\xffruns";
/// Longest wait for the engines: longer than a drain takes.
const LET_GO_WITHIN: Duration = Duration::from_secs(25);
/// Pause between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// Longest pause between two questions to other engines.
const ASK_EVERY: Duration = Duration::from_millis(200);

/// Which pipeline is asked about.
#[derive(Debug, Serialize, Deserialize)]
struct Question {
    pipeline: PipelineId,
    life: Life,
}

impl Context {
    /// Whether this engine runs a pipeline of this life.
    pub(crate) fn runs_here(&self, id: &PipelineId, life: Life) -> bool {
        self.overview
            .pipeline(id)
            .is_some_and(|status| status.life == life)
    }

    /// Answers an engine that asks whether this one runs a pipeline; none where it asks something else.
    pub(crate) fn answer_whether_it_runs(&self, question: &[u8]) -> Option<Vec<u8>> {
        let question: Question = postcard::from_bytes(question.strip_prefix(QUESTION)?).ok()?;
        Some(vec![u8::from(self.runs_here(&question.pipeline, question.life))])
    }

    async fn runs_there(&self, engine: &EngineId, id: &PipelineId, life: Life) -> bool {
        let question = Question {
            pipeline: id.clone(),
            life,
        };
        let encoded = postcard::to_extend(&question, QUESTION.to_vec()).unwrap_or_default();
        let answer = self.world.peers.ask(engine, encoded.into()).await;
        !answer.is_ok_and(|answer| *answer == [0])
    }
}

impl Lives {
    /// Waits until the engines have let go of a pipeline.
    pub(super) async fn wait_let_go(&self, id: &PipelineId, life: Life) {
        let context = &self.context;
        let here = async {
            while context.runs_here(id, life) {
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        let there = async {
            let mut pause = LOOK_EVERY;
            loop {
                let members = context.cluster.members.borrow().clone();
                let others = members
                    .iter()
                    .flat_map(|members| members.alive.iter().filter(|engine| **engine != members.me));
                let asked = others.map(|engine| context.runs_there(engine, id, life));
                if !futures::future::join_all(asked).await.contains(&true) {
                    return;
                }
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(ASK_EVERY);
            }
        };
        let all = async { tokio::join!(here, there) };
        if tokio::time::timeout(LET_GO_WITHIN, all).await.is_err() {
            tracing::warn!(%id, "an engine has not let go of a pipeline that is deleted; its stream goes all the same");
        }
    }
}
