//! What Wireshark asks of a program in its extcap folder
//! (<https://www.wireshark.org/docs/wsdg_html_chunked/ChCaptureExtcap.html>).

use std::path::PathBuf;

use clap::Parser;

/// The beginning of each word by which Wireshark asks, and by which nobody else does.
const PREFIX: &str = "--extcap-";

/// A question or an order of Wireshark's.
#[derive(Debug, Parser)]
#[command(name = "twinax", disable_help_flag = true)]
pub struct Extcap {
    /// Which interfaces there are?
    #[arg(long = "extcap-interfaces")]
    pub interfaces: bool,
    /// Which Wireshark is it that asks?
    #[arg(long = "extcap-version", value_name = "VERSION", num_args = 0..=1)]
    _version: Option<String>,
    /// The interface that is meant.
    #[arg(long = "extcap-interface", value_name = "NAME")]
    pub interface: Option<String>,
    /// What do its frames begin with?
    #[arg(long = "extcap-dlts")]
    pub dlts: bool,
    /// What can be set?
    #[arg(long = "extcap-config")]
    pub config: bool,
    /// A filter, to be tried or to be used.
    #[arg(long = "extcap-capture-filter", value_name = "EXPR")]
    pub filter: Option<String>,
    /// Capture.
    #[arg(long)]
    pub capture: bool,
    /// Where the frames go.
    #[arg(long, value_name = "PATH")]
    pub fifo: Option<PathBuf>,
    /// As of [`Capture`](super::Capture); nothing is as if it were not there.
    #[arg(long, value_name = "SIZE")]
    pub ring: Option<String>,
}

/// Whether it is Wireshark that calls.
pub fn is_extcap() -> bool {
    std::env::args_os().skip(1).any(|word| word.to_string_lossy().starts_with(PREFIX))
}
