//! Reads the fields and the generic parameters of a struct.

use proc_macro::{Delimiter, TokenStream, TokenTree};

use crate::signature::{is_group, is_punct, is_word};

/// A field by its name or number, and its type.
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) of: String,
}

/// A generic parameter, as it is named where the type is used.
pub(crate) struct Parameter {
    pub(crate) name: String,
    pub(crate) is_type: bool,
}

/// Splits off what stands between angle brackets at the head, without these.
pub(crate) fn angles(tokens: &[TokenTree]) -> (&[TokenTree], &[TokenTree]) {
    if !tokens.first().is_some_and(|token| is_punct(token, '<')) {
        return (&[], tokens);
    }
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate() {
        depth = depth_after(depth, tokens, at);
        if depth == 0 && is_punct(token, '>') {
            return (&tokens[1..at], &tokens[at + 1..]);
        }
    }
    (&[], tokens)
}

/// The fields between braces.
pub(crate) fn named(body: TokenStream) -> Vec<Field> {
    let fields = split(&body.into_iter().collect::<Vec<_>>());
    let field = |tokens: Vec<TokenTree>| {
        let tokens = without_head(&tokens);
        let of = tokens.get(2..)?.iter().cloned().collect::<TokenStream>();
        Some(Field { name: tokens.first()?.to_string(), of: of.to_string() })
    };
    fields.into_iter().filter_map(field).collect()
}

/// The fields between parentheses.
pub(crate) fn numbered(body: TokenStream) -> Vec<Field> {
    let fields = split(&body.into_iter().collect::<Vec<_>>());
    let field = |(number, tokens): (usize, Vec<TokenTree>)| {
        let of = without_head(&tokens).iter().cloned().collect::<TokenStream>();
        Field { name: number.to_string(), of: of.to_string() }
    };
    fields.into_iter().enumerate().map(field).collect()
}

/// The parameters between the angle brackets of a declaration.
pub(crate) fn parameters(generics: &[TokenTree]) -> Vec<Parameter> {
    split(generics).iter().filter_map(|tokens| parameter(without_head(tokens))).collect()
}

fn parameter(tokens: &[TokenTree]) -> Option<Parameter> {
    let first = tokens.first()?;
    if is_punct(first, '\'') {
        return Some(Parameter { name: format!("'{}", tokens.get(1)?), is_type: false });
    }
    if is_word(first, "const") {
        return Some(Parameter { name: tokens.get(1)?.to_string(), is_type: false });
    }
    Some(Parameter { name: first.to_string(), is_type: true })
}

/// What remains without attributes and visibility.
fn without_head(mut tokens: &[TokenTree]) -> &[TokenTree] {
    while let [hash, text, rest @ ..] = tokens {
        if !is_punct(hash, '#') || !is_group(text, Delimiter::Bracket) {
            break;
        }
        tokens = rest;
    }
    match tokens {
        [word, scope, rest @ ..]
            if is_word(word, "pub")
                && is_group(scope, Delimiter::Parenthesis)
                && is_scope(scope) =>
        {
            rest
        }
        [word, rest @ ..] if is_word(word, "pub") => rest,
        _ => tokens,
    }
}

/// `(crate)` and its like, not the type of a numbered field that is a tuple.
fn is_scope(group: &TokenTree) -> bool {
    let TokenTree::Group(group) = group else { return false };
    let first = group.stream().into_iter().next();
    first.is_some_and(|token| ["crate", "super", "self", "in"].iter().any(|w| is_word(&token, w)))
}

/// Splits at the commas outside of angle brackets.
fn split(tokens: &[TokenTree]) -> Vec<Vec<TokenTree>> {
    let mut parts = vec![Vec::new()];
    let mut depth = 0;
    for (at, token) in tokens.iter().enumerate() {
        depth = depth_after(depth, tokens, at);
        match parts.last_mut() {
            Some(part) if depth > 0 || !is_punct(token, ',') => part.push(token.clone()),
            _ => parts.push(Vec::new()),
        }
    }
    parts.retain(|part| !part.is_empty());
    parts
}

/// How many angle brackets are open behind the token at `at`; the arrow `->` closes none.
fn depth_after(depth: usize, tokens: &[TokenTree], at: usize) -> usize {
    let after_dash = at > 0 && is_punct(&tokens[at - 1], '-');
    if is_punct(&tokens[at], '<') {
        depth + 1
    } else if is_punct(&tokens[at], '>') && !after_dash {
        depth.saturating_sub(1)
    } else {
        depth
    }
}
