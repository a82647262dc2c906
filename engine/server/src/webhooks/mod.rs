//! Notices of alarms: to subjects through the broker, to web addresses through the HTTP client of the
//! command line.
//!
//! A tenant writes the address, so it is held short: the origin must be one that the operator lists,
//! the name is resolved once and its addresses are checked before one is connected to
//! ([`address`]; a second look-up could answer otherwise), no redirect is followed, no proxy asked, and
//! time, answer and number of requests under way are bounded. What the server answers is never shown.
//!
//! Why: docs/decisions/0034-webhooks-only-to-allowed-hosts.md

mod address;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use tailrace_core::{alarm::notice::Target, name::Name, ports::notices::Notices, tasks};
use tailrace_nats::NatsAccounts;
use tokio::sync::Semaphore;
use ureq::{http::Uri, unversioned::transport::DefaultConnector};

use self::address::PublicOnly;
use crate::config::WebhooksConfig;

/// Longest that a web server may take, connection and look-up included.
const WITHIN: Duration = Duration::from_secs(10);
/// Requests under way; each holds a thread.
const AT_ONCE: usize = 8;
/// Longest notice: a rule and a few names.
const MAX_BODY_BYTES: usize = 16 * 1024;
/// What is read of an answer before the connection is given up.
const MAX_ANSWER_BYTES: u64 = 4 * 1024;

/// Sends notices.
pub struct Outlet {
    accounts: Arc<NatsAccounts>,
    origins: Vec<Origin>,
    agent: ureq::Agent,
    places: Arc<Semaphore>,
}

/// Scheme, host and port.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Origin {
    scheme: String,
    host: String,
    port: u16,
}

impl Origin {
    /// Of an address, which must be a whole one without a user's name in it.
    fn of(uri: &Uri) -> Option<Self> {
        let scheme = uri.scheme_str()?;
        let default = match scheme {
            "https" => 443,
            "http" => 80,
            _ => return None,
        };
        let authority = uri.authority().filter(|it| !it.as_str().contains('@'))?;
        Some(Self {
            scheme: scheme.to_owned(),
            host: authority.host().trim_end_matches('.').to_ascii_lowercase(),
            port: authority.port_u16().unwrap_or(default),
        })
    }

    /// As the operator writes it: `hooks.example.com`, or with scheme and port.
    fn listed(text: &str) -> anyhow::Result<Self> {
        let whole = if text.contains("://") {
            text.to_owned()
        } else {
            format!("https://{text}")
        };
        let uri = whole.parse::<Uri>().ok();
        let is_bare = |uri: &Uri| matches!(uri.path(), "" | "/") && uri.query().is_none();
        uri.filter(is_bare).as_ref().and_then(Self::of).ok_or_else(|| {
            anyhow::anyhow!(
                "webhooks.hosts has {text:?}: write hooks.example.com, or http://10.0.0.7:9000 for another scheme or port"
            )
        })
    }
}

impl Outlet {
    /// As configured.
    pub fn new(accounts: Arc<NatsAccounts>, config: &WebhooksConfig) -> anyhow::Result<Self> {
        let origins = config.hosts.iter().map(|host| Origin::listed(host));
        let limits = ureq::Agent::config_builder()
            .timeout_global(Some(WITHIN))
            .max_redirects(0)
            .http_status_as_error(false)
            .proxy(None)
            // The next request looks the name up again and checks it again.
            .max_idle_connections(0)
            .user_agent(concat!("tailrace/", env!("CARGO_PKG_VERSION")))
            .build();
        let resolver = PublicOnly::new(config.private_addresses);
        Ok(Self {
            accounts,
            origins: origins.collect::<anyhow::Result<_>>()?,
            agent: ureq::Agent::with_parts(limits, DefaultConnector::default(), resolver),
            places: Arc::new(Semaphore::new(AT_ONCE)),
        })
    }

    fn check_url(&self, url: &str) -> Result<(), String> {
        let uri: Uri = url.parse().map_err(|_| format!("{url:?} is no web address"))?;
        let origin =
            Origin::of(&uri).ok_or("write a whole address without a user: https://hooks.example.com/path")?;
        if self.origins.contains(&origin) {
            return Ok(());
        }
        // The list is the operator's; a tenant learns whether its own host is on it, and no more.
        let host = origin.host;
        Err(format!(
            "{host:?} is not a host that notices may go to; ask an operator to add it to webhooks.hosts"
        ))
    }

    async fn post(&self, url: String, body: Bytes) -> Result<(), String> {
        let place = self
            .places
            .clone()
            .acquire_owned()
            .await
            .map_err(|cause| cause.to_string())?;
        let agent = self.agent.clone();
        let sent = tasks::spawn_blocking(move || {
            let answer = agent.post(&url).content_type("application/json").send(&body[..]);
            drop(place);
            let mut answer = answer.map_err(|cause| cause.to_string())?;
            // So that a connection is ended in order; how it goes on is no concern of ours.
            let _ = answer
                .body_mut()
                .with_config()
                .limit(MAX_ANSWER_BYTES)
                .read_to_vec();
            let status = answer.status();
            let why = if status.is_redirection() {
                "; a redirect is not followed, name the address itself"
            } else {
                ""
            };
            status
                .is_success()
                .then_some(())
                .ok_or_else(|| format!("it answered {status}{why}"))
        });
        sent.await.map_err(|cause| cause.to_string())?
    }
}

#[async_trait]
impl Notices for Outlet {
    fn check(&self, target: &Target) -> Result<(), String> {
        match target {
            Target::Subject(_) => Ok(()),
            Target::Webhook(url) => self.check_url(url),
        }
    }

    async fn send(&self, account: Option<&Name>, target: &Target, body: Bytes) -> Result<(), String> {
        if body.len() > MAX_BODY_BYTES {
            return Err(format!(
                "the notice has {} bytes, at most {MAX_BODY_BYTES} are sent",
                body.len()
            ));
        }
        // Again, for the operator may have shortened the list since the pipeline was applied.
        self.check(target)?;
        match target {
            Target::Subject(subject) => self.accounts.publish_notice(account, subject, body).await,
            Target::Webhook(url) => self.post(url.clone(), body).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(url: &str) -> Option<Origin> {
        Origin::of(&url.parse().ok()?)
    }

    #[test]
    fn only_the_very_origin_that_is_listed_is_reached() {
        let listed = Origin::listed("Hooks.example.com").unwrap();
        for same in [
            "https://hooks.example.com/a?b=c",
            "https://HOOKS.example.com:443/",
            "https://hooks.example.com./",
        ] {
            assert_eq!(origin(same).as_ref(), Some(&listed), "{same}");
        }
        for other in [
            "http://hooks.example.com/",
            "https://hooks.example.com:8443/",
            "https://hooks.example.com.evil.org/",
            "https://evil.org/hooks.example.com",
            "https://hooks.example.com@evil.org/",
            "https://user:word@hooks.example.com/",
            "ftp://hooks.example.com/",
            "//hooks.example.com/",
            "/hooks.example.com",
            "hooks.example.com",
        ] {
            assert_ne!(origin(other).as_ref(), Some(&listed), "{other}");
        }
    }

    #[test]
    fn a_list_that_cannot_be_read_is_refused_at_the_start() {
        assert_eq!(Origin::listed("http://10.0.0.7:9000").unwrap().port, 9_000);
        for wrong in ["", "https://", "ftp://x", "https://x/path", "a b", "https://x?y"] {
            assert!(Origin::listed(wrong).is_err(), "{wrong}");
        }
    }
}
