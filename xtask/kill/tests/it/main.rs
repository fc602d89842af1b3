//! The harness from outside: what it prints and how it ends, scenario by scenario.

mod harness;
mod line;
