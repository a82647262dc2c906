//! Streams that a tenant makes for its events, within its grants and quotas. The broker is the record of them, so
//! two that are made at once may pass a quota together: each looks again after it was made, and the younger goes.
//!
//! Why: docs/decisions/0096-streams-of-tenants.md

use std::{sync::Arc, time::Duration};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tailrace_core::{
    audit::Change,
    name::Name,
    ports::{
        broker::BrokerError,
        tenant_streams::{TenantSource, TenantStream, TenantStreamError, TenantStreamFacts},
    },
    registry::{Key, Tenant},
    subject,
    units::{Bytes, Span},
    world::World,
};

use crate::{
    command::Commands,
    error::{ControlError, ControlResult},
};

/// Most subjects of a stream.
const MAX_SUBJECTS: usize = 16;
/// Shortest and longest age of its events.
const LEAST_AGE: Duration = Duration::from_secs(1);
const MOST_AGE: Duration = Duration::from_hours(24 * 366);
/// The smallest stream.
const LEAST_BYTES: u64 = 1 << 20;
/// JetStream's code of a refusal: what is reserved already leaves less than the stream would reserve.
const NO_STORAGE: u64 = 10_047;

/// What happens when a stream is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum WhenFull {
    /// The oldest events go.
    #[default]
    DropOldest,
    /// New events are refused.
    Refuse,
}

/// What a tenant says of a stream.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct StreamRequest {
    /// The subjects that it holds, within the tenant's read grant and its write grant. A stream with sources needs
    /// none.
    #[serde(default)]
    pub subjects: Vec<String>,
    /// What it takes in of other streams. It is within the tenant's read grant.
    #[serde(default)]
    pub sources: Vec<SourceRequest>,
    /// How long it keeps an event; 7 days where it is not said.
    #[serde(default = "a_week")]
    pub max_age: Span,
    /// How many bytes it may hold; 1 GiB where it is not said.
    #[serde(default = "a_gibibyte")]
    pub max_bytes: Bytes,
    /// What happens when it is full.
    #[serde(default)]
    pub when_full: WhenFull,
    /// Whether it keeps the newest message of each subject only, and for ever, as a table needs it. Then `max-age` says
    /// nothing.
    #[serde(default)]
    pub newest_only: bool,
}

/// What a stream takes in of another: all events on these subjects, in their order, from the first that is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SourceRequest {
    /// The other stream: one that the tenant has made, or any other by the name that the broker gives it.
    pub stream: String,
    /// A subject or a pattern.
    pub subject: String,
}

fn a_week() -> Span {
    Span(Duration::from_hours(24 * 7))
}

fn a_gibibyte() -> Bytes {
    Bytes(1 << 30)
}

impl Commands {
    /// Makes a stream, or changes it to be like this.
    pub async fn put_stream(
        &self,
        tenant: &Name,
        name: &Name,
        request: StreamRequest,
    ) -> ControlResult<TenantStreamFacts> {
        let owner = self.context.tenant_at_work(tenant)?;
        check(&owner, &request)?;
        let world = self.context.world_of(tenant).await?;
        let known = world.tenant_streams.of(tenant, owner.life).await?;
        let sources = self.sources(&world, &owner, &known, &request).await?;
        let wanted = TenantStream {
            tenant: tenant.clone(),
            life: owner.life,
            name: name.clone(),
            subjects: request.subjects.clone(),
            sources,
            max_age: if request.newest_only {
                Duration::ZERO
            } else {
                request.max_age.0
            },
            max_bytes: request.max_bytes.0,
            drops_oldest: request.when_full == WhenFull::DropOldest,
            newest_only: request.newest_only,
        };
        let before = known.iter().find(|known| known.wanted.name == *name);
        if let Some(same) = before.filter(|before| before.wanted == wanted) {
            return Ok(same.clone());
        }
        let others = known.iter().filter(|known| known.wanted.name != *name);
        let others: Vec<_> = others.map(|known| known.wanted.max_bytes).collect();
        check_quota(&owner, &others, wanted.max_bytes)?;
        let change = Change::new("stream-put", tenant, format!("stream/{name}"))
            .in_life(owner.life)
            .from(before.map(|before| told(&before.wanted)))
            .to(told(&wanted));
        let is_new = before.is_none();
        self.audited(change, async {
            let made = world.tenant_streams.put(&wanted).await;
            let made = made.map_err(|cause| not_made(cause, &wanted))?;
            if is_new {
                self.keep_within_quota(&world, &owner, &wanted).await?;
            }
            Ok(made)
        })
        .await
    }

