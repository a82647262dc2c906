//! Who bears a token, and which tokens there are.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tailrace_core::{
    audit::Actor,
    identity::{Digest, EngineId},
    name::Name,
    registry::{Role, Scope, Token},
};

use crate::{error::ControlResult, query::Queries};

/// A token as lists show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ShownToken {
    /// What it is known by.
    pub id: String,
    /// What it may do.
    pub scope: Role,
    /// What it is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// When it was made, milliseconds since the epoch.
    pub created_ms: u64,
    /// When it ends; none never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_ms: Option<u64>,
}

/// What a token is, for whoever bears it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct OwnToken {
    /// The tenant that it is of; none for an operator's, which acts on every tenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<Name>,
    /// As lists show it.
    #[serde(flatten)]
    pub token: ShownToken,
    /// The engine that answers, where the engines are known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub engine: Option<EngineId>,
}

/// Whoever bears a token.
#[derive(Debug, Clone)]
pub struct Bearer {
    /// What the token allows.
    pub scope: Scope,
    /// As the audit log knows it.
    pub actor: Actor,
}

impl Queries {
    /// Who bears this token; none for a token that is unknown or has ended.
    pub fn authenticate(&self, token: &str) -> ControlResult<Option<Bearer>> {
        Ok(self.live_token(token)?.map(|token| Bearer {
            scope: token.scope.clone(),
            actor: Actor {
                token: Some(token.public_id()),
                scope: token.scope.to_string(),
                label: token.label.clone(),
            },
        }))
    }

    /// What this token is; none for one that is unknown or has ended.
    pub fn own_token(&self, token: &str) -> ControlResult<Option<OwnToken>> {
        Ok(self.live_token(token)?.map(|token| OwnToken {
            tenant: match &token.scope {
                Scope::Operator(_) => None,
                Scope::Tenant { name, .. } => Some(name.clone()),
            },
            token: shown(&token),
            engine: self.context.me(),
        }))
    }

    fn live_token(&self, token: &str) -> ControlResult<Option<Arc<Token>>> {
        let hash = Digest::of(token.as_bytes());
        let registry = self.context.registry()?;
        let found = registry.tokens.get(&hash).cloned();
        let found = found.filter(|token| token.is_live(self.context.now_ms()));
        if found.is_some() {
            return Ok(found);
        }
        let is_whole = registry.standing.is_whole();
        // Somebody must be able to look, and to decide, whatever the registry has lost.
        let configured = self.context.configured().get(&hash).cloned();
        match configured.filter(|(_, is_admitted)| !is_whole || !is_admitted) {
            Some((token, _)) => Ok(Some(token)),
            // Whose token it is may be in what is lost.
            None => self.context.check_standing().map(|()| None),
        }
    }

    /// A tenant's tokens, oldest first, those that have ended among them.
    pub fn list_tokens(&self, tenant: &Name) -> ControlResult<Vec<ShownToken>> {
        self.context.tenant(tenant)?;
        self.list_tokens_of(Some(tenant))
    }

    /// The operators' tokens, likewise.
    pub fn list_operator_tokens(&self) -> ControlResult<Vec<ShownToken>> {
        self.list_tokens_of(None)
    }

    fn list_tokens_of(&self, tenant: Option<&Name>) -> ControlResult<Vec<ShownToken>> {
        let mut list: Vec<_> = self
            .context
            .tokens_of(tenant)?
            .iter()
            .map(|token| shown(token))
            .collect();
        list.sort_by(|one, other| (one.created_ms, &one.id).cmp(&(other.created_ms, &other.id)));
        Ok(list)
    }
}

pub(crate) fn shown(token: &Token) -> ShownToken {
    let (Scope::Operator(scope) | Scope::Tenant { role: scope, .. }) = &token.scope;
    ShownToken {
        id: token.public_id(),
        scope: *scope,
        label: token.label.clone(),
        created_ms: token.created_ms,
        expires_ms: token.expires_ms,
    }
}
