//! From text to a tree.
//!
//! Aliases are expanded, so a short text can mean a large tree: its nodes and its depth are bounded, before
//! anything is copied.

use std::collections::BTreeMap;

use granit_parser::{Event, Marker, Parser, ScalarStyle, Tag};

use super::{
    places::{Place, Position, Within},
    scalar::YamlScalar,
    words,
};

/// Most nodes of a tree: a manifest of the greatest length has fewer without aliases.
const MAX_NODES: usize = 300_000;
const TOO_LARGE: &str = "with its aliases it is too large";
/// Deepest nesting, as that of JSON.
const MAX_DEPTH: usize = 127;
/// What takes the entries of another mapping in.
const MERGE: &str = "<<";

/// A node of a YAML text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Yaml {
    /// A scalar.
    Scalar(YamlScalar),
    /// A list.
    List(Vec<Yaml>),
    /// A mapping, in the order of the text. No key is there twice.
    Map(Vec<(String, Yaml)>),
}

/// Why a text is no YAML, or none that is taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}, at line {}, column {}", .position.line, .position.column)]
pub struct YamlError {
    /// What is wrong, and what would be right.
    pub what: String,
    /// Where.
    pub position: Position,
}

/// Reads a text of one document.
pub fn parse(text: &str) -> Result<Yaml, YamlError> {
    parse_with_places(text).map(|(tree, _)| tree)
}

/// Reads a text of one document, and says where its nodes are.
pub fn parse_with_places(text: &str) -> Result<(Yaml, Place), YamlError> {
    let mut composer = Composer::default();
    for next in Parser::new_from_str(text) {
        let (event, span) = next.map_err(|cause| YamlError {
            what: words::in_words(cause.kind()),
            position: position(cause.marker()),
        })?;
        let position = position(&span.start);
        let taken = composer.take(event, position);
        taken.map_err(|what| YamlError { what, position })?;
    }
    composer.document.ok_or_else(|| YamlError {
        what: "it is empty".to_owned(),
        position: Position { line: 1, column: 1 },
    })
}

fn position(marker: &Marker) -> Position {
    let counted = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    Position {
        line: counted(marker.line().max(1)),
        column: counted(marker.col() + 1),
    }
}

/// A node with what an alias of it would add.
struct Sized {
    node: Yaml,
    nodes: usize,
    depth: usize,
}

/// A list or mapping whose end has not come.
struct Open {
    content: Content,
    position: Position,
    anchor: usize,
    nodes: usize,
    /// Of what is in it.
    depth: usize,
}

enum Content {
    List(Vec<Yaml>, Vec<Place>),
    Map {
        entries: Vec<(String, Yaml)>,
        places: Vec<(String, Position, Place)>,
        /// A key that waits for its value.
        key: Option<(Key, Position)>,
        merged: Vec<(String, Yaml)>,
    },
}

enum Key {
    Named(String),
    Merge,
}

#[derive(Default)]
struct Composer {
    open: Vec<Open>,
    anchors: BTreeMap<usize, Sized>,
    nodes: usize,
    document: Option<(Yaml, Place)>,
}

