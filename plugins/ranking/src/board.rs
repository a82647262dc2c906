//! The leading items: by all likes, and by likes that fade.

use serde::{Deserialize, Serialize};
use tailrace_sdk::{Failure, Host};

use crate::{item::Item, packed, row::Row};

/// Items on a board. A list takes a few of them, after what the user has seen; 200 leave enough for
/// all but the most diligent, and pack into 3 KB.
const PLACES: usize = 200;
const POPULAR_KEY: &str = "boards/popular";
const FRESH_KEY: &str = "boards/fresh";

/// The best items by some score that only grows, in no order.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
struct Board(#[serde(with = "packed")] Vec<(Item, f64)>);

impl Board {
    /// Notes an item's new score; whether the board has changed.
    fn note(&mut self, item: Item, score: f64) -> bool {
        if let Some(place) = self.0.iter_mut().find(|(held, _)| *held == item) {
            place.1 = score;
            return true;
        }
        if self.0.len() < PLACES {
            self.0.push((item, score));
            return true;
        }
        let last = self
            .0
            .iter_mut()
            .min_by(|left, right| left.1.total_cmp(&right.1).then(right.0.cmp(&left.0)));
        match last {
            Some(last) if last.1 < score => {
                *last = (item, score);
                true
            }
            _ => false,
        }
    }
}

/// Both boards.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Boards {
    popular: Board,
    fresh: Board,
}

impl Boards {
    /// Reads them from state.
    pub fn load(host: &mut Host<'_>) -> Result<Self, Failure> {
        let popular = host.state().get_packed(POPULAR_KEY)?.unwrap_or_default();
        let fresh = host.state().get_packed(FRESH_KEY)?.unwrap_or_default();
        Ok(Self { popular, fresh })
    }

    /// Notes an item as its row has it now, and writes what has changed; whether the popular have.
    pub fn note(&mut self, host: &mut Host<'_>, item: Item, row: &Row) -> Result<bool, Failure> {
        // Without a like there is nothing to rank by.
        let Some(fresh) = row.fresh else {
            return Ok(false);
        };
        let is_popular = self.popular.note(item, f64::from(row.liked));
        if is_popular {
            host.state().set_packed(POPULAR_KEY, &self.popular)?;
        }
        if self.fresh.note(item, fresh) {
            host.state().set_packed(FRESH_KEY, &self.fresh)?;
        }
        Ok(is_popular)
    }

    /// Items by likes.
    pub fn popular(&self) -> Vec<(Item, f32)> {
        self.popular
            .0
            .iter()
            .map(|(item, likes)| (*item, *likes as f32))
            .collect()
    }

    /// Items by likes that fade, against the freshest.
    pub fn fresh(&self) -> Vec<(Item, f32)> {
        let freshest = self
            .fresh
            .0
            .iter()
            .map(|(_, score)| *score)
            .fold(f64::MIN, f64::max);
        self.fresh
            .0
            .iter()
            .map(|(item, score)| (*item, (score - freshest).exp2() as f32))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{Board, PLACES};
    use crate::item::Item;

    #[test]
    fn a_full_board_lets_in_only_the_better() {
        let mut board = Board::default();
        for number in 0..PLACES {
            assert!(board.note(Item::of(&number.to_string()), 2.0 + number as f64));
        }
        assert!(!board.note(Item::of("worse"), 1.0));
        assert!(board.note(Item::of("better"), 5.0));
        assert_eq!(board.0.len(), PLACES);
        assert!(
            !board.0.iter().any(|(item, _)| *item == Item::of("0")),
            "the last had to go"
        );
    }

    #[test]
    fn an_item_is_on_a_board_once() {
        let mut board = Board::default();
        board.note(Item::of("a"), 1.0);
        board.note(Item::of("a"), 2.0);
        assert_eq!(board.0, [(Item::of("a"), 2.0)]);
    }
}
