//! Tests of carrying, between sockets that keep the bounds of frames as TUN/TAP devices do.

mod carry;
