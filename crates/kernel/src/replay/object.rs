//! What netlink says of one thing, as it says it: a header that belongs to the kind of thing, and
//! attributes.

use netlink_packet_core::NetlinkSerializable;

use crate::attributes::{Value, attributes};
use crate::error::Error;
use crate::netlink::{self, Socket};

/// One thing in the kernel's words: a route, a rule, an address…
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Object {
    /// The type of the message.
    kind: u16,
    pub(super) header: Vec<u8>,
    /// Each with its type, in ascending order of that.
    attributes: Vec<(u16, Vec<u8>)>,
}

/// `RTM_NEW…` is this much less than `RTM_GET…` (`linux/rtnetlink.h`).
const NEW_OF_GET: u16 = 2;

impl Object {
    /// Of a thing of which only the header is said.
    pub(super) fn new(kind: u16, header: impl Into<Vec<u8>>) -> Self {
        Self { kind, header: header.into(), attributes: Vec::new() }
    }

    /// From a message with a header of this length.
    fn read(kind: u16, message: &[u8], header: usize) -> Option<Self> {
        let (header, rest) = message.split_at_checked(header)?;
        let own = attributes(rest).map(|(attribute, value)| (attribute, value.0.to_vec()));
        let mut object = Self { kind, header: header.to_vec(), attributes: own.collect() };
        object.attributes.sort();
        Some(object)
    }

    /// The same in a message of another type.
    pub(super) fn of_kind(&self, kind: u16) -> Self {
        Self { kind, ..self.clone() }
    }

    pub(super) fn get(&self, attribute: u16) -> Option<Value<'_>> {
        let (_, value) = self.attributes.iter().find(|(own, _)| *own == attribute)?;
        Some(Value(value))
    }

    /// Says an attribute, in place of what was said.
    pub(super) fn put(&mut self, attribute: u16, value: impl Into<Vec<u8>>) {
        self.drop(attribute);
        let place = self.attributes.partition_point(|(own, _)| *own < attribute);
        self.attributes.insert(place, (attribute, value.into()));
    }

    /// Leaves an attribute out.
    pub(super) fn drop(&mut self, attribute: u16) {
        self.attributes.retain(|(own, _)| *own != attribute);
    }

    /// Leaves all attributes out but these.
    pub(super) fn keep(&mut self, wanted: &[u16]) {
        self.attributes.retain(|(own, _)| wanted.contains(own));
    }

    /// A number of four bytes in the header, in the machine's byte order.
    pub(super) fn number(&self, at: usize) -> u32 {
        crate::attributes::number(&self.header, at)
    }

    pub(super) fn set_number(&mut self, at: usize, number: u32) {
        self.header[at..at + 4].copy_from_slice(&number.to_ne_bytes());
    }
}

impl NetlinkSerializable for Object {
    fn message_type(&self) -> u16 {
        self.kind
    }

    fn buffer_len(&self) -> usize {
        let values = self.attributes.iter().map(|(_, value)| room(value));
        self.header.len().next_multiple_of(4) + values.sum::<usize>()
    }

    fn serialize(&self, buffer: &mut [u8]) {
        buffer[..self.header.len()].copy_from_slice(&self.header);
        let mut at = self.header.len().next_multiple_of(4);
        for (attribute, value) in &self.attributes {
            write(&mut buffer[at..], *attribute, value);
            at += room(value);
        }
    }
}

/// How many bytes an attribute of this value takes.
fn room(value: &[u8]) -> usize {
    (4 + value.len()).next_multiple_of(4)
}

fn write(buffer: &mut [u8], attribute: u16, value: &[u8]) {
    buffer[..2].copy_from_slice(&((4 + value.len()) as u16).to_ne_bytes());
    buffer[2..4].copy_from_slice(&attribute.to_ne_bytes());
    buffer[4..4 + value.len()].copy_from_slice(value);
}

/// Attributes as the value of one in which they are nested.
pub(super) fn nested<'a>(of: impl IntoIterator<Item = (u16, &'a [u8])>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (attribute, value) in of {
        let start = bytes.len();
        bytes.resize(start + room(value), 0);
        write(&mut bytes[start..], attribute, value);
    }
    bytes
}

/// All things of a kind: `ask` is a message `RTM_GET…`, with the header that narrows down what is
/// listed. None on a kernel that does not know the kind.
pub(super) fn list(
    socket: &mut Socket,
    request: &'static str,
    ask: &Object,
) -> Result<Vec<Object>, Error> {
    use rustix::io::Errno;
    let mut answer = Vec::new();
    match socket.dump_raw(request, ask, &mut answer) {
        Err(error) if matches!(error.errno(), Some(Errno::OPNOTSUPP | Errno::NOENT)) => {
            return Ok(Vec::new());
        }
        outcome => outcome?,
    }
    let kind = ask.kind - NEW_OF_GET;
    let of_kind = netlink::messages(&answer).filter(|(header, _)| header.message_type == kind);
    Ok(of_kind.filter_map(|(_, own)| Object::read(kind, own, ask.header.len())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_said_again() {
        // A header of four bytes, attribute 3 of five bytes, attribute 1 of four.
        let message = [
            vec![2, 24, 0, 7],
            vec![9, 0, 3, 0, b'l', b'e', b'f', b't', 0, 0, 0, 0],
            vec![8, 0, 1, 0, 1, 2, 3, 4],
        ]
        .concat();
        let object = Object::read(16, &message, 4).expect("a message");
        let mut said = vec![0; object.buffer_len()];
        object.serialize(&mut said);
        let sorted = [&message[..4], &message[16..], &message[4..16]].concat();
        assert_eq!(said, sorted);
        assert_eq!(object.get(3).map(|own| own.text()).as_deref(), Some("left"));
    }

    #[test]
    fn attributes_in_an_attribute() {
        let bytes = nested([(1, &b"veth\0"[..]), (2, &[7])]);
        assert_eq!(bytes, [9, 0, 1, 0, b'v', b'e', b't', b'h', 0, 0, 0, 0, 5, 0, 2, 0, 7, 0, 0, 0]);
    }
}
