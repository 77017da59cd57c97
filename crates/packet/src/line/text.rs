//! Text at the end of a buffer, without the machinery of `format!`.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::Mac;

const HEX: &[u8; 16] = b"0123456789abcdef";

/// What a line is put together from. Everything is ASCII without control characters.
pub(super) trait Text {
    /// Words of ours.
    fn text(&mut self, text: &str);
    /// A decimal number.
    fn number(&mut self, number: impl Into<u64>);
    /// A decimal number, with zeros in front up to a width.
    fn padded(&mut self, number: u32, width: usize);
    /// A hexadecimal number, with zeros in front up to a width.
    fn hex(&mut self, number: impl Into<u64>, width: usize);
    /// Bytes in hexadecimal, one after the other.
    fn hex_bytes(&mut self, bytes: &[u8]);
    /// Bytes in hexadecimal with colons in between, as hardware addresses are written.
    fn hardware(&mut self, bytes: &[u8]);
    /// A MAC address.
    fn mac(&mut self, mac: Mac);
    /// An IPv4 address.
    fn ipv4(&mut self, address: Ipv4Addr);
    /// An IPv6 address (RFC 5952).
    fn ipv6(&mut self, address: Ipv6Addr);
    /// Bytes from the wire as text: what isn't printable ASCII is escaped as `cat -v` does, `^A` and
    /// `M-A`.
    fn visible(&mut self, bytes: &[u8]);
    /// The names of the bits that are set, with something in between; another word where none is.
    fn bits(&mut self, value: u8, names: &[(u8, &str)], between: &str, none: &str);
}

impl Text for Vec<u8> {
    fn text(&mut self, text: &str) {
        self.extend_from_slice(text.as_bytes());
    }

    fn number(&mut self, number: impl Into<u64>) {
        let mut left: u64 = number.into();
        let mut digits = [0; 20];
        let mut at = digits.len();
        loop {
            at -= 1;
            digits[at] = b'0' + (left % 10) as u8;
            left /= 10;
            if left == 0 {
                break;
            }
        }
        self.extend_from_slice(&digits[at..]);
    }

    fn padded(&mut self, number: u32, width: usize) {
        let mut digits = [b'0'; 10];
        let mut left = number;
        let mut at = digits.len();
        while left > 0 {
            at -= 1;
            digits[at] = b'0' + (left % 10) as u8;
            left /= 10;
        }
        let from = at.min(digits.len().saturating_sub(width));
        self.extend_from_slice(&digits[from..]);
    }

    fn hex(&mut self, number: impl Into<u64>, width: usize) {
        let mut left: u64 = number.into();
        let mut digits = [b'0'; 16];
        let mut at = digits.len();
        while left > 0 {
            at -= 1;
            digits[at] = HEX[(left & 0xf) as usize];
            left >>= 4;
        }
        let from = at.min(digits.len().saturating_sub(width.max(1)));
        self.extend_from_slice(&digits[from..]);
    }

    fn hex_bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.extend_from_slice(&[HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 0xf)]]);
        }
    }

    fn hardware(&mut self, bytes: &[u8]) {
        for (at, byte) in bytes.iter().enumerate() {
            if at > 0 {
                self.push(b':');
            }
            self.hex_bytes(&[*byte]);
        }
    }

    fn mac(&mut self, mac: Mac) {
        self.hardware(&mac.0);
    }

    fn ipv4(&mut self, address: Ipv4Addr) {
        let [a, b, c, d] = address.octets();
        // Room for the longest at once: one write instead of seven.
        let mut room = [0; 15];
        let mut end = octet(&mut room, 0, a);
        for byte in [b, c, d] {
            room[end] = b'.';
            end = octet(&mut room, end + 1, byte);
        }
        self.extend_from_slice(&room[..end]);
    }

    fn ipv6(&mut self, address: Ipv6Addr) {
        let words = address.segments();
        let (gap, length) = longest_gap(&words);
        let ends_in_ipv4 = gap == 0 && (length == 6 || (length == 5 && words[5] == 0xffff));
        let mut at = 0;
        while at < words.len() {
            if length > 1 && at == gap {
                self.push(b':');
                at += length;
                if at == words.len() {
                    self.push(b':');
                }
                continue;
            }
            if at > 0 {
                self.push(b':');
            }
            if ends_in_ipv4 && at == 6 {
                let [.., a, b, c, d] = address.octets();
                return self.ipv4([a, b, c, d].into());
            }
            self.hex(words[at], 1);
            at += 1;
        }
    }

    fn visible(&mut self, bytes: &[u8]) {
        for byte in bytes {
            if !byte.is_ascii() {
                self.text("M-");
            }
            match byte & 0x7f {
                plain @ b' '..=b'~' => self.push(plain),
                control => self.extend_from_slice(&[b'^', control ^ 0x40]),
            }
        }
    }

    fn bits(&mut self, value: u8, names: &[(u8, &str)], between: &str, none: &str) {
        let mut first = true;
        for (bit, name) in names {
            if value & bit == *bit {
                if !first {
                    self.text(between);
                }
                self.text(name);
                first = false;
            }
        }
        if first {
            self.text(none);
        }
    }
}

