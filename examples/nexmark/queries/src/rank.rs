//! The three ranks of prices that queries 15 to 17 filter by.

/// A rank of prices.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Rank {
    Low,
    Middle,
    High,
}

impl Rank {
    pub fn of(price: u64) -> Self {
        match price {
            0..10_000 => Self::Low,
            10_000..1_000_000 => Self::Middle,
            1_000_000.. => Self::High,
        }
    }

    /// Its place among three.
    pub fn index(self) -> usize {
        match self {
            Self::Low => 0,
            Self::Middle => 1,
            Self::High => 2,
        }
    }
}
