//! What a program is made of, and that all devices of a namespace are told apart.

use crate::filter::{Ancillary, Filter, Instruction, Invalid, Program, TooLong};
use crate::{Direction, LinkType, hardware};

const END: Instruction = Instruction { code: 0x06, jt: 0, jf: 0, k: 1 };

fn seen(hardware: u16, direction: Direction, interface: u32) -> Ancillary {
    Ancillary { length: 60, protocol: 0x0800, direction, interface, hardware, tag: None }
}

/// A filter whose verdict tells which of its programs gave it.
fn telling() -> Filter {
    Filter::new(Program::always(1), Program::always(2))
}

fn verdict(program: &Program, ancillary: &Ancillary) -> u32 {
    program.run(&[0; 60], ancillary)
}

#[test]
fn each_kind_of_device_has_its_program() {
    let program = telling().program(None).unwrap();
    let of = |hardware| verdict(&program, &seen(hardware, Direction::In, 1));
    assert_eq!(of(hardware::ETHERNET), 1);
    assert_eq!(of(hardware::LOOPBACK), 1);
    for raw in hardware::RAW {
        assert_eq!(LinkType::of_hardware(raw), Some(LinkType::Raw));
        assert_eq!(of(raw), 2, "{raw}");
    }
    // ARPHRD_CAN: neither.
    assert_eq!((LinkType::of_hardware(280), of(280)), (None, 0));
}

#[test]
fn everything_is_all_but_what_leaves_by_lo() {
    let program = Filter::everything().program(None).unwrap();
    let kinds = [hardware::ETHERNET, hardware::LOOPBACK, 0xfffe, 280];
    for hardware in kinds {
        for direction in [Direction::In, Direction::Broadcast, Direction::OtherHost, Direction::Out]
        {
            let is_twice = hardware == hardware::LOOPBACK && direction.is_out();
            let expected = if is_twice { 0 } else { u32::MAX };
            let verdict = verdict(&program, &seen(hardware, direction, 7));
            assert_eq!(verdict, expected, "{hardware} {direction:?}");
        }
    }
}

#[test]
fn a_program_begins_with_nothing_in_its_registers() {
    // Returns A as it is; M[0] can't be loaded before it is stored.
    let program = Program::new(vec![Instruction { code: 0x16, jt: 0, jf: 0, k: 0 }]).unwrap();
    let filter = Filter::new(program.clone(), program);
    let program = filter.program(Some(&[3])).unwrap();
    assert_eq!(verdict(&program, &seen(hardware::ETHERNET, Direction::In, 3)), 0);
    assert_eq!(verdict(&program, &seen(hardware::LOOPBACK, Direction::In, 3)), 0);
    assert_eq!(verdict(&program, &seen(hardware::RAW[0], Direction::In, 3)), 0);
}

/// The devices of these lists, and no others.
#[test]
fn only_the_devices_of_a_list() {
    let every = |step: usize| (0..400).map(|n| 10 + n * step as u32).collect::<Vec<_>>();
    let lists =
        [vec![], vec![5], vec![u32::MAX, 0], vec![9, 7, 8, 7, 20], every(1), every(2), every(3)];
    for list in lists {
        let program = telling().program(Some(&list)).unwrap();
        for index in (0..1300).chain([u32::MAX - 1, u32::MAX]) {
            let expected = u32::from(list.contains(&index));
            let ancillary = seen(hardware::ETHERNET, Direction::Out, index);
            assert_eq!(verdict(&program, &ancillary), expected, "{index} of {list:?}");
        }
    }
}

#[test]
fn what_is_too_long_is_no_program() {
    let scattered: Vec<u32> = (0..4000).map(|n| n * 2).collect();
    assert_eq!(telling().program(Some(&scattered)), Err(TooLong));
    let row: Vec<u32> = (1..=4000).collect();
    assert!(telling().program(Some(&row)).is_ok_and(|program| program.instructions().len() < 50));
    // Additions, of which none can be left out.
    let add = Instruction { code: 0x04, jt: 0, jf: 0, k: 1 };
    let adding = |times| Program::new([vec![add; times], vec![END]].concat()).unwrap();
    let long = adding(2030);
    assert!(Filter::new(long.clone(), long.clone()).program(None).is_ok());
    let longer = adding(2060);
    assert_eq!(Filter::new(long, longer).program(None), Err(TooLong));
}

#[test]
fn what_is_not_in_order_says_why() {
    let new = |code, jt, jf, k| Program::new(vec![Instruction { code, jt, jf, k }, END]);
    assert_eq!(Program::new(vec![]), Err(Invalid::Length(0)));
    assert_eq!(new(0x1234, 0, 0, 0), Err(Invalid::Code { at: 0, code: 0x1234 }));
    assert_eq!(new(0x05, 0, 0, 1), Err(Invalid::Jump { at: 0 }));
    assert_eq!(new(0x15, 0, 1, 1), Err(Invalid::Jump { at: 0 }));
    assert_eq!(new(0x34, 0, 0, 0), Err(Invalid::Number { at: 0, k: 0 }));
    assert_eq!(new(0x60, 0, 0, 3), Err(Invalid::Cell { at: 0 }));
    let no_end = Program::new(vec![END, Instruction { code: 0, jt: 0, jf: 0, k: 0 }]);
    assert_eq!(no_end, Err(Invalid::NoEnd));
}
