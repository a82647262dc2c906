//! `errors.md`: every stable code, its meaning, whose fault it is, and the way out.
//!
//! Each function matches on all codes of a list, so a code without an entry does not compile.

mod entry;
mod letters;

use std::fmt::Write as _;

use tailrace_core::{
    codes::{ApiCode, LetterCode},
    ports::plugins::{PluginError, TrapCode},
};
use tailrace_reference::page;

use self::{
    entry::{BROKER, CLIENT, ENGINE, Entry, OPERATOR, TENANT, entry},
    letters::letter,
};
use crate::cli::error::CliError;

fn api(code: ApiCode) -> Entry {
    match code {
        ApiCode::AccountUnavailable => entry(
            OPERATOR,
            "The engine cannot use the tenant's NATS account. It has no credentials for it, the account refuses it, or too many accounts are open.",
            "The operator checks `nats.accounts` and `nats.accounts-dir` in the configuration, and the account at the broker.",
        ),
        ApiCode::AuditUnavailable => entry(
            BROKER,
            "The engine cannot write to the audit log, so it refused the change. Nothing was changed.",
            "Repeat the request when the broker is well. Where its storage is full, delete a pipeline or a stream: that is not refused.",
        ),
        ApiCode::BrokerUnavailable => entry(
            BROKER,
            "The broker refused a request of the engine, did not answer in time, or has no such stream. After a timeout the outcome of a change is unknown.",
            "Check the stream and the broker. Look at the result before you repeat a change.",
        ),
        ApiCode::Conflict => entry(
            CLIENT,
            "The request contradicts what is there, or somebody else changed the same thing at the same time.",
            "Read `detail`, look at the current state, and repeat the request with one of the two changed.",
        ),
        ApiCode::Forbidden => entry(
            CLIENT,
            "The token's scope is too low, or a subject is outside the tenant's grants.",
            "Use a token of the scope that `detail` names, or ask an operator for a grant.",
        ),
        ApiCode::Internal => entry(
            ENGINE,
            "The engine failed.",
            "Repeat the request. If it fails again, look up the `tr-request-id` in the engine's log.",
        ),
        ApiCode::InvalidBody => entry(
            CLIENT,
            "The body is not the JSON or the form that the route takes, or it did not arrive whole.",
            "Compare the body with the route on the page of the [HTTP API](http-api.md).",
        ),
        ApiCode::InvalidName => entry(
            CLIENT,
            "A part of the path is not a name.",
            "Use lower-case letters, digits and `-`, at most 32 characters.",
        ),
        ApiCode::InvalidPath => entry(
            CLIENT,
            "A part of the path is not UTF-8 after percent-decoding.",
            "Encode the path as UTF-8.",
        ),
        ApiCode::InvalidPipeline => entry(
            TENANT,
            "A field of the manifest is wrong. `field` names it, and `detail` says what would be right.",
            "Correct the field. The page of the [pipeline manifest](pipeline.md) explains all fields.",
        ),
        ApiCode::InvalidPlugin => entry(
            TENANT,
            "The upload is not a plugin that the engine accepts, or the plugin refuses its config.",
            "Read `detail`. The [table of refusals](#refusals-of-plugins) lists the causes.",
        ),
        ApiCode::InvalidQuery => entry(
            CLIENT,
            "A query parameter is unknown, or its value is wrong.",
            "Compare the query with the route on the page of the [HTTP API](http-api.md).",
        ),
        ApiCode::InvalidRequest => entry(
            CLIENT,
            "An input that is not part of a manifest is wrong, such as a grant, a quota or a time.",
            "Read `detail`, which says what would be right.",
        ),
        ApiCode::InvalidVersion => entry(
            CLIENT,
            "The version in the path is not a semantic version without build metadata.",
            "Write `major.minor.patch`, such as `1.0.0` or `1.1.0-rc.1`.",
        ),
        ApiCode::MethodNotAllowed => entry(
            CLIENT,
            "The route does not take this method. The header `allow` lists the right ones.",
            "Use a method that the route takes.",
        ),
        ApiCode::NotFound => entry(
            CLIENT,
            "There is no such thing, or the token may not know of it.",
            "Check the names in the path, and check that the token belongs to this tenant.",
        ),
        ApiCode::NotReady => entry(
            BROKER,
            "The engine cannot serve yet. It waits for the broker or for the registry; or the registry is lost.",
            "Read `detail`. Wait, and check the connection to the broker, or restore the registry: [backup and restore](../how-to/backup-and-restore.md#the-registry-alone-is-gone).",
        ),
        ApiCode::PluginTooCostly => entry(
            TENANT,
            "Compiling the plugin takes more memory, time or machine code than one compilation may take.",
            "Split its largest functions, remove unused code, and optimise for size. If only the wall time was exceeded, try again.",
        ),
        ApiCode::PreconditionFailed => entry(
            CLIENT,
            "The thing is not as `If-Match` or `If-None-Match` expects it: somebody else changed it since it was read.",
            "Read it again, and repeat the change on what it says now.",
        ),
        ApiCode::QuotaExceeded => entry(
            TENANT,
            "The request would exceed a quota of the tenant.",
            "Delete unused things, or ask an operator to raise the quota. `tailrace tenant show` shows the quotas and their use.",
        ),
        ApiCode::RateLimited => entry(
            CLIENT,
            "The client sends more requests than `requests` in the configuration allows.",
            "Wait for the seconds in the header `retry-after`, and send fewer requests.",
        ),
        ApiCode::Timeout => entry(
            CLIENT,
            "The request took longer than `http.request-time`, or its body came too slowly.",
            "Send the body without long pauses, or use a faster connection.",
        ),
        ApiCode::TooLarge => entry(
            CLIENT,
            "The body is larger than the route takes.",
            "Send less. A plugin has at most 32 MiB, any other body 1 MiB.",
        ),
        ApiCode::TooManyUploads => entry(
            TENANT,
            "All permits for uploads and downloads of plugins are taken, by this tenant or by others.",
            "Wait for the seconds in the header `retry-after`, and take one plugin after the other.",
        ),
        ApiCode::TooManyWatchers => entry(
            TENANT,
            "All watch permits for taps and logs are taken, by this tenant or by others.",
            "End other streams, or try again later.",
        ),
        ApiCode::Unauthorized => entry(
            CLIENT,
            "The request has no token, or the token is wrong, revoked or expired.",
            "Send a valid token as `Authorization: Bearer <token>`.",
        ),
        ApiCode::UnsupportedMediaType => entry(
            CLIENT,
            "`Content-Type` says that the body is of a kind that the route does not take.",
            "Send one of the kinds that the answer names, and name it in `Content-Type`.",
        ),
    }
}

