//! Pages of the reference whose sources no crate of the engine holds: the plugin contract, the SDK, the
//! pipeline manifest, and the index of all pages. And the rules that every page keeps.

mod pages {
    mod index;
    mod manifest;
    mod sdk;
    mod style;
    mod wit;
}
