//! What the registry holds, as it is written to the bucket (JSON).

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use tailrace_sketch::TenantSeed;

use crate::{
    grant::Grant,
    identity::{Digest, EngineId, PipelineId},
    life::Life,
    manifest::{OutputManifest, PipelineManifest, PluginRef, error::ManifestError},
    name::Name,
    ports::plugins::DeclaredMemory,
    registry::{
        PipelinePhase, Revision, SchemaRule, Scope,
        candidate::{Candidate, Ended},
    },
    schema::ConfigSchema,
    subject,
};

/// A tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tenant {
    /// Its name.
    pub name: Name,
    /// Which life of that name it is.
    #[serde(default, skip_serializing_if = "Life::is_unnamed")]
    pub life: Life,
    /// Whether it is being deleted: nothing of it runs, and nothing is made for it any more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deleting: bool,
    /// Subject patterns that its pipelines may read.
    pub read: Vec<String>,
    /// Subject patterns that its pipelines may publish on.
    pub write: Vec<String>,
    /// The NATS account that its streams lie in; none stands for the engine's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nats_account: Option<Name>,
    /// How much it may have.
    #[serde(default)]
    pub quotas: Quotas,
    /// The schemas of its subjects, by subject.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub schema_rules: Vec<SchemaRule>,
    /// Seeds the hashes of its sketches, so that nobody outside can craft collisions.
    pub seed: TenantSeed,
    /// When it was made, milliseconds since the epoch.
    pub created_ms: u64,
}

impl Tenant {
    /// What of a manifest lies outside the grants: the field, and why.
    pub fn check_grants(&self, manifest: &PipelineManifest) -> Result<(), ManifestError> {
        let outside = |path: String, pattern: &str, kind: &str, granted: &[String]| {
            let granted = granted.join(", ");
            let why = format!(
                "{pattern:?} is outside the tenant's {kind} grant ({granted}); ask an operator to widen it"
            );
            Err(ManifestError::new(path, why))
        };
        for (path, pattern) in manifest.patterns_read() {
            if !self.may_read(pattern) {
                return outside(path, pattern, "read", &self.read);
            }
        }
        for (path, pattern) in manifest.table_patterns() {
            if !self.may_read(&pattern) {
                return outside(path, &pattern, "read", &self.read);
            }
        }
        let pattern = manifest.output.as_ref().map(OutputManifest::pattern);
        match pattern.filter(|pattern| !self.may_write(pattern)) {
            Some(pattern) => outside("output.subject".to_owned(), &pattern, "write", &self.write),
            None => Ok(()),
        }
    }

    /// Whether a pattern lies within the read grant.
    pub fn may_read(&self, pattern: &str) -> bool {
        self.read.iter().any(|granted| subject::covers(granted, pattern))
    }

    /// Whether a pattern lies within the write grant.
    pub fn may_write(&self, pattern: &str) -> bool {
        self.write.iter().any(|granted| subject::covers(granted, pattern))
    }
}

/// How much a tenant may have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Quotas {
    /// Plugin versions.
    pub plugins: u32,
    /// Pipelines.
    pub pipelines: u32,
    /// Partitions of all pipelines together.
    pub partitions: u32,
    /// How much may happen within a time.
    pub rates: crate::registry::TenantRates,
    /// Its share of the guest threads, beside that of others.
    pub weight: crate::registry::Weight,
    /// Bytes of all plugin versions together.
    pub plugin_bytes: u64,
    /// Seconds that its uploads may be compiled in an hour, on each engine.
    pub compile_seconds: u64,
    /// Bytes of keys and values of state, over all engines.
    pub state_bytes: u64,
    /// Bytes of ids and numbers of vectors, over all engines.
    pub vector_bytes: u64,
    /// Streams that it makes.
    pub streams: u32,
    /// Bytes that those streams may hold together.
    pub stream_bytes: u64,
    /// Versions of all schemas together.
    pub schemas: u32,
    /// Rules that bind subjects to schemas.
    pub schema_rules: u32,
    /// Bytes of linear memory that a step may give its plugin.
    pub memory_bytes: u64,
}

