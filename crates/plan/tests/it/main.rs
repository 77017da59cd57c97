//! Tests of the plan from outside.

mod labs;
mod script;
mod step_commands;
