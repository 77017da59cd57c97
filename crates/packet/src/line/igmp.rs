//! IGMP (RFC 2236, RFC 3376).

use std::net::Ipv4Addr;

use super::text::Text;
use super::{Ended, Line};
use crate::Packet;
use crate::decode::bytes::{array_at, u16_at};

impl Line<'_> {
    pub(super) fn igmp(&mut self, packet: &Packet<'_>) {
        if self.try_igmp(packet.payload, packet.payload_length).is_err() {
            self.ended("igmp");
        }
    }

    fn try_igmp(&mut self, bytes: &[u8], length: u32) -> Result<(), Ended> {
        let kind = *bytes.first().ok_or(Ended)?;
        match kind {
            0x11 => {
                self.out.text("igmp query");
                if length >= 12 {
                    return self.query_v3(bytes, length);
                }
                self.query(bytes)?;
                self.unusual_length(length);
            }
            0x12 => {
                self.report("igmp v1 report ", bytes)?;
                self.unusual_length(length);
            }
            0x16 => self.report("igmp v2 report ", bytes)?,
            0x17 => self.report("igmp leave ", bytes)?,
            0x22 => {
                self.out.text("igmp v3 report");
                if length < 16 || !length.is_multiple_of(4) {
                    self.invalid_length(length);
                } else {
                    let records = u16_at(bytes, 6).ok_or(Ended)?;
                    self.out.text(", ");
                    self.out.number(records);
                    self.out.text(" group record(s)");
                }
            }
            unknown => {
                self.out.text("igmp-");
                self.out.number(unknown);
            }
        }
        Ok(())
    }

    /// A query of version 1 or 2.
    fn query(&mut self, bytes: &[u8]) -> Result<(), Ended> {
        match *bytes.get(1).ok_or(Ended)? {
            0 => self.out.text(" v1"),
            100 => self.out.text(" v2"),
            tenths => {
                self.out.text(" v2 [max resp time ");
                self.out.number(tenths);
                self.out.text("]");
            }
        }
        let group = group(bytes)?;
        if !group.is_unspecified() {
            self.out.text(" [gaddr ");
            self.out.ipv4(group);
            self.out.text("]");
        }
        Ok(())
    }

    fn query_v3(&mut self, bytes: &[u8], length: u32) -> Result<(), Ended> {
        self.out.text(" v3");
        if !length.is_multiple_of(4) {
            self.invalid_length(length);
            return Ok(());
        }
        let code = *bytes.get(1).ok_or(Ended)?;
        if code != 100 {
            self.out.text(" [max resp time ");
            self.response_time(code);
            self.out.text("]");
        }
        let group = group(bytes)?;
        if group.is_unspecified() {
            return Ok(());
        }
        self.out.text(" [gaddr ");
        self.out.ipv4(group);
        let sources = u16_at(bytes, 10).ok_or(Ended)?;
        if sources > 0 {
            if length < 12 + u32::from(sources) * 4 {
                self.out.text(" [invalid number of sources]");
            } else {
                self.out.text(", ");
                self.out.number(sources);
                self.out.text(" source(s)");
            }
        }
        self.out.text("]");
        Ok(())
    }

    /// The time in tenths of a second, from 128 on as a floating-point number (RFC 3376, 4.1.1).
    fn response_time(&mut self, code: u8) {
        let tenths = match code {
            0..128 => u32::from(code),
            _ => u32::from(code & 0x0f | 0x10) << ((code >> 4 & 7) + 3),
        };
        if tenths < 600 {
            self.out.number(tenths / 10);
            self.out.text(".");
            self.out.number(tenths % 10);
            return self.out.text("s");
        }
        let seconds = tenths / 10;
        self.out.number(seconds / 60);
        self.out.text("m");
        if seconds % 60 > 0 {
            self.out.number(seconds % 60);
            self.out.text("s");
        }
    }

    fn report(&mut self, name: &str, bytes: &[u8]) -> Result<(), Ended> {
        let group = group(bytes)?;
        self.out.text(name);
        self.out.ipv4(group);
        Ok(())
    }

    fn unusual_length(&mut self, length: u32) {
        if length != 8 {
            self.out.text(" [len ");
            self.out.number(length);
            self.out.text("]");
        }
    }

    fn invalid_length(&mut self, length: u32) {
        self.out.text(" [invalid len ");
        self.out.number(length);
        self.out.text("]");
    }
}

fn group(bytes: &[u8]) -> Result<Ipv4Addr, Ended> {
    Ok(array_at::<4>(bytes, 4).ok_or(Ended)?.into())
}
