//! What kinds of functions find their way into another process.

use std::fmt::Display;

use procspawn_core::StartMethod;

use crate::support::{each_method, run};

each_method! {
    functions_of_other_crates_are_entries,
    methods_of_types_and_traits_are_entries,
    each_instance_of_a_generic_function_is_an_entry_of_its_own,
    functions_with_the_same_code_stay_apart,
    closures_in_generic_functions_know_their_types,
    a_function_that_is_used_nowhere_else_is_there,
    functions_in_constants_and_nested_modules_are_entries,
}

fn functions_of_other_crates_are_entries(method: StartMethod) {
    assert_eq!(run(method, u32::wrapping_add, (u32::MAX, 2)), 1);
    assert_eq!(run(method, f64::sqrt, (81.0,)), 9.0);
    assert_eq!(run(method, String::into_bytes, ("ab".to_string(),)), b"ab");
    assert_ne!(run(method, std::process::id, ()), std::process::id());
}

trait Area {
    fn area(self) -> f64;
    fn twice(self) -> f64
    where
        Self: Sized,
    {
        2.0 * self.area()
    }
}

impl Area for f64 {
    fn area(self) -> f64 {
        self * self
    }
}

impl Area for (f64, f64) {
    fn area(self) -> f64 {
        self.0 * self.1
    }
}

fn methods_of_types_and_traits_are_entries(method: StartMethod) {
    assert_eq!(run(method, f64::area, (3.0,)), 9.0);
    assert_eq!(run(method, <(f64, f64)>::area, ((3.0, 4.0),)), 12.0);
    assert_eq!(run(method, <(f64, f64) as Area>::twice, ((3.0, 4.0),)), 24.0);
}

fn shown<T: Display>(value: T) -> String {
    format!("{} {value}", std::any::type_name::<T>())
}

fn each_instance_of_a_generic_function_is_an_entry_of_its_own(method: StartMethod) {
    assert_eq!(run(method, shown::<u8>, (1,)), "u8 1");
    assert_eq!(run(method, shown::<i64>, (-1,)), "i64 -1");
    assert_eq!(run(method, shown::<String>, ("x".into(),)), "alloc::string::String x");
}

fn plus_one(x: u32) -> u32 {
    x + 1
}

fn one_more(x: u32) -> u32 {
    x + 1
}

fn functions_with_the_same_code_stay_apart(method: StartMethod) {
    assert_eq!(run(method, plus_one, (1,)) + run(method, one_more, (1,)), 4);
    assert_eq!(run(method, |x: u32| x + 1, (1,)) + run(method, |x: i32| x + 1, (1,)) as u32, 4);
}

fn through_a_closure<T: Display + serde::Serialize + serde::de::DeserializeOwned + 'static>(
    method: StartMethod,
    value: T,
) -> String {
    run(method, |value: T| shown(value), (value,))
}

fn closures_in_generic_functions_know_their_types(method: StartMethod) {
    assert_eq!(through_a_closure(method, 1.5f32), "f32 1.5");
    assert_eq!(through_a_closure(method, 'c'), "char c");
}

fn a_function_that_is_used_nowhere_else_is_there(method: StartMethod) {
    fn alone() -> [u8; 4] {
        *b"here"
    }
    assert_eq!(run(method, alone, ()), *b"here");
}

mod nested {
    pub(crate) mod deeper {
        pub(crate) fn depth() -> u8 {
            2
        }
    }
}

fn functions_in_constants_and_nested_modules_are_entries(method: StartMethod) {
    assert_eq!(run(method, nested::deeper::depth, ()), 2);
    assert_eq!(run(method, const { || 3u8 }, ()), 3);
}
