//! The broker, and the NATS accounts that tenants can live in. What is secret stands in files, and only their
//! names stand here, so that `--print-config` and a log can show all of it.

use std::{collections::BTreeMap, path::PathBuf};

use serde::{Deserialize, Serialize};
use tailrace_core::name::Name;
use tailrace_nats::{AccountOptions, Login, NatsOptions};

/// The connection to the broker. The engine logs in with `credentials`, with `user` and `password-file`, or with
/// `token-file`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct NatsConfig {
    /// The address of the broker. Commas separate several addresses of one cluster.
    pub url: String,
    /// A NATS credentials file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credentials: Option<PathBuf>,
    /// The name of a user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// A file that holds the password of `user`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_file: Option<PathBuf>,
    /// A file that holds a token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_file: Option<PathBuf>,
    /// The address of the broker's monitoring port, such as `http://127.0.0.1:8222`. The engine uses it to find
    /// out whether the broker syncs its disk before it answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub monitor_url: Option<String>,
    /// A folder with a credentials file for each NATS account of tenants. `shop.creds` is the file of the
    /// account `shop`. Files may be added and replaced while the engine runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accounts_dir: Option<PathBuf>,
    /// NATS accounts of tenants, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub accounts: BTreeMap<Name, AccountConfig>,
}

/// `tailrace tenant create shop --nats-account shop` puts a tenant into such an account. All engines of a
/// cluster must name the same accounts.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct AccountConfig {
    /// The address of the account's broker, if it differs from `nats.url`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// A NATS credentials file of a user of the account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credentials: Option<PathBuf>,
    /// The name of a user of the account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// A file that holds the password of `user`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_file: Option<PathBuf>,
    /// A file that holds a token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_file: Option<PathBuf>,
}

impl Default for NatsConfig {
    fn default() -> Self {
        Self {
            url: "nats://127.0.0.1:4222".to_owned(),
            credentials: None,
            user: None,
            password_file: None,
            token_file: None,
            monitor_url: None,
            accounts_dir: None,
            accounts: BTreeMap::new(),
        }
    }
}

impl NatsConfig {
    /// How to reach the engine's own account.
    pub fn options(&self) -> anyhow::Result<NatsOptions> {
        let login = login(
            self.credentials.as_ref(),
            self.user.as_ref(),
            self.password_file.as_ref(),
            self.token_file.as_ref(),
        );
        let login = login.map_err(|why| anyhow::anyhow!("nats: {why}"))?;
        Ok(NatsOptions {
            url: self.url.clone(),
            login: login.unwrap_or_default(),
            monitor_url: self.monitor_url.clone(),
            ..NatsOptions::default()
        })
    }

    /// How to reach those of tenants.
    pub fn account_options(&self) -> anyhow::Result<AccountOptions> {
        let like = NatsOptions {
            url: self.url.clone(),
            monitor_url: self.monitor_url.clone(),
            ..NatsOptions::default()
        };
        let mut named = BTreeMap::new();
        for (name, account) in &self.accounts {
            let options = account.options(&like);
            let options = options.map_err(|why| anyhow::anyhow!("nats.accounts.{name}: {why}"))?;
            named.insert(name.clone(), options);
        }
        Ok(AccountOptions {
            named,
            folder: self.accounts_dir.clone(),
            like,
        })
    }
}

impl AccountConfig {
    fn options(&self, like: &NatsOptions) -> Result<NatsOptions, &'static str> {
        let login = login(
            self.credentials.as_ref(),
            self.user.as_ref(),
            self.password_file.as_ref(),
            self.token_file.as_ref(),
        )?;
        // Without any it would be whoever the broker takes nobody for: the engine's own account, perhaps.
        let login = login.ok_or("name its credentials, its user and password-file, or its token-file")?;
        if self.url.as_deref().is_some_and(|url| url.contains('@')) {
            return Err("its url holds a user; write user and password-file instead");
        }
        let elsewhere = self.url.clone().map(|url| NatsOptions {
            url,
            monitor_url: None,
            ..like.clone()
        });
        Ok(NatsOptions {
            login,
            ..elsewhere.unwrap_or_else(|| like.clone())
        })
    }
}

/// The one way to log in that is set, if any is.
fn login(
    credentials: Option<&PathBuf>,
    user: Option<&String>,
    password: Option<&PathBuf>,
    token: Option<&PathBuf>,
) -> Result<Option<Login>, &'static str> {
    let login = match (credentials, user, password, token) {
        (None, None, None, None) => None,
        (Some(file), None, None, None) => Some(Login::Credentials(file.clone())),
        (None, Some(user), Some(password), None) => Some(Login::Password {
            user: user.clone(),
            password: password.clone(),
        }),
        (None, None, None, Some(file)) => Some(Login::Token(file.clone())),
        (None, Some(_), None, None) | (None, None, Some(_), None) => {
            return Err("user and password-file go together");
        }
        _ => return Err("it can log in in one way only: credentials, user and password-file, or token-file"),
    };
    Ok(login)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> anyhow::Result<AccountOptions> {
        toml::from_str::<NatsConfig>(text)?.account_options()
    }

    #[test]
    fn an_account_has_the_engines_broker_and_a_login_of_its_own() {
        let read = read(
            "url = \"nats://b:4222\"\ncredentials = \"own.creds\"\n[accounts.shop]\nuser = \"shop\"\npassword-file = \"p\"\n[accounts.bank]\nurl = \"nats://c\"\ntoken-file = \"t\"\n",
        )
        .unwrap();
        let urls: Vec<_> = read.named.values().map(|options| options.url.as_str()).collect();
        assert_eq!(urls, ["nats://c", "nats://b:4222"]);
        let shop = &read.named[&Name::new("shop").unwrap()];
        let password = "p".into();
        let user = "shop".to_owned();
        assert_eq!(shop.login, Login::Password { user, password });
    }

    #[test]
    fn an_account_that_would_log_in_as_nobody_or_in_two_ways_is_refused() {
        for wrong in [
            "[accounts.shop]",
            "[accounts.shop]\nuser = \"shop\"",
            "[accounts.shop]\ncredentials = \"a\"\ntoken-file = \"t\"",
            "[accounts.shop]\nurl = \"nats://shop:secret@b\"\ntoken-file = \"t\"",
            "[accounts.Shop]\ntoken-file = \"t\"",
            "[accounts.shop]\npassword = \"secret\"",
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
