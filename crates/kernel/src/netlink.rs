//! A netlink socket, synchronous, for any netlink family.
//!
//! Requests are queued and go to the kernel many at a time: the kernel works no faster for it, but
//! the system calls are fewer. Only the last request of a batch asks for an acknowledgement; a
//! request that fails is answered in any case (`netlink(7)`).

use std::os::fd::AsFd as _;

use netlink_packet_core::{
    NetlinkBuffer, NetlinkDeserializable, NetlinkHeader, NetlinkMessage, NetlinkPayload,
    NetlinkSerializable,
};
use netlink_sys::{Socket as Inner, SocketAddr};
use rustix::io::Errno;
use rustix::net::{RecvFlags, sockopt};

use crate::error::{Error, Refusal, errno};

/// `NLM_F_REQUEST`, `linux/netlink.h`.
pub const REQUEST: u16 = 0x01;
/// `NLM_F_ACK`.
pub const ACK: u16 = 0x04;
/// `NLM_F_REPLACE`: replace what is there.
pub const REPLACE: u16 = 0x100;
/// `NLM_F_EXCL`: fail when it is there already.
pub const EXCL: u16 = 0x200;
/// `NLM_F_CREATE`: create it when it is not there.
pub const CREATE: u16 = 0x400;
/// `NLM_F_APPEND`: add it behind what is there.
pub const APPEND: u16 = 0x800;
/// `NLM_F_ROOT | NLM_F_MATCH`: all of them.
const DUMP: u16 = 0x300;
/// `NLM_F_CAPPED`: the answer does not carry the request's payload.
const CAPPED: u16 = 0x100;
/// `NLM_F_ACK_TLVS`: attributes follow in the answer.
const ACK_TLVS: u16 = 0x200;
/// `NLM_F_DUMP_INTR`: what was being read changed meanwhile.
const DUMP_INTERRUPTED: u16 = 0x10;

/// `NLMSG_ERROR`.
const ERROR: u16 = 2;
/// `NLMSG_DONE`.
const DONE: u16 = 3;
/// `NLMSGERR_ATTR_MSG`: the extended ack's sentence.
const ERROR_MESSAGE: u16 = 1;

const HEADER: usize = 16;
/// A batch is sent when it has grown to this many bytes; far below the default send buffer.
const BATCH: usize = 32 * 1024;
/// Room for one datagram of a dump, which is 32 KiB unless a single object is longer
/// (`netlink_dump`, `net/netlink/af_netlink.c`).
const DATAGRAM: usize = 64 * 1024;
/// How often a dump is begun again because the table changed under it.
const DUMP_TRIES: usize = 16;

/// A netlink socket in the namespace in which it was opened.
pub struct Socket {
    inner: Inner,
    sequence: u32,
    batch: Vec<u8>,
    /// Where the header of the last queued request is in `batch`.
    last: usize,
    pending: Vec<Pending>,
    mark: usize,
}

/// How a dump has ended.
enum Dump {
    Whole,
    /// What was being listed changed meanwhile.
    Interrupted,
    /// There is not room enough for one of its datagrams.
    TooLong,
}

struct Pending {
    sequence: u32,
    request: &'static str,
    mark: usize,
}

impl Socket {
    /// Opens a socket of this netlink family (`NETLINK_ROUTE`…) in the namespace of the calling
    /// thread.
    pub fn open(family: isize) -> Result<Self, Error> {
        let opened = || {
            let mut socket = Inner::new(family)?;
            socket.bind_auto()?;
            socket.connect(&SocketAddr::new(0, 0))?;
            socket.set_ext_ack(true)?;
            Ok(socket)
        };
        let inner = opened().map_err(Error::io("opening a netlink socket"))?;
        Ok(Self { inner, sequence: 0, batch: Vec::new(), last: 0, pending: Vec::new(), mark: 0 })
    }

    /// Has the kernel refuse what it would otherwise pass over (`NETLINK_GET_STRICT_CHK`,
    /// `netlink(7)`): without it, it passes over what a dump is to be narrowed down to.
    pub fn be_strict(&mut self) -> Result<(), Error> {
        let (level, option) = (libc::SOL_NETLINK, libc::NETLINK_GET_STRICT_CHK);
        crate::sys::set_int_option(self.inner.as_fd(), level, option, 1)
            .map_err(Error::call("asking netlink to be strict"))
    }