fn trap(code: TrapCode) -> Entry {
    match code {
        TrapCode::Crash => entry(
            TENANT,
            "The plugin panicked, accessed memory out of bounds, divided by zero or returned a malformed result.",
            "Read the reason and the backtrace of the dead letter, and correct the plugin.",
        ),
        TrapCode::OutOfFuel => entry(
            TENANT,
            "The call used more fuel than `limits.fuel`.",
            "Make the plugin cheaper, or raise the limit.",
        ),
        TrapCode::Deadline => entry(
            TENANT,
            "The call took longer than `limits.deadline`. The engine retries such an event.",
            "Make the plugin faster, or raise the limit.",
        ),
        TrapCode::OutOfMemory => entry(
            TENANT,
            "The plugin needed more memory, tables or handles than `limits.memory` allows.",
            "Use less memory, or raise the limit.",
        ),
        TrapCode::OverCap => entry(
            TENANT,
            "The call emitted or wrote more than `limits.messages`, `limits.bytes` or `limits.writes` allows.",
            "Emit or write less in one call, or raise the limit.",
        ),
        TrapCode::Misuse => entry(
            TENANT,
            "The plugin misused a host interface, such as an undeclared collection or a vector of the wrong length.",
            "Declare the collection or the sketch in the manifest, or correct the plugin.",
        ),
        TrapCode::StateQuota => entry(
            TENANT,
            "The tenant's quota of state is used up. The engine retries such an event.",
            "Delete state, let it expire with a ttl, or ask an operator to raise `state-bytes`.",
        ),
        TrapCode::VectorQuota => entry(
            TENANT,
            "The tenant's quota of vectors is used up. The engine retries such an event.",
            "Delete vectors, or ask an operator to raise `vector-bytes`.",
        ),
    }
}

/// One refusal of each kind, and what the page says of it.
fn refusal(error: &PluginError) -> (&'static str, &'static str) {
    match error {
        PluginError::Invalid(_) => (
            "It is not a component or a core module, or it exceeds a structural limit.",
            "Build it with `tailrace plugin build`.",
        ),
        PluginError::Import { .. } => (
            "It imports something that is not part of `tailrace:plugin`, such as WASI.",
            "Build for `wasm32-unknown-unknown`, and remove the import.",
        ),
        PluginError::NoExport(_) => (
            "It does not export the interface `transform`.",
            "With the Rust SDK, add `tailrace_sdk::export!(YourPlugin);`.",
        ),
        PluginError::TooCostly(_) => (
            "Compiling it takes too much. The code is `plugin-too-costly`.",
            "If the text names the wall time, repeat the request when the machine has less to do. Otherwise make the plugin smaller.",
        ),
        PluginError::Uncompilable(_) => (
            "The compiler broke down on it.",
            "Build it with another optimisation level, and report the plugin.",
        ),
        PluginError::Config(_) => (
            "`configure` returned an error for the config of the step.",
            "Correct the config as the plugin says.",
        ),
        PluginError::Memory { .. } => (
            "It takes more memory than `limits.memory` of its step, before its first event.",
            "Write the `limits.memory` that the text names.",
        ),
        PluginError::Engine(_) => (
            "The sandbox failed. The code is `internal`.",
            "Repeat the request, and read the engine's log.",
        ),
    }
}

