//! What is wrong with a text that is no YAML, in words that need no knowledge of its grammar.

use granit_parser::ErrorKind;

/// Deeper than the composer goes.
pub(super) const TOO_DEEP: &str = "nested deeper than 127 levels";
const INDENTATION: &str =
    "the indentation does not fit the lines before; what belongs together begins in one column";
const TABS: &str = "a tab cannot indent; use spaces";
const COLON: &str =
    "a `:` where no value can begin; quote a text that holds `: `, and put one field on a line";
const ESCAPE: &str =
    "an escape that YAML does not know; in double quotes write `\\\\` for a backslash, or use single quotes";
const TAG: &str = "a `!` begins a tag that cannot be read; quote the text";
const DASH: &str = "a `-` where no entry of a list can begin; begin the list on a line of its own";

/// What is wrong, and what would be right.
pub(super) fn in_words(kind: &ErrorKind) -> String {
    use ErrorKind as E;
    let words = match kind {
        E::MismatchedFlowCollectionEnd { open, close } => {
            return format!("`{open}` is closed by `{close}`; close each bracket by its own");
        }
        E::UnclosedFlowCollection { open } => return format!("`{open}` is not closed"),
        E::UnexpectedCharacter { character } => {
            return format!("no value can begin with {character:?}; quote it");
        }
        E::UnexpectedEofFlowSequence => "`[` is not closed",
        E::UnexpectedEofFlowMapping | E::UnexpectedEofImplicitFlowMapping => "`{` is not closed",
        E::UnexpectedEof | E::UnexpectedEofBlockSequence | E::UnexpectedEofBlockMapping => {
            "the text ends in the midst of something"
        }
        E::ExpectedFlowMappingSeparator => "in `{ }`, fields are separated by `,`",
        E::ExpectedFlowSequenceSeparator => "in `[ ]`, entries are separated by `,`",
        E::MisplacedFlowCollectionEnd => "a bracket is closed that was not opened",
        E::UnclosedQuotedScalar | E::DocumentIndicatorInQuotedScalar => "a quote is not closed",
        E::InvalidQuotedScalarIndent => {
            "a quote is not closed, or the text in it goes on without indentation"
        }
        E::InvalidTrailingSingleQuotedScalar | E::InvalidTrailingDoubleQuotedScalar => {
            "behind a closing quote there is more; quote the whole text"
        }
        E::UnknownAnchor => {
            "an alias (`*`) of an anchor (`&`) that is not there; quote a text that begins with `*`"
        }
        E::MissingAnchorOrAliasName => "`&` and `*` need a name; quote a text that begins with one of them",
        E::RecursionLimitExceeded => TOO_DEEP,
        E::InvalidIndentation
        | E::ExpectedBlockMappingKey
        | E::ExpectedBlockSequenceEntry
        | E::InvalidBlockScalarIndent
        | E::InvalidFlowScalarIndent
        | E::ExpectedNodeContent => INDENTATION,
        E::TabNotAllowed
        | E::TabInBlockIndentation
        | E::TabInIndentation
        | E::TabAtBlockScalarStart
        | E::TabInPlainScalar => TABS,
        E::MappingValueNotAllowed
        | E::MappingKeyNotAllowed
        | E::InvalidColonPlacement
        | E::InvalidMappingValueWhitespace
        | E::FlowMappingValueAdjacentCollection
        | E::SimpleKeyExpected
        | E::InvalidSimpleKey => COLON,
        E::UnknownQuotedScalarEscape
        | E::InvalidQuotedScalarHexEscape
        | E::InvalidUnicodeEscape
        | E::InvalidLowSurrogate
        | E::InvalidLowSurrogateHexEscape
        | E::MissingLowSurrogate
        | E::UnpairedLowSurrogate => ESCAPE,
        E::UndeclaredTagHandle
        | E::ExpectedTagBang
        | E::InvalidTagTerminator
        | E::InvalidTagEscape
        | E::MissingTagUri
        | E::UnclosedVerbatimTag => TAG,
        E::BlockEntryInFlowCollection
        | E::BlockSequenceEntryNotAllowed
        | E::InvalidBlockEntryWhitespace
        | E::PlainScalarStartsWithDashFlowIndicator => DASH,
        E::ZeroBlockScalarIndent | E::InvalidBlockScalarHeader => {
            "`|` and `>` begin a text on the lines behind them; quote a text that begins with one of them"
        }
        E::CommentNotSeparated | E::CommentInterceptedScalar => {
            "a `#` begins a comment behind a space only; quote a text that holds one"
        }
        _ => "this is no YAML",
    };
    words.to_owned()
}
