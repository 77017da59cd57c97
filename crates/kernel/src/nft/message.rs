//! A message of nfnetlink, and the attributes in it: bytes, and nothing else.
//!
//! ```text
//!  nlmsghdr (by the socket)   length, type, flags, sequence number, port; this machine's byte order
//!  nfgenmsg                   family, version, resource id
//!  attributes                 each: length and type in this machine's byte order, then the value,
//!                             whose numbers are big-endian, then zeros to a multiple of four
//! ```

use netlink_packet_core::{DecodeError, NetlinkDeserializable, NetlinkHeader, NetlinkSerializable};

use super::uapi::{
    NFNETLINK_V0, NFNL_MSG_BATCH_BEGIN, NFNL_MSG_BATCH_END, NFNL_SUBSYS_NFTABLES, NLA_F_NESTED,
    NLA_TYPE_MASK, family,
};

/// `struct nfgenmsg`, `linux/netfilter/nfnetlink.h`.
const GENERIC: usize = 4;
/// `struct nlattr`, `linux/netlink.h`.
const ATTRIBUTE: usize = 4;
/// `NLA_ALIGNTO`, `linux/netlink.h`.
const ALIGN: usize = 4;

/// A message of nfnetlink without its netlink header.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Message {
    kind: u16,
    family: u8,
    resource: u16,
    attributes: Attributes,
}

impl Message {
    /// A message to nf_tables.
    pub fn new(kind: u16, family: u8, attributes: Attributes) -> Self {
        Self { kind, family, resource: 0, attributes }
    }

    /// What opens a batch for nf_tables.
    pub fn begin() -> Self {
        Self::bracket(NFNL_MSG_BATCH_BEGIN)
    }

    /// What closes it.
    pub fn end() -> Self {
        Self::bracket(NFNL_MSG_BATCH_END)
    }

    fn bracket(kind: u16) -> Self {
        let attributes = Attributes::default();
        Self { kind, family: family::UNSPEC, resource: NFNL_SUBSYS_NFTABLES, attributes }
    }

    /// What it is (`NFT_MSG_…`, with the subsystem above it).
    pub fn kind(&self) -> u16 {
        self.kind
    }

    /// Its family (`NFPROTO_…`).
    pub fn family(&self) -> u8 {
        self.family
    }

    /// Its attributes.
    pub fn attributes(&self) -> &Attributes {
        &self.attributes
    }
}

impl NetlinkSerializable for Message {
    fn message_type(&self) -> u16 {
        self.kind
    }

    fn buffer_len(&self) -> usize {
        GENERIC + self.attributes.0.len()
    }

    fn serialize(&self, buffer: &mut [u8]) {
        let (generic, attributes) = buffer.split_at_mut(GENERIC);
        let [high, low] = self.resource.to_be_bytes();
        generic.copy_from_slice(&[self.family, NFNETLINK_V0, high, low]);
        attributes.copy_from_slice(&self.attributes.0);
    }
}

impl NetlinkDeserializable for Message {
    type Error = DecodeError;

    fn deserialize(header: &NetlinkHeader, payload: &[u8]) -> Result<Self, DecodeError> {
        let (&[family, _, high, low], attributes) = payload
            .split_first_chunk()
            .ok_or_else(|| DecodeError::invalid_buffer("nfgenmsg", payload.len(), GENERIC))?;
        Ok(Self {
            kind: header.message_type,
            family,
            resource: u16::from_be_bytes([high, low]),
            attributes: Attributes(attributes.to_vec()),
        })
    }
}

/// A list of attributes (`struct nlattr`), encoded.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct Attributes(Vec<u8>);

impl Attributes {
    /// With an attribute behind the others.
    ///
    /// # Panics
    ///
    /// When the value has more than 65,531 bytes. What is said here has a few hundred at most.
    #[must_use]
    pub fn bytes(mut self, kind: u16, value: &[u8]) -> Self {
        let length = u16::try_from(ATTRIBUTE + value.len()).expect("an attribute is short");
        self.0.extend(length.to_ne_bytes());
        self.0.extend(kind.to_ne_bytes());
        self.0.extend(value);
        self.0.resize(self.0.len().next_multiple_of(ALIGN), 0);
        self
    }

    /// A number of one byte.
    #[must_use]
    pub fn byte(self, kind: u16, value: u8) -> Self {
        self.bytes(kind, &[value])
    }

    /// A number of four bytes, big-endian.
    #[must_use]
    pub fn number(self, kind: u16, value: u32) -> Self {
        self.bytes(kind, &value.to_be_bytes())
    }

    /// A text, with its NUL.
    #[must_use]
    pub fn text(self, kind: u16, value: &str) -> Self {
        let mut bytes = value.as_bytes().to_vec();
        bytes.push(0);
        self.bytes(kind, &bytes)
    }

    /// A list of attributes as an attribute.
    #[must_use]
    pub fn list(self, kind: u16, value: &Attributes) -> Self {
        self.bytes(kind | NLA_F_NESTED, &value.0)
    }

    /// Those of them that are of these kinds, byte for byte.
    #[must_use]
    pub fn only(&self, kinds: &[u16]) -> Self {
        self.filtered(|kind| kinds.contains(&kind))
    }

    /// Those of them that are of none of these kinds, byte for byte.
    #[must_use]
    pub fn except(&self, kinds: &[u16]) -> Self {
        self.filtered(|kind| !kinds.contains(&kind))
    }

