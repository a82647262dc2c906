//! What can go wrong on the client's side of a command, and how that is shown: what happened, and
//! the way out. Three kinds, by whose fault it is: [`CliError::Misuse`] (whoever typed the command),
//! [`CliError::Refused`] (the server says no, in its own words), the others (there is no server, or
//! not one of ours).

use std::fmt;

use serde::{Deserialize, Serialize};
use tailrace_core::manifest::mistakes::{Mistake, Refusal};

use super::screen::{Output, printable};

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// The command cannot be carried out as it was given.
    #[error("{what}")]
    Misuse {
        /// What is wrong.
        what: String,
        /// What would be right.
        help: String,
    },
    /// The server refused.
    #[error("{}", .0.what())]
    Refused(Problem),
    /// Nobody listens there.
    #[error("no Tailrace server answers at {url}: {cause}")]
    Unreachable {
        /// Where.
        url: String,
        /// Why not.
        cause: String,
    },
    /// An answer did not come in time, or was cut off; what became of the request is unknown.
    #[error("the answer of {url} was lost: {cause}")]
    Lost {
        /// Whose.
        url: String,
        /// How.
        cause: String,
    },
    /// There is no common language with whoever listens there: the certificate, or HTTP itself. Nothing was asked.
    #[error("no request could be made to {url}: {cause}")]
    Unspoken {
        /// Where.
        url: String,
        /// Why not.
        cause: String,
    },
    /// Somebody answers who does not speak the API.
    #[error("{url} answered {status}, but not as a Tailrace server does")]
    Foreign {
        /// Where.
        url: String,
        /// The HTTP status.
        status: u16,
    },
}

/// A server's refusal (RFC 9457).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Problem {
    /// What kind of thing went wrong, in a few words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What went wrong here.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// Stable, for programs.
    pub code: String,
    /// Path of the field that is wrong, if it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// All that is wrong with a manifest.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mistakes: Vec<MistakeView>,
}

/// A mistake in a manifest.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MistakeView {
    /// Path of the field.
    pub field: String,
    /// What is wrong.
    pub detail: String,
    /// Its line, if it is in a text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// Its column.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<u32>,
}

impl fmt::Display for MistakeView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let (Some(line), Some(column)) = (self.line, self.column) {
            write!(f, "line {line}, column {column}: ")?;
        }
        match &*self.field {
            "" | "." => f.write_str(&self.detail),
            field => write!(f, "{field}: {}", self.detail),
        }
    }
}

/// One mistake in a line, several each in its own.
fn told(mistakes: &[MistakeView], code: &str) -> String {
    if let [mistake] = mistakes {
        return format!("{mistake}{code}");
    }
    let lines = mistakes.iter().map(|mistake| format!("\n  {mistake}"));
    let lines: String = lines.collect();
    format!("the manifest has {} mistakes{code}{lines}", mistakes.len())
}

impl From<&Mistake> for MistakeView {
    fn from(mistake: &Mistake) -> Self {
        Self {
            field: mistake.error.path.clone(),
            detail: mistake.error.message.clone(),
            line: mistake.position.map(|position| position.line),
            column: mistake.position.map(|position| position.column),
        }
    }
}

impl Problem {
    fn what(&self) -> String {
        if !self.mistakes.is_empty() {
            return self.told_mistakes();
        }
        let said = if self.detail.is_empty() {
            &self.title
        } else {
            &self.detail
        };
        match &self.field {
            // Manifest errors may bear their path in the detail already.
            Some(field) if !said.starts_with(field.as_str()) => format!("{field}: {said} ({})", self.code),
            _ => format!("{said} ({})", self.code),
        }
    }

    fn told_mistakes(&self) -> String {
        told(&self.mistakes, &format!(" ({})", self.code))
    }

    fn help(&self) -> &'static str {
        match self.status {
            401 => {
                "give a token with TAILRACE_TOKEN or --token; an operator makes one with `tailrace tenant token create <tenant>`"
            }
            403 if self.code == "quota-exceeded" => {
                "delete what is no longer needed, or ask an operator for a larger quota"
            }
            403 => "use a token that may do this: an operator's, or the tenant's own",
            404 => {
                "look at what is there (`list`, `scan`, `show`), and mind --tenant; tenants are an operator's to see"
            }
            409 => "look at what is there, change one of the two, and repeat",
            413 => "send less: the server's limits are in its documentation",
            429 => "wait a moment and repeat, or ask an operator for a larger quota",
            500.. => "repeat it in a moment; if it stays so, the server's log says why",
            408 => "repeat it; a slow line may need several tries",
            _ if self.mistakes.len() > 1 => {
                "mend those fields; `tailrace pipeline schema` describes them all"
            }
            _ if self.field.is_some() => "mend that field; `tailrace pipeline schema` describes them all",
            _ => "mend that and repeat; --help of the command shows an example",
        }
    }
}

impl CliError {
    /// What the process ends with: 4 where the same may succeed later, 3 where the server says no.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Misuse { .. } | Self::Foreign { .. } => 1,
            Self::Refused(problem) if matches!(problem.status, 408 | 429 | 500..) => 4,
            Self::Refused(_) => 3,
            Self::Unreachable { .. } | Self::Unspoken { .. } | Self::Lost { .. } => 4,
        }
    }

    fn help(&self) -> String {
        match self {
            Self::Misuse { help, .. } => help.clone(),
            Self::Refused(problem) => problem.help().to_owned(),
            Self::Unreachable { .. } => "start one with `tailrace dev` (or `tailrace serve`), or name another with --url or TAILRACE_URL".to_owned(),
            Self::Unspoken { .. } => "check http or https in --url, and name the authority of the server's certificate with --ca".to_owned(),
            Self::Lost { .. } => "look whether it took effect before you repeat it".to_owned(),
            Self::Foreign { .. } => "check --url or TAILRACE_URL; the default is http://127.0.0.1:8790".to_owned(),
        }
    }
}

