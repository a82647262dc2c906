//! From the text of a `.proto` file to what it declares. proto2, proto3 and the editions 2023 and 2024; services are
//! passed over, and of options only those that change how a message is read or written are looked at.

use super::cursor::Parser;
use super::declare::{
    EnumDecl, Features, FieldDecl, FileDecl, Label, MessageDecl, Scalar, Syntax, TypeDecl, entry_name,
};
use super::lex::{TokenKind, lex};
use super::options::apply;
use crate::bounds::MAX_DEPTH;
use crate::error::SchemaError;

/// Parses a file. Its name is the one that others import it by.
pub(super) fn parse(name: &str, text: &str) -> Result<FileDecl, SchemaError> {
    let tokens = lex(text)?;
    let mut parser = Parser {
        tokens,
        at: 0,
        syntax: Syntax::Proto2,
    };
    parser.file(name)
}

impl Parser {
    fn file(&mut self, name: &str) -> Result<FileDecl, SchemaError> {
        let mut file = FileDecl {
            name: name.to_owned(),
            package: String::new(),
            syntax: Syntax::Proto2,
            imports: Vec::new(),
            features: Features::default(),
            messages: Vec::new(),
            enums: Vec::new(),
            extensions: Vec::new(),
        };
        if self.takes_word("syntax") {
            self.symbol('=')?;
            file.syntax = match self.text()?.as_str() {
                "proto2" => Syntax::Proto2,
                "proto3" => Syntax::Proto3,
                other => return Err(self.fault(format!("the syntax {other:?} is neither proto2 nor proto3"))),
            };
            self.symbol(';')?;
        } else if self.takes_word("edition") {
            self.symbol('=')?;
            let edition = self.text()?;
            let known = edition
                .parse()
                .ok()
                .filter(|edition| [2023, 2024].contains(edition));
            file.syntax =
                Syntax::Edition(known.ok_or_else(|| {
                    self.fault(format!("the edition {edition:?} is neither 2023 nor 2024"))
                })?);
            self.symbol(';')?;
        }
        self.syntax = file.syntax;
        while *self.peek() != TokenKind::End {
            if !self.takes(';') {
                self.top(&mut file)?;
            }
        }
        Ok(file)
    }

    fn top(&mut self, file: &mut FileDecl) -> Result<(), SchemaError> {
        let is_edition = matches!(file.syntax, Syntax::Edition(_));
        match self.word()?.as_str() {
            "package" => {
                file.package = self.path()?;
                self.symbol(';')
            }
            "import" => {
                // An import of options alone brings no type that a message could have.
                let is_of_options = self.takes_word("option");
                let _ = self.takes_word("public") || self.takes_word("weak");
                let path = self.text()?;
                if !is_of_options {
                    file.imports.push(path);
                }
                self.symbol(';')
            }
            "option" => {
                let setting = self.setting()?;
                apply(&mut file.features, &setting);
                self.symbol(';')
            }
            "message" => {
                file.messages.push(self.message(0)?);
                Ok(())
            }
            "enum" => {
                file.enums.push(self.enumeration()?);
                Ok(())
            }
            "export" | "local" if is_edition => self.top(file),
            "service" => {
                self.word()?;
                self.skip_block()
            }
            "extend" => {
                let (extensions, groups) = self.extend(0)?;
                file.extensions.extend(extensions);
                let _: () = file.messages.extend(groups);
                Ok(())
            }
            other => Err(self.fault(format!("{other:?} begins nothing that a file may declare"))),
        }
    }

    fn message(&mut self, depth: usize) -> Result<MessageDecl, SchemaError> {
        let mut message = MessageDecl {
            name: self.word()?,
            ..MessageDecl::default()
        };
        self.body(&mut message, depth)?;
        Ok(message)
    }

    fn body(&mut self, message: &mut MessageDecl, depth: usize) -> Result<(), SchemaError> {
        if depth > MAX_DEPTH / 4 {
            return Err(self.fault(format!("messages stand at most {} levels deep", MAX_DEPTH / 4)));
        }
        self.symbol('{')?;
        while !self.takes('}') {
            if !self.takes(';') {
                self.element(message, depth)?;
            }
        }
        Ok(())
    }