    /// What the stream takes in, by the broker's names. Nothing that the tenant may not read, and nothing of another's.
    async fn sources(
        &self,
        world: &World,
        owner: &Tenant,
        known: &[TenantStreamFacts],
        request: &StreamRequest,
    ) -> ControlResult<Vec<TenantSource>> {
        let mut sources = Vec::new();
        for SourceRequest { stream, subject } in &request.sources {
            check_source(owner, subject)?;
            let mut own = known.iter().map(|known| &known.wanted);
            let own = own.find(|own| own.name.as_str() == stream);
            let stream = own.map_or_else(
                || stream.clone(),
                |own| subject::tenant_stream_name(&own.tenant, &own.name),
            );
            let unknown = || {
                ControlError::Invalid(format!(
                    "sources: there is no stream {stream:?} with {subject:?}; see: tailrace stream list"
                ))
            };
            if subject::is_anothers(&stream, &owner.name) {
                return Err(unknown());
            }
            let facts = match world.streams.stream(&stream).await {
                Err(BrokerError::NoStream(_)) => return Err(unknown()),
                facts => facts?,
            };
            if !facts.may_hold.iter().any(|held| subject::overlap(held, subject)) {
                return Err(unknown());
            }
            sources.push(TenantSource {
                stream,
                subject: subject.clone(),
            });
        }
        sources.sort();
        sources.dedup();
        Ok(sources)
    }

    /// A stream that passes the quota together with others of the same moment goes again, and so does one whose
    /// tenant was deleted meanwhile.
    async fn keep_within_quota(
        &self,
        world: &World,
        owner: &Arc<Tenant>,
        made: &TenantStream,
    ) -> ControlResult<()> {
        let now = self
            .context
            .read::<Tenant>(&Key::Tenant(owner.name.clone()))
            .await?;
        let is_there = now.is_some_and(|(now, _)| now.life == owner.life && !now.deleting);
        let known = world.tenant_streams.of(&owner.name, owner.life).await?;
        let older = known.iter().take_while(|known| known.wanted.name != made.name);
        let older: Vec<_> = older.map(|known| known.wanted.max_bytes).collect();
        let fits = if is_there {
            check_quota(owner, &older, made.max_bytes)
        } else {
            Err(ControlError::Conflict(format!(
                "tenant {} was deleted meanwhile",
                owner.name
            )))
        };
        if fits.is_err() {
            world
                .tenant_streams
                .remove(&made.tenant, made.life, &made.name)
                .await?;
        }
        fits
    }

    /// Deletes a stream with its events. One that a pipeline reads or another stream takes in stays, unless that is
    /// `forced`.
    pub async fn delete_stream(&self, tenant: &Name, name: &Name, forced: bool) -> ControlResult<()> {
        let owner = self.context.tenant(tenant)?;
        let world = self.context.world_of(tenant).await?;
        let all = world.tenant_streams.of(tenant, owner.life).await?;
        let known = all.iter().find(|known| known.wanted.name == *name);
        let known = known.ok_or_else(|| ControlError::not_found("stream", name))?;
        let stream = subject::tenant_stream_name(tenant, name);
        let registry = self.context.registry()?;
        let readers: Vec<String> = registry
            .pipelines_of(tenant)
            .filter(|(_, pipeline)| pipeline.active.manifest.streams_read().contains(&stream))
            .map(|(id, _)| format!("pipeline {}", id.pipeline))
            .collect();
        let takers = all.iter().filter(|other| {
            let mut sources = other.wanted.sources.iter();
            sources.any(|source| source.stream == stream)
        });
        let takers = takers.map(|other| format!("stream {}", other.wanted.name));
        let users: Vec<_> = readers.into_iter().chain(takers).collect();
        if !forced && !users.is_empty() {
            return Err(ControlError::Conflict(format!(
                "stream {name} is read by {}; delete them first, or force it",
                users.join(", ")
            )));
        }
        let change =
            Change::new("stream-deleted", tenant, format!("stream/{name}")).from(Some(told(&known.wanted)));
        let change = change.in_life(owner.life);
        let remove = || async { Ok(world.tenant_streams.remove(tenant, owner.life, name).await?) };
        let begin = || async { Ok(()) };
        self.audited_deletion(tenant, change, remove(), begin, remove)
            .await
    }
}

