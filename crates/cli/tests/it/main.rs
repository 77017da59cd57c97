//! Tests of the program, as somebody at a terminal meets it, on the real kernel.

mod bad_luck;
mod hostile;
mod kill;
mod labs;
mod run;
mod services;
mod support;
mod view;
mod words;