    /// Marks the requests queued from now on: an error says which mark its request had.
    pub fn mark(&mut self, mark: usize) {
        self.mark = mark;
    }

    /// Queues a request. `request` says what it asks for, for the error.
    pub fn queue<M: NetlinkSerializable>(
        &mut self,
        request: &'static str,
        flags: u16,
        message: &M,
    ) -> Result<(), Error> {
        self.append(request, flags, message);
        if self.batch.len() >= BATCH { self.flush() } else { Ok(()) }
    }

    fn append<M: NetlinkSerializable>(&mut self, request: &'static str, flags: u16, message: &M) {
        let length = message.buffer_len();
        let start = self.begin(request, message.message_type(), flags, length);
        let end = start + HEADER + length;
        message.serialize(&mut self.batch[start + HEADER..end]);
    }

    /// Makes room for a request at the end of the batch and writes its header.
    fn begin(&mut self, request: &'static str, kind: u16, flags: u16, length: usize) -> usize {
        self.sequence += 1;
        let start = self.batch.len();
        self.last = start;
        // Each message of a batch begins at a multiple of four (NLMSG_ALIGNTO).
        self.batch.resize(start + (HEADER + length).next_multiple_of(4), 0);
        let header = &mut self.batch[start..start + HEADER];
        header[..4].copy_from_slice(&((HEADER + length) as u32).to_ne_bytes());
        header[4..6].copy_from_slice(&kind.to_ne_bytes());
        header[6..8].copy_from_slice(&(flags | REQUEST).to_ne_bytes());
        header[8..12].copy_from_slice(&self.sequence.to_ne_bytes());
        self.pending.push(Pending { sequence: self.sequence, request, mark: self.mark });
        start
    }

    /// Sends what is queued and waits until the kernel has done it. Of several requests that
    /// failed, the first is the error.
    pub fn flush(&mut self) -> Result<(), Error> {
        self.flush_each()?.into_iter().next().map_or(Ok(()), Err)
    }

    /// Has the kernel try these requests, in order, whatever becomes of each. Those that were refused;
    /// each has its place among them as its [mark](Self::mark).
    pub fn try_all<'m, M: NetlinkSerializable + 'm>(
        &mut self,
        request: &'static str,
        flags: u16,
        messages: impl IntoIterator<Item = &'m M>,
    ) -> Result<Vec<Error>, Error> {
        self.flush()?;
        let mut refused = Vec::new();
        for (mark, message) in messages.into_iter().enumerate() {
            self.mark(mark);
            self.append(request, flags, message);
            if self.batch.len() >= BATCH {
                refused.extend(self.flush_each()?);
            }
        }
        refused.extend(self.flush_each()?);
        Ok(refused)
    }

    /// As [`flush`](Self::flush): all requests that failed.
    fn flush_each(&mut self) -> Result<Vec<Error>, Error> {
        if self.pending.is_empty() {
            return Ok(Vec::new());
        }
        self.ask_ack();
        let sent = self.inner.send(&self.batch, 0);
        self.batch.clear();
        let pending = std::mem::take(&mut self.pending);
        sent.map_err(Error::io("sending to netlink"))?;

        let last = pending.last().expect("it is not empty").sequence;
        let mut errors = Vec::new();
        loop {
            let answer = self.receive()?;
            for (header, payload) in messages(&answer) {
                if header.message_type != ERROR {
                    continue;
                }
                if let Some(refusal) = refusal(&header, payload)? {
                    let of = pending.iter().find(|p| p.sequence == header.sequence_number);
                    errors.extend(of.map(|of| {
                        let Pending { request, mark, .. } = *of;
                        Error::Refused { request, mark, refusal }
                    }));
                }
                if header.sequence_number == last {
                    return Ok(errors);
                }
            }
        }
    }

    /// Asks for an acknowledgement of the request that was queued last.
    fn ask_ack(&mut self) {
        let flags = &mut self.batch[self.last + 6..self.last + 8];
        let with_ack = u16::from_ne_bytes([flags[0], flags[1]]) | ACK;
        flags.copy_from_slice(&with_ack.to_ne_bytes());
    }

