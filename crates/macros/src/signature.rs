//! Reads the head of a function: all of it that the attribute must know before it touches the body.

use std::iter::Peekable;

use proc_macro::token_stream::IntoIter;
use proc_macro::{Delimiter, Span, TokenStream, TokenTree};

/// What is wrong, and where.
pub(crate) struct Misuse {
    pub(crate) span: Span,
    pub(crate) message: &'static str,
}

type Tokens = Peekable<IntoIter>;

/// Checks that `item` is `fn main()` with nothing that keeps a call from being its first statement.
pub(crate) fn check(item: TokenStream) -> Result<(), Misuse> {
    let mut tokens = item.into_iter().peekable();
    skip_attributes(&mut tokens);
    skip_visibility(&mut tokens);
    expect_plain_fn(&mut tokens)?;
    expect_main(&mut tokens)?;
    expect_no_parameters(&mut tokens)
}

/// True if `item` is a function named `main`, however it is declared.
pub(crate) fn is_main(item: TokenStream) -> bool {
    let mut tokens = item.into_iter().skip_while(|token| !is_word(token, "fn"));
    tokens.nth(1).is_some_and(|name| is_word(&name, "main"))
}

fn skip_attributes(tokens: &mut Tokens) {
    while tokens.next_if(|token| is_punct(token, '#')).is_some() {
        tokens.next();
    }
}

fn skip_visibility(tokens: &mut Tokens) {
    if tokens.next_if(|token| is_word(token, "pub")).is_some() {
        tokens.next_if(|token| is_group(token, Delimiter::Parenthesis));
    }
}

fn expect_plain_fn(tokens: &mut Tokens) -> Result<(), Misuse> {
    match tokens.next() {
        Some(token) if is_word(&token, "fn") => Ok(()),
        Some(token) if is_word(&token, "async") => Err(Misuse {
            span: token.span(),
            message: "`main` must not be async here: put `#[multiproc::main]` below the attribute \
                      that makes it synchronous, or call `multiproc::init()` yourself before the \
                      runtime starts",
        }),
        Some(token) if ["const", "unsafe", "extern"].iter().any(|word| is_word(&token, word)) => {
            Err(Misuse { span: token.span(), message: "`main` must be a plain `fn main()`" })
        }
        other => Err(Misuse {
            span: span_of(other.as_ref()),
            message: "`#[multiproc::main]` belongs on `fn main()`",
        }),
    }
}

fn expect_main(tokens: &mut Tokens) -> Result<(), Misuse> {
    match tokens.next() {
        Some(token) if is_word(&token, "main") => Ok(()),
        other => Err(Misuse {
            span: span_of(other.as_ref()),
            message: "`#[multiproc::main]` belongs on `fn main()`; anywhere else, call \
                      `multiproc::init()`",
        }),
    }
}

fn expect_no_parameters(tokens: &mut Tokens) -> Result<(), Misuse> {
    match tokens.next() {
        Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Parenthesis => {
            match group.stream().into_iter().next() {
                None => Ok(()),
                Some(parameter) => Err(Misuse {
                    span: parameter.span(),
                    message: "`main` takes no arguments; `std::env::args` has the program's",
                }),
            }
        }
        other => {
            let span = span_of(other.as_ref());
            Err(Misuse { span, message: "`main` must not be generic" })
        }
    }
}

pub(crate) fn is_punct(token: &TokenTree, wanted: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == wanted)
}

pub(crate) fn is_group(token: &TokenTree, delimiter: Delimiter) -> bool {
    matches!(token, TokenTree::Group(group) if group.delimiter() == delimiter)
}

pub(crate) fn is_word(token: &TokenTree, wanted: &str) -> bool {
    matches!(token, TokenTree::Ident(ident) if ident.to_string() == wanted)
}

/// The place of a token, or of the attribute if the item has ended.
fn span_of(token: Option<&TokenTree>) -> Span {
    token.map_or_else(Span::call_site, TokenTree::span)
}
