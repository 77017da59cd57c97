//! Two commands on one lab at the same instant: one wins, and the other says so.

use std::time::Duration;

use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::{Rng, SeedableRng};

use crate::kill::at_once;
use crate::support::{Output, Test, Who};

/// A lab with one of each sort of thing that takes its time.
const LAB: &str = r#"
name = "raced"
[node.a]
listen = [{ tcp = 80, say = "a" }]
run = [{ name = "s", cmd = "exec sleep 1000" }]
[node.b]
[[link]]
a = { at = "a:e0", ip = "192.0.2.1/24" }
b = { at = "b:e0", ip = "192.0.2.2/24" }
"#;

/// The same with another address and another service.
const OTHER: &str = r#"
name = "raced"
[node.a]
listen = [{ tcp = 80, say = "a" }]
run = [{ name = "t", cmd = "exec sleep 1000" }]
[node.b]
[[link]]
a = { at = "a:e0", ip = "192.0.2.1/24" }
b = { at = "b:e0", ip = "192.0.2.3/24" }
"#;

/// The longest time by which one is ahead of the other.
const AHEAD: Duration = Duration::from_millis(5);

/// One is wanted and refused politely, or done; a command in a lab that ends, ends with it.
#[derive(Clone, Copy)]
struct Of {
    args: &'static [&'static str],
    codes: &'static [i32],
}

const UP: Of = Of { args: &["up", "lab.toml"], codes: &[0, 2] };
const DOWN: Of = Of { args: &["down", "raced"], codes: &[0, 2] };
const EXEC: Of = Of { args: &["exec", "raced/a", "--", "true"], codes: &[0, 2, 137] };
const APPLY: Of = Of { args: &["apply", "lab.toml"], codes: &[0, 2] };
const APPLY_OTHER: Of = Of { args: &["apply", "other.toml"], codes: &[0, 2] };

/// Starts both, one a random time ahead of the other, so and so often, and looks at the lab when
/// both have ended: it is whole, or it is not there.
fn race(name: &str, times: u32, is_up: bool, pair: [Of; 2], check: Check) {
    at_once(name, AT_ONCE, |name, seed| {
        race_alone(name, seed, times / AT_ONCE as u32, is_up, pair, check);
    });
}

/// So many labs are raced for at once.
const AT_ONCE: u64 = 5;

/// What must be, of what both have said, and whether the lab is there.
type Check = fn([&Output; 2], bool);

fn race_alone(name: &str, seed: u64, times: u32, is_up: bool, pair: [Of; 2], check: Check) {
    let test = Test::new(name);
    test.file("lab.toml", LAB);
    test.file("other.toml", OTHER);
    let everybody = Who::all();
    let mut random = Pcg64Mcg::seed_from_u64(seed);
    for &who in &everybody {
        for time in 0..times / everybody.len() as u32 {
            let there = test.twinax(who).args(["exec", "raced/b", "--", "true"]).done().code == 0;
            if is_up && !there {
                test.twinax(who).args(["up", "lab.toml"]).done().exits(0);
            } else if !is_up && there {
                test.twinax(who).args(["down", "raced"]).done().exits(0);
            }
            let ahead = AHEAD.mul_f64(f64::from(random.next_u32()) / f64::from(u32::MAX));
            let order = if random.next_u32().is_multiple_of(2) { [0, 1] } else { [1, 0] };
            let mut first = test.twinax(who).args(pair[order[0]].args).start();
            first.ends_within(ahead);
            let second = test.twinax(who).args(pair[order[1]].args).start();
            let mut ended = [first.end(), second.end()];
            if order[0] == 1 {
                ended.swap(0, 1);
            }
            let [a, b] = &ended;
            let told = format!("{who:?}, {time}, {ahead:?}, {order:?}:\n{a:#?}\n{b:#?}");
            for (of, output) in pair.iter().zip(&ended) {
                assert!(of.codes.contains(&output.code), "{:?} as {told}", of.args);
                let said = output.stderr.starts_with("error: ") || of.args[0] == "exec";
                assert!(output.code != 2 || said, "{:?} as {told}", of.args);
                assert!(!output.stderr.contains("panicked"), "{told}");
            }
            let line = "ping -c 1 -W 5 b > /dev/null && ip netns list | wc -l && \
                 bash -c 'cat < /dev/tcp/192.0.2.1/80'";
            let whole = test.exec(who, "raced/a", line).done();
            match whole.code {
                0 => assert!(whole.stdout == "2\na", "{whole:?}\n{told}"),
                2 => assert!(test.has_no_lab(who), "something is left: {told}"),
                _ => panic!("neither whole nor gone: {whole:?}\n{told}"),
            }
            check([a, b], whole.code == 0);
        }
        test.twinax(who).args(["down", "--all"]).done().exits(0);
        assert!(test.has_no_lab(who));
    }
}

#[test]
fn up_and_up() {
    race("up_and_up", 200, false, [UP, UP], |[a, b], is_up| {
        assert_eq!(a.code + b.code, 2, "one wins: {a:#?} {b:#?}");
        let loser = if a.code == 0 { b } else { a };
        let politely = ["is running already", "another command is changing lab `raced`"];
        assert!(politely.iter().any(|words| loser.stderr.contains(words)), "{}", loser.stderr);
        assert!(is_up);
    });
}

#[test]
fn down_and_exec() {
    race("down_and_exec", 200, true, [DOWN, EXEC], |[down, _], is_up| {
        assert_eq!(down.code, 0, "{down:#?}");
        assert!(!is_up);
    });
}

#[test]
fn down_and_down() {
    race("down_and_down", 150, true, [DOWN, DOWN], |[a, b], is_up| {
        assert_eq!(a.code + b.code, 2, "one wins: {a:#?} {b:#?}");
        assert!(!is_up);
    });
}

#[test]
fn up_and_down() {
    race("up_and_down", 150, false, [UP, DOWN], |[up, down], is_up| {
        assert_eq!(up.code, 0, "nobody else has the name: {up:#?}");
        // Where `down` came too early, it has said so.
        assert_eq!(is_up, down.code == 2, "{down:#?}");
    });
}

#[test]
fn apply_and_apply() {
    race("apply_and_apply", 150, true, [APPLY, APPLY_OTHER], |[a, b], is_up| {
        assert!(a.code == 0 || b.code == 0, "one wins: {a:#?} {b:#?}");
        assert!(is_up);
    });
}

#[test]
fn apply_and_down() {
    race("apply_and_down", 150, true, [APPLY_OTHER, DOWN], |[apply, down], is_up| {
        assert!(apply.code == 0 || down.code == 0, "one wins: {apply:#?} {down:#?}");
        assert_eq!(is_up, down.code == 2, "{down:#?}");
    });
}
