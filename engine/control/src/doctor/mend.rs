//! Mending what was found. Each thing is looked at once more, right before: what is somebody's by now is left
//! alone.

use std::time::Duration;

use serde_json::json;
use tailrace_core::{
    audit::{self, Change},
    identity::PipelineId,
    name::Name,
    ports::broker::BrokerError,
    registry::{Key, Pipeline, Registry, Revision, standing::LOSS_ACCEPTED},
    subject,
};

use crate::{
    command::Commands,
    doctor::{
        broker::is_still,
        finding::{Examination, Finding, Fix, Mended},
        registered::Registered,
    },
    error::{ControlError, ControlResult},
};

/// Longest wait until this engine follows the registry that takes the place of the lost one.
const ACCEPTED_WITHIN: Duration = Duration::from_secs(20);

impl Commands {
    /// Mends what can be mended of these findings, one after the other; what fails does not stop the rest. The
    /// audit log tells of all of it in one record.
    pub async fn mend(&self, examination: Examination) -> ControlResult<Vec<Mended>> {
        let fixable = |finding: &Finding| finding.fix.is_some();
        let findings: Vec<Finding> = examination.findings.into_iter().filter(fixable).collect();
        // First: as long as the audit log, or the registry, takes nothing, nothing can be told of what is mended.
        let (shared, findings): (Vec<_>, Vec<_>) = findings
            .into_iter()
            .partition(|finding| matches!(finding.fix, Some(Fix::Shared(_))));
        let mut mended = Vec::new();
        for finding in shared {
            mended.push(self.mend_shared(finding).await);
        }
        if findings.is_empty() && mended.iter().any(|mended| !mended.mended) {
            return Ok(mended);
        }
        let shared = mended.iter().map(|mended| &mended.finding);
        let told: Vec<String> = findings
            .iter()
            .chain(shared)
            .map(|finding| format!("{} {}", finding.kind, finding.what))
            .collect();
        let change = Change {
            action: "doctor-mended",
            tenant: None,
            tenant_life: None,
            target: "doctor".to_owned(),
            before: Some(audit::bounded(json!(told))),
            after: None,
        };
        Box::pin(self.audited(change, async move {
            for finding in findings {
                let Some(fix) = finding.fix.clone() else { continue };
                let outcome = self.apply_fix(finding.nats_account.as_ref(), &fix).await;
                mended.push(Mended {
                    mended: outcome.is_ok(),
                    why_not: outcome.err().map(|cause| cause.to_string()),
                    finding,
                });
            }
            Ok(mended)
        }))
        .await
    }

    async fn mend_shared(&self, finding: Finding) -> Mended {
        let give_back = async {
            let Some(Fix::Shared(name)) = finding.fix else {
                return Ok(());
            };
            tracing::warn!(
                who = self.actor.scope,
                stream = name,
                "an altered stream of the engine's own is given back what it was made with"
            );
            let world = self.context.world.of(finding.nats_account.as_ref()).await?;
            ControlResult::Ok(world.streams.mend_shared(name).await?)
        };
        let outcome = give_back.await;
        Mended {
            mended: outcome.is_ok(),
            why_not: outcome.err().map(|cause| cause.to_string()),
            finding,
        }
    }

