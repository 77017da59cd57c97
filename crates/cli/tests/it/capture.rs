//! `twinax capture`: what is on the screen, what is in files, and whom it does not disturb.

use std::time::Duration;

use rustix::process::Signal;
use twinax_packet::file::FileReader;
use twinax_packet::pcapng::Extras;

use crate::seen::LAB;
use crate::support::user::is_there;
use crate::support::{Running, Test, Who};

/// A capture that has begun; what it says on both streams comes as one.
fn watching(test: &Test, who: Who, words: &str) -> Running {
    let mut running = test.shell(who, &format!("exec twinax capture {words} 2>&1")).start();
    running.await_said("Ctrl-C ends it");
    running
}

/// The lines of frames, without their times, and without the number of the series of echo requests.
fn lines(said: &str) -> Vec<String> {
    let frames = said.lines().filter(|line| line.get(..15).is_some_and(|time| time.contains('.')));
    let bare = |line: &str| match line.split_once(" id ") {
        Some((before, after)) => {
            format!("{before} id N{}", after.trim_start_matches(char::is_numeric))
        }
        None => line.to_owned(),
    };
    frames.map(|line| bare(&line[16..])).collect()
}

const THERE_AND_BACK: [&str; 4] = [
    "left:e0  Out IP 10.0.0.1 > 10.0.0.2: ICMP echo request, id N, seq 1, length 64",
    "right:e0 In  IP 10.0.0.1 > 10.0.0.2: ICMP echo request, id N, seq 1, length 64",
    "right:e0 Out IP 10.0.0.2 > 10.0.0.1: ICMP echo reply, id N, seq 1, length 64",
    "left:e0  In  IP 10.0.0.2 > 10.0.0.1: ICMP echo reply, id N, seq 1, length 64",
];

fn ping(test: &Test, who: Who) {
    test.twinax(who).args(["ping", "left", "right", "-c", "1"]).done().exits(0);
}

#[test]
fn each_frame_is_on_a_line() {
    let test = Test::new("each_frame_is_on_a_line");
    for who in Who::all() {
        test.up(who, LAB);
        let running = watching(&test, who, "");
        ping(&test, who);
        running.signal(Signal::INT);
        let output = running.end().exits(0).says("4 frames seen, none lost");
        assert_eq!(lines(&output.stdout), THERE_AND_BACK);
        test.down(who);
    }
}

#[test]
fn some_devices_some_frames_some_time() {
    let test = Test::new("some_devices_some_frames_some_time");
    let who = Who::here();
    test.up(who, LAB);
    let running = watching(&test, who, "watched right:e0 -c 1");
    ping(&test, who);
    let output = running.end().exits(0).says("1 frame seen, none lost");
    assert_eq!(lines(&output.stdout), THERE_AND_BACK[1..2].to_vec());

    let running =
        watching(&test, who, "left --filter 'icmp[icmptype] == icmp-echoreply' --count 1");
    ping(&test, who);
    let output = running.end().exits(0);
    assert_eq!(lines(&output.stdout).len(), 1);
    assert!(output.stdout.contains("left:e0 In  IP 10.0.0.2 > 10.0.0.1: ICMP echo reply"));

    let output = test.twinax(who).args(["capture", "--for", "30ms", "-q"]).done().exits(0);
    assert_eq!((&*output.stdout, &*output.stderr), ("", ""));
    test.down(who);
}

#[test]
fn requests_that_are_wrong() {
    let test = Test::new("requests_that_are_wrong");
    let who = Who::here();
    let wrong = |words: &[&str], complaint: &str| {
        test.twinax(who).arg("capture").args(words).done().exits(2).complains(complaint);
    };
    wrong(&[], "no lab is running");
    wrong(&["-r", "nowhere.pcapng"], "`nowhere.pcapng` can't be read: No such file");
    test.file("text", "no capture");
    wrong(&["-r", "text"], "this is neither a pcapng nor a pcap file");
    test.up(who, LAB);
    wrong(&["nobody"], "no lab `nobody` is running, and no running lab has such a node");
    wrong(&["watched/nobody"], "lab `watched` has no node `nobody`");
    wrong(&["watched", "left:e1"], "node `left` has no interface `e1`");
    wrong(&["left", "other/right"], "`other/right` is not in lab `watched`");
    wrong(&["--ring", "64"], "write a number with its unit");
    wrong(&["--ring", "4KiB"], "4096 bytes are too few for the rings of 2 nodes");
    wrong(&["--filter", "icmp and"], "the filter `icmp and` can't be");
    wrong(
        &["-w", "no/such/folder.pcapng"],
        "`no/such/folder.pcapng` can't be written: No such file",
    );
    wrong(&["--journeys", "-w", "x.pcapng"], "cannot be used with");
    wrong(&["-r", "text", "left"], "cannot be used with");
    test.down(who);
}

