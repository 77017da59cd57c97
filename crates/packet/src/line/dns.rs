//! DNS (RFC 1035), over UDP, TCP and multicast (RFC 6762).

use super::Line;
use super::dns_types::{kind, type_name};
use super::text::Text;
use crate::Packet;
use crate::decode::Dns;
use crate::decode::bytes::{array_at, u16_at};

/// Longer than that no name is (RFC 1035, 3.1).
const LONGEST_NAME: usize = 255;

const OPERATIONS: [&str; 16] = [
    "",
    " inv_q",
    " stat",
    " op3",
    " notify",
    " update",
    " op6",
    " op7",
    " op8",
    " updateA",
    " updateD",
    " updateDA",
    " updateM",
    " updateMA",
    " zoneInit",
    " zoneRef",
];

const RESPONSES: [&str; 24] = [
    "",
    " FormErr",
    " ServFail",
    " NXDomain",
    " NotImp",
    " Refused",
    " YXDomain",
    " YXRRSet",
    " NXRRSet",
    " NotAuth",
    " NotZone",
    " Resp11",
    " Resp12",
    " Resp13",
    " Resp14",
    " NoChange",
    " BadVers",
    " Resp17",
    " Resp18",
    " Resp19",
    " Resp20",
    " Resp21",
    " Resp22",
    " BadCookie",
];

/// A message, as far as it was captured.
struct Message<'a> {
    bytes: &'a [u8],
    multicast: bool,
}

/// The message has ended within what was to be shown, or makes no sense.
struct Broken;

