//! Tests of the program, as somebody at a terminal meets it, on the real kernel.

mod labs;
mod support;
