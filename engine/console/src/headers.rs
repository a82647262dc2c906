//! The headers of every answer.

/// Nothing from elsewhere, no script or style in the page itself, no frame around it. Strings become markup only
/// in the one policy of Svelte's templates, which are constants of the build.
pub(crate) const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
    require-trusted-types-for 'script'; trusted-types svelte-trusted-html";

/// What every answer carries.
pub(crate) const EVERYWHERE: [(&str, &str); 6] = [
    ("content-security-policy", POLICY),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=()"),
    // The address of a page names tenants and pipelines.
    ("referrer-policy", "no-referrer"),
    ("x-content-type-options", "nosniff"),
];

/// A year: the name changes with the content.
pub(crate) const FOR_EVER: &str = "public, max-age=31536000, immutable";
/// Asked for each time, and answered with 304 while it is the same.
pub(crate) const ASK_AGAIN: &str = "no-cache";
