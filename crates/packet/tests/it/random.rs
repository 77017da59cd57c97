//! Random frames, the same in every run: right ones of all kinds, right ones that were cut off, and
//! such with wrong bytes in them.

use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::{Rng, SeedableRng};

use crate::build::{self, ICMP, ICMPV6, Ipv4, Ipv6, TCP, Tcp, UDP};
use crate::case::Case;

/// Draws frames.
pub struct Draw(Pcg64Mcg);

impl Draw {
    pub fn new(seed: u64) -> Self {
        Self(Pcg64Mcg::seed_from_u64(seed))
    }

    fn below(&mut self, end: u64) -> u64 {
        self.0.next_u64() % end
    }

    fn one_in(&mut self, chances: u64) -> bool {
        self.below(chances) == 0
    }

    fn of<T: Copy>(&mut self, some: &[T]) -> T {
        some[self.below(some.len() as u64) as usize]
    }

    fn u8(&mut self) -> u8 {
        self.0.next_u64() as u8
    }

    fn u16(&mut self) -> u16 {
        self.0.next_u64() as u16
    }

    fn u32(&mut self) -> u32 {
        self.0.next_u32()
    }

    fn bytes(&mut self, up_to: u64) -> Vec<u8> {
        let length = self.below(up_to + 1);
        (0..length).map(|_| self.u8()).collect()
    }

    /// A port of nobody that tcpdump knows.
    fn port(&mut self) -> u16 {
        self.of(&[1234, 4242, 5000, 9999, 33_434, 40_000, 40_001, 65_535])
    }

    fn ipv4_address(&mut self) -> [u8; 4] {
        let any = [self.u8(), self.u8(), self.u8(), self.u8()];
        self.of(&[[10, 0, 0, 1], [10, 0, 0, 2], [192, 168, 10, 1], [255; 4], [0; 4], any])
    }

    fn ipv6_address(&mut self) -> [u8; 16] {
        let mut address = [0; 16];
        for word in 0..8 {
            let value = match self.below(3) {
                0 => 0,
                1 => u16::from(self.u8()),
                _ => self.u16(),
            };
            address[word * 2..word * 2 + 2].copy_from_slice(&value.to_be_bytes());
        }
        address
    }

    /// A right frame.
    pub fn frame(&mut self) -> Vec<u8> {
        match self.below(10) {
            0 => {
                let operation = self.of(&[1, 2, 3, 4, 8, 9]);
                let mac = [2, 0, self.u8(), self.u8(), self.u8(), self.u8()];
                let target = self.of(&[[0; 6], [0xff; 6], mac]);
                let addresses = (self.ipv4_address(), self.ipv4_address());
                let mut arp = build::arp(operation, (mac, addresses.0), (target, addresses.1));
                arp.resize(self.of(&[28, 46]), 0);
                build::ethernet(0x0806, &arp)
            }
            1..6 => {
                let packet = self.ipv4();
                self.linked(0x0800, packet)
            }
            _ => {
                let packet = self.ipv6();
                self.linked(0x86dd, packet)
            }
        }
    }

    /// In Ethernet, sometimes tagged, sometimes padded.
    fn linked(&mut self, ethertype: u16, packet: Vec<u8>) -> Vec<u8> {
        let mut frame = match self.below(6) {
            0 => {
                let tag = (self.of(&[0x8100, 0x88a8, 0x9100]), self.u16());
                build::tagged(&[tag], ethertype, &packet)
            }
            1 => {
                let tags = [(0x88a8, self.u16()), (0x8100, self.u16())];
                build::tagged(&tags, ethertype, &packet)
            }
            _ => build::ethernet(ethertype, &packet),
        };
        if self.one_in(2) && frame.len() < 60 {
            frame.resize(60, 0);
        }
        frame
    }

    fn ipv4(&mut self) -> Vec<u8> {
        let (protocol, payload) = self.carried(ICMP);
        let options = match self.below(8) {
            0 => vec![1, 1, 1, 0],
            1 => vec![0x94, 4, 0, 0],
            _ => Vec::new(),
        };
        let header = Ipv4 {
            tos: self.u8(),
            id: self.u16(),
            fragment: match self.below(8) {
                0 => 0x2000,
                1 => 0x2000 | self.u16() & 0x1fff,
                2 => self.u16() & 0x1fff,
                3 => 0,
                _ => 0x4000,
            },
            ttl: self.u8(),
            protocol,
            source: self.ipv4_address(),
            destination: self.ipv4_address(),
            options,
        };
        header.with(&payload)
    }

    fn ipv6(&mut self) -> Vec<u8> {
        let (mut next, mut payload) = self.carried(ICMPV6);
        if self.one_in(8) {
            let later = self.u16() & 0xfff8;
            let offset = self.of(&[0, later]) | u16::from(self.one_in(2));
            let id = self.u32().to_be_bytes();
            payload = build::join(&[&[next, 0], &offset.to_be_bytes(), &id, &payload]);
            next = 44;
        }
        if self.one_in(8) {
            payload = build::join(&[&[next, 0, 1, 4, 0, 0, 0, 0], &payload]);
            next = 60;
        }
        if self.one_in(8) {
            payload = build::join(&[&[next, 0, 5, 2, 0, 0, 1, 0], &payload]);
            next = 0;
        }
        let header = Ipv6 {
            class: self.u8(),
            flow: self.u32() & 0xf_ffff,
            next,
            hops: self.u8(),
            source: self.ipv6_address(),
            destination: self.ipv6_address(),
        };
        header.with(&payload)
    }