fn told(stream: &TenantStream) -> Value {
    json!({
        "subjects": stream.subjects,
        "sources": stream.sources.iter().map(|source| format!("{}={}", source.stream, source.subject)).collect::<Vec<_>>(),
        "max-age": Span(stream.max_age),
        "newest-only": stream.newest_only,
        "max-bytes": Bytes(stream.max_bytes),
        "when-full": if stream.drops_oldest { WhenFull::DropOldest } else { WhenFull::Refuse },
    })
}

fn check_source(owner: &Tenant, pattern: &str) -> ControlResult<()> {
    subject::check_pattern(pattern).map_err(|cause| ControlError::Invalid(format!("sources: {cause}")))?;
    if subject::is_reserved(pattern) {
        return Err(ControlError::Invalid(format!(
            "sources: {pattern:?} reaches the engine's or the server's own"
        )));
    }
    if !owner.may_read(pattern) {
        let granted = owner.read.join(", ");
        return Err(ControlError::Forbidden(format!(
            "sources: {pattern:?} is outside the tenant's read grant ({granted}); ask an operator to widen it"
        )));
    }
    Ok(())
}

fn check(owner: &Tenant, request: &StreamRequest) -> ControlResult<()> {
    let invalid = |why: String| Err(ControlError::Invalid(why));
    let count = request.subjects.len();
    let has_nothing = count == 0 && request.sources.is_empty();
    if has_nothing || count > MAX_SUBJECTS || request.sources.len() > MAX_SUBJECTS {
        return invalid(format!(
            "subjects: a stream holds 1 to {MAX_SUBJECTS} subjects, or takes in as many of other streams as `sources`"
        ));
    }
    for pattern in &request.subjects {
        subject::check_pattern(pattern)
            .map_err(|cause| ControlError::Invalid(format!("subjects: {cause}")))?;
        if subject::is_reserved(pattern) {
            return invalid(format!(
                "subjects: {pattern:?} reaches the engine's or the server's own"
            ));
        }
        for (kind, may, granted) in [
            ("read", owner.may_read(pattern), &owner.read),
            ("write", owner.may_write(pattern), &owner.write),
        ] {
            if !may {
                let granted = granted.join(", ");
                return Err(ControlError::Forbidden(format!(
                    "subjects: {pattern:?} is outside the tenant's {kind} grant ({granted}); ask an operator to widen it, or to make the stream"
                )));
            }
        }
    }
    if !(LEAST_AGE..=MOST_AGE).contains(&request.max_age.0) {
        return invalid("max-age: 1s to 366d are allowed".to_owned());
    }
    if request.max_bytes.0 < LEAST_BYTES {
        return invalid(format!("max-bytes: {} and more are allowed", Bytes(LEAST_BYTES)));
    }
    Ok(())
}

/// Whether a stream of so many bytes fits beside the others.
fn check_quota(owner: &Tenant, others: &[u64], bytes: u64) -> ControlResult<()> {
    let quotas = &owner.quotas;
    if others.len() as u64 >= u64::from(quotas.streams) {
        return Err(ControlError::Quota(format!(
            "the tenant has {} of {} streams; delete one, or ask an operator for a larger quota",
            others.len(),
            quotas.streams
        )));
    }
    let held: u64 = others.iter().fold(0, |sum, bytes| sum.saturating_add(*bytes));
    if held.saturating_add(bytes) > quotas.stream_bytes {
        return Err(ControlError::Quota(format!(
            "max-bytes: the tenant's streams may hold {} together, and the others may hold {} already; make this one smaller, or ask an operator for a larger quota",
            Bytes(quotas.stream_bytes),
            Bytes(held)
        )));
    }
    Ok(())
}

fn not_made(cause: TenantStreamError, wanted: &TenantStream) -> ControlError {
    let TenantStream {
        name,
        subjects,
        max_bytes,
        ..
    } = wanted;
    match cause {
        TenantStreamError::Overlaps => ControlError::Conflict(format!(
            "another stream holds some of {}, and two streams cannot hold the same subject; choose others",
            subjects.join(", ")
        )),
        TenantStreamError::Taken => ControlError::Conflict(format!(
            "the name {name} is taken by a stream that this tenant did not make; choose another"
        )),
        TenantStreamError::Broker(BrokerError::Refused {
            code: code @ NO_STORAGE,
            description,
        }) => BrokerError::Refused {
            code,
            description: format!(
                "{description}: the stream reserves its max-bytes, {max_bytes} here; ask for less"
            ),
        }
        .into(),
        TenantStreamError::Broker(cause) => cause.into(),
    }
}