    fn filtered(&self, is_wanted: impl Fn(u16) -> bool) -> Self {
        let kind = |own: &[u8]| u16::from_ne_bytes([own[2], own[3]]) & NLA_TYPE_MASK;
        Self(self.each().filter(|own| is_wanted(kind(own))).flatten().copied().collect())
    }

    /// Each of them with its header and what fills it up to a multiple of four.
    fn each(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = self.0.as_slice();
        std::iter::from_fn(move || {
            let &[l0, l1, ..] = rest.first_chunk::<ATTRIBUTE>()?;
            let length = usize::from(u16::from_ne_bytes([l0, l1])).max(ATTRIBUTE);
            let (own, others) = rest.split_at_checked(length.next_multiple_of(ALIGN))?;
            rest = others;
            Some(own)
        })
    }

    /// The value of the first attribute of this kind.
    pub fn get(&self, kind: u16) -> Option<&[u8]> {
        let mut rest = self.0.as_slice();
        loop {
            let &[l0, l1, k0, k1] = rest.first_chunk()?;
            let length = usize::from(u16::from_ne_bytes([l0, l1]));
            let value = rest.get(ATTRIBUTE..length)?;
            if u16::from_ne_bytes([k0, k1]) & NLA_TYPE_MASK == kind {
                return Some(value);
            }
            rest = rest.get(length.next_multiple_of(ALIGN)..)?;
        }
    }

    /// The number of four bytes, big-endian, that is the value of the first attribute of this kind.
    pub fn get_number(&self, kind: u16) -> Option<u32> {
        self.get(kind)?.first_chunk().copied().map(u32::from_be_bytes)
    }

    /// The number of eight bytes, big-endian, that is the value of the first attribute of this kind.
    pub fn get_long(&self, kind: u16) -> Option<u64> {
        self.get(kind)?.first_chunk().copied().map(u64::from_be_bytes)
    }

    /// The list that is the value of the first attribute of this kind.
    pub fn get_list(&self, kind: u16) -> Option<Attributes> {
        self.get(kind).map(Self::from_bytes)
    }

    /// The list that these bytes are.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }

    /// The list as bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The text that is the value of the first attribute of this kind.
    pub fn get_text(&self, kind: u16) -> Option<String> {
        let text = self.get(kind)?.split(|&byte| byte == 0).next()?;
        Some(String::from_utf8_lossy(text).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_endian = "little")]
    fn attributes_are_padded_and_their_numbers_big_endian() {
        let inner = Attributes::default().byte(5, 0xaa);
        let attributes =
            Attributes::default().number(2, 0x0102_0304).text(1, "abc").list(3, &inner);
        let expected = [
            &[8, 0, 2, 0, 1, 2, 3, 4][..],
            &[8, 0, 1, 0, b'a', b'b', b'c', 0],
            &[12, 0, 3, 0x80, 5, 0, 5, 0, 0xaa, 0, 0, 0],
        ]
        .concat();
        assert_eq!(attributes.0, expected);
    }

    #[test]
    fn a_batch_names_its_subsystem() {
        let mut bytes = [0xff; 4];
        Message::begin().serialize(&mut bytes);
        assert_eq!(bytes, [0, 0, 0, 10]);
        assert_eq!(Message::begin().message_type(), 16);
        assert_eq!(Message::end().message_type(), 17);
    }

    #[test]
    fn what_is_written_is_read() {
        let attributes = Attributes::default().number(2, 7).text(1, "twinax").text(3, "");
        let message = Message::new(0x0a00, family::INET, attributes);
        let mut payload = vec![0; message.buffer_len()];
        message.serialize(&mut payload);
        let mut header = NetlinkHeader::default();
        header.message_type = 0x0a00;
        let read = Message::deserialize(&header, &payload).expect("a message");
        assert_eq!(read, message);
        assert_eq!(read.attributes().get_text(1).as_deref(), Some("twinax"));
        assert_eq!(read.attributes().get_text(3).as_deref(), Some(""));
        assert_eq!(read.attributes().get(2), Some(&[0, 0, 0, 7][..]));
        assert_eq!(read.attributes().get(4), None);
    }

    #[test]
    fn some_of_a_list_are_the_same_bytes() {
        let inner = Attributes::default().byte(5, 0xaa);
        let all = Attributes::default().text(1, "abcd").list(2, &inner).number(3, 7);
        let expected = Attributes::default().text(1, "abcd").number(3, 7);
        assert_eq!(all.only(&[3, 1, 9]), expected);
        assert_eq!(all.except(&[2, 9]), expected);
        assert_eq!(all.except(&[]), all);
        // What can't be read ends the list.
        assert_eq!(Attributes(vec![0xff, 0, 1, 0, 0]).except(&[]), Attributes::default());
        assert_eq!(Attributes(vec![0, 0, 1, 0]).only(&[1]).0, [0, 0, 1, 0]);
    }

    #[test]
    fn broken_bytes_are_no_message_and_no_attribute() {
        let header = NetlinkHeader::default();
        assert!(Message::deserialize(&header, &[1, 0, 0]).is_err());
        // A length of zero, a length below the header's, and one beyond the end.
        for bytes in [[0, 0, 1, 0, 0, 0, 0, 0], [3, 0, 1, 0, 0, 0, 0, 0], [9, 0, 1, 0, 0, 0, 0, 0]]
        {
            assert_eq!(Attributes(bytes.to_vec()).get(1), None);
        }
    }
}
