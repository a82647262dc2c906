//! Judging a registry by what there is beside it: what a registry must have made, and what this one does not know.

use std::collections::BTreeSet;

use crate::{
    ports::{broker::BrokerError, store::StoreError},
    registry::{Key, Registry, RegistryStanding},
    subject,
    world::World,
};

/// Most things that are named as what tells of a lost registry.
const MOST_NAMED: usize = 5;

/// Judges a registry, made at this time, by what there is beside it.
pub(super) async fn judge(
    world: &World,
    registry: &Registry,
    created: &str,
) -> Result<RegistryStanding, BrokerError> {
    if registry.loss_accepted {
        return Ok(RegistryStanding::Whole);
    }
    let mut left = Vec::new();
    for facts in world.streams.own_streams().await? {
        let Some(id) = subject::owner_of_stream(&facts.name) else {
            continue;
        };
        let is_known =
            registry.pipelines.contains_key(&id) || registry.is_unreadable(&Key::Pipeline(id.clone()));
        if !is_known && is_before(&facts.created, created) {
            left.push(facts.name);
        }
    }
    // Of the rest nothing says when it was made. Where there was ever a tenant, it may have been that one's.
    if !registry.has_had_tenants {
        left.extend(beside_streams(world).await?);
    }
    Ok(in_words(left).map_or(RegistryStanding::Whole, RegistryStanding::Newer))
}

/// What there is that only a registry can have made; none where there is no such thing.
pub(super) async fn left_behind(world: &World) -> Result<Option<String>, BrokerError> {
    let streams = world.streams.own_streams().await?.into_iter();
    let own = streams.filter(|facts| subject::owner_of_stream(&facts.name).is_some());
    let mut left: Vec<_> = own.map(|facts| facts.name).collect();
    left.extend(beside_streams(world).await?);
    Ok(in_words(left))
}

async fn beside_streams(world: &World) -> Result<Vec<String>, BrokerError> {
    let plugins = world.registry.plugin_digests().await?;
    let mut left: Vec<_> = plugins.iter().map(|digest| format!("plugin {digest}")).collect();
    let unread =
        |cause: StoreError| BrokerError::Unreachable(format!("the local state cannot be listed: {cause}"));
    let tenants = world.store.tenants().map_err(unread)?;
    left.extend(
        tenants
            .iter()
            .map(|tenant| format!("local state of tenant {tenant}")),
    );
    Ok(left)
}

fn in_words(left: Vec<String>) -> Option<String> {
    let left: BTreeSet<_> = left.into_iter().collect();
    let more = left.len().saturating_sub(MOST_NAMED);
    let named: Vec<_> = left.into_iter().take(MOST_NAMED).collect();
    match (named.is_empty(), more) {
        (true, _) => None,
        (false, 0) => Some(named.join(", ")),
        (false, more) => Some(format!("{} and {more} more", named.join(", "))),
    }
}

/// Whether one of two times, as a broker writes them, is before the other.
fn is_before(one: &str, other: &str) -> bool {
    match (tailrace_time::rfc3339_ms(one), tailrace_time::rfc3339_ms(other)) {
        (Ok(one), Ok(other)) => one < other,
        _ => one < other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_named_as_far_as_it_can_be_read() {
        assert_eq!(in_words(Vec::new()), None);
        let left = (1..8).map(|number| format!("TR_shop_p{number}")).collect();
        let told = in_words(left).unwrap();
        assert!(told.ends_with("TR_shop_p5 and 2 more"), "{told}");
    }

    #[test]
    fn times_are_compared_whatever_their_digits() {
        assert!(is_before("2026-11-29T10:00:00Z", "2026-11-29T10:00:00.5Z"));
        assert!(!is_before("2026-11-29T10:00:00.5Z", "2026-11-29T10:00:00Z"));
    }
}
