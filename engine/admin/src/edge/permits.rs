//! Permits of connections: so many in all, so many an address. Connections beyond the first bound wait in the
//! listener's queue. Those beyond the second are closed: if they waited, they would block all behind them.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::counts::EdgeCounts;

/// All permits.
#[derive(Clone)]
pub(super) struct ConnectionPermits {
    all: Arc<Semaphore>,
    /// Bounded by the connections: an address without any has no entry.
    addresses: Arc<Mutex<HashMap<IpAddr, usize>>>,
    most_of_one: usize,
    counts: EdgeCounts,
}

/// The permit of one connection; its drop gives it back.
pub(super) struct ConnectionPermit {
    of: ConnectionPermits,
    address: IpAddr,
    _permit: OwnedSemaphorePermit,
}

impl ConnectionPermits {
    pub(super) fn new(all: usize, most_of_one: usize, counts: EdgeCounts) -> Self {
        Self {
            all: Arc::new(Semaphore::new(all)),
            addresses: Arc::default(),
            most_of_one,
            counts,
        }
    }

    /// Waits until there is one.
    pub(super) async fn free(&self) -> Option<OwnedSemaphorePermit> {
        self.all.clone().acquire_owned().await.ok()
    }

    /// Gives it to an address; none where that one has enough.
    pub(super) fn take(&self, permit: OwnedSemaphorePermit, address: IpAddr) -> Option<ConnectionPermit> {
        let address = network(address);
        {
            let mut addresses = self.addresses();
            let taken = addresses.entry(address).or_default();
            if *taken >= self.most_of_one {
                self.counts.refuse();
                return None;
            }
            *taken += 1;
        }
        self.counts.opened();
        Some(ConnectionPermit {
            of: self.clone(),
            address,
            _permit: permit,
        })
    }

    fn addresses(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.addresses.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        self.of.counts.ended();
        let mut addresses = self.of.addresses();
        if let Some(taken) = addresses.get_mut(&self.address) {
            *taken -= 1;
            if *taken == 0 {
                addresses.remove(&self.address);
            }
        }
    }
}

/// A client with one address of IPv6 has a /64 of them.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let kept = u128::from(address) & (u128::MAX << 64);
            IpAddr::V6(Ipv6Addr::from(kept))
        }
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_address_has_its_share_and_no_more_until_one_is_given_back() {
        let permits = ConnectionPermits::new(3, 1, EdgeCounts::default());
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        let take = async |text: &str| permits.take(permits.free().await.unwrap(), address(text));
        let first = take("2001:db8::1").await;
        assert!(first.is_some());
        assert!(take("2001:db8::2").await.is_none(), "of the same network");
        assert!(take("::ffff:10.0.0.1").await.is_some());
        drop(first);
        assert!(take("2001:db8::2").await.is_some());
        assert!(permits.addresses().is_empty(), "who has none has no entry");
        assert_eq!((permits.counts.open(), permits.counts.refused()), (0, 1));
    }
}