#[test]
fn a_file_says_what_the_screen_says() {
    let test = Test::new("a_file_says_what_the_screen_says");
    for who in Who::all() {
        test.up(who, LAB);
        let file = test.path("frames.pcapng");
        let running = watching(&test, who, "-w frames.pcapng");
        ping(&test, who);
        running.signal(Signal::TERM);
        running.end().exits(0).says("4 frames seen, none lost");
        let read = |words: &[&str]| {
            test.twinax(who)
                .args(["capture", "-r", "frames.pcapng"])
                .args(words)
                .done()
                .exits(0)
                .stdout
        };
        assert_eq!(lines(&read(&[])), THERE_AND_BACK);
        assert_eq!(lines(&read(&["-c", "3"])), THERE_AND_BACK[..3].to_vec());
        let out = read(&["--filter", "src host 10.0.0.2"]);
        assert_eq!(lines(&out), THERE_AND_BACK[2..].to_vec());
        let piped = test.shell(who, "twinax capture -r - < frames.pcapng").done().exits(0);
        assert_eq!(lines(&piped.stdout), THERE_AND_BACK);
        std::fs::remove_file(file).expect("it is there");
        test.down(who);
    }
}

/// Comments, drop counts and numbers of packets are in the file that is made of another.
#[test]
fn what_a_file_says_besides_goes_on() {
    let test = Test::new("what_a_file_says_besides_goes_on");
    let who = Who::here();
    let from = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/corpus/pcapng/valid-little-endian");
    let words = ["capture", "-q", "-r", from, "-w", "again.pcapng"];
    test.twinax(who).args(words).done().exits(0);
    let again = std::fs::File::open(test.path("again.pcapng")).expect("it was written");
    let mut reader = FileReader::new(again).expect("a capture");
    let mut said = Vec::new();
    while let Some((interfaces, frame, extras)) = reader.next().expect("it is in order") {
        let Extras { drops, packet_id, comments } = extras.extras();
        let comments: Vec<String> = comments.into_iter().map(Into::into).collect();
        let interface = interfaces[frame.interface as usize].to_string();
        said.push((interface, frame.bytes.len(), frame.length, drops, packet_id, comments));
    }
    assert_eq!(
        said,
        [
            ("left:veth3".to_owned(), 42, 42, None, None, vec![]),
            ("right:veth4".to_owned(), 20, 42, Some(3), Some(7), vec!["cut off".to_owned()]),
        ]
    );
}

#[test]
fn a_packet_has_a_way() {
    let test = Test::new("a_packet_has_a_way");
    let who = Who::here();
    test.up(who, LAB);
    let running = watching(&test, who, "--journeys");
    ping(&test, who);
    running.signal(Signal::INT);
    let output = running.end().exits(0);
    let ways: Vec<String> = lines(&output.stdout)
        .into_iter()
        .map(|line| {
            line.split(' ').filter(|word| !word.starts_with('→')).collect::<Vec<_>>().join(" ")
        })
        .collect();
    assert_eq!(
        ways,
        [
            "IP 10.0.0.1 > 10.0.0.2: ICMP echo request, id N, seq 1, length 64 | left:e0 right:e0",
            "IP 10.0.0.2 > 10.0.0.1: ICMP echo reply, id N, seq 1, length 64 | right:e0 left:e0",
        ]
    );
    let running = watching(&test, who, "--journeys --json -c 1");
    ping(&test, who);
    let output = running.end().exits(0);
    let json: Vec<serde_json::Value> = output
        .stdout
        .lines()
        .filter(|line| line.starts_with('{'))
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!(json.len(), 1, "{}", output.stdout);
    test.down(who);
}

/// What was written before the end is in the file, and the lab notices nothing.
#[test]
fn one_that_is_killed_leaves_what_it_has_written() {
    let test = Test::new("one_that_is_killed_leaves_what_it_has_written");
    for who in Who::all() {
        test.up(who, LAB);
        let file = test.path("frames.pcapng");
        let running = watching(&test, who, "-w frames.pcapng");
        ping(&test, who);
        let written = || {
            let read = ["capture", "-q", "-r", "frames.pcapng"];
            lines(&test.twinax(who).args(read).done().exits(0).stdout).len()
        };
        let deadline = std::time::Instant::now() + Duration::from_secs(20);
        while written() < 4 && std::time::Instant::now() < deadline {}
        running.signal(Signal::KILL);
        running.end().exits(128 + 9);
        assert_eq!(written(), 4);
        ping(&test, who);
        std::fs::remove_file(file).expect("it is there");
        test.down(who);
    }
}

