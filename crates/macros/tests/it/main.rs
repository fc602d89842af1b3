//! What `#[multiproc::main]` makes of a program, and what it says about one that it cannot help.

mod remote;
mod shareable;

#[test]
fn misuse_is_an_error_that_says_what_to_do() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}

/// Functions named `main` in modules of their own: what the attribute leaves of each.
mod accepted {
    mod plain {
        #[multiproc::main]
        pub(crate) fn main() {}
    }

    mod with_attributes_above {
        /// Documented.
        #[multiproc::main]
        #[inline(never)]
        pub(crate) fn main() {}
    }

    mod with_attributes_inside {
        #[multiproc::main]
        pub(crate) fn main() -> u32 {
            #![allow(unused_variables, reason = "the attribute must stay first in the body")]
            //! Documented inside.
            let unused = 1;
            7
        }
    }

    mod with_a_result {
        #[multiproc::main]
        pub(crate) fn main() -> Result<(), Box<dyn std::error::Error>>
        where
            u8: Copy,
        {
            Err("as is")?
        }
    }

    #[test]
    fn the_body_stays_as_it_was() {
        plain::main();
        with_attributes_above::main();
        assert_eq!(with_attributes_inside::main(), 7);
        assert_eq!(with_a_result::main().unwrap_err().to_string(), "as is");
    }
}
