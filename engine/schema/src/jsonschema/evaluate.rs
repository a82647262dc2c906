//! One value against one schema. Every keyword is a step and steps are bounded, so a schema that doubles the work at
//! each level ends in a rejection and not in a stalled engine.
//!
//! The first failure outside `anyOf`, `oneOf`, `not`, `if` and `contains` is the one that is told: inside them a
//! failure is an answer.

use std::collections::{HashMap, HashSet};

use regex::Regex;

use super::model::{Keyword, Node, Program};
use crate::bounds::{MAX_EVALUATIONS_DEEP, MAX_STEPS};
use crate::error::{Rejection, with_article};
use crate::json::{Decimal, Json};

/// Judges a value by the first node of the program.
pub(super) fn evaluate(program: &Program, value: &Json) -> Result<(), Rejection> {
    let mut run = Run {
        program,
        scope: Vec::new(),
        steps: 0,
        depth: 0,
        quiet: 0,
        failure: None,
        exhausted: None,
    };
    let is_valid = run.node(0, value, &mut Vec::new());
    if let Some(what) = run.exhausted {
        return Err(Rejection::new(what));
    }
    if is_valid {
        return Ok(());
    }
    Err(run
        .failure
        .unwrap_or_else(|| Rejection::new("the value does not match the schema")))
}

/// Which members or elements a schema has evaluated, by their place in the value.
type Marks = Vec<bool>;

struct Run<'p> {
    program: &'p Program,
    /// Resources on the way here, the outermost first: where `$dynamicRef` looks.
    scope: Vec<usize>,
    steps: usize,
    depth: usize,
    quiet: usize,
    failure: Option<Rejection>,
    exhausted: Option<String>,
}

impl<'p> Run<'p> {
    fn node(&mut self, node: Node, value: &Json, marks: &mut Marks) -> bool {
        let tracked = if self.program.tracks {
            children(value) / 16
        } else {
            0
        };
        if !self.may_go_on(1 + tracked) {
            return false;
        }
        let program = self.program;
        let rules = &program.nodes[node];
        let enters = self.scope.last() != Some(&rules.resource);
        if enters {
            self.scope.push(rules.resource);
        }
        self.depth += 1;
        let mut mine = if program.tracks {
            vec![false; children(value)]
        } else {
            Marks::new()
        };
        let is_valid = rules
            .keywords
            .iter()
            .all(|keyword| self.keyword(keyword, value, &mut mine));
        self.depth -= 1;
        if enters {
            self.scope.pop();
        }
        if is_valid && program.tracks {
            marks.resize(mine.len(), false);
            for (mark, mine) in marks.iter_mut().zip(mine) {
                *mark |= mine;
            }
        }
        is_valid
    }

    fn may_go_on(&mut self, steps: usize) -> bool {
        self.steps += steps;
        if self.exhausted.is_some() {
            return false;
        }
        if self.steps > MAX_STEPS {
            self.exhausted = Some(format!(
                "judging the payload takes more than {MAX_STEPS} steps; simplify the schema"
            ));
        } else if self.depth >= MAX_EVALUATIONS_DEEP {
            self.exhausted = Some(format!(
                "the schema refers to itself more than {MAX_EVALUATIONS_DEEP} levels deep for this payload"
            ));
        }
        self.exhausted.is_none()
    }

    /// Keeps the first failure. The text is only made where it will be read.
    fn fail(&mut self, what: impl FnOnce() -> String) -> bool {
        if self.quiet == 0 && self.failure.is_none() {
            self.failure = Some(Rejection::new(what()));
        }
        false
    }

    fn needs(&mut self, is_met: bool, what: impl FnOnce() -> String) -> bool {
        is_met || self.fail(what)
    }

    /// A value inside the value at hand: its failure is under this segment.
    fn child(&mut self, node: Node, value: &Json, segment: impl std::fmt::Display) -> bool {
        let is_valid = self.node(node, value, &mut Marks::new());
        if !is_valid && self.quiet == 0 {
            self.failure = self.failure.take().map(|failure| failure.under(segment));
        }
        is_valid
    }