    fn element(&mut self, message: &mut MessageDecl, depth: usize) -> Result<(), SchemaError> {
        // A field may have a type named `message`: only the keyword is followed by a name and a brace.
        let follows = |parser: &Self, symbol: char| {
            parser
                .tokens
                .get(parser.at + 2)
                .is_some_and(|token| token.kind == TokenKind::Symbol(symbol))
        };
        if follows(self, '{') && self.takes_word("message") {
            message.messages.push(self.message(depth + 1)?);
            return Ok(());
        }
        if follows(self, '{') && self.takes_word("enum") {
            message.enums.push(self.enumeration()?);
            return Ok(());
        }
        if follows(self, '{') && self.takes_word("oneof") {
            return self.oneof(message, depth);
        }
        let is_word = |parser: &Self| matches!(*parser.ahead(1), TokenKind::Word(_));
        if matches!(self.syntax, Syntax::Edition(_))
            && is_word(self)
            && matches!(self.peek(), TokenKind::Word(word) if word == "export" || word == "local")
            && matches!(self.ahead(1), TokenKind::Word(word) if word == "message" || word == "enum")
        {
            self.next();
            return self.element(message, depth);
        }
        let is_field = follows(self, '=') || follows(self, '.');
        if !is_field || !is_word(self) {
            if self.takes_word("extend") {
                let (extensions, groups) = self.extend(depth)?;
                message.extensions.extend(extensions);
                message.messages.extend(groups);
                return Ok(());
            }
            if self.takes_word("reserved") || self.takes_word("extensions") {
                return self.skip_statement();
            }
        }
        let is_option = matches!(self.ahead(1), TokenKind::Word(_) | TokenKind::Symbol('('));
        if is_option && matches!(self.peek(), TokenKind::Word(word) if word == "option") {
            self.next();
            let setting = self.setting()?;
            apply(&mut message.features, &setting);
            message.is_message_set |= setting == ("message_set_wire_format".into(), "true".into());
            return self.symbol(';');
        }
        let (field, further) = self.field(depth)?;
        message.fields.push(field);
        message.messages.extend(further);
        Ok(())
    }

    fn skip_statement(&mut self) -> Result<(), SchemaError> {
        loop {
            match self.next() {
                TokenKind::Symbol(';') => return Ok(()),
                TokenKind::End => return Err(self.fault("';' is missing")),
                _ => {}
            }
        }
    }

    fn oneof(&mut self, message: &mut MessageDecl, depth: usize) -> Result<(), SchemaError> {
        let index = message.oneofs.len();
        let name = self.word()?;
        message.oneofs.push(name);
        self.symbol('{')?;
        while !self.takes('}') {
            if self.takes(';') {
                continue;
            }
            let is_word = matches!(*self.ahead(1), TokenKind::Word(_) | TokenKind::Symbol('('));
            let is_field = self.tokens.get(self.at + 2).is_some_and(|token| {
                token.kind == TokenKind::Symbol('=')
                    && matches!(
                        self.tokens.get(self.at + 3).map(|token| &token.kind),
                        Some(TokenKind::Integer(_))
                    )
            });
            if is_word && !is_field && self.takes_word("option") {
                self.setting()?;
                self.symbol(';')?;
                continue;
            }
            let (mut field, further) = self.field(depth)?;
            if field.label.is_some() {
                return Err(self.fault(format!("{} stands in a oneof and has no label", field.name)));
            }
            field.oneof = Some(index);
            message.fields.push(field);
            message.messages.extend(further);
        }
        Ok(())
    }

    fn extend(&mut self, depth: usize) -> Result<(Vec<(String, FieldDecl)>, Vec<MessageDecl>), SchemaError> {
        let extended = self.path()?;
        let (mut fields, mut groups) = (Vec::new(), Vec::new());
        self.symbol('{')?;
        while !self.takes('}') {
            if self.takes(';') {
                continue;
            }
            let (field, further) = self.field(depth)?;
            fields.push((extended.clone(), field));
            groups.extend(further);
        }
        Ok((fields, groups))
    }

    /// A field, and the message that it declares along the way: the entry of a map, or a group.
    fn field(&mut self, depth: usize) -> Result<(FieldDecl, Option<MessageDecl>), SchemaError> {
        let line = Some((self.tokens[self.at].line, self.tokens[self.at].column));
        let label = self.label();
        if label == Some(Label::Required) && self.syntax != Syntax::Proto2 {
            return Err(self.fault(
                "required is a label of proto2 only; leave it out, and check the value where it is used",
            ));
        }
        if matches!(self.peek(), TokenKind::Word(word) if word == "map")
            && *self.ahead(1) == TokenKind::Symbol('<')
        {
            return self.map(label, line);
        }
        if matches!(self.peek(), TokenKind::Word(word) if word == "group")
            && matches!(*self.ahead(1), TokenKind::Word(_))
            && self.syntax == Syntax::Proto2
        {
            return self.group(label, line, depth);
        }
        let of = self.path()?;
        let of = Scalar::named(&of).map_or(TypeDecl::Named(of), TypeDecl::Scalar);
        let mut field = FieldDecl {
            name: self.word()?,
            label,
            of,
            line,
            ..FieldDecl::default()
        };
        field.is_optional_in_proto3 = self.syntax == Syntax::Proto3 && label == Some(Label::Optional);
        self.number_and_options(&mut field)?;
        self.symbol(';')?;
        Ok((field, None))
    }