impl Default for Quotas {
    fn default() -> Self {
        Self {
            plugins: 1_000,
            pipelines: 1_000,
            partitions: 4_000,
            rates: crate::registry::TenantRates::default(),
            weight: crate::registry::Weight::default(),
            // 200 plugins of the largest kind, Python in a component.
            plugin_bytes: 4 << 30,
            // Half a core, for as long as somebody uploads.
            compile_seconds: 1_800,
            state_bytes: 16 << 30,
            // They are held in memory.
            vector_bytes: 4 << 30,
            streams: 20,
            // On the broker's disk, which all tenants share.
            stream_bytes: 16 << 30,
            // Each engine holds them in memory.
            schemas: 200,
            // All of them are in the tenant's entry.
            schema_rules: 100,
            memory_bytes: 64 << 20,
        }
    }
}

/// A token, as it is kept: never itself, only its hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// SHA-256 of the token.
    pub hash: Digest,
    /// What it is known by in lists and in the audit log; has nothing to do with the token itself. Empty
    /// in entries of an earlier engine: see [`Token::public_id`].
    #[serde(default)]
    pub id: String,
    /// What it is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Life of the tenant that it was made for; of no use to another that bears the same name.
    #[serde(default, skip_serializing_if = "Life::is_unnamed")]
    pub tenant_life: Life,
    /// What it lets its bearer do.
    pub scope: Scope,
    /// When it was made, milliseconds since the epoch.
    pub created_ms: u64,
    /// When it ends; none never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_ms: Option<u64>,
}

impl Token {
    /// What it is known by. Where an earlier engine gave it no id: when it was made, and a few bits of
    /// its hash; few, because an operator may have chosen a token that can be guessed.
    pub fn public_id(&self) -> String {
        if !self.id.is_empty() {
            return self.id.clone();
        }
        let bits: String = self.hash.to_string().chars().take(4).collect();
        format!("{:x}-{bits}", self.created_ms)
    }

    /// Whether it is good at this moment.
    pub fn is_live(&self, now_ms: u64) -> bool {
        self.expires_ms.is_none_or(|end| now_ms < end)
    }
}

/// An uploaded plugin version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct PluginVersion {
    /// Name and version.
    pub plugin: PluginRef,
    /// Which life of that name and version it is.
    #[serde(default, skip_serializing_if = "Life::is_unnamed")]
    pub life: Life,
    /// Life of the tenant that uploaded it.
    #[serde(default, skip_serializing_if = "Life::is_unnamed")]
    pub tenant_life: Life,
    /// Whether its bytes are on their way: nobody can use it yet.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub uploading: bool,
    /// Whether that came to nothing: its bytes go, and its entry last.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub withdrawn: bool,
    /// Whether it goes: no revision can name it any more. Once that none does is known, it is withdrawn too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deleting: bool,
    /// The engine that stores its bytes, or deletes it; another goes on with it when that one is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<EngineId>,
    /// Digest of the component.
    pub digest: Digest,
    /// Digest of the bytes that were uploaded; another where they were a core module.
    pub upload_digest: Digest,
    /// Size of the component.
    pub size_bytes: u64,
    /// Interfaces that it imports.
    pub imports: BTreeSet<Grant>,
    /// Linear memory that it declares; an entry of an earlier engine does not say.
    #[serde(default)]
    pub memory: DeclaredMemory,
    /// JSON Schema of its config, where the plugin declares one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_schema: Option<ConfigSchema>,
    /// When it was uploaded, milliseconds since the epoch.
    pub uploaded_ms: u64,
}

