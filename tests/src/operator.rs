//! A NATS operator for tests: servers in operator mode trust its key alone, and learn of accounts and users
//! from what it signed (ADR-14 of NATS: JWTs with ed25519 nkeys; claims as `nsc` writes them).

use std::fmt::Write as _;

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use nkeys::KeyPair;
use serde_json::{Value, json};

/// Its key, and the accounts that it has signed.
pub struct Operator {
    keys: KeyPair,
    system: KeyPair,
    accounts: Vec<Account>,
}

/// An account that may store as much as it likes.
pub struct Account {
    keys: KeyPair,
    jwt: String,
}

impl Operator {
    /// One with a system account, and an account for each of these names.
    pub fn of(names: &[&str]) -> anyhow::Result<Self> {
        let keys = KeyPair::new_operator();
        let account = |name: &&str| {
            let own = KeyPair::new_account();
            let unlimited = json!({
                "subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1, "wildcards": true, "conn": -1,
                "leaf": -1, "mem_storage": -1, "disk_storage": -1, "streams": -1, "consumer": -1,
            });
            let claims = json!({ "type": "account", "version": 2, "limits": unlimited });
            let jwt = signed(&keys, &own, name, &claims)?;
            anyhow::Ok(Account { keys: own, jwt })
        };
        Ok(Self {
            accounts: names.iter().map(account).collect::<Result<_, _>>()?,
            system: KeyPair::new_account(),
            keys,
        })
    }

    /// The lines by which a server knows it and its accounts.
    pub fn configuration(&self) -> anyhow::Result<String> {
        let system = self.system.public_key();
        let own = json!({ "type": "operator", "version": 2, "system_account": system });
        let own = signed(&self.keys, &self.keys, "operator", &own)?;
        let claims = json!({ "type": "account", "version": 2, "limits": { "conn": -1, "subs": -1, "data": -1,
            "payload": -1, "imports": -1, "exports": -1, "wildcards": true, "leaf": -1 } });
        let its = signed(&self.keys, &self.system, "SYS", &claims)?;
        let mut lines = format!(
            "operator: {own}\nsystem_account: {system}\nresolver: MEMORY\nresolver_preload {{\n  {system}: {its}\n"
        );
        for account in &self.accounts {
            writeln!(lines, "  {}: {}", account.keys.public_key(), account.jwt)?;
        }
        lines.push_str("}\n");
        Ok(lines)
    }

    /// A credentials file of a new user of the account of this place in the list.
    pub fn credentials(&self, account: usize) -> anyhow::Result<String> {
        let user = KeyPair::new_user();
        let claims = json!({ "type": "user", "version": 2, "pub": {}, "sub": {}, "subs": -1, "data": -1, "payload": -1 });
        let jwt = signed(&self.accounts[account].keys, &user, "user", &claims)?;
        let seed = user.seed()?;
        Ok(format!(
            "-----BEGIN NATS USER JWT-----\n{jwt}\n------END NATS USER JWT------\n\n-----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n"
        ))
    }
}

fn signed(issuer: &KeyPair, subject: &KeyPair, name: &str, claims: &Value) -> anyhow::Result<String> {
    let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let body = json!({
        // An identifier; servers do not look at it.
        "jti": subject.public_key(),
        "iat": 1_767_225_600,
        "iss": issuer.public_key(),
        "sub": subject.public_key(),
        "name": name,
        "nats": claims,
    });
    let text = format!(
        "{}.{}",
        part(&json!({ "typ": "JWT", "alg": "ed25519-nkey" })),
        part(&body)
    );
    let signature = issuer.sign(text.as_bytes())?;
    Ok(format!("{text}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature)))
}
