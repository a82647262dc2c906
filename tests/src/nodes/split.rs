//! The routes between nodes: direct, or each way through a proxy of its own, so that a node can be cut off.
//!
//! Nodes tell one another where a third one listens. In a cluster that can be split they tell an address at which
//! nobody listens, so that no connection goes past the proxies.

use crate::{ports, proxy::Proxy};

/// How a node is cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// Connections stay open, and nothing passes: what a broken switch does.
    Silent,
    /// Connections end, and new ones are refused.
    Refused,
}

/// A way from one node to another.
struct Way {
    from: usize,
    to: usize,
    proxy: Proxy,
}

/// All of them.
pub(super) struct Routes {
    ports: Vec<u16>,
    ways: Vec<Way>,
    /// Where the nodes say that they listen.
    nowhere: u16,
}

/// How a node is found, and how it finds the others.
pub(super) struct Listens {
    port: u16,
    advertised: Option<u16>,
    routes: Vec<String>,
}

impl Routes {
    pub(super) fn direct(count: usize) -> anyhow::Result<Self> {
        let ports = (0..count)
            .map(|_| ports::free())
            .collect::<anyhow::Result<Vec<_>>>()?;
        Ok(Self {
            ports,
            ways: Vec::new(),
            nowhere: 0,
        })
    }

    pub(super) fn through_proxies(count: usize) -> anyhow::Result<Self> {
        let mut routes = Self::direct(count)?;
        routes.nowhere = ports::free()?;
        for from in 0..count {
            for to in (0..count).filter(|to| *to != from) {
                let proxy = Proxy::start(format!("127.0.0.1:{}", routes.ports[to]))?;
                routes.ways.push(Way { from, to, proxy });
            }
        }
        Ok(routes)
    }

    fn can_split(&self) -> bool {
        !self.ways.is_empty()
    }

    /// Of so many nodes, how many are never cut off.
    pub(super) fn near(&self, count: usize) -> usize {
        if self.can_split() { count - 1 } else { count }
    }

    /// Those of a node.
    pub(super) fn of(&self, node: usize) -> Listens {
        let through = |way: &Way| way.proxy.url();
        let routes = if self.can_split() {
            self.ways
                .iter()
                .filter(|way| way.from == node)
                .map(through)
                .collect()
        } else {
            let direct = |port: &u16| format!("nats://127.0.0.1:{port}");
            self.ports.iter().map(direct).collect()
        };
        Listens {
            port: self.ports[node],
            advertised: self.can_split().then_some(self.nowhere),
            routes,
        }
    }

    /// Cuts every way of a node.
    pub(super) fn cut(&self, node: usize, how: Cut) {
        for way in self.ways_of(node) {
            match how {
                Cut::Silent => way.proxy.stall(true),
                Cut::Refused => way.proxy.refuse(true),
            }
        }
    }

    /// Ends such a cut.
    pub(super) fn heal(&self, node: usize, how: Cut) {
        for way in self.ways_of(node) {
            match how {
                Cut::Silent => way.proxy.stall(false),
                Cut::Refused => way.proxy.refuse(false),
            }
        }
    }

    fn ways_of(&self, node: usize) -> impl Iterator<Item = &Way> {
        self.ways
            .iter()
            .filter(move |way| way.from == node || way.to == node)
    }
}

impl Listens {
    pub(super) fn configuration(&self) -> String {
        let routes: Vec<String> = self.routes.iter().map(|route| format!("\"{route}\"")).collect();
        let advertised = self.advertised.map(|port| {
            // Clients are told of no other node either: an engine stays on its side.
            format!(", advertise: \"127.0.0.1:{port}\", no_advertise: true")
        });
        format!(
            "cluster {{ name: nodes, listen: \"127.0.0.1:{}\", routes: [{}]{} }}",
            self.port,
            routes.join(", "),
            advertised.unwrap_or_default(),
        )
    }
}
