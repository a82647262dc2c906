//! Plain item-item cosine, to compare with.

use std::collections::{HashMap, HashSet};

use crate::Rating;

/// Films by how often the same users liked them (Sarwar, Karypis, Konstan, Riedl, 2001): all likes of all time, whole
/// histories, nothing damped and nothing forgotten.
#[derive(Default)]
pub(crate) struct Cosine<'a> {
    numbers: HashMap<&'a str, usize>,
    /// By film: users who liked it.
    likes: Vec<f32>,
    /// By film: the others that its users liked, with how many did.
    together: Vec<Vec<(usize, f32)>>,
    /// By film: where each other is in `together`.
    places: Vec<HashMap<usize, usize>>,
    liked: HashMap<&'a str, Vec<usize>>,
    seen: HashMap<&'a str, HashSet<usize>>,
    /// By user: the films that led when all were looked at last.
    leaders: HashMap<String, Vec<usize>>,
}

impl<'a> Cosine<'a> {
    /// Whether the film is among the `top` that it would show to the user.
    pub(crate) fn would_show(&mut self, user: &str, item: &str, top: usize) -> bool {
        let (Some(item), Some(liked)) = (self.numbers.get(item), self.liked.get(user)) else {
            return false;
        };
        let own = (self.score(liked, *item), *item);
        // Most films are far from the first ones. Where enough of those that led last are before it, no other need be
        // looked at.
        let led = self.leaders.get(user).into_iter().flatten();
        let before = led.filter(|film| is_before((self.score(liked, **film), **film), own));
        let seen = &self.seen[user];
        if own.0 <= 0.0 || before.filter(|film| !seen.contains(film)).take(top).count() == top {
            return false;
        }
        let leaders = self.leaders_of(liked, seen, 4 * top);
        let before = leaders.iter().filter(|leader| is_before(**leader, own));
        let is_shown = before.take(top).count() < top;
        let leaders = leaders.into_iter().map(|(_, film)| film).collect();
        self.leaders.insert(user.to_owned(), leaders);
        is_shown
    }

    /// What a user's likes say for a film.
    fn score(&self, liked: &[usize], film: usize) -> f32 {
        let said = liked.iter().filter_map(|like| {
            let place = self.places[*like].get(&film)?;
            Some(self.share(*like, self.together[*like][*place]))
        });
        said.fold(0.0, |sum, share| sum + share)
    }

    /// The films of which a user's likes say most, of those that the user has not seen, the first of them first.
    fn leaders_of(&self, liked: &[usize], seen: &HashSet<usize>, most: usize) -> Vec<(f32, usize)> {
        let mut scores = vec![0.0_f32; self.likes.len()];
        for film in liked {
            for other in &self.together[*film] {
                scores[other.0] += self.share(*film, *other);
            }
        }
        let scored = scores.into_iter().enumerate().filter(|(_, score)| *score > 0.0);
        let mut all: Vec<(f32, usize)> = scored
            .filter(|(film, _)| !seen.contains(film))
            .map(|(film, score)| (score, film))
            .collect();
        let order =
            |one: &(f32, usize), other: &(f32, usize)| other.0.total_cmp(&one.0).then(one.1.cmp(&other.1));
        if all.len() > most {
            all.select_nth_unstable_by(most, order);
            all.truncate(most);
        }
        all.sort_unstable_by(order);
        all
    }

    fn share(&self, film: usize, (other, both): (usize, f32)) -> f32 {
        both / (self.likes[film] * self.likes[other]).sqrt()
    }

    /// Learns a rating.
    pub(crate) fn learn(&mut self, rating: &'a Rating) {
        let next = self.numbers.len();
        let film = *self.numbers.entry(&rating.item).or_insert(next);
        if film == next {
            self.likes.push(0.0);
            self.together.push(Vec::new());
            self.places.push(HashMap::new());
        }
        self.seen.entry(&rating.user).or_default().insert(film);
        if !rating.is_positive() {
            return;
        }
        self.likes[film] += 1.0;
        let liked = self.liked.entry(&rating.user).or_default();
        for other in liked.iter().copied() {
            for (one, another) in [(film, other), (other, film)] {
                let row = &mut self.together[one];
                let place = *self.places[one].entry(another).or_insert(row.len());
                if place == row.len() {
                    row.push((another, 0.0));
                }
                row[place].1 += 1.0;
            }
        }
        liked.push(film);
    }
}

/// Whether a film of this score comes before another one.
fn is_before(one: (f32, usize), other: (f32, usize)) -> bool {
    one.0.total_cmp(&other.0).then(other.1.cmp(&one.1)).is_gt()
}

#[cfg(test)]
mod tests {
    use rand::{Rng as _, SeedableRng as _, rngs::StdRng};

    use super::*;

    impl Cosine<'_> {
        /// The same, by looking at all films.
        fn is_among_all(&self, user: &str, item: &str, top: usize) -> bool {
            let (Some(item), Some(liked)) = (self.numbers.get(item), self.liked.get(user)) else {
                return false;
            };
            let own = (self.score(liked, *item), *item);
            let all = self.leaders_of(liked, &self.seen[user], usize::MAX);
            own.0 > 0.0 && all.iter().filter(|film| is_before(**film, own)).count() < top
        }
    }

    #[test]
    fn those_that_led_last_answer_as_all_films_do() {
        let mut random = StdRng::seed_from_u64(7);
        let mut draw = |below: u32| random.random_range(0..below);
        let ratings: Vec<Rating> = (0..3_000)
            .map(|_| Rating {
                user: draw(20).to_string(),
                item: (draw(40) * draw(5)).to_string(),
                title: String::new(),
                rating: if draw(3) > 0 { 5.0 } else { 3.0 },
                ts: 0,
            })
            .collect();
        let mut cosine = Cosine::default();
        let mut shown = 0;
        for rating in &ratings {
            let expected = cosine.is_among_all(&rating.user, &rating.item, 3);
            assert_eq!(cosine.would_show(&rating.user, &rating.item, 3), expected);
            shown += u32::from(expected);
            cosine.learn(rating);
        }
        assert!((100..2_900).contains(&shown), "{shown}");
    }
}
