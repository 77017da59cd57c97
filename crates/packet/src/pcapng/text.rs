//! Texts in options: UTF-8, of at most 65,535 bytes, ended by a zero byte if there is one.

/// The longest value of an option, in bytes.
pub const LONGEST: usize = u16::MAX as usize;

/// As much of a text as a reader will see of it, in at most so many bytes.
pub fn fitting(text: &str, longest: usize) -> &str {
    let text = text.split('\0').next().unwrap_or_default();
    &text[..text.floor_char_boundary(longest)]
}
