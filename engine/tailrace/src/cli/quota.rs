//! `tailrace tenant quota`: how much a tenant may have, changed one by one, at work at once.

use anyhow::Context as _;
use clap::Args;
use serde_json::{Value, json};

use super::{client::route, error::misuse, global::Session, screen::facts};

/// Change how much a tenant may have.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  tailrace tenant quota shop --set state-bytes=2GiB --set pipelines=20\n\nThe others stay as they are; `tailrace tenant show shop` shows all, with what is used."
)]
pub struct QuotaArgs {
    /// Whose.
    name: String,
    /// A quota and its amount; bytes also as 512MiB or 2GiB. May be repeated.
    #[arg(long, required = true, value_name = "QUOTA=AMOUNT")]
    set: Vec<String>,
}

/// Reads the tenant, changes what is to change, and writes it back.
pub fn run(args: &QuotaArgs, session: &Session) -> anyhow::Result<()> {
    let at = route(&["v1", "tenants", &args.name]);
    let mut tenant = session.client.get(&at)?;
    let fields = tenant.as_object_mut().context("the server gives no tenant")?;
    // What the server says of a tenant, and nobody sets.
    for told in ["name", "nats_account", "used", "created_ms"] {
        fields.remove(told);
    }
    for wish in &args.set {
        let (quota, amount) = read(wish)?;
        let quotas = tenant["quotas"]
            .as_object_mut()
            .context("the tenant has no quotas")?;
        if !quotas.contains_key(quota) {
            let known = quotas.keys().cloned().collect::<Vec<_>>().join(", ");
            return Err(misuse(
                format!("there is no quota {quota:?}"),
                format!("it is one of {known}"),
            ));
        }
        quotas.insert(quota.to_owned(), json!(amount));
    }
    let answer = session.client.put(&at, &tenant)?;
    session.output.show(&answer, || Ok(describe(&answer)))
}

/// What is used of each quota.
pub fn describe(answer: &Value) -> String {
    let mut lines = Vec::new();
    for (name, most) in answer["quotas"].as_object().into_iter().flatten() {
        // Rates and the weight are no amounts, and nothing of them is used up.
        let used = answer["used"].get(name).map(|used| format!("{used} of "));
        lines.push((name.as_str(), format!("{}{most}", used.unwrap_or_default())));
    }
    facts(&lines)
}

fn read(wish: &str) -> anyhow::Result<(&str, u64)> {
    let wrong = || {
        misuse(
            format!("{wish:?} is no quota and amount"),
            "write state-bytes=2GiB, or pipelines=20",
        )
    };
    let (quota, amount) = wish.split_once('=').ok_or_else(wrong)?;
    let bytes = |text: &str| text.parse::<bytesize::ByteSize>().ok().map(|size| size.0);
    let amount = if quota.ends_with("-bytes") {
        bytes(amount)
    } else {
        amount.parse().ok()
    };
    Ok((quota, amount.ok_or_else(wrong)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_a_number_and_of_bytes_a_size_too() {
        assert_eq!(read("state-bytes=2GiB").unwrap(), ("state-bytes", 2 << 30));
        assert_eq!(read("vector-bytes=4096").unwrap(), ("vector-bytes", 4_096));
        assert_eq!(read("pipelines=20").unwrap(), ("pipelines", 20));
        for wrong in ["pipelines", "pipelines=2GiB", "state-bytes=", "pipelines=-1"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
