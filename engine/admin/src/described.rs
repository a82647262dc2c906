//! What a route takes and answers, as the types of its handler say it. The router and the description are made from
//! the same handler, so the description cannot differ from what serves a request.
//!
//! Each extractor says what it takes ([`Takes`]), each kind of answer what it gives ([`Gives`]); [`Described`] puts
//! together what a handler's signature says.
//!
//! Why: docs/decisions/0133-the-description-comes-from-the-handlers-types.md

use axum::{
    extract::{DefaultBodyLimit, Extension, Request, State},
    handler::Handler,
    http::HeaderMap,
    routing::{self, MethodRouter},
};
use serde_json::Value;

use crate::{ApiState, document_types::DocumentTypes};

/// What a route takes and answers.
#[derive(Default)]
pub(crate) struct Spoken {
    /// An object whose members are the query parameters.
    pub(crate) query: Option<Value>,
    /// Of a body in JSON, and of one in YAML.
    pub(crate) body: Option<Value>,
    /// Headers that it heeds, with their meanings.
    pub(crate) headers: Vec<(&'static str, &'static str)>,
    /// Its answers of success.
    pub(crate) answers: Vec<Given>,
}

/// An answer of success.
pub(crate) struct Given {
    pub(crate) status: u16,
    /// Its kinds of content, with what they look like; none for an empty one.
    pub(crate) kinds: Vec<(&'static str, Value)>,
    /// Its headers, with their meanings.
    pub(crate) headers: Vec<(&'static str, &'static str)>,
}

/// What an argument of a handler takes from the request.
pub(crate) trait Takes {
    /// Adds it; an argument that takes nothing of the client's adds nothing.
    fn describe(_types: &mut DocumentTypes, _spoken: &mut Spoken) {}
}

/// What a handler gives.
pub(crate) trait Gives {
    /// Its answers of success.
    fn describe(types: &mut DocumentTypes) -> Vec<Given>;
}

/// A handler whose arguments and answers are known.
pub(crate) trait Described<A> {
    /// What its signature says.
    fn describe(types: &mut DocumentTypes) -> Spoken;
}

macro_rules! described {
    ($($taken:ident),*) => {
        impl<F, Answering, Given, Via, $($taken),*> Described<(Via, $($taken,)*)> for F
        where
            F: FnOnce($($taken),*) -> Answering,
            Answering: Future<Output = Given>,
            Given: Gives,
            $($taken: Takes,)*
        {
            fn describe(types: &mut DocumentTypes) -> Spoken {
                let mut spoken = Spoken::default();
                $(<$taken as Takes>::describe(types, &mut spoken);)*
                spoken.answers = Given::describe(types);
                spoken
            }
        }
    };
}

described!(A);
described!(A, B);
described!(A, B, C);
described!(A, B, C, D);
described!(A, B, C, D, E);

impl<F, Answering, Given> Described<((),)> for F
where
    F: FnOnce() -> Answering,
    Answering: Future<Output = Given>,
    Given: Gives,
{
    fn describe(types: &mut DocumentTypes) -> Spoken {
        Spoken {
            answers: Given::describe(types),
            ..Spoken::default()
        }
    }
}

impl Takes for State<ApiState> {}
impl Takes for HeaderMap {}
impl Takes for Request {}
impl<T> Takes for Extension<T> {}

/// A handler on its way into the table of routes.
pub(crate) struct Handled {
    pub(crate) router: MethodRouter<ApiState>,
    pub(crate) describe: fn(&mut DocumentTypes) -> Spoken,
}

impl Handled {
    /// Takes bodies up to this size.
    pub(crate) fn up_to(self, bytes: usize) -> Self {
        Self {
            router: self.router.layer(DefaultBodyLimit::max(bytes)),
            ..self
        }
    }
}

macro_rules! methods {
    ($($method:ident),*) => {
        $(
            #[doc = concat!("Answers ", stringify!($method), " requests.")]
            pub(crate) fn $method<H, A>(handler: H) -> Handled
            where
                H: Handler<A, ApiState> + Described<A>,
                A: 'static,
            {
                Handled {
                    router: routing::$method(handler),
                    describe: <H as Described<A>>::describe,
                }
            }
        )*
    };
}

methods!(get, put, post, delete);