impl Line<'_> {
    /// A message over TCP, with its length in front (RFC 1035, 4.2.2).
    pub(super) fn dns_over_tcp(&mut self, packet: &Packet<'_>) {
        let Some(length) = packet.payload_length.checked_sub(2) else {
            self.out.text(" [DNS over TCP: length ");
            self.out.number(packet.payload_length);
            self.out.text(" < 2]");
            return self.invalid();
        };
        let Some(said) = u16_at(packet.payload, 0) else { return self.ended("domain") };
        if u32::from(said) != length {
            self.out.text(" [prefix length(");
            self.out.number(said);
            self.out.text(") != length(");
            self.out.number(length);
            self.out.text(")]");
            return self.invalid();
        }
        self.out.text(" ");
        self.dns(&packet.payload[2..], length, false);
    }

    /// A message of a length, as far as it was captured.
    pub(super) fn dns(&mut self, bytes: &[u8], length: u32, multicast: bool) {
        if (length as usize) < Dns::HEADER {
            self.out.text("domain [length ");
            self.out.number(length);
            self.out.text(" < 12]");
            return self.invalid();
        }
        let Some(dns) = Dns::read(bytes) else { return self.ended("domain") };
        let message = Message { bytes, multicast };
        let shown = match dns.is_response() {
            true => self.response(&message, &dns),
            false => self.request(&message, &dns),
        };
        if shown.is_err() {
            return self.ended("domain");
        }
        self.out.text(" (");
        self.out.number(length);
        self.out.text(")");
    }

    fn response(&mut self, message: &Message<'_>, dns: &Dns<'_>) -> Result<(), Broken> {
        self.out.number(dns.id);
        self.out.text(OPERATIONS[usize::from(dns.opcode())]);
        let code = u16::from(dns.response_code()) | message.extended_code(dns) << 4;
        match RESPONSES.get(usize::from(code)) {
            Some(name) => self.out.text(name),
            None => {
                self.out.text(" Resp");
                self.out.number(code);
            }
        }
        let is = |bit: u16| dns.flags & bit != 0;
        self.out.text(if is(0x0400) { "*" } else { "" });
        self.out.text(if is(0x0080) { "" } else { "-" });
        self.out.text(if is(0x0200) { "|" } else { "" });
        self.out.text(if is(0x0020) { "$" } else { "" });
        self.count_unless(dns.questions, 1, "q");
        let mut at = Dns::HEADER;
        for question in 0..dns.questions {
            if question > 0 {
                self.out.text(",");
            }
            at = message.skip_name(at).ok_or(Broken)? + 4;
        }
        self.out.text(" ");
        self.out.number(dns.answers);
        self.out.text("/");
        self.out.number(dns.authorities);
        self.out.text("/");
        self.out.number(dns.additionals);
        for answer in 0..dns.answers {
            if answer > 0 {
                if at >= message.bytes.len() {
                    return Err(Broken);
                }
                self.out.text(",");
            }
            at = self.record(message, at)?;
        }
        Ok(())
    }

    fn request(&mut self, message: &Message<'_>, dns: &Dns<'_>) -> Result<(), Broken> {
        self.out.number(dns.id);
        self.out.text(OPERATIONS[usize::from(dns.opcode())]);
        let is = |bit: u16| dns.flags & bit != 0;
        self.out.text(if is(0x0100) { "+" } else { "" });
        self.out.text(if is(0x0010) { "%" } else { "" });
        if is(0x06cf) {
            self.out.text(" [b2&3=0x");
            self.out.hex(dns.flags, 1);
            self.out.text("]");
        }
        const INVERSE_QUERY: u8 = 1;
        if dns.opcode() == INVERSE_QUERY {
            self.count_unless(dns.questions, 0, "q");
            self.count_unless(dns.answers, 1, "a");
        } else {
            self.count_unless(dns.answers, 0, "a");
            self.count_unless(dns.questions, 1, "q");
        }
        self.count_unless(dns.authorities, 0, "n");
        self.count_unless(dns.additionals, 0, "au");
        let mut at = Dns::HEADER;
        for question in 0..dns.questions {
            if question > 0 && at >= message.bytes.len() {
                return Err(Broken);
            }
            at = self.question(message, at)?;
        }
        Ok(())
    }

    fn count_unless(&mut self, count: u16, usual: u16, what: &str) {
        if count != usual {
            self.out.text(" [");
            self.out.number(count);
            self.out.text(what);
            self.out.text("]");
        }
    }

    /// A question; where the next one is.
    fn question(&mut self, message: &Message<'_>, at: usize) -> Result<usize, Broken> {
        let behind = message.skip_name(at).ok_or(Broken)?;
        let kind = u16_at(message.bytes, behind).ok_or(Broken)?;
        let class = u16_at(message.bytes, behind + 2).ok_or(Broken)?;
        self.out.text(" ");
        self.record_type(kind);
        self.class(message.class(class));
        if message.multicast {
            self.out.text(if class & 0x8000 == 0 { " (QM)" } else { " (QU)" });
        }
        self.out.text("? ");
        Ok(self.name(message, at)? + 4)
    }

    /// A record; where the next one is.
    fn record(&mut self, message: &Message<'_>, at: usize) -> Result<usize, Broken> {
        let bytes = message.bytes;
        let Some(behind) = message.skip_name(at) else { return Ok(bytes.len()) };
        let Some(fixed) = array_at::<10>(bytes, behind) else { return Ok(bytes.len()) };
        let field = |at| u16_at(&fixed, at).unwrap_or(0);
        let (kind, class, flags, length) = (field(0), field(2), field(6), field(8));
        if kind != kind::OPT {
            self.class(message.class(class));
        }
        if message.multicast && class & 0x8000 != 0 {
            self.out.text(" (Cache flush)");
        }
        self.out.text(" ");
        self.record_type(kind);
        let data = behind + 10;
        let end = data + usize::from(length);
        if end > bytes.len() {
            return Err(Broken);
        }
        match kind {
            kind::A => {
                let address = array_at::<4>(bytes, data).ok_or(Broken)?;
                self.out.text(" ");
                self.out.ipv4(address.into());
            }
            kind::AAAA => {
                let address = array_at::<16>(bytes, data).ok_or(Broken)?;
                self.out.text(" ");
                self.out.ipv6(address.into());
            }
            kind::NS | kind::CNAME | kind::PTR | kind::DNAME => {
                self.out.text(" ");
                self.name(message, data)?;
            }
            kind::MX => {
                self.out.text(" ");
                let preference = u16_at(bytes, data).ok_or(Broken)?;
                self.name(message, data + 2)?;
                self.out.text(" ");
                self.out.number(preference);
            }
            kind::TXT => self.strings(message, data, end)?,
            kind::SRV => {
                let number = |at| u16_at(bytes, data + at).ok_or(Broken);
                let (priority, weight, port) = (number(0)?, number(2)?, number(4)?);
                self.out.text(" ");
                self.name(message, data + 6)?;
                self.out.text(":");
                self.out.number(port);
                self.out.text(" ");
                self.out.number(priority);
                self.out.text(" ");
                self.out.number(weight);
            }
            kind::OPT => {
                self.out.text(" UDPsize=");
                self.out.number(message.class(class));
                if flags & 0x8000 != 0 {
                    self.out.text(" DO");
                }
            }
            _ => {}
        }
        Ok(end)
    }

    /// Strings, each with its length in front.
    fn strings(&mut self, message: &Message<'_>, from: usize, end: usize) -> Result<(), Broken> {
        let mut at = from;
        while at < end {
            self.out.text(" \"");
            let length = usize::from(*message.bytes.get(at).ok_or(Broken)?);
            at += 1;
            let rest = message.bytes.get(at..).ok_or(Broken)?;
            self.out.visible(&rest[..length.min(rest.len())]);
            if length > rest.len() {
                return Err(Broken);
            }
            self.out.text("\"");
            at += length;
        }
        Ok(())
    }

    fn record_type(&mut self, kind: u16) {
        match type_name(kind) {
            Some(name) => self.out.text(name),
            None => {
                self.out.text("Type");
                self.out.number(kind);
            }
        }
    }

    /// The class, where it is not the Internet's.
    fn class(&mut self, class: u16) {
        match class {
            1 => {}
            3 => self.out.text(" CHAOS"),
            4 => self.out.text(" HS"),
            255 => self.out.text(" ANY"),
            unknown => {
                self.out.text(" (Class ");
                self.out.number(unknown);
                self.out.text(")");
            }
        }
    }

    /// A name, with pointers followed; where it ends.
    fn name(&mut self, message: &Message<'_>, from: usize) -> Result<usize, Broken> {
        let bytes = message.bytes;
        let mut at = from;
        let mut length = 0;
        let mut end = None;
        // Pointers lead backwards only: otherwise there might be no end.
        let mut before = from;
        loop {
            let first = *bytes.get(at).ok_or(Broken)?;
            at += 1;
            match first {
                0 => break,
                _ if at >= bytes.len() => break,
                0xc0.. => {
                    end.get_or_insert(at + 1);
                    let low = *bytes.get(at).ok_or(Broken)?;
                    at = usize::from(u16::from_be_bytes([first & 0x3f, low]));
                    if at >= before {
                        self.out.text("<BAD PTR>");
                        return Err(Broken);
                    }
                    before = at;
                    continue;
                }
                0x80..0xc0 => {
                    self.out.text("<BAD LABEL TYPE>");
                    return Err(Broken);
                }
                0x40..0x80 => {
                    self.out.text("<ELT ");
                    self.out.number(first & 0x3f);
                    self.out.text(">");
                    return Err(Broken);
                }
                1..0x40 => {}
            }
            let label = usize::from(first);
            let rest = bytes.get(at..).unwrap_or_default();
            let shown = label.min(LONGEST_NAME - length.min(LONGEST_NAME));
            self.out.visible(&rest[..shown.min(rest.len())]);
            if shown > rest.len() {
                return Err(Broken);
            }
            length += label;
            if length > LONGEST_NAME {
                self.out.text("<DOMAIN NAME TOO LONG>");
                return end.or_else(|| message.skip_name(from)).ok_or(Broken);
            }
            self.out.text(".");
            length += 1;
            at += label;
        }
        if at == from + 1 && end.is_none() {
            self.out.text(".");
        }
        Ok(end.unwrap_or(at))
    }
}