#[test]
fn who_has_read_enough_hangs_up() {
    let test = Test::new("who_has_read_enough_hangs_up");
    let who = Who::here();
    test.up(who, LAB);
    let line = "twinax capture 2>&1 | sed -u -n -e 1p -e '/echo request/{p;q}'";
    let mut running = test.shell(who, line).start();
    running.await_said("Ctrl-C ends it");
    ping(&test, who);
    running.await_said("ICMP echo request");
    // The next frames find nobody who reads them.
    ping(&test, who);
    running.end().exits(0);
    test.down(who);
}

#[test]
fn it_ends_with_the_lab() {
    let test = Test::new("it_ends_with_the_lab");
    for who in Who::all() {
        test.up(who, LAB);
        let running = watching(&test, who, "");
        test.down(who);
        running.end().exits(2).says("the lab has ended meanwhile");
    }
}

#[test]
fn wireshark_finds_the_devices_of_a_lab() {
    let test = Test::new("wireshark_finds_the_devices_of_a_lab");
    for who in Who::all() {
        test.up(who, LAB);
        let asked = |words: &[&str]| test.twinax(who).args(words).done().exits(0).stdout;
        let interfaces = asked(&["--extcap-interfaces", "--extcap-version=4.0"]);
        let values: Vec<&str> = interfaces
            .lines()
            .filter_map(|line| line.strip_prefix("interface {value=")?.split_once('}'))
            .map(|(value, _)| value)
            .collect();
        assert_eq!(values, ["twinax/watched", "twinax/watched/left:e0", "twinax/watched/right:e0"]);
        let of = |word| asked(&["--extcap-interface", "twinax/watched", word]);
        assert!(of("--extcap-dlts").starts_with("dlt {number=1}{name=EN10MB}"));
        assert!(of("--extcap-config").contains("{call=--ring}"));
        let tried = |filter| {
            asked(&["--extcap-interface", "twinax/watched", "--extcap-capture-filter", filter])
        };
        assert_eq!(tried("icmp"), "");
        assert!(tried("icmp and").contains("can't be"));
        // What is written into the field for the memory; nothing is as if it were not there.
        let refused = |ring, fifo: &[&str], why: &str| {
            let capture = ["--extcap-interface", "twinax/watched", "--capture", "--ring", ring];
            let stderr = test.twinax(who).args(capture).args(fifo).done().exits(2).stderr;
            assert!(stderr.contains(why), "{stderr}");
        };
        refused("many", &["--fifo", "/dev/null"], "write a number with its unit");
        refused("", &[], "no `--fifo` is said");
        test.down(who);
    }
}

/// tshark lists the lab's devices, and captures from them. (Root's tshark takes no other folder than the
/// system's.)
#[test]
fn tshark_captures_by_way_of_the_extcap_folder() {
    let test = Test::new("tshark_captures_by_way_of_the_extcap_folder");
    if !is_there("tshark") {
        return test.skip("there is no program `tshark`");
    }
    let Some(who) = Who::all().into_iter().find(|who| who.ids().0 != 0) else {
        return test.skip("there is no user who is not root");
    };
    test.up(who, LAB);
    let bin = test.folder().join("bin");
    let tshark = |words: &str| {
        test.shell(who, &format!("exec tshark {words} 2>&1"))
            .env("WIRESHARK_EXTCAP_DIR", bin.to_str().expect("a plain path"))
    };
    tshark("-D").done().says("twinax/watched (lab watched, every device)");
    let words = "-i twinax/watched -f icmp -l -c 4 -T fields -e frame.interface_name -e icmp.type";
    let mut running = tshark(words).start();
    running.await_said("Capture started");
    // tshark says so before our program has begun: who comes too early is not seen.
    let fields = ["left:e0\t8", "right:e0\t8", "right:e0\t0", "left:e0\t0"];
    while !running.ends_within(Duration::from_millis(100)) {
        ping(&test, who);
    }
    let said = running.end().exits(0).stdout;
    let seen: Vec<&str> = said.lines().filter(|line| line.contains('\t')).collect();
    let begin = fields.iter().position(|field| seen.first() == Some(field)).expect("one of them");
    let round: Vec<&str> = fields.into_iter().cycle().skip(begin).take(4).collect();
    assert_eq!(seen, round, "{said}");
    test.down(who);
}
