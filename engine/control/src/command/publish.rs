//! Events that a tenant publishes over the API: within its grants, and never among what a pipeline commits.
//!
//! They change nothing that is registered, so the audit log has none of them: it is bounded, and events would push
//! out of it what it is there for.
//!
//! Why: docs/decisions/0095-events-over-the-api.md

use tailrace_core::{
    headers::{check_each_header, check_headers, headers_bytes},
    identity::PipelineId,
    manifest::OutputManifest,
    name::Name,
    ports::{
        broker::BrokerError,
        messages::{NewMessage, SendError, StoredAt},
    },
    registry::{Registry, Tenant},
    subject,
};

use crate::{
    command::Commands,
    error::{ControlError, ControlResult},
};

/// Most events of a request.
pub const MAX_EVENTS: usize = 1_000;
/// Room beside the payload for what the broker adds.
const HEADER_ROOM: usize = 256;
/// Longest id of an event.
const MAX_ID_BYTES: usize = 128;

impl Commands {
    /// Publishes events, in their order. Either all are fit to be published, or none is.
    pub async fn publish(&self, tenant: &Name, events: Vec<NewMessage>) -> ControlResult<Vec<StoredAt>> {
        let owner = self.context.tenant_at_work(tenant)?;
        if events.is_empty() || events.len() > MAX_EVENTS {
            return Err(ControlError::Invalid(format!(
                "a request holds 1 to {MAX_EVENTS} events, and this one {}",
                events.len()
            )));
        }
        let registry = self.context.registry()?;
        let world = self.context.world_of(tenant).await?;
        let most = world.streams.asked_max_payload().await;
        for (index, event) in events.iter().enumerate() {
            let at = |why: String| ControlError::Invalid(format!("event {}: {why}", index + 1));
            check(event, most).map_err(at)?;
            check_grant(&owner, event)
                .map_err(|why| ControlError::Forbidden(format!("event {}: {why}", index + 1)))?;
            if let Some(why) = held_by_a_pipeline(&registry, &owner, &event.subject) {
                return Err(ControlError::Conflict(format!("event {}: {why}", index + 1)));
            }
        }
        let subjects: Vec<String> = events.iter().map(|event| event.subject.clone()).collect();
        let sent = world.messages.send(events).await;
        let stored = sent.iter().filter(|answer| answer.is_ok()).count();
        sent.into_iter()
            .zip(subjects)
            .map(|(answer, subject)| answer.map_err(|cause| not_stored(cause, &subject, stored)))
            .collect()
    }
}

fn check(event: &NewMessage, most: usize) -> Result<(), String> {
    subject::check_subject(&event.subject).map_err(|cause| cause.to_string())?;
    check_each_header(&event.headers)?;
    check_headers(&event.headers)?;
    let is_plain = |id: &String| id.len() <= MAX_ID_BYTES && id.bytes().all(|byte| byte.is_ascii_graphic());
    if event.id.as_ref().is_some_and(|id| id.is_empty() || !is_plain(id)) {
        return Err(format!("an id has 1 to {MAX_ID_BYTES} visible ASCII characters"));
    }
    let bytes = event.payload.len() + headers_bytes(&event.headers);
    let room = most.saturating_sub(HEADER_ROOM);
    if bytes > room {
        return Err(format!(
            "payload and headers have {bytes} bytes, and the broker takes {room}"
        ));
    }
    Ok(())
}

fn check_grant(owner: &Tenant, event: &NewMessage) -> Result<(), String> {
    let subject = &event.subject;
    if subject::is_reserved(subject) {
        return Err(format!(
            "the subject {subject:?} is the engine's or the server's own"
        ));
    }
    if !owner.may_write(subject) {
        let granted = owner.write.join(", ");
        return Err(format!(
            "the subject {subject:?} is outside the tenant's write grant ({granted}); ask an operator to widen it"
        ));
    }
    Ok(())
}

/// Whether a pipeline's own stream holds the subject: only its commits go there, for readers count on each result
/// once. Another tenant's pipeline is not named.
fn held_by_a_pipeline(registry: &Registry, owner: &Tenant, subject: &str) -> Option<String> {
    let holds = |pipeline: &tailrace_core::registry::Pipeline| {
        let output = pipeline.active.manifest.output.as_ref();
        output.is_some_and(|output: &OutputManifest| subject::covers(&output.pattern(), subject))
    };
    let account_of = |id: &PipelineId| registry.tenants.get(&id.tenant)?.nats_account.clone();
    let (id, _) = registry
        .pipelines
        .iter()
        .find(|(id, pipeline)| holds(pipeline) && account_of(id) == owner.nats_account)?;
    let whose = if id.tenant == owner.name {
        format!("pipeline {}", id.pipeline)
    } else {
        "another stream".to_owned()
    };
    Some(format!(
        "the subject {subject:?} holds the results of {whose}, and only commits go there; publish on an input's subject"
    ))
}

fn not_stored(cause: SendError, subject: &str, stored: usize) -> ControlError {
    match cause {
        SendError::Untaken if stored == 0 => ControlError::Conflict(format!(
            "no stream holds {subject:?}; make one (tailrace stream create), or check the spelling"
        )),
        SendError::Untaken => ControlError::Conflict(format!(
            "no stream holds {subject:?}; {stored} other events of the request are stored"
        )),
        SendError::Broker(BrokerError::Refused { code, description }) => {
            ControlError::Broker(BrokerError::Refused {
                code,
                description: format!("{description}; {stored} events of the request are stored"),
            })
        }
        SendError::Broker(cause) => cause.into(),
    }
}
