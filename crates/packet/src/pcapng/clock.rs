//! How an interface counts time (`if_tsresol`, `if_tsoffset`).

use super::format;
use crate::Time;

/// How an interface counts time.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    /// A negative power of 10, or of 2 where the highest bit is set.
    pub resolution: u8,
    /// What is to be added, in seconds.
    pub offset: i64,
}

impl Clock {
    /// The time that is meant; the nearest one that there is, if it lies before 1970 or after 2554.
    pub fn time(self, ticks: u64) -> Time {
        const SECOND: u128 = 1_000_000_000;
        if self.resolution == format::NANOSECONDS && self.offset == 0 {
            return Time(ticks);
        }
        let ticks = u128::from(ticks);
        let exponent = u32::from(self.resolution & 0x7f);
        // At most 2⁶⁴ ticks of a second each, so that none of this can overflow.
        let nanos = match self.resolution {
            binary if binary & 0x80 != 0 => (ticks * SECOND) >> exponent,
            _ if exponent < 9 => ticks * 10_u128.pow(9 - exponent),
            _ => 10_u128.checked_pow(exponent - 9).map_or(0, |divisor| ticks / divisor),
        };
        let nanos = nanos.cast_signed() + i128::from(self.offset) * SECOND.cast_signed();
        Time(nanos.clamp(0, u64::MAX.into()) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(resolution: u8, offset: i64, ticks: u64) -> u64 {
        Clock { resolution, offset }.time(ticks).0
    }

    #[test]
    fn powers_of_ten() {
        assert_eq!(time(0, 0, 3), 3_000_000_000);
        assert_eq!(time(6, 0, 1_500_000), 1_500_000_000);
        assert_eq!(time(9, 0, 7), 7);
        assert_eq!(time(12, 0, 7_999), 7);
        assert_eq!(time(127, 0, u64::MAX), 0);
    }

    #[test]
    fn powers_of_two() {
        assert_eq!(time(0x80, 0, 3), 3_000_000_000);
        assert_eq!(time(0x80 | 10, 0, 1024 + 512), 1_500_000_000);
        assert_eq!(time(0x80 | 32, 0, 1 << 31), 500_000_000);
        assert_eq!(time(0xff, 0, u64::MAX), 0);
    }

    #[test]
    fn an_offset_is_in_seconds() {
        assert_eq!(time(6, 100, 1), 100_000_001_000);
        assert_eq!(time(9, -1, 1_000_000_007), 7);
    }

    #[test]
    fn what_is_out_of_range_is_as_near_as_can_be() {
        assert_eq!(time(9, -2, 1_000_000_000), 0);
        assert_eq!(time(0, i64::MIN, 0), 0);
        assert_eq!(time(0, i64::MAX, u64::MAX), u64::MAX);
        assert_eq!(time(0x80, 0, u64::MAX), u64::MAX);
    }
}
