//! From documents to numbered nodes. Only what is reached is compiled, each schema once: its address in the document
//! is its name, so references share and circles close.

use std::collections::HashMap;

use regex::Regex;

use super::documents::{Documents, Located};
use super::endless;
use super::format;
use super::model::{JsonType, Keyword, Node, Program, Rules};
use super::pattern;
use crate::bounds::MAX_PARTS;
use crate::error::{Place, SchemaError};
use crate::json::{Decimal, Json};

/// Distinct patterns of one schema: each may take [`crate::bounds::MAX_REGEX_BYTES`].
const MAX_PATTERNS: usize = 128;

/// What the keywords of a document mean.
#[derive(Debug, Clone, Copy)]
pub(super) struct Vocabulary {
    /// Whether `type`, `minimum` and their like assert.
    pub(super) validates: bool,
    /// Whether `format` asserts.
    pub(super) asserts_formats: bool,
}

/// Compiles the schema with all that it reaches; it is node 0.
pub(super) fn compile<'d>(
    documents: &Documents<'d>,
    root: Located<'d>,
    vocabularies: &[Vocabulary],
) -> Result<Program, SchemaError> {
    let mut compiler = Compiler {
        documents,
        vocabularies,
        program: Program::default(),
        numbers: HashMap::new(),
        places: Vec::new(),
        waiting: Vec::new(),
        patterns: HashMap::new(),
        entered: vec![false; documents.resources.len()],
    };
    compiler.number(root);
    while let Some((node, located)) = compiler.waiting.pop() {
        compiler.enter(located.resource);
        let rules = compiler.rules(located)?;
        compiler.program.nodes[node] = rules;
        if compiler.program.nodes.len() > MAX_PARTS {
            let what = format!("a schema has at most {MAX_PARTS} subschemas, with those that it refers to");
            return Err(SchemaError::new(Place::default(), what));
        }
    }
    if let Some(node) = endless::circle(&compiler.program) {
        let what = "the reference comes back to where it began without going into the value, so no payload would ever be judged; refer to a schema of a member or an element, or leave it out";
        return Err(compiler.fault(compiler.places[node], "$ref", what));
    }
    Ok(compiler.program)
}

struct Compiler<'a, 'd> {
    documents: &'a Documents<'d>,
    vocabularies: &'a [Vocabulary],
    program: Program,
    numbers: HashMap<*const Json, Node>,
    /// Where each node stands.
    places: Vec<Located<'d>>,
    waiting: Vec<(Node, Located<'d>)>,
    patterns: HashMap<String, Regex>,
    entered: Vec<bool>,
}

impl<'d> Compiler<'_, 'd> {
    /// The number of a schema. It is compiled later, so a chain of references takes no stack.
    fn number(&mut self, located: Located<'d>) -> Node {
        if let Some(node) = self.numbers.get(&std::ptr::from_ref(located.json)) {
            return *node;
        }
        let node = self.program.nodes.len();
        self.program.nodes.push(Rules {
            resource: located.resource,
            keywords: Vec::new(),
        });
        self.numbers.insert(std::ptr::from_ref(located.json), node);
        self.places.push(located);
        self.waiting.push((node, located));
        node
    }

    /// A resource that is reached brings its dynamic anchors: any of them may be asked for at run time.
    fn enter(&mut self, resource: usize) {
        if std::mem::replace(&mut self.entered[resource], true) {
            return;
        }
        for (name, json) in &self.documents.resources[resource].dynamic {
            let node = self.number(Located { json, resource });
            self.program.dynamic.insert((resource, name.clone()), node);
        }
    }

    fn rules(&mut self, located: Located<'d>) -> Result<Rules, SchemaError> {
        let resource = located.resource;
        let keywords = match located.json {
            Json::Bool(true) => Vec::new(),
            Json::Bool(false) => vec![Keyword::Never],
            Json::Object(_) => Schema {
                compiler: self,
                located,
            }
            .keywords()?,
            other => {
                let what = format!("a schema is an object or a boolean, not {}", other.kind());
                return Err(self.fault(located, "", what));
            }
        };
        Ok(Rules { resource, keywords })
    }

    fn fault(&self, located: Located<'d>, keyword: &str, what: impl Into<String>) -> SchemaError {
        let root = self.documents.resources[located.resource].root;
        let mut path = Vec::new();
        find(root, located.json, &mut path);
        let keyword = Some(keyword.to_owned()).filter(|keyword| !keyword.is_empty());
        let resource = &self.documents.resources[located.resource];
        let error = SchemaError::new(Place::segments(path.into_iter().chain(keyword)), what);
        if resource.document == 0 {
            error
        } else {
            error.within(&resource.uri)
        }
    }

