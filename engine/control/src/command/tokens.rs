//! Tokens: 256 random bits, shown once and kept as their hash. What they are known by afterwards is an id
//! that has nothing to do with the token.
//!
//! Why: docs/decisions/0040-tokens-and-their-ids.md

use std::{sync::Arc, time::Duration};

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, json};
use tailrace_core::{
    audit::Change,
    identity::Digest,
    life::Life,
    name::Name,
    registry::{Key, Registry, Role, Scope, Token},
    units::Span,
};

use crate::{
    command::Commands,
    error::{ControlError, ControlResult},
    query::tokens::{ShownToken, shown},
};

/// Begins every token, so that one that leaks is found by those who search for it.
const TOKEN_PREFIX: &str = "tr_";
/// Tokens of one tenant, and of the operators: each is an entry that every engine holds in memory.
const MAX_TOKENS: usize = 1_000;
/// What a token is called that was chosen outside; revoked, it is there again at the next start.
const OUTSIDE: &str = "from the configuration";
/// Longest label: it is shown in lists.
const MAX_LABEL_CHARS: usize = 64;
/// Longest life of a token that has an end at all.
const MAX_LIFE: Duration = Duration::from_hours(24 * 3_650);

/// How long a tenant's token is good where it is not said.
const USUAL_LIFE: Duration = Duration::from_hours(24 * 90);

/// What a new token is to be.
#[derive(Debug, Clone, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct TokenRequest {
    /// What it may do. Where it is not said, a tenant's token may deploy, and an operator's everything.
    pub scope: Option<Role>,
    /// What it is called.
    pub label: Option<String>,
    /// How long it is good; `null` is for ever. Where it is not said, a tenant's token is good for 90 days, and an
    /// operator's for ever.
    #[serde(deserialize_with = "said")]
    #[schemars(with = "Option<Span>")]
    pub expires_in: Option<Option<Span>>,
}

/// What is said, though it is `null`.
fn said<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Option<Span>>, D::Error> {
    Option::deserialize(value).map(Some)
}

/// A new token: the only time that it is shown.
#[derive(Debug, Clone, Serialize, Deserialize, schemars::JsonSchema)]
pub struct NewToken {
    /// The token itself.
    pub token: String,
    /// The tenant it is for; an operator's is for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<Name>,
    /// What it is, but for the secret.
    #[serde(flatten)]
    pub shown: ShownToken,
}

impl Commands {
    /// Makes a token known that was chosen outside: the operator's first.
    pub async fn admit_token(&self, token: &str, scope: Scope) -> ControlResult<()> {
        let hash = Digest::of(token.as_bytes());
        let outside = Token {
            hash,
            id: self.random_id(),
            label: Some(OUTSIDE.to_owned()),
            tenant_life: self.life_of(&scope).unwrap_or_default(),
            scope,
            created_ms: self.context.now_ms(),
            expires_ms: None,
        };
        self.context.remember_configured(outside.clone(), false);
        // The bucket may be made just now.
        self.context.wait_until(|_| true).await?;
        self.context.check_standing()?;
        self.admit_configured(outside).await
    }

    /// Makes the tokens known again that the engine's own configuration names: the registry is another one.
    pub(crate) async fn admit_again(&self) -> ControlResult<()> {
        let configured: Vec<_> = self.context.configured().values().cloned().collect();
        for (token, _) in configured {
            self.admit_configured(Token::clone(&token)).await?;
        }
        Ok(())
    }

    async fn admit_configured(&self, token: Token) -> ControlResult<()> {
        let hash = token.hash;
        let known = self.context.read::<Token>(&Key::Token(hash)).await?;
        if known.is_none_or(|(known, _)| known.scope != token.scope) {
            let tenant_life = self.life_of(&token.scope)?;
            let token = Token {
                tenant_life,
                ..token.clone()
            };
            match self.keep_token(token).await {
                // Another task, or another engine, makes the same one known.
                Ok(()) | Err(ControlError::Raced(_)) => {}
                Err(cause) => return Err(cause),
            }
        }
        let is_seen = |registry: &Registry| registry.tokens.contains_key(&hash);
        self.context.wait_until(is_seen).await?;
        self.context.remember_configured(token, true);
        Ok(())
    }

    /// Makes a new token for a tenant.
    pub async fn create_token(&self, tenant: &Name, request: TokenRequest) -> ControlResult<NewToken> {
        self.context.tenant_at_work(tenant)?;
        self.make_token(Some(tenant), request).await
    }

    /// Makes a new token for an operator.
    pub async fn create_operator_token(&self, request: TokenRequest) -> ControlResult<NewToken> {
        self.make_token(None, request).await
    }

    async fn make_token(&self, tenant: Option<&Name>, request: TokenRequest) -> ControlResult<NewToken> {
        let TokenRequest {
            scope: role,
            label,
            expires_in,
        } = request;
        check_label(label.as_deref())?;
        // Who asks for a tenant's token and says nothing more gets what a deployment needs.
        let (usual_role, usual_life) = match tenant {
            Some(_) => (Role::Deploy, Some(Span(USUAL_LIFE))),
            None => (Role::Admin, None),
        };
        let (role, expires_in) = (role.unwrap_or(usual_role), expires_in.unwrap_or(usual_life));
        let expires_in = expires_in.map(checked_life).transpose()?;
        self.forget_ended(tenant).await?;
        let token = self.random_token();
        let now_ms = self.context.now_ms();
        let scope = tenant.map_or(Scope::Operator(role), |name| Scope::Tenant {
            name: name.clone(),
            role,
        });
        let kept = Token {
            hash: Digest::of(token.as_bytes()),
            id: self.random_id(),
            label,
            tenant_life: self.life_of(&scope)?,
            scope,
            created_ms: now_ms,
            expires_ms: expires_in.map(|life| now_ms.saturating_add(life.as_millis())),
        };
        let shown = shown(&kept);
        self.keep_token(kept).await?;
        Ok(NewToken {
            token,
            tenant: tenant.cloned(),
            shown,
        })
    }