    async fn apply_fix(&self, account: Option<&Name>, fix: &Fix) -> ControlResult<()> {
        let world = self.context.world.of(account).await?;
        let registered = Registered::of(&*self.context.registry_now().await?);
        let taken = |what: &str| {
            Err(ControlError::Conflict(format!(
                "{what} belongs to somebody by now"
            )))
        };
        match fix {
            Fix::Stream(id, life) => {
                let name = subject::stream_name(id);
                match world.streams.stream(&name).await {
                    Err(BrokerError::NoStream(_)) => Ok(()),
                    Ok(facts)
                        if is_still(&facts, *life) && (life.is_unnamed() || !registered.has(id, *life)) =>
                    {
                        if life.is_unnamed() && registered.has_name(id) {
                            return taken(&name);
                        }
                        Ok(world.streams.remove_own(id, *life).await?)
                    }
                    Ok(_) => taken(&name),
                    Err(cause) => Err(cause.into()),
                }
            }
            Fix::Consumer { stream, consumer } => Ok(world.streams.remove_consumer(stream, consumer).await?),
            Fix::Snapshots(partition) => {
                if registered.has(&partition.pipeline, partition.life)
                    && registered.has_partition(&partition.pipeline, partition.partition)
                {
                    return taken(&partition.place());
                }
                for commit in world.snapshots.list(partition).await? {
                    world.snapshots.delete(partition, commit).await?;
                }
                Ok(())
            }
            Fix::Altered(id, life) => {
                let name = subject::stream_name(id);
                if !is_still(&world.streams.stream(&name).await?, *life) {
                    return taken(&name);
                }
                Ok(world.streams.mend_own(id).await?)
            }
            Fix::Shared(name) => Ok(world.streams.mend_shared(name).await?),
            Fix::Replicas => Ok(world.streams.raise_replicas().await?),
            Fix::Component(digest) => self.lives.remove_component(*digest, |_, _| false).await,
            Fix::Alarm(key) => Ok(self.context.world.alarms.delete(key).await?),
            Fix::Revision(id, number) => self.keep_said(id, *number).await,
            Fix::Pipeline(id) => self.restore(id).await,
            Fix::LostTenant(tenant, life) => {
                let lost = &self.context.registry_now().await?.lost;
                if !lost.lives_of(tenant).any(|(of, _)| of == *life) {
                    return taken(&format!("tenant {tenant}"));
                }
                self.lives.mark_end(tenant, *life).await
            }
        }
    }

    /// Keeps a revision anew that its pipeline's entry says.
    async fn keep_said(&self, id: &PipelineId, number: u64) -> ControlResult<()> {
        let (pipeline, _) = self.known(id).await?;
        let said = self.context.revision(id, number).await?;
        self.context.keep_revision(id, pipeline.life, &said).await
    }

    /// Goes on without the registry that is lost: all that only that one knew is a leftover from now on.
    pub async fn accept_registry_loss(&self) -> ControlResult<()> {
        if self.context.registry()?.standing.is_whole() {
            return Ok(());
        }
        tracing::warn!(
            who = self.actor.scope,
            "an operator accepts the loss of the registry"
        );
        let registry = &self.context.world.registry;
        if registry.created().await?.is_none() {
            registry.make().await?;
        }
        registry.delete(LOSS_ACCEPTED).await?;
        let is_settled = |registry: &Registry| registry.standing.is_whole();
        self.context.wait_within(ACCEPTED_WITHIN, is_settled).await?;
        let change = Change {
            action: "registry-loss-accepted",
            tenant: None,
            tenant_life: None,
            target: "registry".to_owned(),
            before: None,
            after: None,
        };
        self.audited(change, Box::pin(self.admit_again())).await
    }

    /// Makes a pipeline's entry anew from its last kept revision that can be read, of the life that its own stream bears.
    async fn restore(&self, id: &PipelineId) -> ControlResult<()> {
        let registry = self.context.registry_now().await?;
        let key = Key::Pipeline(id.clone());
        let (Some(written), true) = (
            registry.written.get(&key.to_string()),
            registry.is_unreadable(&key),
        ) else {
            return Err(ControlError::Conflict(format!("{key} can be read by now")));
        };
        let number = registry
            .revisions
            .get(id)
            .and_then(|numbers| numbers.last().copied());
        let number = number.ok_or_else(|| ControlError::not_found("revision", &id.pipeline))?;
        let mut active: Revision = self.context.kept_revision(id, number).await?;
        // A later one that cannot be read keeps its number, so this one comes back as another.
        let last = registry.all_revisions_of(id).last().copied().unwrap_or(number);
        if last > number {
            active.number = last + 1;
            active.rolled_back_to = Some(number);
        }
        let tenant = self.context.tenant_at_work(&id.tenant)?;
        let world = self.context.world.of(tenant.nats_account.as_ref()).await?;
        let facts = world.streams.stream(&subject::stream_name(id)).await?;
        let input = active.manifest.input.stream.clone().unwrap_or_default();
        let pipeline = Pipeline {
            life: facts.life,
            tenant_life: tenant.life,
            nats_account: tenant.nats_account.clone(),
            stream_created: world.streams.stream(&input).await.ok().map(|facts| facts.created),
            paused: Some("its entry was made anew by tailrace doctor; look at it, then resume it".to_owned()),
            ..Pipeline::new(active, self.context.now_ms())
        };
        self.context.write(&key, &pipeline, *written).await.map(drop)
    }
}
