//! Puts `::multiproc::init();` before the first statement of `main`.

use proc_macro::{Delimiter, Group, Span, TokenStream, TokenTree};

use crate::signature::{self, Misuse, is_group, is_punct};

pub(crate) fn main(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let expanded = no_arguments(arguments)
        .and_then(|()| signature::check(item.clone()))
        .and_then(|()| with_init(item.clone()));
    expanded.unwrap_or_else(|misuse| {
        compile_error(&misuse).into_iter().chain(in_place_of(item)).collect()
    })
}

/// What stands beside an error: a `main` that gives the compiler no reason for a second one.
fn in_place_of(item: TokenStream) -> TokenStream {
    if signature::is_main(item.clone()) { tokens("fn main() {}") } else { item }
}

pub(crate) fn no_arguments(arguments: TokenStream) -> Result<(), Misuse> {
    match arguments.into_iter().next() {
        None => Ok(()),
        Some(argument) => {
            Err(Misuse { span: argument.span(), message: "this attribute takes no arguments" })
        }
    }
}

fn with_init(item: TokenStream) -> Result<TokenStream, Misuse> {
    let mut tokens: Vec<TokenTree> = item.into_iter().collect();
    match tokens.pop() {
        Some(TokenTree::Group(body)) if body.delimiter() == Delimiter::Brace => {
            let mut with_init = Group::new(Delimiter::Brace, body_with_init(body.stream()));
            with_init.set_span(body.span());
            tokens.push(with_init.into());
            Ok(tokens.into_iter().chain(before_main()).collect())
        }
        other => Err(Misuse {
            span: other.map_or_else(Span::call_site, |token| token.span()),
            message: "`main` needs a body in braces",
        }),
    }
}

/// The statements of a body behind the call; attributes of the body itself have to stay in front.
fn body_with_init(body: TokenStream) -> TokenStream {
    let tokens: Vec<TokenTree> = body.into_iter().collect();
    let attributes = 3 * tokens.chunks(3).take_while(|chunk| is_inner_attribute(chunk)).count();
    let (attributes, statements) = tokens.split_at(attributes);
    let (attributes, statements) = (attributes.iter().cloned(), statements.iter().cloned());
    attributes.chain(call_of_init()).chain(statements).collect()
}

fn is_inner_attribute(tokens: &[TokenTree]) -> bool {
    matches!(tokens, [hash, bang, text] if is_punct(hash, '#')
        && is_punct(bang, '!')
        && is_group(text, Delimiter::Bracket))
}

/// Has the loader call `init` already, where it hands the arguments to what it calls: a child then
/// has neither the start-up of std nor `main` to go through.
fn before_main() -> TokenStream {
    tokens("#[cfg(target_env = \"gnu\")] ::multiproc::__private::before_main! {}")
}

fn call_of_init() -> TokenStream {
    tokens("::multiproc::init();")
}

pub(crate) fn compile_error(misuse: &Misuse) -> TokenStream {
    let call = tokens(&format!("::core::compile_error!({:?});", misuse.message));
    call.into_iter().map(|token| at(token, misuse.span)).collect()
}

pub(crate) fn tokens(code: &str) -> TokenStream {
    code.parse().expect("what stands in this file is Rust")
}

/// A token of ours as if it stood at `span`.
fn at(mut token: TokenTree, span: Span) -> TokenTree {
    token.set_span(span);
    token
}