    fn pattern(&mut self, text: &str) -> Result<Regex, String> {
        if let Some(regex) = self.patterns.get(text) {
            return Ok(regex.clone());
        }
        if self.patterns.len() == MAX_PATTERNS {
            return Err(format!("a schema has at most {MAX_PATTERNS} different patterns"));
        }
        let regex = pattern::compile(text)?;
        self.patterns.insert(text.to_owned(), regex.clone());
        Ok(regex)
    }
}

/// One schema object on its way to keywords.
struct Schema<'s, 'a, 'd> {
    compiler: &'s mut Compiler<'a, 'd>,
    located: Located<'d>,
}

impl<'d> Schema<'_, '_, 'd> {
    fn keywords(mut self) -> Result<Vec<Keyword>, SchemaError> {
        let document = self.compiler.documents.resources[self.located.resource].document;
        let vocabulary = self.compiler.vocabularies[document];
        let mut keywords = Vec::new();
        // Cheap assertions first: most payloads that fail, fail there.
        if vocabulary.validates {
            self.assertions(&mut keywords)?;
        }
        if let (true, Some(name)) = (vocabulary.asserts_formats, self.text("format")) {
            keywords.extend(format::check(name).map(|check| Keyword::Format(check, name.to_owned())));
        }
        self.references(&mut keywords)?;
        self.of_objects(&mut keywords)?;
        self.of_arrays(&mut keywords);
        self.combinators(&mut keywords);
        // Last: they ask what all others have evaluated.
        for (name, make) in [
            (
                "unevaluatedItems",
                Keyword::UnevaluatedItems as fn(Node) -> Keyword,
            ),
            ("unevaluatedProperties", Keyword::UnevaluatedProperties),
        ] {
            if let Some(node) = self.schema(name) {
                self.compiler.program.tracks = true;
                keywords.push(make(node));
            }
        }
        Ok(keywords)
    }