    /// Has the kernel do several requests together, or none of them: a batch of nfnetlink, with
    /// the message that opens it first and the one that closes it last. Each has its place in the
    /// batch as its [mark](Self::mark), and the first that is refused is the error; mark 0 is the
    /// batch as a whole.
    ///
    /// `nfnetlink_rcv_batch` (`net/netfilter/nfnetlink.c`) works within `sendmsg`: when that
    /// returns, all answers there will be are there. So nothing is waited for. That matters,
    /// because a batch that is refused as a whole has no answer but that to its first message,
    /// and because one that closes it is acknowledged from Linux 6.10 on only.
    pub fn transaction<'m, M: NetlinkSerializable + 'm>(
        &mut self,
        requests: impl IntoIterator<Item = (&'static str, u16, &'m M)>,
    ) -> Result<(), Error> {
        self.flush()?;
        let mut requests = requests.into_iter().enumerate().peekable();
        let mut acknowledged = 0;
        while let Some((mark, (request, flags, message))) = requests.next() {
            if requests.peek().is_none() {
                self.ask_ack();
                acknowledged = self.sequence;
            }
            self.mark(mark);
            self.append(request, flags, message);
        }
        self.make_room(self.batch.len());
        let sent = self.inner.send(&self.batch, 0);
        self.batch.clear();
        let pending = std::mem::take(&mut self.pending);
        sent.map_err(Error::io("sending to netlink"))?;

        let mut first_error = None;
        let mut done = false;
        while let Some(answer) = self.receive_now()? {
            for (header, payload) in messages(&answer) {
                if header.message_type != ERROR {
                    continue;
                }
                let Some(refusal) = refusal(&header, payload)? else {
                    done |= header.sequence_number == acknowledged;
                    continue;
                };
                let of = pending.iter().find(|p| p.sequence == header.sequence_number);
                if let (Some(of), None) = (of, &first_error) {
                    let Pending { request, mark, .. } = *of;
                    first_error = Some(Error::Refused { request, mark, refusal });
                }
            }
        }
        match first_error {
            Some(error) => Err(error),
            None if done => Ok(()),
            None => Err(Error::Answer("a batch was not answered".to_owned())),
        }
    }

    /// Makes the send buffer large enough for a datagram of this size, as far as we may: a
    /// datagram must fit in whole (`netlink_sendmsg`), and beyond `net.core.wmem_max` only
    /// `CAP_NET_ADMIN` of the first user namespace lets it grow (`socket(7)`).
    fn make_room(&self, size: usize) {
        if size > BATCH && sockopt::set_socket_send_buffer_size_force(&self.inner, size).is_err() {
            // What does not help is found out by sending.
            let _ = sockopt::set_socket_send_buffer_size(&self.inner, size);
        }
    }

    /// Sends one request and waits until the kernel has done it.
    pub fn request<M: NetlinkSerializable>(
        &mut self,
        request: &'static str,
        flags: u16,
        message: &M,
    ) -> Result<(), Error> {
        self.queue(request, flags, message)?;
        self.flush()
    }

