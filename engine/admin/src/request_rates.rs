//! The rates of the limiter of requests.

use tailrace_core::rate::Rate;

/// How often somebody may ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestRates {
    /// With one token.
    pub per_token: Rate,
    /// From one address (of IPv6: from one network of 64 bits), without a valid token.
    pub per_address: Rate,
}

impl Default for RequestRates {
    fn default() -> Self {
        Self {
            // Several times what a core answers: it stops loops, not users.
            per_token: Rate::a_second(10_000),
            // A token has 256 random bits: at this rate nobody finds one.
            per_address: Rate::a_second(100),
        }
    }
}