    fn quietly(&mut self, node: Node, value: &Json, marks: &mut Marks) -> bool {
        self.quiet += 1;
        let is_valid = self.node(node, value, marks);
        self.quiet -= 1;
        is_valid
    }

    fn keyword(&mut self, keyword: &'p Keyword, value: &Json, marks: &mut Marks) -> bool {
        if !self.may_go_on(1) {
            return false;
        }
        match (keyword, value) {
            (Keyword::Never, _) => self.fail(|| "nothing is allowed here".to_owned()),
            (Keyword::Ref(node), _) => self.node(*node, value, marks),
            (Keyword::DynamicRef { target, anchor }, _) => {
                let node = anchor.as_ref().and_then(|anchor| self.dynamic(anchor));
                self.node(node.unwrap_or(*target), value, marks)
            }
            (Keyword::Type(kinds), _) => self.needs(kinds.iter().any(|kind| kind.has(value)), || {
                let names: Vec<&str> = kinds.iter().map(|kind| kind.name()).collect();
                format!("must be {}, is {}", names.join(" or "), value.kind())
            }),
            (Keyword::Enum(values), _) => {
                self.may_go_on(value.weight() * (1 + values.len()))
                    && self.needs(values.iter().any(|one| one.equals(value)), || {
                        format!("must be one of the {} values of enum", values.len())
                    })
            }
            (Keyword::Const(one), _) => {
                self.may_go_on(value.weight())
                    && self.needs(one.equals(value), || "must be the value of const".to_owned())
            }
            (_, Json::Number(digits)) if is_of_numbers(keyword) => self.number(keyword, digits),
            (_, Json::String(text)) if is_of_strings(keyword) => self.string(keyword, text),
            (_, Json::Array(elements)) if is_of_arrays(keyword) => self.array(keyword, elements, marks),
            (_, Json::Object(members)) if is_of_objects(keyword) => {
                self.object(keyword, value, members, marks)
            }
            _ => self.combined(keyword, value, marks),
        }
    }

    fn dynamic(&self, anchor: &str) -> Option<Node> {
        let found = |resource: &usize| self.program.dynamic.get(&(*resource, anchor.to_owned()));
        self.scope.iter().find_map(found).copied()
    }

    fn number(&mut self, keyword: &Keyword, digits: &str) -> bool {
        if !self.may_go_on(digits.len() / 16) {
            return false;
        }
        let number = Decimal::of(digits);
        match keyword {
            Keyword::Maximum(bound) => self.needs(number <= *bound, || format!("must be at most {bound}")),
            Keyword::ExclusiveMaximum(bound) => {
                self.needs(number < *bound, || format!("must be below {bound}"))
            }
            Keyword::Minimum(bound) => self.needs(number >= *bound, || format!("must be at least {bound}")),
            Keyword::ExclusiveMinimum(bound) => {
                self.needs(number > *bound, || format!("must be above {bound}"))
            }
            Keyword::MultipleOf(of) => self.needs(number.is_multiple_of(of) == Some(true), || {
                format!("must be a multiple of {of}")
            }),
            _ => true,
        }
    }

    fn string(&mut self, keyword: &Keyword, text: &str) -> bool {
        if !self.may_go_on(text.len() / 64) {
            return false;
        }
        match keyword {
            Keyword::MaxLength(max) => self.needs(text.chars().count() <= *max, || {
                format!("must have at most {max} characters")
            }),
            Keyword::MinLength(min) => self.needs(text.chars().count() >= *min, || {
                format!("must have at least {min} characters")
            }),
            Keyword::Pattern(regex, pattern) => self.needs(regex.is_match(text), || {
                format!("must match the pattern {pattern}")
            }),
            Keyword::Format(check, name) => {
                self.needs(check(text), || format!("must be {}", with_article(name)))
            }
            _ => true,
        }
    }