/// An octet's digits at a place in a row; where they end.
fn octet(room: &mut [u8; 15], at: usize, octet: u8) -> usize {
    let (hundreds, tens, ones) = (octet / 100, octet / 10 % 10, octet % 10);
    let mut end = at;
    if hundreds > 0 {
        room[end] = b'0' + hundreds;
        end += 1;
    }
    if octet >= 10 {
        room[end] = b'0' + tens;
        end += 1;
    }
    room[end] = b'0' + ones;
    end + 1
}

/// Where the longest run of zeros begins, the first of several, and how long it is.
fn longest_gap(words: &[u16; 8]) -> (usize, usize) {
    let mut best = (0, 0);
    let mut at = 0;
    while at < words.len() {
        let length = words[at..].iter().take_while(|word| **word == 0).count();
        if length > best.1 {
            best = (at, length);
        }
        at += length + 1;
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn numbers() {
        for (number, text) in [(0, "0"), (9, "9"), (10, "10"), (u64::MAX, "18446744073709551615")] {
            assert_eq!(written(|out| out.number(number)), text);
        }
        for (number, width, text) in [(0, 2, "00"), (7, 2, "07"), (123, 2, "123"), (0, 6, "000000")]
        {
            assert_eq!(written(|out| out.padded(number, width)), text);
        }
        for (number, width, text) in [(0u32, 0, "0"), (0xab, 4, "00ab"), (0xdead, 2, "dead")] {
            assert_eq!(written(|out| out.hex(number, width)), text);
        }
    }

    /// As the standard library writes them, which is not ours.
    #[test]
    fn addresses() {
        for address in ["0.0.0.0", "10.0.0.1", "192.168.10.254", "255.255.255.255", "1.99.100.9"] {
            assert_eq!(written(|out| out.ipv4(address.parse().unwrap())), address);
        }
        for address in [
            "::",
            "::1",
            "fe80::1",
            "2001:db8::",
            "2001:db8:0:1:1:1:1:1",
            "1:0:0:2::3",
            "1::2:0:0:3",
            "1:2:3:4:5:6:7:8",
            "ff02::1:ff00:1",
            "::ffff:10.0.0.1",
            "0:1:2:3:4:5:6:7",
            "1:2:3:4:5:6:7:0",
            "1:2:3:4:5:6::",
        ] {
            assert_eq!(written(|out| out.ipv6(address.parse().unwrap())), address);
        }
        assert_eq!(written(|out| out.ipv6("::102:304".parse().unwrap())), "::1.2.3.4");
    }

    #[test]
    fn nothing_from_the_wire_controls_the_terminal() {
        assert_eq!(written(|out| out.visible(b"a\x1b[31m~\x7f\xe9\x80\n")), "a^[[31m~^?M-iM-^@^J");
        let all: Vec<u8> = (0..=255).collect();
        assert!(written(|out| out.visible(&all)).bytes().all(|byte| (b' '..=b'~').contains(&byte)));
    }
}
