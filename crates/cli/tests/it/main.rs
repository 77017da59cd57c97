//! Tests of the program, as somebody at a terminal meets it, on the real kernel.

mod bad_luck;
mod capture;
mod exec;
mod filters;
mod hostile;
mod intruders;
mod kept;
mod kill;
mod killed;
mod labs;
mod logs;
mod probes;
mod races;
mod record;
mod run;
mod seen;
mod services;
mod several;
mod sh;
mod strangers;
mod support;
mod terminal;
mod up;
mod view;
mod wires;
mod words;