    /// Asks for one object. `None`: there is no answer but success.
    pub fn get<M>(&mut self, request: &'static str, message: &M) -> Result<Option<M>, Error>
    where
        M: NetlinkSerializable + NetlinkDeserializable,
    {
        let read = Self::deserialize::<M>(request);
        Ok(self.exchange(request, 0, message, read)?.0.into_iter().next())
    }

    /// Asks for one object, for somebody who reads it himself: what is behind the header of its
    /// message. `None`: there is no answer but success.
    pub fn get_raw<M: NetlinkSerializable>(
        &mut self,
        request: &'static str,
        message: &M,
    ) -> Result<Option<Vec<u8>>, Error> {
        let read = |_: &NetlinkHeader, payload: &[u8]| Ok(payload.to_vec());
        Ok(self.exchange(request, 0, message, read)?.0.into_iter().next())
    }

    /// Asks for all objects of a kind.
    pub fn dump<M>(&mut self, request: &'static str, message: &M) -> Result<Vec<M>, Error>
    where
        M: NetlinkSerializable + NetlinkDeserializable,
    {
        for _ in 0..DUMP_TRIES {
            let read = Self::deserialize::<M>(request);
            let (objects, whole) = self.exchange(request, DUMP, message, read)?;
            if whole {
                return Ok(objects);
            }
        }
        Err(Error::Answer(format!("{request}: what is listed changes faster than it can be read")))
    }

    /// Asks for all objects of a kind, for somebody who reads the answer himself: the messages are
    /// put into `answer`, in place of what was there. [`messages`] takes them apart; one that is
    /// none of the objects (`NLMSG_DONE`) is among them.
    pub fn dump_raw<M: NetlinkSerializable>(
        &mut self,
        request: &'static str,
        message: &M,
        answer: &mut Vec<u8>,
    ) -> Result<(), Error> {
        self.flush()?;
        let mut room = DATAGRAM;
        for _ in 0..DUMP_TRIES {
            let pending = self.send_dump(request, message)?;
            answer.clear();
            match self.receive_dump(&pending, answer, &mut room)? {
                Dump::Whole => return Ok(()),
                Dump::Interrupted => {}
                // The rest of it is of no use, and a dump that nobody reads can't be begun again.
                Dump::TooLong => {
                    while !matches!(
                        self.receive_dump(&pending, answer, &mut room)?,
                        Dump::Whole | Dump::Interrupted
                    ) {}
                }
            }
        }
        Err(Error::Answer(format!("{request}: what is listed changes faster than it can be read")))
    }

    fn send_dump<M: NetlinkSerializable>(
        &mut self,
        request: &'static str,
        message: &M,
    ) -> Result<Pending, Error> {
        let length = message.buffer_len();
        let start = self.begin(request, message.message_type(), DUMP, length);
        message.serialize(&mut self.batch[start + HEADER..start + HEADER + length]);
        let sent = self.inner.send(&self.batch, 0);
        self.batch.clear();
        let pending = self.pending.pop().expect("it has just been queued");
        sent.map_err(Error::io("sending to netlink"))?;
        Ok(pending)
    }

    fn receive_dump(
        &self,
        pending: &Pending,
        answer: &mut Vec<u8>,
        room: &mut usize,
    ) -> Result<Dump, Error> {
        let mut whole = true;
        loop {
            let start = answer.len();
            answer.reserve(*room);
            let into = rustix::buffer::spare_capacity(answer);
            let (got, length) = match rustix::net::recv(&self.inner, into, RecvFlags::TRUNC) {
                Err(Errno::INTR) => continue,
                received => received.map_err(Error::call("reading from netlink"))?,
            };
            if length > got {
                *room = length;
                return Ok(Dump::TooLong);
            }
            answer.resize(answer.len().next_multiple_of(4), 0);
            for (header, payload) in messages(&answer[start..]) {
                if header.sequence_number != pending.sequence {
                    continue;
                }
                whole &= header.flags & DUMP_INTERRUPTED == 0;
                // NLMSG_DONE has the outcome of the dump as its payload, like an error.
                if matches!(header.message_type, DONE | ERROR) {
                    let Pending { request, mark, .. } = *pending;
                    return match refusal(&header, payload)? {
                        Some(refusal) => Err(Error::Refused { request, mark, refusal }),
                        None if whole => Ok(Dump::Whole),
                        None => Ok(Dump::Interrupted),
                    };
                }
            }
        }
    }

    fn deserialize<M: NetlinkDeserializable>(
        request: &'static str,
    ) -> impl Fn(&NetlinkHeader, &[u8]) -> Result<M, Error> {
        move |header, payload| {
            M::deserialize(header, payload)
                .map_err(|error| Error::Answer(format!("{request}: {error}")))
        }
    }

    /// The objects that answer a request, as `read` has them, and whether nothing changed while
    /// they were read.
    fn exchange<M: NetlinkSerializable, T>(
        &mut self,
        request: &'static str,
        flags: u16,
        message: &M,
        read: impl Fn(&NetlinkHeader, &[u8]) -> Result<T, Error>,
    ) -> Result<(Vec<T>, bool), Error> {
        self.flush()?;
        let length = message.buffer_len();
        let flags = flags | if flags == DUMP { 0 } else { ACK };
        let start = self.begin(request, message.message_type(), flags, length);
        message.serialize(&mut self.batch[start + HEADER..start + HEADER + length]);
        let sent = self.inner.send(&self.batch, 0);
        self.batch.clear();
        let pending = self.pending.pop().expect("it has just been queued");
        sent.map_err(Error::io("sending to netlink"))?;

        let (mut objects, mut whole) = (Vec::new(), true);
        loop {
            let answer = self.receive()?;
            for (header, payload) in messages(&answer) {
                if header.sequence_number != pending.sequence {
                    continue;
                }
                whole &= header.flags & DUMP_INTERRUPTED == 0;
                match header.message_type {
                    // NLMSG_DONE has the outcome of the dump as its payload, like an error.
                    DONE | ERROR => {
                        return match refusal(&header, payload)? {
                            None => Ok((objects, whole)),
                            Some(refusal) => {
                                Err(Error::Refused { request, mark: pending.mark, refusal })
                            }
                        };
                    }
                    _ => objects.push(read(&header, payload)?),
                }
            }
        }
    }

    /// An answer that is there already.
    fn receive_now(&self) -> Result<Option<Vec<u8>>, Error> {
        loop {
            let mut answer = Vec::with_capacity(BATCH);
            match self.inner.recv(&mut answer, libc::MSG_DONTWAIT) {
                Ok(_) => return Ok(Some(answer)),
                Err(error) => match errno(&error) {
                    Errno::AGAIN => return Ok(None),
                    // There were more answers than room for them; the first are there.
                    Errno::INTR | Errno::NOBUFS => {}
                    errno => return Err(Error::Call { call: "reading from netlink", errno }),
                },
            }
        }
    }

    fn receive(&self) -> Result<Vec<u8>, Error> {
        loop {
            match self.inner.recv_from_full() {
                Ok((answer, _)) => return Ok(answer),
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => {
                    return Err(Error::io("reading from netlink")(error));
                }
            }
        }
    }
}

impl std::os::fd::AsFd for Socket {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.inner.as_fd()
    }
}

/// A request as bytes, header included: what goes on the wire, for golden tests.
pub fn bytes<M: NetlinkSerializable>(flags: u16, message: M) -> Vec<u8> {
    let mut header = NetlinkHeader::default();
    header.flags = flags | REQUEST;
    let mut message = NetlinkMessage::new(header, NetlinkPayload::InnerMessage(message));
    message.finalize();
    let mut bytes = vec![0; message.buffer_len()];
    message.serialize(&mut bytes);
    bytes
}

/// The messages of one datagram, or of several. What is left when one can't be read is passed over.
pub fn messages(datagram: &[u8]) -> impl Iterator<Item = (NetlinkHeader, &[u8])> {
    let mut rest = datagram;
    std::iter::from_fn(move || {
        let buffer = NetlinkBuffer::new_checked(rest).ok()?;
        let length = buffer.length() as usize;
        let mut header = NetlinkHeader::default();
        header.length = buffer.length();
        header.message_type = buffer.message_type();
        header.flags = buffer.flags();
        header.sequence_number = buffer.sequence_number();
        header.port_number = buffer.port_number();
        let payload = &rest[HEADER..length];
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((header, payload))
    })
}

/// The refusal in an `NLMSG_ERROR`; `None` when it is an acknowledgement.
fn refusal(header: &NetlinkHeader, payload: &[u8]) -> Result<Option<Refusal>, Error> {
    let code = payload
        .first_chunk()
        .map(|code| i32::from_ne_bytes(*code))
        .ok_or_else(|| Error::Answer("an error without a code".to_owned()))?;
    if code == 0 {
        return Ok(None);
    }
    let message = (header.flags & ACK_TLVS != 0).then(|| sentence(header, payload)).flatten();
    Ok(Some(Refusal { errno: Errno::from_raw_os_error(-code), message }))
}

/// The sentence among the attributes behind an `NLMSG_ERROR`. They follow the request's header,
/// and its payload too unless the answer is capped.
fn sentence(header: &NetlinkHeader, payload: &[u8]) -> Option<String> {
    let request_length = payload.get(4..8)?.first_chunk().map(|l| u32::from_ne_bytes(*l))? as usize;
    let skip = if header.flags & CAPPED != 0 { HEADER } else { request_length };
    let mut attributes = payload.get((4 + skip).next_multiple_of(4)..)?;
    while let Some(&[l0, l1, k0, k1]) = attributes.first_chunk() {
        let length = usize::from(u16::from_ne_bytes([l0, l1]));
        let value = attributes.get(4..length)?;
        if u16::from_ne_bytes([k0, k1]) == ERROR_MESSAGE {
            let text = value.split(|&byte| byte == 0).next()?;
            return Some(String::from_utf8_lossy(text).into_owned());
        }
        attributes = attributes.get(length.next_multiple_of(4)..)?;
    }
    None
}
