//! Tests of the kernel crate on the real kernel: each in network namespaces of its own, on threads
//! of its own, as root.

mod ask_counters;
mod ask_legacy;
mod ask_route;
mod ask_sockets;
mod bpf;
mod capability;
mod capture;
mod changes;
mod cleanup;
mod fdb;
mod filter;
mod filter_devices;
mod filter_frames;
mod filter_tags;
mod filter_words;
mod nft;
mod nft_copy;
mod nft_rules;
mod nft_ruleset;
mod nft_trace;
mod nodes;
mod observe;
mod observe_lab;
mod packets;
mod refusals;
mod replay;
mod sysctls;
mod tun;
