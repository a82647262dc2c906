//! The arithmetic: one step of BPR on three vectors.

use fastrand::Rng;

use crate::Config;

/// Half of the range in which a new vector's numbers lie. Small, so that a newcomer is neither near
/// nor far from anything; not zero, for zero vectors never move.
const FRESH_RANGE: f32 = 0.1;
/// Largest number in a vector. The loss keeps numbers below 5 on real ratings; a made-up sequence of
/// events must not push them to infinity, which the host refuses.
const MAX_NUMBER: f32 = 32.0;

/// Settings of the learning.
pub(crate) struct Model {
    dimensions: usize,
    rate: f32,
    shrink: f32,
}

impl Model {
    pub(crate) fn of(config: &Config) -> Self {
        let shrink = config.learning_rate * config.regularisation;
        Self {
            dimensions: config.dimensions,
            rate: config.learning_rate,
            shrink,
        }
    }

    /// A vector for a newcomer.
    pub(crate) fn fresh(&self, random: &mut Rng) -> Vec<f32> {
        (0..self.dimensions)
            .map(|_| (random.f32() * 2.0 - 1.0) * FRESH_RANGE)
            .collect()
    }

    /// The user prefers one item to another: a gradient step on `-ln sigmoid(user · (liked - other))`,
    /// which moves far where the order is wrong and hardly where it is right.
    pub(crate) fn prefer(&self, user: &mut [f32], liked: &mut [f32], other: &mut [f32]) {
        let numbers = user.iter().zip(liked.iter()).zip(other.iter());
        let margin: f32 = numbers.map(|((user, liked), other)| user * (liked - other)).sum();
        let pull = self.rate / (1.0 + margin.exp());
        for ((user, liked), other) in user.iter_mut().zip(liked).zip(other) {
            let before = *user;
            *user = bounded(*user + pull * (*liked - *other) - self.shrink * *user);
            *liked = bounded(*liked + pull * before - self.shrink * *liked);
            *other = bounded(*other - pull * before - self.shrink * *other);
        }
    }
}

fn bounded(number: f32) -> f32 {
    number.clamp(-MAX_NUMBER, MAX_NUMBER)
}

#[cfg(test)]
mod tests {
    use fastrand::Rng;

    use super::{FRESH_RANGE, MAX_NUMBER, Model};
    use crate::Config;

    fn dot(left: &[f32], right: &[f32]) -> f32 {
        left.iter().zip(right).map(|(left, right)| left * right).sum()
    }

    #[test]
    fn a_preference_is_learnt() {
        let model = Model::of(&Config::default());
        let mut random = Rng::with_seed(1);
        let [mut user, mut liked, mut other] = std::array::from_fn(|_| model.fresh(&mut random));
        for _ in 0..200 {
            model.prefer(&mut user, &mut liked, &mut other);
        }
        assert!(dot(&user, &liked) > dot(&user, &other) + 1.0);
    }

    #[test]
    fn vectors_stay_finite_under_the_harshest_settings() {
        let model = Model::of(&Config {
            learning_rate: 1.0,
            regularisation: 0.0,
            ..Config::default()
        });
        let mut user = vec![MAX_NUMBER; 32];
        let mut liked = vec![-MAX_NUMBER; 32];
        let mut other = vec![MAX_NUMBER; 32];
        for _ in 0..1_000 {
            model.prefer(&mut user, &mut liked, &mut other);
        }
        assert!(
            [user, liked, other]
                .concat()
                .iter()
                .all(|number| number.abs() <= MAX_NUMBER)
        );
    }

    #[test]
    fn a_fresh_vector_is_small_and_not_zero() {
        let vector = Model::of(&Config::default()).fresh(&mut Rng::with_seed(7));
        assert!(vector.len() == 32 && vector.iter().all(|number| number.abs() <= FRESH_RANGE));
        assert!(vector.iter().any(|number| *number != 0.0));
    }
}
