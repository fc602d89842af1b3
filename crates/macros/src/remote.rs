//! Enters a function in the table of those known by name.

use proc_macro::{Span, TokenStream, TokenTree};

use crate::expand::{compile_error, no_arguments, tokens};
use crate::signature::{Misuse, is_punct, is_word};

/// More arguments than this no remote function takes.
const MOST: usize = 8;

pub(crate) fn remote(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let line = no_arguments(arguments).and_then(|()| line(item.clone()));
    let line = line.unwrap_or_else(|misuse| compile_error(&misuse));
    item.into_iter().chain(line).collect()
}

/// The line of the table, beside the function.
fn line(item: TokenStream) -> Result<TokenStream, Misuse> {
    let mut tokens_of_item = item.into_iter();
    let mut before = tokens_of_item.by_ref().take_while(|token| !is_word(token, "fn"));
    if let Some(word) = before.find(|token| is_word(token, "async")) {
        return Err(Misuse { span: word.span(), message: "a remote function is not async" });
    }
    let Some(TokenTree::Ident(name)) = tokens_of_item.next() else {
        let message = "`#[multiproc::remote]` belongs on a function";
        return Err(Misuse { span: Span::call_site(), message });
    };
    let count = match tokens_of_item.next() {
        Some(TokenTree::Group(parameters)) => count(parameters.stream()),
        _ => return Err(Misuse { span: name.span(), message: "a remote function is not generic" }),
    };
    if count > MOST {
        let message = "a remote function takes at most eight arguments";
        return Err(Misuse { span: name.span(), message });
    }
    Ok(tokens(&format!(
        "const _: () = {{
            use ::multiproc::__private as multiproc_private;
            #[multiproc_private::linkme::distributed_slice(multiproc_private::REGISTERED)]
            #[linkme(crate = multiproc_private::linkme)]
            static LINE: multiproc_private::Registered =
                multiproc_private::Registered::arguments_{count}(
                ::core::concat!(::core::module_path!(), \"::{name}\"), {name},
            );
        }};"
    )))
}

/// How many parameters stand between the parentheses: the commas outside of angle brackets count.
fn count(parameters: TokenStream) -> usize {
    let (mut depth, mut count, mut begun, mut arrow) = (0_usize, 0, false, false);
    for token in parameters {
        let closes = is_punct(&token, '>') && !arrow;
        arrow = is_punct(&token, '-');
        if is_punct(&token, '<') {
            depth += 1;
        } else if closes {
            depth = depth.saturating_sub(1);
        }
        if is_punct(&token, ',') && depth == 0 {
            begun = false;
        } else if !begun {
            begun = true;
            count += 1;
        }
    }
    count
}