/// A pipeline: which revision is active, and whether it runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Pipeline {
    /// Which life of that name it is.
    #[serde(default, skip_serializing_if = "Life::is_unnamed")]
    pub life: Life,
    /// Life of the tenant that made it.
    #[serde(default, skip_serializing_if = "Life::is_unnamed")]
    pub tenant_life: Life,
    /// Whether it is there as a whole.
    #[serde(default, skip_serializing_if = "PipelinePhase::is_ready")]
    pub phase: PipelinePhase,
    /// The engine that creates or deletes it; another goes on with it when that one is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<EngineId>,
    /// The NATS account that its stream lies in; none stands for the engine's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nats_account: Option<Name>,
    /// The active revision.
    pub active: Revision,
    /// Why it is paused, if it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<String>,
    /// How many dead letters were ever sent again: a change tells the engines to look.
    #[serde(default)]
    pub redriven: u64,
    /// When the input stream was made, as the broker writes it: another moment means another stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream_created: Option<String>,
    /// The sequence at which it begins, pinned when it was made; none where `start` is a time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_sequence: Option<u64>,
    /// The revision that was active before; an entry of an earlier engine does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<u64>,
    /// The highest number that a revision was ever given; an entry of an earlier engine does not say.
    #[serde(default)]
    pub last_number: u64,
    /// A revision that runs beside the active one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub candidate: Option<Candidate>,
    /// What became of the one before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_candidate: Option<Ended>,
    /// Where it reads its input from since somebody said so, whatever was committed before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rebase: Option<Rebase>,
    /// Up to this sequence of the input, the loss of events is accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted_loss: Option<u64>,
    /// Up to this sequence of its own stream it is accepted that commit records are gone, and that outputs come again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted_repeats: Option<u64>,
    /// How often somebody let it try again.
    #[serde(default)]
    pub retried: u64,
    /// When it was made, milliseconds since the epoch.
    pub created_ms: u64,
}

/// From a revision on, positions begin here: those of records before it are of no use, because events were lost, or
/// the stream is another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Rebase {
    /// The first revision that reads from there.
    pub revision: u64,
    /// The first sequence that it reads.
    pub from: u64,
}

impl Pipeline {
    /// With its first revision.
    pub fn new(active: Revision, created_ms: u64) -> Self {
        Self {
            life: Life::UNNAMED,
            tenant_life: Life::UNNAMED,
            phase: PipelinePhase::Ready,
            by: None,
            nats_account: None,
            last_number: active.number,
            active,
            paused: None,
            redriven: 0,
            stream_created: None,
            start_sequence: None,
            previous: None,
            candidate: None,
            last_candidate: None,
            rebase: None,
            accepted_loss: None,
            accepted_repeats: None,
            retried: 0,
            created_ms,
        }
    }

    /// The number of the next revision: none is given twice.
    pub fn next_number(&self) -> u64 {
        self.active.number.max(self.last_number) + 1
    }

    /// What it is called where it is said how it stands.
    pub fn in_words(&self, id: &PipelineId) -> String {
        format!(
            "pipeline {} (at its revision {} now)",
            id.pipeline, self.active.number
        )
    }

    /// Whether it ever gave this number to a revision.
    pub fn has_had(&self, number: u64) -> bool {
        number <= self.active.number.max(self.last_number)
    }

    /// The revision to go back to.
    pub fn before(&self) -> Option<u64> {
        let before = self.active.number - 1;
        self.previous.or((before > 0).then_some(before))
    }
}

impl Pipeline {
    /// Ends the candidate, if it is this one.
    pub fn end_candidate(&mut self, revision: u64, reason: String, now_ms: u64) {
        if self
            .candidate
            .as_ref()
            .is_some_and(|candidate| candidate.revision.number == revision)
        {
            self.candidate = None;
            self.last_candidate = Some(Ended {
                revision,
                reason,
                ended_ms: now_ms,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotas_that_an_earlier_engine_wrote_can_be_read() {
        let old: Quotas = serde_json::from_str(r#"{"plugins":1,"pipelines":2,"partitions":3}"#).unwrap();
        let now = Quotas {
            plugins: 1,
            pipelines: 2,
            partitions: 3,
            ..Quotas::default()
        };
        assert_eq!(old, now);
        assert!(serde_json::from_str::<Quotas>(r#"{"state-byte":1}"#).is_err());
    }
}