    fn array(&mut self, keyword: &Keyword, elements: &[Json], marks: &mut Marks) -> bool {
        match keyword {
            Keyword::MaxItems(max) => self.needs(elements.len() <= *max, || {
                format!("must have at most {max} elements")
            }),
            Keyword::MinItems(min) => self.needs(elements.len() >= *min, || {
                format!("must have at least {min} elements")
            }),
            Keyword::UniqueItems => self.unique(elements),
            Keyword::Items { prefix, rest } => {
                let nodes = prefix.iter().copied().map(Some).chain(std::iter::repeat(*rest));
                for (index, (element, node)) in elements.iter().zip(nodes).enumerate() {
                    let Some(node) = node else { break };
                    if !self.child(node, element, index) {
                        return false;
                    }
                    mark(marks, index);
                }
                true
            }
            Keyword::Contains { node, min, max } => self.contains(*node, (*min, *max), elements, marks),
            Keyword::UnevaluatedItems(node) => {
                for (index, element) in elements.iter().enumerate() {
                    if !is_marked(marks, index) && !self.child(*node, element, index) {
                        return false;
                    }
                    mark(marks, index);
                }
                true
            }
            _ => true,
        }
    }

    fn unique(&mut self, elements: &[Json]) -> bool {
        let mut seen: HashMap<String, usize> = HashMap::with_capacity(elements.len());
        for (index, element) in elements.iter().enumerate() {
            let canonical = element.canonical();
            if !self.may_go_on(1 + canonical.len() / 64) {
                return false;
            }
            if let Some(first) = seen.insert(canonical, index) {
                return self.fail(|| format!("elements {first} and {index} are the same"));
            }
        }
        true
    }

    fn contains(
        &mut self,
        node: Node,
        (min, max): (usize, Option<usize>),
        elements: &[Json],
        marks: &mut Marks,
    ) -> bool {
        let mut found = 0;
        for (index, element) in elements.iter().enumerate() {
            if self.quietly(node, element, &mut Marks::new()) {
                found += 1;
                mark(marks, index);
            }
        }
        self.needs(found >= min && max.is_none_or(|max| found <= max), || {
            format!(
                "{found} elements match contains, which asks for {}",
                range(min, max)
            )
        })
    }

    /// Whether a value has a member: it is searched for.
    fn has_member(&mut self, value: &Json, name: &str) -> bool {
        self.may_go_on(value.members().len() / 8) && value.get(name).is_some()
    }

    fn object(
        &mut self,
        keyword: &Keyword,
        value: &Json,
        members: &[(String, Json)],
        marks: &mut Marks,
    ) -> bool {
        match keyword {
            Keyword::MaxProperties(max) => self.needs(members.len() <= *max, || {
                format!("must have at most {max} members")
            }),
            Keyword::MinProperties(min) => self.needs(members.len() >= *min, || {
                format!("must have at least {min} members")
            }),
            Keyword::Required(names) => self.required(names, members),
            Keyword::DependentRequired(rules) => rules
                .iter()
                .all(|(name, names)| !self.has_member(value, name) || self.required(names, members)),
            Keyword::Properties {
                named,
                patterns,
                additional,
            } => {
                for (index, (name, member)) in members.iter().enumerate() {
                    if !self.property(named, patterns, *additional, (name, member), (marks, index)) {
                        return false;
                    }
                }
                true
            }
            Keyword::PropertyNames(node) => members
                .iter()
                .all(|(name, _)| self.child(*node, &Json::text(name), name)),
            Keyword::UnevaluatedProperties(node) => {
                for (index, (name, member)) in members.iter().enumerate() {
                    if !is_marked(marks, index) && !self.child(*node, member, name) {
                        return false;
                    }
                    mark(marks, index);
                }
                true
            }
            Keyword::DependentSchemas(schemas) => schemas
                .iter()
                .all(|(name, node)| !self.has_member(value, name) || self.node(*node, value, marks)),
            _ => true,
        }
    }

    fn required(&mut self, names: &[String], members: &[(String, Json)]) -> bool {
        if !self.may_go_on(names.len() + members.len() / 8) {
            return false;
        }
        let has: HashSet<&str> = members.iter().map(|(name, _)| name.as_str()).collect();
        match names.iter().find(|name| !has.contains(name.as_str())) {
            Some(missing) => self.fail(|| format!("the member {missing:?} is missing")),
            None => true,
        }
    }