fn refusals() -> [PluginError; 8] {
    let text = String::new;
    [
        PluginError::Invalid(text()),
        PluginError::Import {
            import: text(),
            hint: text(),
        },
        PluginError::NoExport(text()),
        PluginError::TooCostly(tailrace_core::ports::plugins::CompileLimit::Wall(0)),
        PluginError::Uncompilable(text()),
        PluginError::Config(text()),
        PluginError::Memory {
            needs: 17_891_328,
            allowed: 1 << 24,
        },
        PluginError::Engine(text()),
    ]
}

fn client(error: &CliError) -> (&'static str, Entry) {
    match error {
        CliError::Misuse { .. } => (
            "misuse",
            entry(
                CLIENT,
                "The command cannot run as it was given, such as without a tenant or with an unreadable file.",
                "Follow the line that begins with `help:`.",
            ),
        ),
        CliError::Refused(_) => (
            "refused",
            entry(
                CLIENT,
                "The server refused the request. The code stands in brackets, and JSON output has it as `problem.code`.",
                "Look up the code [above](#codes-of-the-api).",
            ),
        ),
        CliError::Unreachable { .. } => (
            "unreachable",
            entry(
                OPERATOR,
                "No server answers at the address.",
                "Start one with `tailrace dev` or `tailrace serve`, or name another with `--url` or `TAILRACE_URL`.",
            ),
        ),
        CliError::Lost { .. } => (
            "lost",
            entry(
                OPERATOR,
                "The answer did not come in time or was cut off. The outcome of the request is unknown.",
                "Look at the result before you repeat the command.",
            ),
        ),
        CliError::Unspoken { .. } => (
            "unspoken",
            entry(
                OPERATOR,
                "The server's certificate is not trusted, or one side speaks HTTPS and the other HTTP. Nothing was asked.",
                "Check the scheme in `--url`, and name the authority of the certificate with `--ca`.",
            ),
        ),
        CliError::Foreign { .. } => (
            "foreign",
            entry(
                CLIENT,
                "A server answered that does not speak the API of Tailrace.",
                "Check `--url` or `TAILRACE_URL`. The default is `http://127.0.0.1:8790`.",
            ),
        ),
    }
}

fn clients() -> [CliError; 6] {
    let text = String::new;
    [
        CliError::Misuse {
            what: text(),
            help: text(),
        },
        CliError::Refused(crate::cli::error::Problem::default()),
        CliError::Unreachable {
            url: text(),
            cause: text(),
        },
        CliError::Lost {
            url: text(),
            cause: text(),
        },
        CliError::Unspoken {
            url: text(),
            cause: text(),
        },
        CliError::Foreign {
            url: text(),
            status: 0,
        },
    ]
}

const HEAD: &str = "# Error codes

Codes are stable: programs may compare them. A text beside a code may change.

- [Codes of the API](#codes-of-the-api) stand in `code` of a problem (`application/problem+json`). Its `type` links here.
- [Codes of dead letters](#codes-of-dead-letters) stand in `code` of a dead letter.
- [Codes of traps](#codes-of-traps) stand in `code` of a dead letter, too.
- [Errors of the command line](#errors-of-the-command-line) come from `tailrace` itself.

## Codes of the API

";

const LETTERS: &str = "## Codes of dead letters

The engine gives these codes. A plugin gives its own codes to events that it rejects. The [Rust SDK](sdk.md) gives
`malformed-json`, `duplicate-member`, `not-utf8`, `missing-field`, `wrong-type`, `wrong-length`, `unreadable-state` and
`unwritable-value`.

";

const TRAPS: &str = "## Codes of traps

A trap stops a call of a plugin. The engine rolls its effects back. It retries once on a fresh instance, or with a
growing backoff where an entry says so. Then the step's `on-error.then` decides.

";

const REFUSALS: &str = "## Refusals of plugins

An upload with one of these faults has the code `invalid-plugin` unless the table says otherwise.

| cause | way out |
| --- | --- |
";

const CLIENTS: &str = "
## Errors of the command line

`tailrace` prints these on standard error and exits with 1.

";

#[test]
fn the_page_of_errors_explains_every_code() {
    let mut text = HEAD.to_owned();
    for code in ApiCode::ALL {
        section(&mut text, &format!("`{}`", code.as_str()), &api(*code));
    }
    text.push_str(LETTERS);
    for code in LetterCode::ALL {
        section(
            &mut text,
            &format!("Dead letter `{}`", code.as_str()),
            &letter(*code),
        );
    }
    text.push_str(TRAPS);
    for code in TrapCode::ALL {
        section(&mut text, &format!("Trap `{}`", code.as_str()), &trap(*code));
    }
    text.push_str(REFUSALS);
    for (cause, action) in refusals().iter().map(refusal) {
        let _ = writeln!(text, "| {cause} | {action} |");
    }
    text.push_str(CLIENTS);
    for (name, entry) in clients().iter().map(client) {
        section(&mut text, &format!("Command line: {name}"), &entry);
    }
    page("errors.md", &text);
}

fn section(text: &mut String, heading: &str, entry: &Entry) {
    let Entry {
        meaning,
        fault,
        action,
    } = entry;
    let _ = writeln!(
        text,
        "### {heading}\n\n{meaning}\n\n- Fault of: {fault}\n- Way out: {action}\n"
    );
}
