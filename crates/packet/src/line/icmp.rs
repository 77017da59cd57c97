//! ICMP (RFC 792).

use std::net::Ipv4Addr;

use super::text::Text;
use super::{Ended, Line};
use crate::Packet;
use crate::decode::bytes::{array_at, u16_at, u32_at};
use crate::decode::{Icmpv4, protocol};

impl Line<'_> {
    pub(super) fn icmp(&mut self, packet: &Packet<'_>, icmp: &Icmpv4<'_>) {
        let begin = self.out.len();
        self.out.text("ICMP ");
        if self.message(icmp).is_err() {
            // What is said of it needs what has not been captured: nothing is.
            self.out.truncate(begin);
            return self.ended("icmp");
        }
        self.out.text(", length ");
        self.out.number(packet.payload_length.saturating_add(8));
    }

    fn message(&mut self, icmp: &Icmpv4<'_>) -> Result<(), Ended> {
        match icmp.kind {
            Icmpv4::ECHO_REQUEST => self.echo("echo request, id ", ", seq ", icmp),
            Icmpv4::ECHO_REPLY => self.echo("echo reply, id ", ", seq ", icmp),
            Icmpv4::UNREACHABLE => return self.unreachable(icmp),
            Icmpv4::REDIRECT => return self.redirect(icmp),
            Icmpv4::TIME_EXCEEDED => {
                quoted_destination(icmp)?;
                match icmp.code {
                    0 => self.out.text("time exceeded in-transit"),
                    1 => self.out.text("ip reassembly time exceeded"),
                    code => self.numbered("time exceeded-#", code.into()),
                }
            }
            Icmpv4::PARAMETER_PROBLEM => match icmp.code {
                0 => self.numbered("parameter problem - octet ", icmp.rest[0].into()),
                code => self.numbered("parameter problem - code ", code.into()),
            },
            Icmpv4::SOURCE_QUENCH => self.out.text("source quench"),
            Icmpv4::ROUTER_ADVERTISEMENT => return self.router_advertisement(icmp),
            Icmpv4::ROUTER_SOLICITATION => self.out.text("router solicitation"),
            Icmpv4::TIMESTAMP_REQUEST => self.echo("time stamp query id ", " seq ", icmp),
            Icmpv4::TIMESTAMP_REPLY => return self.timestamp_reply(icmp),
            15 => self.out.text("information request"),
            16 => self.out.text("information reply"),
            17 => self.out.text("address mask request"),
            18 => {
                let mask = u32_at(icmp.body, 0).ok_or(Ended)?;
                self.out.text("address mask is 0x");
                self.out.hex(mask, 8);
            }
            unknown => self.numbered("type-#", unknown.into()),
        }
        Ok(())
    }

    fn numbered(&mut self, words: &str, number: u32) {
        self.out.text(words);
        self.out.number(number);
    }

    fn echo(&mut self, name: &str, between: &str, icmp: &Icmpv4<'_>) {
        let [a, b, c, d] = icmp.rest;
        self.numbered(name, u16::from_be_bytes([a, b]).into());
        self.numbered(between, u16::from_be_bytes([c, d]).into());
    }

    fn unreachable(&mut self, icmp: &Icmpv4<'_>) -> Result<(), Ended> {
        let destination = quoted_destination(icmp)?;
        let (before, behind) = match icmp.code {
            0 => ("net ", " unreachable"),
            1 => ("host ", " unreachable"),
            2 => {
                self.out.ipv4(destination);
                self.numbered(" protocol ", quoted_protocol(icmp)?.into());
                self.out.text(" unreachable");
                return Ok(());
            }
            3 => return self.port_unreachable(icmp, destination),
            4 => {
                let mtu = u16::from_be_bytes([icmp.rest[2], icmp.rest[3]]);
                self.out.ipv4(destination);
                self.out.text(" unreachable - need to frag");
                if mtu > 0 {
                    self.numbered(" (mtu ", mtu.into());
                    self.out.text(")");
                }
                return Ok(());
            }
            5 => ("", " unreachable - source route failed"),
            6 => ("net ", " unreachable - unknown"),
            7 => ("host ", " unreachable - unknown"),
            8 => ("", " unreachable - source host isolated"),
            9 => ("net ", " unreachable - admin prohibited"),
            10 => ("host ", " unreachable - admin prohibited"),
            11 => ("net ", " unreachable - tos prohibited"),
            12 => ("host ", " unreachable - tos prohibited"),
            13 => ("host ", " unreachable - admin prohibited filter"),
            14 => ("host ", " unreachable - host precedence violation"),
            15 => ("host ", " unreachable - precedence cutoff"),
            code => {
                self.out.ipv4(destination);
                self.numbered(" unreachable - #", code.into());
                return Ok(());
            }
        };
        self.out.text(before);
        self.out.ipv4(destination);
        self.out.text(behind);
        Ok(())
    }

    fn port_unreachable(&mut self, icmp: &Icmpv4<'_>, destination: Ipv4Addr) -> Result<(), Ended> {
        let header = usize::from(icmp.body.first().ok_or(Ended)? & 0xf) * 4;
        let port = u16_at(icmp.body, header + 2).ok_or(Ended)?;
        self.out.ipv4(destination);
        match quoted_protocol(icmp)? {
            protocol::TCP => self.numbered(" tcp port ", port.into()),
            protocol::UDP => self.numbered(" udp port ", port.into()),
            other => {
                self.numbered(" protocol ", other.into());
                self.numbered(" port ", port.into());
            }
        }
        self.out.text(" unreachable");
        Ok(())
    }

    fn redirect(&mut self, icmp: &Icmpv4<'_>) -> Result<(), Ended> {
        let destination = quoted_destination(icmp)?;
        let (before, between) = match icmp.code {
            0 => ("redirect ", " to net "),
            1 => ("redirect ", " to host "),
            2 => ("redirect-tos ", " to net "),
            3 => ("redirect-tos ", " to host "),
            code => {
                self.numbered("redirect-#", code.into());
                (" ", " to ")
            }
        };
        self.out.text(before);
        self.out.ipv4(destination);
        self.out.text(between);
        self.out.ipv4(icmp.rest.into());
        Ok(())
    }

    /// A router advertisement of ICMP (RFC 1256).
    fn router_advertisement(&mut self, icmp: &Icmpv4<'_>) -> Result<(), Ended> {
        let [count, size, high, low] = icmp.rest;
        let lifetime = u32::from(u16::from_be_bytes([high, low]));
        self.out.text("router advertisement lifetime ");
        let (hours, minutes, seconds) = (lifetime / 3600, lifetime / 60 % 60, lifetime % 60);
        match lifetime {
            0..60 => self.out.number(seconds),
            60..3600 => {
                self.out.number(minutes);
                self.out.text(":");
                self.out.padded(seconds, 2);
            }
            _ => {
                self.out.number(hours);
                self.out.text(":");
                self.out.padded(minutes, 2);
                self.out.text(":");
                self.out.padded(seconds, 2);
            }
        }
        self.numbered(" ", count.into());
        self.out.text(":");
        if size != 2 {
            self.numbered(" [size ", size.into());
            self.out.text("]");
            return Ok(());
        }
        for router in 0..usize::from(count) {
            let address: [u8; 4] = array_at(icmp.body, router * 8).ok_or(Ended)?;
            let preference = u32_at(icmp.body, router * 8 + 4).ok_or(Ended)?;
            self.out.text(" {");
            self.out.ipv4(address.into());
            self.numbered(" ", preference);
            self.out.text("}");
        }
        Ok(())
    }

    fn timestamp_reply(&mut self, icmp: &Icmpv4<'_>) -> Result<(), Ended> {
        self.echo("time stamp reply id ", " seq ", icmp);
        for (at, name) in [(0, ": org "), (4, ", recv "), (8, ", xmit ")] {
            let milliseconds = u32_at(icmp.body, at).ok_or(Ended)?;
            let seconds = milliseconds / 1000;
            self.out.text(name);
            self.out.padded(seconds / 3600, 2);
            self.out.text(":");
            self.out.padded(seconds / 60 % 60, 2);
            self.out.text(":");
            self.out.padded(seconds % 60, 2);
            self.out.text(".");
            self.out.padded(milliseconds % 1000, 3);
        }
        Ok(())
    }
}

/// To whom the packet went that an error quotes.
fn quoted_destination(icmp: &Icmpv4<'_>) -> Result<Ipv4Addr, Ended> {
    Ok(array_at::<4>(icmp.body, 16).ok_or(Ended)?.into())
}

/// What it carried.
fn quoted_protocol(icmp: &Icmpv4<'_>) -> Result<u8, Ended> {
    icmp.body.get(9).copied().ok_or(Ended)
}
