//! Frames, taken apart and put on a line.

mod build;
mod capture_files;
mod case;
mod corpus;
mod decode;
mod differences;
mod fields;
mod filter_corpus;
mod foreign_files;
mod journey;
mod line;
mod odd;
mod pcapng_bytes;
mod pcapng_corpus;
mod pcapng_reader;
mod pcapng_streams;
mod programs;
mod random;
mod tcpdump;
