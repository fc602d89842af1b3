//! Vouches for a struct whose fields are all shareable and whose layout is fixed.

use std::fmt::Write;

use proc_macro::{Delimiter, Span, TokenStream, TokenTree};

use crate::expand::{compile_error, tokens};
use crate::fields::{self, Field};
use crate::signature::{Misuse, is_group, is_punct, is_word};

/// A struct, as far as the derive must know it.
struct Struct {
    name: String,
    /// What stands between the angle brackets.
    generics: Vec<TokenTree>,
    /// What follows `where`.
    bounds: Vec<TokenTree>,
    fields: Vec<Field>,
}

/// Derives the trait that `krate` exports, with its `Layout`.
pub(crate) fn derive(item: TokenStream, krate: &str) -> TokenStream {
    match read(item) {
        Ok(item) => tokens(&implementation(&item, krate)),
        Err(misuse) => compile_error(&misuse),
    }
}

fn implementation(item: &Struct, krate: &str) -> String {
    let name = &item.name;
    let generics = text(&item.generics);
    let parameters = fields::parameters(&item.generics);
    let arguments = parameters.iter().map(|p| p.name.as_str()).collect::<Vec<_>>().join(", ");
    let mut bounds = text(&item.bounds);
    for parameter in parameters.iter().filter(|parameter| parameter.is_type) {
        let comma = if bounds.trim().is_empty() || bounds.trim().ends_with(',') { "" } else { "," };
        let _ = write!(bounds, "{comma} {}: {krate}::Shareable,", parameter.name);
    }
    let mut parts = String::new();
    for Field { name, of } in &item.fields {
        let _ = write!(
            parts,
            ".with_field({name:?}, ::core::mem::offset_of!(Self, {name}), \
             <{of} as {krate}::Shareable>::LAYOUT)"
        );
    }
    format!(
        "#[allow(unsafe_code, reason = \"the derive has seen the layout and checks every field\")]
        const _: () = {{
            // SAFETY: the layout is fixed by the `repr`, and each field is shareable, or the
            // constant would not compile.
            unsafe impl<{generics}> {krate}::Shareable for {name}<{arguments}> where {bounds} {{
                const LAYOUT: {krate}::Layout = {krate}::Layout::new(
                    {name:?}, ::core::mem::size_of::<Self>(), ::core::mem::align_of::<Self>(),
                ){parts};
            }}
        }};"
    )
}

fn text(tokens: &[TokenTree]) -> String {
    tokens.iter().cloned().collect::<TokenStream>().to_string()
}

fn read(item: TokenStream) -> Result<Struct, Misuse> {
    let tokens: Vec<TokenTree> = item.into_iter().collect();
    let at = tokens.iter().position(is_kind).ok_or_else(|| no_struct(None))?;
    if !is_word(&tokens[at], "struct") {
        return Err(no_struct(tokens.get(at)));
    }
    let Some(TokenTree::Ident(name)) = tokens.get(at + 1) else { return Err(no_struct(None)) };
    check_layout(&tokens[..at], name.span())?;
    let (generics, rest) = fields::angles(&tokens[at + 2..]);
    let fields = match rest.iter().find(|token| is_body(token)) {
        Some(TokenTree::Group(body)) if body.delimiter() == Delimiter::Brace => {
            fields::named(body.stream())
        }
        Some(TokenTree::Group(body)) => fields::numbered(body.stream()),
        _ => Vec::new(),
    };
    let bounds = rest
        .iter()
        .skip_while(|token| !is_word(token, "where"))
        .skip(1)
        .take_while(|token| !is_group(token, Delimiter::Brace) && !is_punct(token, ';'));
    let bounds = bounds.cloned().collect();
    Ok(Struct { name: name.to_string(), generics: generics.to_vec(), bounds, fields })
}

fn is_kind(token: &TokenTree) -> bool {
    ["struct", "enum", "union"].iter().any(|kind| is_word(token, kind))
}

fn is_body(token: &TokenTree) -> bool {
    is_group(token, Delimiter::Brace) || is_group(token, Delimiter::Parenthesis)
}

fn no_struct(kind: Option<&TokenTree>) -> Misuse {
    let span = kind.map_or_else(Span::call_site, TokenTree::span);
    let message = "only a struct can be shareable: another process may write any bytes, and not \
                   all are valid for an enum, nor known for a union; use a number for the variant";
    Misuse { span, message }
}

/// Finds `repr(C)` or `repr(transparent)` among the attributes in front of the item.
fn check_layout(attributes: &[TokenTree], name: Span) -> Result<(), Misuse> {
    let reprs: Vec<String> = attributes.iter().filter_map(repr).collect();
    let has = |word: &str| reprs.iter().any(|repr| repr.split(',').any(|part| part.trim() == word));
    if reprs.iter().any(|repr| repr.contains("packed")) {
        let message = "a packed struct cannot be shareable: its fields could not be atomic; order \
                       them by size instead";
        return Err(Misuse { span: name, message });
    }
    if !has("C") && !has("transparent") {
        let message = "a shareable struct needs a fixed layout: put `#[repr(C)]` above it";
        return Err(Misuse { span: name, message });
    }
    Ok(())
}

/// What stands between the parentheses of a `repr` attribute.
fn repr(attribute: &TokenTree) -> Option<String> {
    let TokenTree::Group(attribute) = attribute else { return None };
    let mut inside = attribute.stream().into_iter();
    match (inside.next(), inside.next()) {
        (Some(word), Some(TokenTree::Group(list))) if is_word(&word, "repr") => {
            Some(list.stream().to_string())
        }
        _ => None,
    }
}