    fn get(&self, keyword: &str) -> Option<&'d Json> {
        self.located.json.get(keyword)
    }

    fn text(&self, keyword: &str) -> Option<&'d str> {
        self.get(keyword).and_then(Json::as_str)
    }

    fn fault(&self, keyword: &str, what: impl Into<String>) -> SchemaError {
        self.compiler.fault(self.located, keyword, what)
    }

    fn node(&mut self, json: &'d Json) -> Node {
        let resource = self.compiler.documents.resource_of(json, self.located.resource);
        self.compiler.number(Located { json, resource })
    }

    fn schema(&mut self, keyword: &str) -> Option<Node> {
        self.get(keyword).map(|json| self.node(json))
    }

    fn list(&mut self, keyword: &str) -> Option<Vec<Node>> {
        Some(
            self.get(keyword)?
                .elements()
                .iter()
                .map(|json| self.node(json))
                .collect(),
        )
    }

    fn map(&mut self, keyword: &str) -> Vec<(String, Node)> {
        let members = self.get(keyword).map(Json::members).unwrap_or_default();
        members
            .iter()
            .map(|(name, json)| (name.clone(), self.node(json)))
            .collect()
    }

    fn size(&self, keyword: &str) -> Option<usize> {
        // A size beyond the machine's is as good as none above, and never reached below.
        self.get(keyword).map(|json| json.as_size().unwrap_or(usize::MAX))
    }

    fn assertions(&mut self, keywords: &mut Vec<Keyword>) -> Result<(), SchemaError> {
        if let Some(json) = self.get("type") {
            let names = json
                .as_str()
                .into_iter()
                .chain(json.elements().iter().filter_map(Json::as_str));
            keywords.push(Keyword::Type(names.filter_map(JsonType::named).collect()));
        }
        keywords.extend(
            self.get("enum")
                .map(|json| Keyword::Enum(json.elements().to_vec())),
        );
        keywords.extend(self.get("const").map(|json| Keyword::Const(json.clone())));
        for (name, make) in [
            ("maximum", Keyword::Maximum as fn(Decimal) -> Keyword),
            ("exclusiveMaximum", Keyword::ExclusiveMaximum),
            ("minimum", Keyword::Minimum),
            ("exclusiveMinimum", Keyword::ExclusiveMinimum),
            ("multipleOf", Keyword::MultipleOf),
        ] {
            let Some(Json::Number(digits)) = self.get(name) else {
                continue;
            };
            let number = Decimal::of(digits);
            if name == "multipleOf" && number.short().is_none() {
                return Err(self.fault(name, "the number has at most 18 digits besides zeros at its ends"));
            }
            keywords.push(make(number));
        }
        for (name, make) in [
            ("maxLength", Keyword::MaxLength as fn(usize) -> Keyword),
            ("minLength", Keyword::MinLength),
            ("maxItems", Keyword::MaxItems),
            ("minItems", Keyword::MinItems),
            ("maxProperties", Keyword::MaxProperties),
            ("minProperties", Keyword::MinProperties),
        ] {
            keywords.extend(self.size(name).map(make));
        }
        if let Some(pattern) = self.text("pattern") {
            let regex = self
                .compiler
                .pattern(pattern)
                .map_err(|what| self.fault("pattern", what))?;
            keywords.push(Keyword::Pattern(regex, pattern.to_owned()));
        }
        if self.get("uniqueItems") == Some(&Json::Bool(true)) {
            keywords.push(Keyword::UniqueItems);
        }
        keywords.extend(self.get("required").map(|json| Keyword::Required(texts(json))));
        let dependent = ["dependentRequired", "dependencies"]
            .into_iter()
            .filter_map(|name| self.get(name));
        let dependent = dependent
            .flat_map(Json::members)
            .filter(|(_, json)| matches!(json, Json::Array(_)));
        let dependent: Vec<(String, Vec<String>)> = dependent
            .map(|(name, json)| (name.clone(), texts(json)))
            .collect();
        if !dependent.is_empty() {
            keywords.push(Keyword::DependentRequired(dependent));
        }
        Ok(())
    }

    fn references(&mut self, keywords: &mut Vec<Keyword>) -> Result<(), SchemaError> {
        for name in ["$ref", "$dynamicRef"] {
            let Some(reference) = self.text(name) else {
                continue;
            };
            let found = self.compiler.documents.find(self.located.resource, reference);
            let Some((target, anchor)) = found else {
                let what =
                    format!("{reference} is not among what was pushed; push it and name it as a reference");
                return Err(self.fault(name, what));
            };
            let target = self.compiler.number(target);
            keywords.push(match name {
                "$ref" => Keyword::Ref(target),
                _ => Keyword::DynamicRef { target, anchor },
            });
        }
        Ok(())
    }

    fn of_objects(&mut self, keywords: &mut Vec<Keyword>) -> Result<(), SchemaError> {
        let named = self.map("properties");
        let mut patterns = Vec::new();
        for (pattern, node) in self.map("patternProperties") {
            let regex = self.compiler.pattern(&pattern);
            let regex =
                regex.map_err(|what| self.fault("patternProperties", format!("{pattern}: {what}")))?;
            patterns.push((regex, node));
        }
        let additional = self.schema("additionalProperties");
        if !named.is_empty() || !patterns.is_empty() || additional.is_some() {
            keywords.push(Keyword::Properties {
                named: named.into_iter().collect(),
                patterns,
                additional,
            });
        }
        keywords.extend(self.schema("propertyNames").map(Keyword::PropertyNames));
        Ok(())
    }

    fn of_arrays(&mut self, keywords: &mut Vec<Keyword>) {
        let prefix = self.list("prefixItems").unwrap_or_default();
        let rest = self.schema("items");
        if !prefix.is_empty() || rest.is_some() {
            keywords.push(Keyword::Items { prefix, rest });
        }
        if let Some(node) = self.schema("contains") {
            let (min, max) = (self.size("minContains").unwrap_or(1), self.size("maxContains"));
            keywords.push(Keyword::Contains { node, min, max });
        }
    }

    fn combinators(&mut self, keywords: &mut Vec<Keyword>) {
        keywords.extend(self.list("allOf").map(Keyword::AllOf));
        keywords.extend(self.list("anyOf").map(Keyword::AnyOf));
        keywords.extend(self.list("oneOf").map(Keyword::OneOf));
        keywords.extend(self.schema("not").map(Keyword::Not));
        if let Some(condition) = self.schema("if") {
            let (then, otherwise) = (self.schema("then"), self.schema("else"));
            keywords.push(Keyword::If {
                condition,
                then,
                otherwise,
            });
        }
        let mut dependent = self.map("dependentSchemas");
        let older = self.get("dependencies").map(Json::members).unwrap_or_default();
        for (name, json) in older.iter().filter(|(_, json)| !matches!(json, Json::Array(_))) {
            dependent.push((name.clone(), self.node(json)));
        }
        if !dependent.is_empty() {
            keywords.push(Keyword::DependentSchemas(dependent));
        }
    }
}

fn texts(json: &Json) -> Vec<String> {
    json.elements()
        .iter()
        .filter_map(Json::as_str)
        .map(str::to_owned)
        .collect()
}

/// The way from a value to one inside it.
fn find(from: &Json, to: &Json, path: &mut Vec<String>) -> bool {
    if std::ptr::eq(from, to) {
        return true;
    }
    let elements = from
        .elements()
        .iter()
        .enumerate()
        .map(|(index, json)| (index.to_string(), json));
    let members = from.members().iter().map(|(name, json)| (name.clone(), json));
    for (segment, json) in elements.chain(members) {
        path.push(segment);
        if find(json, to, path) {
            return true;
        }
        path.pop();
    }
    false
}