    fn property(
        &mut self,
        named: &HashMap<String, Node>,
        patterns: &[(Regex, Node)],
        additional: Option<Node>,
        (name, member): (&str, &Json),
        (marks, index): (&mut Marks, usize),
    ) -> bool {
        if !self.may_go_on(patterns.len() * (1 + name.len() / 64)) {
            return false;
        }
        let by_name = named.get(name).copied();
        let by_pattern = patterns
            .iter()
            .filter(|(regex, _)| regex.is_match(name))
            .map(|(_, node)| *node);
        let mut nodes: Vec<Node> = by_name.into_iter().chain(by_pattern).collect();
        if nodes.is_empty() {
            nodes.extend(additional);
        }
        if !nodes.is_empty() {
            mark(marks, index);
        }
        nodes.into_iter().all(|node| self.child(node, member, name))
    }

    fn combined(&mut self, keyword: &Keyword, value: &Json, marks: &mut Marks) -> bool {
        match keyword {
            Keyword::AllOf(nodes) => nodes.iter().all(|node| self.node(*node, value, marks)),
            Keyword::AnyOf(nodes) => {
                let matching = self.matching(nodes, value, marks);
                self.needs(matching > 0, || {
                    format!("matches none of the {} schemas of anyOf", nodes.len())
                })
            }
            Keyword::OneOf(nodes) => {
                let matching = self.matching(nodes, value, marks);
                self.needs(matching == 1, || {
                    format!(
                        "matches {matching} of the {} schemas of oneOf, and must match one",
                        nodes.len()
                    )
                })
            }
            Keyword::Not(node) => {
                let matches = self.quietly(*node, value, &mut Marks::new());
                self.needs(!matches, || "matches what it must not".to_owned())
            }
            Keyword::If {
                condition,
                then,
                otherwise,
            } => {
                let matches = self.quietly(*condition, value, marks);
                let next = if matches { then } else { otherwise };
                next.is_none_or(|node| self.node(node, value, marks))
            }
            // Every other keyword is about a type that this value does not have.
            _ => true,
        }
    }

    /// How many match. All are asked: each that matches says what it has evaluated.
    fn matching(&mut self, nodes: &[Node], value: &Json, marks: &mut Marks) -> usize {
        nodes
            .iter()
            .filter(|node| self.quietly(**node, value, marks))
            .count()
    }
}

fn children(value: &Json) -> usize {
    value.members().len() + value.elements().len()
}

fn mark(marks: &mut Marks, index: usize) {
    if let Some(mark) = marks.get_mut(index) {
        *mark = true;
    }
}

fn is_marked(marks: &Marks, index: usize) -> bool {
    marks.get(index).copied().unwrap_or(false)
}

fn range(min: usize, max: Option<usize>) -> String {
    match max {
        Some(max) => format!("{min} to {max}"),
        None => format!("at least {min}"),
    }
}

fn is_of_numbers(keyword: &Keyword) -> bool {
    matches!(
        keyword,
        Keyword::Maximum(_)
            | Keyword::ExclusiveMaximum(_)
            | Keyword::Minimum(_)
            | Keyword::ExclusiveMinimum(_)
            | Keyword::MultipleOf(_)
    )
}

fn is_of_strings(keyword: &Keyword) -> bool {
    matches!(
        keyword,
        Keyword::MaxLength(_) | Keyword::MinLength(_) | Keyword::Pattern(..) | Keyword::Format(..)
    )
}

fn is_of_arrays(keyword: &Keyword) -> bool {
    matches!(
        keyword,
        Keyword::MaxItems(_)
            | Keyword::MinItems(_)
            | Keyword::UniqueItems
            | Keyword::Items { .. }
            | Keyword::Contains { .. }
            | Keyword::UnevaluatedItems(_)
    )
}

fn is_of_objects(keyword: &Keyword) -> bool {
    matches!(
        keyword,
        Keyword::MaxProperties(_)
            | Keyword::MinProperties(_)
            | Keyword::Required(_)
            | Keyword::DependentRequired(_)
            | Keyword::Properties { .. }
            | Keyword::PropertyNames(_)
            | Keyword::DependentSchemas(_)
            | Keyword::UnevaluatedProperties(_)
    )
}
