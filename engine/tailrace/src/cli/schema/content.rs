//! What a version of a schema is made of: a file, its form, and what it refers to.

use std::{
    io::Read as _,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use crate::cli::error::misuse;

/// What a version is made of.
#[derive(Debug, Args)]
pub struct ContentArgs {
    /// The file with the schema, or - for standard input. A descriptor set of Protobuf may be binary.
    #[arg(short, long, value_name = "FILE")]
    file: PathBuf,
    /// The form that the schema is written in. The file's name says it where it ends in .json, .avsc, .proto, .pb or .desc.
    #[arg(long, value_enum)]
    format: Option<FormatArg>,
    /// A name by which the schema calls another one, and the version that is meant. The flag may be repeated.
    #[arg(long, value_name = "NAME=SCHEMA:VERSION")]
    reference: Vec<String>,
    /// Judge `format` too, and not only note it. JSON Schema only.
    #[arg(long)]
    assert_formats: bool,
}

/// What a schema is written in.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum FormatArg {
    /// JSON Schema 2020-12.
    JsonSchema,
    /// Avro.
    Avro,
    /// Protobuf.
    Protobuf,
}

impl ContentArgs {
    /// What the API is asked with.
    pub fn request(&self) -> anyhow::Result<Value> {
        let file = &self.file;
        let from_input = file.as_os_str() == "-";
        let shown = if from_input {
            "standard input".to_owned()
        } else {
            file.display().to_string()
        };
        // Before anything is read: standard input may come from a person.
        let format = self.format.or_else(|| guessed(file)).ok_or_else(|| {
            misuse(
                format!("{shown} does not say what it is written in"),
                "name it with --format",
            )
        })?;
        let read = if from_input {
            let mut bytes = Vec::new();
            std::io::stdin().read_to_end(&mut bytes).map(|_| bytes)
        } else {
            std::fs::read(file)
        };
        let bytes = read.with_context(|| format!("{shown} cannot be read"))?;
        let format = format
            .to_possible_value()
            .map(|value| value.get_name().to_owned());
        // A binary descriptor set goes as text.
        let text = String::from_utf8(bytes).unwrap_or_else(|fault| BASE64.encode(fault.as_bytes()));
        let references = self.reference.iter().map(|reference| referred(reference));
        let references: Vec<Value> = references.collect::<anyhow::Result<_>>()?;
        let mut request = json!({ "format": format, "schema": text, "references": references });
        if self.assert_formats {
            request["assert-formats"] = json!(true);
        }
        Ok(request)
    }
}

fn guessed(file: &Path) -> Option<FormatArg> {
    match file.extension()?.to_str()? {
        "json" => Some(FormatArg::JsonSchema),
        "avsc" => Some(FormatArg::Avro),
        "proto" | "pb" | "desc" => Some(FormatArg::Protobuf),
        _ => None,
    }
}

/// `address.json=address:1`.
fn referred(text: &str) -> anyhow::Result<Value> {
    let parsed = text.rsplit_once('=').and_then(|(name, to)| {
        let (schema, version) = to.split_once(':')?;
        Some(json!({ "name": name, "schema": schema, "version": version.parse::<u32>().ok()? }))
    });
    parsed.ok_or_else(|| {
        misuse(
            format!("{text:?} is no reference"),
            "write it as address.json=address:1",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_names_a_version() {
        let expected = json!({ "name": "a=b.json", "schema": "address", "version": 2 });
        assert_eq!(referred("a=b.json=address:2").unwrap(), expected);
        for wrong in ["address:2", "a=address", "a=address:x", "a=address:-1"] {
            assert!(referred(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn standard_input_says_nothing_of_its_form() {
        let content = ContentArgs {
            file: "-".into(),
            format: None,
            reference: Vec::new(),
            assert_formats: false,
        };
        let error = content.request().unwrap_err().to_string();
        assert_eq!(error, "standard input does not say what it is written in");
    }

    #[test]
    fn a_binary_descriptor_goes_as_base64() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("order.desc");
        std::fs::write(&file, [0xff, 0xfe, 0xfd]).unwrap();
        let content = ContentArgs {
            file,
            format: None,
            reference: Vec::new(),
            assert_formats: false,
        };
        let request = content.request().unwrap();
        assert_eq!(request["format"], "protobuf");
        assert_eq!(request["schema"], "//79");
    }
}