/// A misuse, ready to return.
pub fn misuse(what: impl Into<String>, help: impl Into<String>) -> anyhow::Error {
    CliError::Misuse {
        what: what.into(),
        help: help.into(),
    }
    .into()
}

/// A manifest that does not read: all that is wrong with it, as the server would say it.
pub fn unreadable_manifest(refusal: &Refusal) -> anyhow::Error {
    let mistakes: Vec<_> = refusal.mistakes().iter().map(MistakeView::from).collect();
    let fields = if mistakes.len() > 1 {
        "those fields"
    } else {
        "that field"
    };
    misuse(
        told(&mistakes, ""),
        format!("mend {fields}; `tailrace pipeline schema` describes them all"),
    )
}

/// An error as a program reads it.
#[derive(Serialize)]
struct ErrorDocument<'a> {
    error: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<&'a Problem>,
}

/// The lines that tell of an error.
pub fn render(error: &anyhow::Error, output: Output) -> String {
    let known = error.downcast_ref::<CliError>();
    let help = known.map(CliError::help);
    match output {
        Output::Text => {
            let what = format!("error: {error:#}");
            let help = help.map_or_else(String::new, |help| format!("\nhelp: {help}"));
            printable(&(what + &help))
        }
        Output::Json => {
            let problem = known.and_then(|known| match known {
                CliError::Refused(problem) => Some(problem),
                _ => None,
            });
            let document = ErrorDocument {
                error: format!("{error:#}"),
                help,
                problem,
            };
            serde_json::to_string(&document).unwrap_or_default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(json: &str) -> anyhow::Error {
        CliError::Refused(serde_json::from_str(json).unwrap()).into()
    }

    #[test]
    fn a_refusal_shows_field_detail_code_and_a_way_out() {
        let error = refused(
            r#"{"type":"about:blank","title":"Invalid pipeline","status":400,"detail":"retrys is no field","code":"invalid-pipeline","field":"steps[0].on-error"}"#,
        );
        assert_eq!(
            render(&error, Output::Text),
            "error: steps[0].on-error: retrys is no field (invalid-pipeline)\nhelp: mend that field; `tailrace pipeline schema` describes them all"
        );
        let json: serde_json::Value = serde_json::from_str(&render(&error, Output::Json)).unwrap();
        assert_eq!(json["problem"]["field"], "steps[0].on-error");
        assert_eq!(json["problem"]["code"], "invalid-pipeline");
        assert!(json["help"].as_str().unwrap().contains("schema"));
    }

    #[test]
    fn mistakes_are_told_with_their_lines_and_columns() {
        let mistake = |field: &str, line: u32| {
            format!(r#"{{"field":"{field}","detail":"it is wrong","line":{line},"column":3}}"#)
        };
        let error = |mistakes: &[String]| {
            let mistakes = mistakes.join(",");
            let body = format!(
                r#"{{"title":"x","status":422,"detail":"d","code":"c","field":"f","mistakes":[{mistakes}]}}"#
            );
            render(&refused(&body), Output::Text)
        };
        let one = error(&[mistake("steps[0].plugin", 4)]);
        assert!(
            one.starts_with(
                "error: line 4, column 3: steps[0].plugin: it is wrong (c)\nhelp: mend that field"
            )
        );
        let two = error(&[mistake("name", 1), mistake(".", 7)]);
        assert!(
            two.starts_with(
                "error: the manifest has 2 mistakes (c)\n  line 1, column 3: name: it is wrong\n  line 7, column 3: it is wrong\nhelp: mend those fields"
            ),
            "{two}"
        );
    }

    #[test]
    fn a_field_that_the_detail_names_is_not_said_twice() {
        let error = refused(
            r#"{"title":"x","status":422,"detail":"partitions: 0 is outside 1 to 48","code":"c","field":"partitions"}"#,
        );
        assert!(render(&error, Output::Text).starts_with("error: partitions: 0 is outside 1 to 48 (c)\n"));
    }

    #[test]
    fn a_program_tells_no_from_not_now() {
        let code = |status| {
            CliError::Refused(Problem {
                status,
                ..Problem::default()
            })
            .exit_code()
        };
        assert_eq!([401, 404, 409, 422].map(code), [3; 4]);
        assert_eq!([408, 429, 503].map(code), [4; 3]);
    }

    #[test]
    fn without_a_server_it_says_how_to_start_one() {
        let error = CliError::Unreachable {
            url: "http://127.0.0.1:1".into(),
            cause: "connection refused".into(),
        }
        .into();
        assert!(render(&error, Output::Text).contains("help: start one with `tailrace dev`"));
    }

    #[test]
    fn causes_are_named_and_hostile_text_cannot_move_the_cursor() {
        let error = anyhow::anyhow!("evil \u{1b}[2J text").context("cannot read it");
        assert_eq!(
            render(&error, Output::Text),
            "error: cannot read it: evil \\u{1b}[2J text"
        );
    }
}
