//! The rate limiter of requests. Each valid token has a limit of its own, so that one client's loop does not
//! slow the others. Requests without a valid token are limited by their address, so that nobody tries tokens by
//! the million. A client that asks too often gets 429 `rate-limited`, and when to come back.
//!
//! Probes are never limited: a client that guesses tokens and a load balancer may share one address.
//!
//! Bounded: it tells so many tokens and addresses apart; all further ones share one limit.

use std::{
    net::{IpAddr, Ipv6Addr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    extract::{ConnectInfo, Request, State},
    http::{HeaderValue, StatusCode, header, request::Parts},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use tailrace_core::{codes::ApiCode, identity::Digest, rate::Table};

use crate::{ApiState, access, problem::Problem, request_rates::RequestRates};

/// Tokens, and addresses, that are told apart: a megabyte of limiters.
const MOST_KEYS: usize = 10_000;
/// Routes that are never held back.
const PROBES: [&str; 2] = ["/healthz", "/readyz"];

/// What was asked lately.
#[derive(Clone)]
pub(crate) struct Limits(Arc<Mutex<Tables>>);

struct Tables {
    tokens: Table<Digest>,
    addresses: Table<IpAddr>,
}

impl Limits {
    pub(crate) fn new(rates: RequestRates) -> Self {
        Self(Arc::new(Mutex::new(Tables {
            tokens: Table::new(rates.per_token, MOST_KEYS),
            addresses: Table::new(rates.per_address, MOST_KEYS),
        })))
    }

    fn take(&self, parts: &Parts, state: &ApiState) -> Result<(), Duration> {
        let now = state.queries.context().monotonic();
        let token = known_token(parts, state);
        let mut tables = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(token) = token {
            return tables.tokens.take(Digest::of(token.as_bytes()), now);
        }
        // The accept loop says who asks; where there is none, nobody asks over the network.
        match parts.extensions.get::<ConnectInfo<SocketAddr>>() {
            Some(ConnectInfo(peer)) => tables.addresses.take(network(peer.ip()), now),
            None => Ok(()),
        }
    }
}

/// The token itself, where it is valid: however the header is written, it is one client's.
fn known_token<'a>(parts: &'a Parts, state: &ApiState) -> Option<&'a str> {
    access::bearer(parts, state).ok()?;
    let header = parts.headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    header.split_once(' ').map(|(_, token)| token)
}

/// The address that a limit is for. Who has one of IPv6 has 2^64 of them.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
        address @ IpAddr::V4(_) => address,
    }
}

/// Answers, or says when to come back.
pub(crate) async fn hold_back(
    State((limits, state)): State<(Limits, ApiState)>,
    request: Request,
    next: Next,
) -> Response {
    if PROBES.contains(&request.uri().path()) {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    match limits.take(&parts, &state) {
        Ok(()) => next.run(Request::from_parts(parts, body)).await,
        Err(wait) => too_often(wait),
    }
}

fn too_often(wait: Duration) -> Response {
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    let detail = format!("too many requests; ask again in {seconds} s");
    let mut answer =
        Problem::new(StatusCode::TOO_MANY_REQUESTS, ApiCode::RateLimited, detail).into_response();
    answer
        .headers_mut()
        .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    answer
}

#[cfg(test)]
mod tests {

    #[test]
    fn a_network_of_ipv6_is_one_address_and_mapped_ipv4_is_ipv4() {
        let network = |text: &str| super::network(text.parse().unwrap()).to_string();
        assert_eq!(network("2001:db8:1:2:3:4:5:6"), network("2001:db8:1:2:ffff::1"));
        assert_ne!(network("2001:db8:1:2::1"), network("2001:db8:1:3::1"));
        assert_eq!(network("::ffff:10.1.2.3"), "10.1.2.3");
    }
}
