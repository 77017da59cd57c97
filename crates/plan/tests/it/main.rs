//! Tests of the plan from outside.

mod difference_of_random;
mod labs;
mod mutate;
mod script;
mod step_commands;
mod world;
