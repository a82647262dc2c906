//! Whether an object has two members of one name, for all objects that are open at a time.
//!
//! A name is kept as its place in the payload and a fingerprint of four bytes. Objects are small, so each name
//! is held against those before it; from [`SEARCHED`] on an object is sorted when it ends, so that one with very
//! many members costs no more than their sorting.

use smallvec::SmallVec;

use super::{
    strings::{self, Quoted},
    wrong::{What, Wrong, wrong},
};

/// Members up to which each new name is held against all before it. So many are kept without an allocation.
const SEARCHED: usize = 32;

/// The names of all open objects, the innermost last.
pub(super) struct Names<'p> {
    payload: &'p [u8],
    fingerprints: SmallVec<[u32; SEARCHED]>,
    quoted: SmallVec<[Quoted; SEARCHED]>,
    /// Where the names of the innermost object begin.
    start: usize,
    /// The same of those around it.
    around: SmallVec<[u32; 8]>,
}

impl<'p> Names<'p> {
    pub(super) fn of(payload: &'p [u8]) -> Self {
        Self {
            payload,
            fingerprints: SmallVec::new(),
            quoted: SmallVec::new(),
            start: 0,
            around: SmallVec::new(),
        }
    }

    /// An object begins.
    #[inline]
    pub(super) fn begin(&mut self) {
        self.around.push(self.start as u32);
        self.start = self.quoted.len();
    }

    /// A member of the innermost object.
    #[inline]
    pub(super) fn enter(&mut self, name: Quoted) -> Result<(), Wrong> {
        let fingerprint = if name.has_escapes {
            fingerprint(&strings::bytes(self.payload, name))
        } else {
            fingerprint(&self.payload[name.start()..name.end()])
        };
        let before = &self.fingerprints[self.start..];
        if before.len() < SEARCHED && before.contains(&fingerprint) {
            let known = before.iter().zip(&self.quoted[self.start..]);
            let mut alike = known.filter(|(known, _)| **known == fingerprint);
            if alike.any(|(_, known)| self.are_same(*known, name)) {
                return Err(twice(name));
            }
        }
        self.fingerprints.push(fingerprint);
        self.quoted.push(name);
        Ok(())
    }

    /// The innermost object ends.
    pub(super) fn end(&mut self) -> Result<(), Wrong> {
        if self.quoted.len() - self.start > SEARCHED {
            self.search()?;
        }
        self.fingerprints.truncate(self.start);
        self.quoted.truncate(self.start);
        self.start = self.around.pop().unwrap_or_default() as usize;
        Ok(())
    }

    fn search(&self) -> Result<(), Wrong> {
        let names = self.fingerprints[self.start..]
            .iter()
            .zip(&self.quoted[self.start..]);
        let mut sorted: Vec<_> = names.collect();
        let text = |name: &Quoted| strings::bytes(self.payload, *name);
        sorted.sort_unstable_by(|(one, first), (other, second)| {
            let by_text = || text(first).cmp(&text(second));
            let by_place = || first.start().cmp(&second.start());
            one.cmp(other).then_with(by_text).then_with(by_place)
        });
        let same =
            |pair: &&[(&u32, &Quoted)]| pair[0].0 == pair[1].0 && self.are_same(*pair[0].1, *pair[1].1);
        // Of several the one that comes first in the payload.
        let twice_there = sorted.windows(2).filter(same).map(|pair| *pair[1].1);
        match twice_there.min_by_key(|name| name.start()) {
            Some(name) => Err(twice(name)),
            None => Ok(()),
        }
    }

    fn are_same(&self, one: Quoted, other: Quoted) -> bool {
        strings::bytes(self.payload, one) == strings::bytes(self.payload, other)
    }
}

#[cold]
fn twice(name: Quoted) -> Wrong {
    wrong(name.start() - 1, What::Twice)
}

/// Of the length, the first four bytes and the last four: most names of an object differ in one of them.
#[inline]
fn fingerprint(name: &[u8]) -> u32 {
    let (first, last) = match (name.first_chunk(), name.last_chunk()) {
        (Some(first), Some(last)) => (u32::from_le_bytes(*first), u32::from_le_bytes(*last)),
        _ => (name.iter().fold(0, |word, byte| word << 8 | u32::from(*byte)), 0),
    };
    let mixed = first.wrapping_mul(0x9e37_79b1) ^ last.rotate_left(16).wrapping_mul(0x85eb_ca77);
    mixed ^ name.len() as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Enters the names of one object as they are written, without quotes.
    fn check(names: &[String]) -> Result<(), Wrong> {
        let mut payload = Vec::new();
        let mut places = Vec::new();
        for name in names {
            let start = payload.len() + 1;
            payload.extend_from_slice(format!("\"{name}\"").as_bytes());
            places.push(strings::quoted(&payload, start).unwrap());
        }
        let mut open = Names::of(&payload);
        open.begin();
        places.into_iter().try_for_each(|name| open.enter(name))?;
        open.end()
    }

    #[test]
    fn a_name_is_found_again_in_small_and_large_objects() {
        for count in [0, 1, 2, 31, 32, 33, 1_000] {
            let names: Vec<String> = (0..count).map(|number| format!("name-{number}-x")).collect();
            assert_eq!(check(&names), Ok(()), "{count}");
            for twice in names.iter().take(40).step_by(13) {
                let mut names = names.clone();
                let at = names.iter().map(|name| name.len() + 2).sum();
                names.push(twice.clone());
                assert_eq!(check(&names), Err(wrong(at, What::Twice)), "{count}");
            }
        }
    }

    #[test]
    fn escapes_hide_no_name_and_fingerprints_that_are_alike_make_none() {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        assert!(check(&owned(&["user", "\\u0075ser"])).is_err());
        assert!(check(&owned(&["\\ud83d", "\\ud83d"])).is_err());
        assert!(check(&owned(&["\\ud83d", "\\ud83e"])).is_ok());
        assert!(check(&owned(&["", ""])).is_err());
        // The same length, beginning and end.
        let alike: Vec<String> = (10..90).map(|number| format!("name{number}name")).collect();
        assert_eq!(fingerprint(alike[0].as_bytes()), fingerprint(alike[1].as_bytes()));
        assert_eq!(check(&alike), Ok(()));
        let twice: Vec<String> = alike.iter().chain(&alike[40..41]).cloned().collect();
        assert!(check(&twice).is_err());
    }

    #[test]
    fn each_object_has_names_of_its_own() {
        let payload = br#""a""a""a""#;
        let name = |start| strings::quoted(payload, start).unwrap();
        let mut names = Names::of(payload);
        names.begin();
        names.enter(name(1)).unwrap();
        names.begin();
        names.enter(name(4)).unwrap();
        names.end().unwrap();
        assert_eq!(names.enter(name(7)), Err(wrong(6, What::Twice)));
    }
}
