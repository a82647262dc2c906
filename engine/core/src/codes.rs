//! Every stable code that somebody outside may meet: one list for each place where codes appear.
//!
//! - [`ApiCode`]: in the problems of the HTTP API;
//! - [`LetterCode`]: in dead letters that the engine itself writes;
//! - [`TrapCode`](crate::ports::plugins::TrapCode): in dead letters of plugins that were stopped.
//!
//! Programs compare codes, so a code never changes its meaning. `docs/reference/errors.md` explains each: the
//! test that makes the page matches on these types, so a code without an explanation does not compile.

/// Declares an enum of codes, the list of all of them, and their text.
macro_rules! codes {
    ($(#[$about:meta])* pub enum $name:ident { $($(#[$doc:meta])+ $code:ident = $text:literal,)+ }) => {
        $(#[$about])*
        pub enum $name {
            $($(#[$doc])+ $code,)+
        }

        impl $name {
            /// All of them, in the order of their declaration.
            pub const ALL: &[Self] = &[$(Self::$code,)+];

            /// The code as it is written.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$code => $text,)+
                }
            }
        }
    };
}

pub(crate) use codes;

codes! {
    /// Codes of the HTTP API.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum ApiCode {
        /// The tenant's NATS account cannot be used.
        AccountUnavailable = "account-unavailable",
        /// The audit log cannot be written.
        AuditUnavailable = "audit-unavailable",
        /// The broker refused, or did not answer.
        BrokerUnavailable = "broker-unavailable",
        /// The request contradicts what is there.
        Conflict = "conflict",
        /// The token may not do this.
        Forbidden = "forbidden",
        /// The engine failed.
        Internal = "internal",
        /// The body is not what the route takes.
        InvalidBody = "invalid-body",
        /// A part of the path is not a name.
        InvalidName = "invalid-name",
        /// A part of the path is not UTF-8.
        InvalidPath = "invalid-path",
        /// A field of a pipeline manifest is wrong.
        InvalidPipeline = "invalid-pipeline",
        /// A plugin is refused.
        InvalidPlugin = "invalid-plugin",
        /// A query parameter is wrong.
        InvalidQuery = "invalid-query",
        /// Another input is wrong.
        InvalidRequest = "invalid-request",
        /// The version of a plugin is not a semantic version.
        InvalidVersion = "invalid-version",
        /// The route does not take this method.
        MethodNotAllowed = "method-not-allowed",
        /// There is no such thing, or the token may not know of it.
        NotFound = "not-found",
        /// The engine cannot serve yet.
        NotReady = "not-ready",
        /// Compiling a plugin takes too much.
        PluginTooCostly = "plugin-too-costly",
        /// The thing is not as `If-Match` or `If-None-Match` expects it.
        PreconditionFailed = "precondition-failed",
        /// A quota is used up.
        QuotaExceeded = "quota-exceeded",
        /// The client sends too many requests.
        RateLimited = "rate-limited",
        /// The request took too long.
        Timeout = "timeout",
        /// The body is too large.
        TooLarge = "too-large",
        /// All upload permits are taken.
        TooManyUploads = "too-many-uploads",
        /// All watch permits are taken.
        TooManyWatchers = "too-many-watchers",
        /// The request has no valid token.
        Unauthorized = "unauthorized",
        /// The body is of a kind that the route does not take.
        UnsupportedMediaType = "unsupported-media-type",
    }
}

codes! {
    /// Codes of dead letters that no plugin gave and no trap caused.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum LetterCode {
        /// The event's time is later than the broker received it by more than is believed.
        Ahead = "ahead",
        /// An object of the event's payload has a member twice.
        DuplicateMember = "duplicate-member",
        /// The event is behind the watermark.
        Late = "late",
        /// The event's key is too long.
        LongKey = "long-key",
        /// The event, or a message that came of it, is no CloudEvent as the specification has it.
        MalformedCloudevent = "malformed-cloudevent",
        /// The event's headers, or its subject, cannot be read.
        MalformedHeaders = "malformed-headers",
        /// The event has no key where the manifest looks for it.
        NoKey = "no-key",
        /// The event caused more messages than one event may.
        OverCap = "over-cap",
        /// A rate limit left no room for the event.
        RateLimited = "rate-limited",
        /// The payload, or a message that came of it, does not fit its schema.
        SchemaMismatch = "schema-mismatch",
        /// The tenant's quota of state leaves no room for a window.
        StateQuota = "state-quota",
        /// A message is larger than the broker takes.
        TooLarge = "too-large",
        /// The event came through too many pipelines.
        TooManyHops = "too-many-hops",
        /// The plugin asked for a retry until none was left.
        Transient = "transient",
        /// The payload is no JSON, and the manifest looks for the key in it.
        UnreadablePayload = "unreadable-payload",
        /// The event's time does not read, and the manifest rejects such events.
        UnreadableTime = "unreadable-time",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_list_has_a_code_twice_and_each_is_sorted() {
        let texts: Vec<_> = ApiCode::ALL.iter().map(|code| code.as_str()).collect();
        assert!(texts.is_sorted_by(|one, other| one < other), "{texts:?}");
        let texts: Vec<_> = LetterCode::ALL.iter().map(|code| code.as_str()).collect();
        assert!(texts.is_sorted_by(|one, other| one < other), "{texts:?}");
    }
}
