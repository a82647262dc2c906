//! What `wit/` becomes in Rust.
wasmtime::component::bindgen!({
    path: "../../wit",
    world: "transformer",
    imports: { default: trappable },
    ownership: Borrowing { duplicate_if_necessary: true },
});