    /// Ends a tenant's token at once.
    pub async fn revoke_token(&self, tenant: &Name, id: &str) -> ControlResult<()> {
        self.context.tenant(tenant)?;
        let token = self.token_known_by(Some(tenant), id)?;
        self.forget_token(Some(tenant), &token).await
    }

    /// Ends an operator's token at once, but never the last that may do everything and has no end.
    pub async fn revoke_operator_token(&self, id: &str) -> ControlResult<()> {
        // One after the other, so that two that are left are not revoked for each other's sake.
        let _turn = self.revoking.lock().await;
        let token = self.token_known_by(None, id)?;
        let lasts = |token: &Token| token.scope == Scope::Operator(Role::Admin) && token.expires_ms.is_none();
        let others = self.context.tokens_of(None)?;
        let mut others = others.iter().filter(|other| other.hash != token.hash);
        if lasts(&token) && !others.any(|other| lasts(other)) {
            return Err(ControlError::Conflict(format!(
                "token {id} is the last operator's token of scope admin without an end; make another first: tailrace operator token create"
            )));
        }
        self.forget_token(None, &token).await
    }

    fn token_known_by(&self, tenant: Option<&Name>, id: &str) -> ControlResult<Arc<Token>> {
        let mut known = self.context.tokens_of(tenant)?.into_iter();
        let found = known.find(|token| token.public_id() == id);
        found.ok_or_else(|| ControlError::not_found("token", &id))
    }

    async fn forget_token(&self, tenant: Option<&Name>, token: &Token) -> ControlResult<()> {
        let change = Change {
            action: "token-revoked",
            tenant: tenant.cloned(),
            tenant_life: Some(token.tenant_life),
            target: format!("token/{}", token.public_id()),
            before: Some(told(token)),
            after: None,
        };
        let hash = token.hash;
        self.audited(change, async {
            self.context.remove(&Key::Token(hash)).await?;
            self.context
                .wait_until(|registry| !registry.tokens.contains_key(&hash))
                .await
        })
        .await
    }

    /// A new random token, not yet admitted.
    pub fn random_token(&self) -> String {
        let bits = (0..4).map(|_| format!("{:016x}", self.context.world.random.next_u64()));
        bits.fold(TOKEN_PREFIX.to_owned(), |token, word| token + &word)
    }

    /// Life of the tenant that a token is for.
    fn life_of(&self, scope: &Scope) -> ControlResult<Life> {
        match scope {
            Scope::Operator(_) => Ok(Life::UNNAMED),
            Scope::Tenant { name, .. } => Ok(self.context.tenant_at_work(name)?.life),
        }
    }

    fn random_id(&self) -> String {
        format!("{:016x}", self.context.world.random.next_u64())
    }

    async fn keep_token(&self, token: Token) -> ControlResult<()> {
        let tenant = match &token.scope {
            Scope::Operator(_) => None,
            Scope::Tenant { name, .. } => Some(name.clone()),
        };
        let change = Change {
            action: "token-made",
            tenant,
            tenant_life: Some(token.tenant_life),
            target: format!("token/{}", token.id),
            before: None,
            after: Some(told(&token)),
        };
        self.audited(change, async {
            let key = Key::Token(token.hash);
            let revision = self.revision_of(&key).await?;
            self.context.write(&key, &token, revision).await?;
            match &token.scope {
                Scope::Operator(_) => Ok(()),
                Scope::Tenant { name, .. } => self.still_there(name, token.tenant_life, &key).await,
            }
        })
        .await
    }

    /// Makes room: what has ended opens nothing any more.
    async fn forget_ended(&self, tenant: Option<&Name>) -> ControlResult<()> {
        let now_ms = self.context.now_ms();
        let (live, ended): (Vec<_>, Vec<_>) = self
            .context
            .tokens_of(tenant)?
            .into_iter()
            .partition(|token| token.is_live(now_ms));
        if live.len() >= MAX_TOKENS {
            return Err(ControlError::Quota(format!(
                "there are {MAX_TOKENS} such tokens, the most there can be; revoke some"
            )));
        }
        if live.len() + ended.len() >= MAX_TOKENS {
            for token in ended {
                self.context.remove(&Key::Token(token.hash)).await?;
            }
        }
        Ok(())
    }
}

/// What the audit log tells of a token.
fn told(token: &Token) -> Value {
    json!({
        "id": token.public_id(),
        "scope": token.scope.to_string(),
        "label": token.label,
        "expires_ms": token.expires_ms,
    })
}

fn check_label(label: Option<&str>) -> ControlResult<()> {
    let sound = |label: &str| {
        label.chars().count() <= MAX_LABEL_CHARS && !label.is_empty() && !label.chars().any(char::is_control)
    };
    if label.is_none_or(sound) {
        return Ok(());
    }
    Err(ControlError::Invalid(format!(
        "label: it has 1 to {MAX_LABEL_CHARS} characters, none of them a control character"
    )))
}

fn checked_life(life: Span) -> ControlResult<Span> {
    if life.0.is_zero() || life.0 > MAX_LIFE {
        return Err(ControlError::Invalid(
            "expires-in: write more than 0 and at most ten years, such as 30d, or null for ever".to_owned(),
        ));
    }
    Ok(life)
}
