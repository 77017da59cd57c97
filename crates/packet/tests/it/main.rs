//! Frames, taken apart and put on a line.

mod decode;
mod pcapng_bytes;