    fn label(&mut self) -> Option<Label> {
        // A type may be named like a label; then `=` follows behind the next word.
        if matches!(
            self.tokens.get(self.at + 2).map(|token| &token.kind),
            Some(TokenKind::Symbol('='))
        ) {
            return None;
        }
        [
            ("optional", Label::Optional),
            ("required", Label::Required),
            ("repeated", Label::Repeated),
        ]
        .into_iter()
        .find_map(|(word, label)| self.takes_word(word).then_some(label))
    }

    fn number_and_options(&mut self, field: &mut FieldDecl) -> Result<(), SchemaError> {
        self.symbol('=')?;
        let number = self.integer()?;
        let number = u32::try_from(number)
            .ok()
            .filter(|number| (1..1 << 29).contains(number));
        field.number = number.ok_or_else(|| self.fault("the number of a field is 1 to 536870911"))?;
        if !self.takes('[') {
            return Ok(());
        }
        loop {
            let (name, value) = self.setting()?;
            match name.as_str() {
                "json_name" => field.json_name = Some(value),
                "packed" => field.packed = Some(value == "true"),
                _ => apply(&mut field.features, &(name, value)),
            }
            if self.takes(']') {
                return Ok(());
            }
            self.symbol(',')?;
        }
    }

    fn map(
        &mut self,
        label: Option<Label>,
        line: Option<(usize, usize)>,
    ) -> Result<(FieldDecl, Option<MessageDecl>), SchemaError> {
        if label.is_some() {
            return Err(self.fault("a map has no label"));
        }
        self.next();
        self.symbol('<')?;
        let key = self.word()?;
        let key =
            Scalar::named(&key).filter(|key| !matches!(key, Scalar::Double | Scalar::Float | Scalar::Bytes));
        let key = key.ok_or_else(|| self.fault("the key of a map is a whole number, a bool or a string"))?;
        self.symbol(',')?;
        let value = self.path()?;
        let value = Scalar::named(&value).map_or(TypeDecl::Named(value), TypeDecl::Scalar);
        self.symbol('>')?;
        let mut field = FieldDecl {
            name: self.word()?,
            label: Some(Label::Repeated),
            line,
            ..FieldDecl::default()
        };
        self.number_and_options(&mut field)?;
        self.symbol(';')?;
        let name = entry_name(&field.name);
        field.of = TypeDecl::Named(name.clone());
        let part = |name: &str, number, of| FieldDecl {
            name: name.to_owned(),
            number,
            label: Some(Label::Optional),
            of,
            ..FieldDecl::default()
        };
        let fields = vec![part("key", 1, TypeDecl::Scalar(key)), part("value", 2, value)];
        let entry = MessageDecl {
            name,
            fields,
            is_map_entry: true,
            ..MessageDecl::default()
        };
        Ok((field, Some(entry)))
    }

    fn group(
        &mut self,
        label: Option<Label>,
        line: Option<(usize, usize)>,
        depth: usize,
    ) -> Result<(FieldDecl, Option<MessageDecl>), SchemaError> {
        self.next();
        let name = self.word()?;
        let of = TypeDecl::Named(name.clone());
        let mut field = FieldDecl {
            name: name.to_lowercase(),
            label,
            of,
            is_group: true,
            line,
            ..FieldDecl::default()
        };
        self.number_and_options(&mut field)?;
        let mut message = MessageDecl {
            name,
            ..MessageDecl::default()
        };
        self.body(&mut message, depth + 1)?;
        Ok((field, Some(message)))
    }

    fn enumeration(&mut self) -> Result<EnumDecl, SchemaError> {
        let mut declared = EnumDecl {
            name: self.word()?,
            ..EnumDecl::default()
        };
        self.symbol('{')?;
        while !self.takes('}') {
            if self.takes(';') {
                continue;
            }
            let is_value = *self.ahead(1) == TokenKind::Symbol('=');
            if !is_value && self.takes_word("option") {
                let setting = self.setting()?;
                apply(&mut declared.features, &setting);
                self.symbol(';')?;
                continue;
            }
            if !is_value && self.takes_word("reserved") {
                self.skip_statement()?;
                continue;
            }
            let name = self.word()?;
            self.symbol('=')?;
            let number = self.integer()?;
            let number =
                i32::try_from(number).map_err(|_| self.fault("the number of a value has 32 bits"))?;
            if self.takes('[') {
                while !self.takes(']') {
                    self.setting()?;
                    self.takes(',');
                }
            }
            self.symbol(';')?;
            declared.values.push((name, number));
        }
        if declared.values.is_empty() {
            return Err(self.fault(format!("the enum {} needs a value", declared.name)));
        }
        Ok(declared)
    }
}