impl Composer {
    fn take(&mut self, event: Event<'_>, position: Position) -> Result<(), String> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let scalar = YamlScalar {
                    text: text.into_owned(),
                    is_plain: style == ScalarStyle::Plain && !tag.is_some_and(|tag| is_text(&tag)),
                };
                self.count(1)?;
                self.end((Yaml::Scalar(scalar), Place::alone(position)), anchor, 1, 0)
            }
            Event::SequenceStart(_, anchor, _) => {
                self.begin(Content::List(Vec::new(), Vec::new()), anchor, position)
            }
            Event::MappingStart(_, anchor, _) => {
                let content = Content::Map {
                    entries: Vec::new(),
                    places: Vec::new(),
                    key: None,
                    merged: Vec::new(),
                };
                self.begin(content, anchor, position)
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(open) = self.open.pop() else {
                    return Ok(());
                };
                let (node, within) = match open.content {
                    Content::List(list, places) => (Yaml::List(list), Within::List(places)),
                    Content::Map {
                        entries,
                        places,
                        merged,
                        ..
                    } => (Yaml::Map(with_merged(entries, merged)), Within::Map(places)),
                };
                let place = Place {
                    position: open.position,
                    within,
                };
                self.count(1)?;
                self.end((node, place), open.anchor, open.nodes + 1, open.depth + 1)
            }
            Event::Alias(id) => {
                let known = self
                    .anchors
                    .get(&id)
                    .ok_or("an alias of a node that contains it")?;
                let (nodes, depth) = (known.nodes, known.depth);
                if self.open.len() + depth > MAX_DEPTH {
                    return Err(TOO_LARGE.to_owned());
                }
                self.count(nodes)?;
                let node = self.anchors[&id].node.clone();
                self.end((node, Place::alone(position)), 0, nodes, depth)
            }
            Event::DocumentStart(..) if self.document.is_some() => {
                Err("a second document; a text holds one".to_owned())
            }
            _ => Ok(()),
        }
    }

    /// So many nodes more, before they are made.
    fn count(&mut self, nodes: usize) -> Result<(), String> {
        self.nodes += nodes;
        if self.nodes > MAX_NODES {
            return Err(TOO_LARGE.to_owned());
        }
        Ok(())
    }

    fn begin(&mut self, content: Content, anchor: usize, position: Position) -> Result<(), String> {
        if self.open.len() >= MAX_DEPTH {
            return Err(words::TOO_DEEP.to_owned());
        }
        self.open.push(Open {
            content,
            position,
            anchor,
            nodes: 0,
            depth: 0,
        });
        Ok(())
    }

    /// A node has come to its end: it belongs to what is open around it.
    fn end(
        &mut self,
        (node, place): (Yaml, Place),
        anchor: usize,
        nodes: usize,
        depth: usize,
    ) -> Result<(), String> {
        if anchor != 0 {
            self.count(nodes)?;
            let node = node.clone();
            self.anchors.insert(anchor, Sized { node, nodes, depth });
        }
        let Some(open) = self.open.last_mut() else {
            self.document = Some((node, place));
            return Ok(());
        };
        open.nodes += nodes;
        open.depth = open.depth.max(depth);
        match &mut open.content {
            Content::List(list, places) => {
                list.push(node);
                places.push(place);
                Ok(())
            }
            Content::Map {
                entries,
                places,
                key,
                merged,
            } => match key.take() {
                None => {
                    let named = key_of(node)?;
                    if let Key::Named(name) = &named
                        && entries.iter().any(|(known, _)| known == name)
                    {
                        return Err(format!("the key {name:?} is there twice"));
                    }
                    *key = Some((named, place.position));
                    Ok(())
                }
                Some((Key::Merge, _)) => merge(node, merged),
                Some((Key::Named(name), position)) => {
                    places.push((name.clone(), position, place));
                    entries.push((name, node));
                    Ok(())
                }
            },
        }
    }
}

/// `!!str`, or the non-specific tag `!`.
fn is_text(tag: &Tag) -> bool {
    let is_core = tag.handle() == "tag:yaml.org,2002:" && tag.suffix() == "str";
    is_core
        || (tag.handle().is_empty() && tag.suffix() == "!")
        || (tag.handle() == "!" && tag.suffix().is_empty())
}

fn key_of(node: Yaml) -> Result<Key, String> {
    match node {
        Yaml::Scalar(scalar) if scalar.is_plain && scalar.text == MERGE => Ok(Key::Merge),
        Yaml::Scalar(scalar) => Ok(Key::Named(scalar.text)),
        _ => Err("a key that is a list or a mapping; keys are names".to_owned()),
    }
}

/// Of several mappings the first that has a key counts.
fn merge(node: Yaml, merged: &mut Vec<(String, Yaml)>) -> Result<(), String> {
    match node {
        Yaml::Map(entries) => {
            for entry in entries {
                if !merged.iter().any(|(known, _)| *known == entry.0) {
                    merged.push(entry);
                }
            }
            Ok(())
        }
        Yaml::List(list) if list.iter().all(|node| matches!(node, Yaml::Map(_))) => {
            list.into_iter().try_for_each(|node| merge(node, merged))
        }
        _ => Err(format!("{MERGE} takes a mapping, or a list of mappings")),
    }
}

