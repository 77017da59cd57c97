//! What the tests of the program stand on.
//!
//! A test makes a [`Test`] first. It gives the test a folder, starts the program for it, as root or
//! as a user, in a world that the test may change, and at the end, however that comes, holds the
//! machine to what it was before.

pub mod machine;
pub mod processes;
pub mod program;
pub mod terminal;
pub mod test;
pub mod user;

pub use program::{Output, Program, Running};
pub use test::Test;
pub use user::Who;
