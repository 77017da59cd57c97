//! Tests of the plan from outside.

mod difference;
mod difference_of_random;
mod found;
mod labs;
mod mutate;
mod parts;
mod script;
mod step_commands;
mod world;
