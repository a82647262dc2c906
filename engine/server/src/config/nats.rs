//! The broker, and the NATS accounts that tenants can live in. What is secret stands in files, and only their
//! names stand here, so that `--print-config` and a log can show all of it.

use std::{collections::BTreeMap, path::PathBuf};

use serde::{Deserialize, Serialize};
use tailrace_core::name::Name;
use tailrace_nats::{
    AccountOptions, Login, NatsOptions, Placement, Replicas, TlsOptions, bare_address, shown_address,
};

/// The connection to the broker. The engine logs in with `credentials`, with `user` and `password-file`, or with
/// `token-file`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct NatsConfig {
    /// The address of the broker. Commas separate several addresses of one cluster. An address may name a user, as in
    /// `nats://user:password@host`, but others can see it there: the options below name files instead.
    #[serde(serialize_with = "bare")]
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
    /// A file with the certificate of the authority that signed the broker's certificate. Without it the engine
    /// trusts the authorities of the system. With it the connection must be encrypted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca: Option<PathBuf>,
    /// A file with a certificate of the engine, for a broker that demands one. `key` is its key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<PathBuf>,
    /// A file with the key of `certificate`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<PathBuf>,
    /// The number of replicas of all that the engine makes on the broker: `auto`, `1`, `3` or `5`. With `auto` there
    /// are three on a cluster that can hold them, else one.
    #[cfg_attr(test, schemars(with = "String"))]
    pub replicas: ReplicasConfig,
    /// The place on the broker of all that the engine makes.
    #[serde(skip_serializing_if = "PlacementConfig::is_anywhere")]
    pub placement: PlacementConfig,
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

/// An address is printed without the user that it may name.
fn bare<S: serde::Serializer>(url: &str, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&shown_address(url))
}

/// A number of replicas: `auto`, `1`, `3` or `5`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub enum ReplicasConfig {
    /// Three on a cluster that can hold them, else one.
    #[default]
    Auto,
    /// So many.
    Exactly(u64),
}

/// As it is written: a number, or a text; a variable of the environment is a text.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    Number(u64),
    Text(String),
}

impl TryFrom<Written> for ReplicasConfig {
    type Error = String;
    fn try_from(written: Written) -> Result<Self, String> {
        let count = match written {
            Written::Number(count) => Some(count),
            Written::Text(text) if text == "auto" => return Ok(Self::Auto),
            Written::Text(text) => text.parse().ok(),
        };
        match count {
            Some(count @ (1 | 3 | 5)) => Ok(Self::Exactly(count)),
            _ => Err("replicas is auto, 1, 3 or 5".to_owned()),
        }
    }
}

impl From<ReplicasConfig> for Written {
    fn from(config: ReplicasConfig) -> Self {
        match config {
            ReplicasConfig::Auto => Self::Text("auto".to_owned()),
            ReplicasConfig::Exactly(count) => Self::Number(count),
        }
    }
}

/// A place on the broker.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct PlacementConfig {
    /// The name of a cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// Tags that the servers must have.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
}

impl PlacementConfig {
    fn is_anywhere(&self) -> bool {
        *self == Self::default()
    }
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
            ca: None,
            certificate: None,
            key: None,
            replicas: ReplicasConfig::default(),
            placement: PlacementConfig::default(),
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
            login: login.unwrap_or_default(),
            ..self.common()?
        })
    }

    /// What all connections have in common.
    fn common(&self) -> anyhow::Result<NatsOptions> {
        let client = match (&self.certificate, &self.key) {
            (Some(certificate), Some(key)) => Some((certificate.clone(), key.clone())),
            (None, None) => None,
            _ => anyhow::bail!("nats: certificate and key go together"),
        };
        for file in self.ca.iter().chain(&self.certificate).chain(&self.key) {
            anyhow::ensure!(file.is_file(), "nats: there is no file {}", file.display());
        }
        Ok(NatsOptions {
            url: self.url.clone(),
            monitor_url: self.monitor_url.clone(),
            tls: TlsOptions {
                ca: self.ca.clone(),
                client,
            },
            replicas: match self.replicas {
                ReplicasConfig::Auto => Replicas::Auto,
                ReplicasConfig::Exactly(count) => Replicas::Exactly(count),
            },
            placement: Placement {
                cluster: self.placement.cluster.clone(),
                tags: self.placement.tags.clone(),
            },
            ..NatsOptions::default()
        })
    }

    /// How to reach those of tenants.
    pub fn account_options(&self) -> anyhow::Result<AccountOptions> {
        // Whoever the engine is there, a tenant's account has a login of its own.
        let like = NatsOptions {
            url: bare_address(&self.url),
            ..self.common()?
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
    fn an_account_is_not_the_user_that_the_engines_address_names() {
        let read = read("url = \"nats://own:secret@b:4222\"\n[accounts.shop]\ntoken-file = \"t\"\n").unwrap();
        let shop = &read.named[&Name::new("shop").unwrap()];
        assert_eq!(shop.url, "nats://b:4222");
        assert_eq!(read.like.url, "nats://b:4222");
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