fn with_merged(mut entries: Vec<(String, Yaml)>, merged: Vec<(String, Yaml)>) -> Vec<(String, Yaml)> {
    for (key, node) in merged {
        if !entries.iter().any(|(known, _)| *known == key) {
            entries.push((key, node));
        }
    }
    entries
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> Yaml {
        Yaml::Scalar(YamlScalar {
            text: text.into(),
            is_plain: true,
        })
    }

    fn map(entries: &[(&str, Yaml)]) -> Yaml {
        let entries = entries
            .iter()
            .map(|(key, node)| ((*key).to_owned(), node.clone()));
        Yaml::Map(entries.collect())
    }

    #[test]
    fn scalars_stay_as_they_were_written() {
        let read = parse("{a: NO, 1: 08001, on: [1e3, '1e3', \"a\\tb\", !!str 5, ! 6]}").unwrap();
        let quoted = |text: &str| {
            Yaml::Scalar(YamlScalar {
                text: text.into(),
                is_plain: false,
            })
        };
        let list = vec![
            plain("1e3"),
            quoted("1e3"),
            quoted("a\tb"),
            quoted("5"),
            quoted("6"),
        ];
        assert_eq!(
            read,
            map(&[
                ("a", plain("NO")),
                ("1", plain("08001")),
                ("on", Yaml::List(list))
            ])
        );
    }

    #[test]
    fn what_is_wrong_is_said_in_our_words_with_line_and_column() {
        for (text, what, line, column) in [
            ("a: 1\nb: [1, 2\n", "`[` is not closed", 2, 4),
            ("a:\n\tb: 1\n", "a tab cannot indent", 2, 2),
            ("a: b: c\n", "quote a text that holds", 1, 5),
            ("a: 'x\n", "a quote is not closed", 2, 1),
            ("a: 1\n  b: 2\n", "", 2, 4),
            ("a: 1\nb: 2\na: 3\n", "\"a\" is there twice", 3, 1),
            ("a: *x\n", "anchor", 1, 4),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.what.contains(what), "{text:?}: {error}");
            let Position {
                line: at,
                column: there,
            } = error.position;
            assert_eq!((at, there), (line, column), "{text:?}: {error}");
        }
    }

    #[test]
    fn a_path_leads_to_the_line_that_it_is_about() {
        let text = "name: p\nsteps:\n  - name: a\n    grants: [state, wasi]\n  - {name: b, on-error: {retries: 5}}\nsketches:\n  a.b: { kind: top }\n";
        let (_, places) = parse_with_places(text).unwrap();
        for (path, line, column) in [
            ("name", 1, 7),
            ("steps", 2, 1),
            ("steps[0]", 3, 5),
            ("steps[0].grants", 4, 5),
            ("steps[0].grants[1]", 4, 21),
            ("steps[0].plugin", 3, 5),
            ("steps[1].on-error.retries", 5, 35),
            ("sketches.a.b.kind", 7, 16),
            ("input.subjects", 1, 1),
            (".", 1, 1),
        ] {
            assert_eq!(places.of_path(path), Position { line, column }, "{path}");
        }
    }

    #[test]
    fn anchors_and_merge_keys_are_expanded() {
        let text = "base: &base {x: 1, y: 2}\nother: &other {y: 3, z: 4}\nall: {<<: [*base, *other], x: 5}\nagain: *base\n";
        let Yaml::Map(read) = parse(text).unwrap() else {
            panic!("a mapping")
        };
        assert_eq!(
            read[2].1,
            map(&[("x", plain("5")), ("y", plain("2")), ("z", plain("4"))])
        );
        assert_eq!(read[3].1, read[0].1);
    }

    #[test]
    fn what_grows_without_bound_or_means_nothing_is_refused() {
        let laugh = |name: u8| {
            let (name, before) = (char::from(name), char::from(name - 1));
            format!("{name}: &{name} [{}]\n", vec![format!("*{before}"); 9].join(","))
        };
        let laughs: Vec<_> = (b'b'..=b'j').map(laugh).collect();
        let laughs = format!("a: &a [x,x,x]\n{}", laughs.concat());
        let tower: Vec<_> = (1..200).map(|n| format!("k{n}: &k{n} [*k{}]\n", n - 1)).collect();
        let tower = format!("k0: &k0 [x]\n{}", tower.concat());
        for (text, word) in [
            ("a: 1\na: 2\n", "\"a\" is there twice"),
            ("a: 1\n'a': 2\n", "is there twice"),
            ("[a]: 1\n", "keys are names"),
            ("a: &a [*a]\n", "alias"),
            ("a: *b\n", "anchor"),
            ("<<: 5\n", "mapping"),
            ("a: 1\n---\nb: 2\n", "second document"),
            ("", "empty"),
            ("# nothing\n", "empty"),
            ("a: [1\n", "line"),
            (&laughs, "too large"),
            (&tower, "too large"),
            (&"[".repeat(100_000), "nested deeper"),
            (
                &format!("{}x{}", "[".repeat(128), "]".repeat(128)),
                "nested deeper",
            ),
        ] {
            let error = parse(text).unwrap_err().to_string();
            let shown: String = text.chars().take(40).collect();
            assert!(error.to_lowercase().contains(word), "{shown}: {error}");
        }
    }
}