    /// What IP carries: TCP, UDP, or the ICMP of its version.
    fn carried(&mut self, icmp: u8) -> (u8, Vec<u8>) {
        match self.below(10) {
            0..4 => (TCP, self.tcp()),
            4..7 => {
                let payload = self.bytes(40);
                (UDP, build::udp(self.port(), self.port(), &payload))
            }
            _ if icmp == ICMP => (icmp, self.icmp()),
            _ => (icmp, self.icmp6()),
        }
    }

    fn tcp(&mut self) -> Vec<u8> {
        let mut options = Vec::new();
        for _ in 0..self.below(4) {
            match self.below(7) {
                0 => options.extend([2, 4, self.u8(), self.u8()]),
                1 => options.extend([3, 3, self.u8() % 15]),
                2 => options.extend([4, 2]),
                3 => options.extend([1, 1]),
                4 => {
                    options.extend([8, 10]);
                    options.extend((0..8).map(|_| self.u8()));
                }
                5 => {
                    options.extend([5, 10]);
                    options.extend((0..8).map(|_| self.u8()));
                }
                _ => options.extend([self.of(&[78, 200, 253]), 4, self.u8(), self.u8()]),
            }
        }
        options.resize(options.len().next_multiple_of(4), self.of(&[0, 1]));
        options.truncate(40);
        let segment = Tcp {
            source: self.port(),
            destination: self.port(),
            sequence: self.u32(),
            acknowledgement: self.u32(),
            flags: self.of(&[0x02, 0x12, 0x10, 0x18, 0x11, 0x04, 0x14, 0x38, 0, 0xc2, 0xff]),
            window: self.u16(),
            urgent: self.u16(),
            options,
        };
        let payload = self.bytes(30);
        segment.with(&payload)
    }

    fn icmp(&mut self) -> Vec<u8> {
        let rest = [self.u8(), self.u8(), self.u8(), self.u8()];
        match self.below(4) {
            0 => build::icmp(8, 0, rest, &self.bytes(56)),
            1 => build::icmp(0, 0, rest, &self.bytes(56)),
            2 => {
                let quoted = self.quoted();
                let code = (self.below(17)) as u8;
                build::icmp(3, code, rest, &Ipv4::of(self.of(&[TCP, UDP, 89])).with(&quoted))
            }
            _ => {
                let quoted = self.quoted();
                let (kind, codes) = self.of(&[(5, 5), (11, 3), (12, 2), (4, 1)]);
                let code = self.below(codes) as u8;
                build::icmp(kind, code, rest, &Ipv4::of(UDP).with(&quoted))
            }
        }
    }

    fn icmp6(&mut self) -> Vec<u8> {
        let rest = [self.u8(), self.u8(), self.u8(), self.u8()];
        let address = self.ipv6_address();
        let option = [&[1, 1][..], &build::LEFT].concat();
        match self.below(10) {
            0 => build::icmp(128, 0, rest, &self.bytes(56)),
            1 => build::icmp(129, 0, rest, &self.bytes(56)),
            2 => build::icmp(133, 0, rest, &option),
            3 => build::icmp(134, 0, rest, &build::join(&[&[0; 8], &option])),
            4 => build::icmp(135, 0, rest, &build::join(&[&address, &option])),
            5 => build::icmp(136, 0, rest, &build::join(&[&address, &option])),
            6 => build::icmp(137, 0, rest, &build::join(&[&address, &address])),
            7 => build::icmp(143, 0, rest, &build::join(&[&[4, 0, 0, 0], &address])),
            8 => {
                let (kind, codes) = self.of(&[(1, 6), (2, 1), (3, 3), (4, 5)]);
                let code = self.below(codes) as u8;
                let quoted = self.quoted();
                let next = self.of(&[TCP, UDP]);
                build::icmp(kind, code, rest, &Ipv6::of(next).with(&quoted))
            }
            _ => build::icmp(self.of(&[130, 131, 132]), 0, rest, &address),
        }
    }

    /// The beginning of a packet's payload, as an error quotes it.
    fn quoted(&mut self) -> Vec<u8> {
        build::udp(self.port(), self.port(), b"quoted")
    }

    /// A frame of which not all was captured, or which ended too early.
    pub fn cut(&mut self) -> Case {
        let frame = self.frame();
        let kept = 1 + self.below(frame.len() as u64 - 1) as usize;
        let length = if self.one_in(2) { kept } else { frame.len() };
        Case { bytes: frame[..kept].to_vec(), length: length as u32 }
    }

    /// A frame with wrong bytes in it, behind its Ethernet addresses.
    pub fn broken(&mut self) -> Case {
        let mut frame = self.frame();
        for _ in 0..=self.below(3) {
            let at = 12 + self.below(frame.len() as u64 - 12) as usize;
            frame[at] = match self.below(3) {
                0 => 0,
                1 => 0xff,
                _ => self.u8(),
            };
        }
        Case::whole(frame)
    }
}
