//! `tailrace tenant quota`: how much a tenant may have, changed one by one, at work at once.

use anyhow::Context as _;
use clap::Args;
use serde_json::{Value, json};

use super::{client::route, error::misuse, global::Session, screen::facts};

/// Change how much a tenant may have.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  tailrace tenant quota shop --set state-bytes=2GiB --set pipelines=20\n  tailrace tenant quota shop --set events=1000/1s --set output-bytes=10MiB/1s/fixed --set fuel=none\n\nOther quotas stay as they are. `tailrace tenant show shop` shows all quotas and their use."
)]
pub struct QuotaArgs {
    /// The tenant.
    name: String,
    /// A quota and its amount. Bytes may be written as 512MiB or 2GiB. A rate (events, outputs, output-bytes, fuel)
    /// is an amount within a time, such as 1000/1s. Its window is sliding unless /fixed follows. `none` removes a
    /// rate. The flag may be repeated.
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
        set(&mut tenant["quotas"], wish)?;
    }
    let answer = session.client.put(&at, &tenant)?;
    session.output.show(&answer, || Ok(describe(&answer)))
}

/// What has a rate, in the order in which it is shown.
const RATES: [&str; 4] = ["events", "outputs", "output-bytes", "fuel"];

/// Changes one quota among all.
fn set(quotas: &mut Value, wish: &str) -> anyhow::Result<()> {
    let (quota, amount) = read(wish)?;
    let quotas = quotas.as_object_mut().context("the tenant has no quotas")?;
    if RATES.contains(&quota) {
        let rates = quotas.entry("rates").or_insert_with(|| json!({}));
        let rates = rates
            .as_object_mut()
            .context("the tenant's rates cannot be read")?;
        match amount {
            Value::Null => drop(rates.remove(quota)),
            rate => drop(rates.insert(quota.to_owned(), rate)),
        }
        return Ok(());
    }
    if quota == "rates" || !quotas.contains_key(quota) {
        let amounts = quotas.keys().map(String::as_str).filter(|name| *name != "rates");
        let known = amounts.chain(RATES).collect::<Vec<_>>().join(", ");
        return Err(misuse(
            format!("there is no quota {quota:?}"),
            format!("it is one of {known}"),
        ));
    }
    quotas.insert(quota.to_owned(), amount);
    Ok(())
}

/// What is used of each quota.
pub fn describe(answer: &Value) -> String {
    let mut lines = Vec::new();
    for (name, most) in answer["quotas"].as_object().into_iter().flatten() {
        if name == "rates" {
            lines.extend(RATES.map(|of| (of, rate_in_words(&most[of]))));
            continue;
        }
        // The weight is no amount, and nothing of it is used up.
        let used = answer["used"].get(name).map(|used| format!("{used} of "));
        lines.push((name.as_str(), format!("{}{most}", used.unwrap_or_default())));
    }
    facts(&lines)
}

/// As it is set: `1000/1s`, and `/fixed` where the window is not a sliding one.
fn rate_in_words(rate: &Value) -> String {
    let Some(limit) = rate.get("limit") else {
        return "without a limit".to_owned();
    };
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let fixed = if rate["window"] == "fixed" { "/fixed" } else { "" };
    format!("{}/{}{fixed}", text(limit), text(&rate["per"]))
}

/// A quota, and what it is to be: a number, a rate, or null to take the rate away.
fn read(wish: &str) -> anyhow::Result<(&str, Value)> {
    let wrong = || {
        misuse(
            format!("{wish:?} is no quota and amount"),
            "write state-bytes=2GiB, pipelines=20, or events=1000/1s",
        )
    };
    let (quota, amount) = wish.split_once('=').ok_or_else(wrong)?;
    let amount = if RATES.contains(&quota) {
        rate(amount, quota == "output-bytes")
    } else {
        number(amount, quota.ends_with("-bytes")).map(Value::from)
    };
    Ok((quota, amount.ok_or_else(wrong)?))
}

fn number(text: &str, is_bytes: bool) -> Option<u64> {
    let size = || text.parse::<bytesize::ByteSize>().ok().map(|size| size.0);
    if is_bytes { size() } else { text.parse().ok() }
}

/// `1000/1s`, `1000/1s/fixed`, `none`.
fn rate(text: &str, is_bytes: bool) -> Option<Value> {
    if text == "none" {
        return Some(Value::Null);
    }
    let mut parts = text.split('/');
    let limit = number(parts.next()?, is_bytes)?;
    let per = parts.next().filter(|per| !per.is_empty())?;
    let window = parts.next().unwrap_or("sliding");
    let is_whole = parts.next().is_none() && ["sliding", "fixed"].contains(&window);
    is_whole.then(|| json!({ "limit": limit, "per": per, "window": window }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_a_number_and_of_bytes_a_size_too() {
        assert_eq!(
            read("state-bytes=2GiB").unwrap(),
            ("state-bytes", json!(2_u64 << 30))
        );
        assert_eq!(read("vector-bytes=4096").unwrap(), ("vector-bytes", json!(4_096)));
        assert_eq!(read("pipelines=20").unwrap(), ("pipelines", json!(20)));
        for wrong in ["pipelines", "pipelines=2GiB", "state-bytes=", "pipelines=-1"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_rate_is_an_amount_within_a_time_and_none_takes_it_away() {
        let mut quotas = json!({ "pipelines": 3, "rates": { "fuel": { "limit": 5, "per": "1s" } } });
        for wish in [
            "events=1000/1s",
            "output-bytes=1KiB/10s/fixed",
            "fuel=none",
            "pipelines=4",
        ] {
            set(&mut quotas, wish).unwrap();
        }
        let events = json!({ "limit": 1_000, "per": "1s", "window": "sliding" });
        let bytes = json!({ "limit": 1_024, "per": "10s", "window": "fixed" });
        let wanted = json!({ "pipelines": 4, "rates": { "events": events, "output-bytes": bytes } });
        assert_eq!(quotas, wanted);
        let shown = describe(&json!({ "quotas": quotas }));
        for line in ["1000/1s", "1024/10s/fixed", "without a limit"] {
            assert!(shown.contains(line), "{shown}");
        }
        for wrong in [
            "events=1000",
            "events=/1s",
            "events=1000/",
            "events=1/1s/leaky",
            "rates=1",
            "event=1",
        ] {
            assert!(set(&mut quotas, wrong).is_err(), "{wrong}");
        }
    }
}
