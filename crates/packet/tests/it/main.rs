//! Frames, taken apart and put on a line.

mod build;
mod case;
mod decode;
mod differences;
mod fields;
mod line;
mod odd;
mod pcapng_bytes;
mod random;
mod tcpdump;
