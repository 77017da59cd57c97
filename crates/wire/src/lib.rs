//! A cable in user space: what leaves by one device comes in at the other.
//!
//! ```text
//!   descriptor a ──read──▶ Direction ──write──▶ descriptor b
//!                write ◀── Direction ◀── read
//! ```
//!
//! A wire has two directions that know nothing of each other. In each, a frame comes in, it is
//! decided what becomes of it, and it goes out when its turn has come. What decides is a
//! [`Direction`], which is plain data and makes no system call; what reads, writes and waits is
//! [`carry`], which decides nothing.
//!
//! What must hold: frames go out as they came in and in that order; none is lost while there is
//! room, and each that is lost is counted; however much comes in, memory is bounded.

mod carry;
mod direction;

pub use carry::{CarryError, End, Ended, Report, carry};
pub use direction::{Counts, Direction};