impl Message<'_> {
    /// A class, without the bit that is something else in multicast.
    fn class(&self, class: u16) -> u16 {
        if self.multicast { class & 0x7fff } else { class }
    }

    /// Where a name ends.
    fn skip_name(&self, from: usize) -> Option<usize> {
        let mut at = from;
        loop {
            let first = *self.bytes.get(at)?;
            at += 1;
            match first {
                0 => return Some(at),
                0xc0.. => return Some(at + 1),
                0x40..0xc0 => return None,
                label => at += usize::from(label),
            }
        }
    }

    /// The upper bits of the response code, in the OPT record (RFC 6891, 6.1.3).
    fn extended_code(&self, dns: &Dns<'_>) -> u16 {
        self.find_extended_code(dns).unwrap_or(0).into()
    }

    fn find_extended_code(&self, dns: &Dns<'_>) -> Option<u8> {
        let mut at = Dns::HEADER;
        for _ in 0..dns.questions {
            at = self.skip_name(at)? + 4;
        }
        for _ in 0..u32::from(dns.answers) + u32::from(dns.authorities) {
            at = self.skip_record(at)?;
        }
        for _ in 0..dns.additionals {
            let behind = self.skip_name(at)?;
            if u16_at(self.bytes, behind)? == kind::OPT {
                return self.bytes.get(behind + 4).copied();
            }
            at = self.skip_record(at)?;
        }
        None
    }

    fn skip_record(&self, from: usize) -> Option<usize> {
        let behind = self.skip_name(from)?;
        Some(behind + 10 + usize::from(u16_at(self.bytes, behind + 8)?))
    }
}
