//! Filters: the kernel has the last word on which programs are in order, and on what they say of a
//! frame. A pair of sockets of the test's own is enough to ask it.

use std::os::fd::AsFd;
use std::os::unix::net::UnixDatagram;

use proptest::prelude::*;
use twinax_kernel::filter::attach;
use twinax_packet::Direction;
use twinax_packet::filter::{Ancillary, Filter, Instruction, MAXIMUM, Program};
use twinax_packet::hardware;

/// A socket, and one that receives what it sends as far as a filter lets it.
fn pair() -> (UnixDatagram, UnixDatagram) {
    let (from, to) = UnixDatagram::pair().expect("a pair of sockets");
    to.set_nonblocking(true).expect("a socket can be set so");
    (from, to)
}

/// What the kernel says of a frame: how much of it is let through.
fn verdict((from, to): &(UnixDatagram, UnixDatagram), frame: &[u8]) -> usize {
    from.send(frame).expect("there is room");
    let mut room = [0; 256];
    to.recv(&mut room).unwrap_or(0)
}

/// Of the kernel's own about such a frame: there is no device, and nothing beside it.
fn beside(frame: &[u8]) -> Ancillary {
    Ancillary {
        length: frame.len() as u32,
        protocol: 0,
        direction: Direction::In,
        interface: 0,
        hardware: 0,
        tag: None,
    }
}

/// The codes of `chk_code_allowed` (net/core/filter.c).
const CODES: &[u16] = &[
    0x20, 0x28, 0x30, 0x40, 0x48, 0x50, 0x80, 0x00, 0x60, 0x81, 0xb1, 0x01, 0x61, 0x02, 0x03, 0x04,
    0x0c, 0x14, 0x1c, 0x24, 0x2c, 0x34, 0x3c, 0x44, 0x4c, 0x54, 0x5c, 0x64, 0x6c, 0x74, 0x7c, 0x84,
    0x94, 0x9c, 0xa4, 0xac, 0x05, 0x15, 0x1d, 0x25, 0x2d, 0x35, 0x3d, 0x45, 0x4d, 0x06, 0x16, 0x07,
    0x87,
];

/// The codes that there are, and a few that there aren't.
fn code() -> impl Strategy<Value = u16> {
    prop_oneof![
        9 => 0_u16..0x100,
        1 => any::<u16>(),
        // Those that make up real programs come oftener than chance would have it.
        9 => proptest::sample::select(CODES),
    ]
}

fn instruction(length: usize) -> impl Strategy<Value = Instruction> {
    let near = 0..=(length as u8);
    let k = prop_oneof![
        8 => 0_u32..20,
        2 => 0_u32..100,
        1 => any::<u32>(),
        1 => (0_u32..70).prop_map(|beside| (-0x1000_i32 as u32) + beside),
    ];
    (code(), near.clone(), near, k).prop_map(|(code, jt, jf, k)| Instruction { code, jt, jf, k })
}

fn instructions() -> impl Strategy<Value = Vec<Instruction>> {
    let end = prop_oneof![
        1 => Just(Instruction { code: 0x06, jt: 0, jf: 0, k: 7 }),
        4 => Just(Instruction { code: 0x16, jt: 0, jf: 0, k: 0 }),
    ];
    (0_usize..14).prop_flat_map(move |length| {
        (
            proptest::collection::vec(instruction(length), length),
            proptest::option::weighted(0.95, end.clone()),
        )
            .prop_map(|(mut instructions, end)| {
                instructions.extend(end);
                instructions
            })
    })
}

/// A program that is in order: numbers and distances are made to fit, and the first cells are stored
/// before anything else.
fn orderly() -> impl Strategy<Value = Vec<Instruction>> {
    let k = prop_oneof![6 => 0_u32..16, 3 => 0_u32..80, 1 => any::<u32>()];
    let one = (proptest::sample::select(CODES), k, any::<u8>(), any::<u8>());
    proptest::collection::vec(one, 1..20).prop_map(|body| {
        let plain = |code, k| Instruction { code, jt: 0, jf: 0, k };
        let mut program = vec![plain(0x28, 0), plain(0x02, 0), plain(0x07, 0), plain(0x03, 1)];
        let length = body.len();
        for (at, (code, k, jt, jf)) in body.into_iter().enumerate() {
            let behind = (length - at) as u8;
            let k = match code {
                0x60..=0x61 | 0x02..=0x03 => k % 2,
                0x34 | 0x94 => k.max(1),
                0x64 | 0x74 => k % 32,
                0x05 => k % u32::from(behind),
                // Backwards from X.
                0x40 | 0x48 | 0x50 if k >> 31 != 0 => (k % 40).wrapping_neg(),
                // No offset that is the kernel's word for something else.
                0x20 | 0x28 | 0x30 | 0xb1 if k >> 31 != 0 => XOR_X,
                _ => k,
            };
            let code = if k == XOR_X && code & 7 == 0 { 0x20 } else { code };
            let is_jump = code & 7 == 5;
            let reach = |distance: u8| if is_jump { distance % behind } else { 0 };
            program.push(Instruction { code, jt: reach(jt), jf: reach(jf), k });
        }
        program.push(plain(0x16, 0));
        program
    })
}

/// `SKF_AD_ALU_XOR_X`: the one thing beside a frame that is the same everywhere.
const XOR_X: u32 = -0x1000_i32 as u32 + 40;

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, ..ProptestConfig::default() })]

    #[test]
    fn in_order_is_what_the_kernel_takes(instructions in instructions()) {
        let ours = Program::new(instructions.clone());
        let theirs = twinax_kernel::filter::attach_instructions(pair().1.as_fd(), &instructions);
        prop_assert_eq!(ours.is_ok(), theirs.is_ok(), "{:?}, {:?}", ours, theirs);
    }

    #[test]
    fn the_verdict_is_the_kernels(
        instructions in orderly(),
        frames in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 2..60), 1..4),
    ) {
        let program = Program::new(instructions).expect("it is in order");
        let sockets = pair();
        attach(sockets.1.as_fd(), &program).expect("the kernel takes what is in order");
        for frame in frames {
            let ours = program.run(&frame, &beside(&frame)).min(frame.len() as u32);
            prop_assert_eq!(ours as usize, verdict(&sockets, &frame), "{:?}", program);
        }
    }
}

/// What is put together and made shorter says the same.
#[test]
fn a_filter_says_what_its_program_says() {
    let config = ProptestConfig { cases: 4000, ..ProptestConfig::default() };
    let frames = proptest::collection::vec(proptest::collection::vec(any::<u8>(), 2..60), 1..8);
    proptest!(config, |(instructions in orderly(), frames in frames)| {
        let program = Program::new(instructions).expect("it is in order");
        let whole = Filter::new(Program::always(0), program.clone()).program(None).unwrap();
        for frame in frames {
            let beside = Ancillary { hardware: hardware::RAW[0], ..beside(&frame) };
            prop_assert_eq!(whole.run(&frame, &beside), program.run(&frame, &beside));
        }
    });
}

#[test]
fn as_many_instructions_as_the_kernel_takes() {
    let end = Instruction { code: 0x06, jt: 0, jf: 0, k: 1 };
    for (length, is_taken) in [(0, false), (1, true), (MAXIMUM, true), (MAXIMUM + 1, false)] {
        assert_eq!(Program::new(vec![end; length]).is_ok(), is_taken, "{length}");
        let theirs =
            twinax_kernel::filter::attach_instructions(pair().1.as_fd(), &vec![end; length]);
        assert_eq!(theirs.is_ok(), is_taken, "{length}");
    }
}
