//! Texts in options: UTF-8, of at most 65,535 bytes, ended by a zero byte if there is one.

use std::borrow::Cow;

/// The longest value of an option, in bytes.
pub const LONGEST: usize = u16::MAX as usize;

/// As much of a text as a reader will see of it, in at most so many bytes.
pub fn fitting(text: &str, longest: usize) -> &str {
    let text = text.split('\0').next().unwrap_or_default();
    &text[..text.floor_char_boundary(longest)]
}

/// The text in an option. What is no UTF-8 is replaced, and that is longer: of the whole there is as much
/// as would fit into so many bytes again.
pub fn read(value: &[u8], longest: usize) -> Cow<'_, str> {
    let until_zero = value.split(|byte| *byte == 0).next().unwrap_or_default();
    match String::from_utf8_lossy(until_zero) {
        Cow::Owned(text) => Cow::Owned(fitting(&text, longest).to_owned()),
        Cow::Borrowed(text) => Cow::Borrowed(fitting(text, longest)),
    }
}
