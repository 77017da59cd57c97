//! What a user reads when a lab file is wrong.

use twinax_topology::{Diagnostics, parse};

fn wrong(source: &str) -> Diagnostics {
    parse(source, "lab.toml").expect_err("something is wrong with it")
}

/// Errors of all stages at once, in the order of the file: a missing unit, an unknown key, a node
/// that is not there.
#[test]
fn all_at_once_in_the_order_of_the_file() {
    let source = r#"name = "t"
[node.left]
[node.right]
run = { name = "web", cmd = "web", ready = "tcp:80", timeout = 3 }

[[link]]
a = { at = "left:e0", ip = "10.0.0.1/24", colour = "red" }
b = { at = "rigth:e0", ip = "10.0.0.2/24" }
"#;
    insta::assert_snapshot!(wrong(source), @r#"
    error: a duration needs a unit
     --> lab.toml:4:64
      |
    4 | run = { name = "web", cmd = "web", ready = "tcp:80", timeout = 3 }
      |                                                                ^ no unit
      |
      = help: write "3s"

    error: an end of a link has no key `colour`
     --> lab.toml:7:43
      |
    7 | a = { at = "left:e0", ip = "10.0.0.1/24", colour = "red" }
      |                                           ^^^^^^ unknown key
      |
      = help: it has `at`, `master`, `port`, `ip`, `mac`, `mtu`, `up` and `sysctl`

    error: no node `rigth`
     --> lab.toml:8:12
      |
    8 | b = { at = "rigth:e0", ip = "10.0.0.2/24" }
      |            ^^^^^^^^^^ no such node
      |
      = help: did you mean `right`?
    "#);
}

/// A clash shows both places, near ones in one piece of the file and far ones in two.
#[test]
fn both_places_of_a_clash() {
    let near = r#"name = "t"
[node.a]
[node.b]
[[link]]
a = { at = "a:e0", ip = "10.0.0.1/24" }
b = { at = "b:e0", ip = "10.0.0.1/24" }
"#;
    insta::assert_snapshot!(wrong(near), @r#"
    error: `10.0.0.1` twice on one segment
     --> lab.toml:6:25
      |
    5 | a = { at = "a:e0", ip = "10.0.0.1/24" }
      |                         ------------- and `a:e0`
    6 | b = { at = "b:e0", ip = "10.0.0.1/24" }
      |                         ^^^^^^^^^^^^^ `b:e0` has it
      |
      = help: what links, wires and bridges join is one segment
    "#);
    let far = format!(
        "name = \"t\"\n[node.a]\n[[tap]]\nat = \"a:t\"\n{}[[tap]]\nat = \"a:t\"\n",
        "\n".repeat(40)
    );
    insta::assert_snapshot!(wrong(&far), @r#"
    error: two interfaces of the name `t` in node `a`
      --> lab.toml:46:6
       |
    46 | at = "a:t"
       |      ^^^^^ the second one
       |
      ::: lab.toml:4:6
       |
     4 | at = "a:t"
       |      ----- the first one
    "#);
}

#[test]
fn a_gateway_on_no_link_says_which_links_there_are() {
    let source = r#"name = "t"
[node.a]
route = { to = "default", via = "10.0.9.1" }
[node.b]
[[link]]
a = { at = "a:e0", ip = ["10.0.0.1/24", "fd00::1/64"] }
b = { at = "b:e0", ip = "10.0.0.2/24" }
"#;
    insta::assert_snapshot!(wrong(source), @r#"
    error: the gateway `10.0.9.1` is on no link of node `a`
     --> lab.toml:3:33
      |
    3 | route = { to = "default", via = "10.0.9.1" }
      |                                 ^^^^^^^^^^ unreachable
      |
      = help: `a` has `e0` (10.0.0.1/24); or say `dev` and `onlink = true`
    "#);
}

/// Broken syntax does not hide what is wrong elsewhere, and brings no errors of its own making.
#[test]
fn syntax_errors() {
    let source = r#"name = "t"
[node.a]
lo = ture
[[step]]
ping = { from = "a", to = "10.0.0.1", timeout = 3 }
"#;
    insta::assert_snapshot!(wrong(source), @r#"
    error: this is no TOML: invalid boolean, expected `true`
     --> lab.toml:3:6
      |
    3 | lo = ture
      |      ^^^^

    error: a duration needs a unit
     --> lab.toml:5:49
      |
    5 | ping = { from = "a", to = "10.0.0.1", timeout = 3 }
      |                                                 ^ no unit
      |
      = help: write "3s"
    "#);
    insta::assert_snapshot!(wrong("name = \"t\"\n[node.a]\n[node.a]\n"), @r"
    error: `a` is said twice
     --> lab.toml:3:7
      |
    3 | [node.a]
      |       ^ said before
      |
      = help: leave one of the two out
    ");
}

/// Nothing that a terminal acts on gets through, neither from the line of the file nor from a name
/// in the message; columns stay right.
#[test]
fn nothing_reaches_the_terminal_raw() {
    let source = "name = \"t\"\n[node.\"\\u001b]0;owned\\u0007\"]\n#\u{9b}\u{202e}\n\
        about = \"\u{202e}\u{85}\u{9b}31m\" # \u{2028}\nwhat = '\u{202e}'\n";
    let wrong = wrong(source);
    for text in [wrong.render(false), format!("{:?}", wrong.findings())] {
        let bad =
            text.chars().find(|&c| c != '\n' && (c.is_control() || "\u{202e}\u{2028}".contains(c)));
        assert_eq!(bad, None, "{}", text.escape_debug());
    }
    assert!(wrong.render(false).contains("␛]0;owned␇"), "{wrong}");
    let styled = wrong.render(true);
    assert!(!styled.contains("\u{1b}]0;"), "{}", styled.escape_debug());
    assert!(styled.contains("\u{1b}["), "no colour: {}", styled.escape_debug());
}

/// The origin is a file name, and file names are hostile too.
#[test]
fn nor_does_the_name_of_the_file() {
    let wrong = parse("nothing = 1", "a\u{1b}[2Jb\nc.toml").unwrap_err();
    let text = wrong.render(false);
    assert!(text.contains("a␛[2Jb␊c.toml:1:1"), "{}", text.escape_debug());
}

/// A long line is cut around the words that are meant, and the column is that of the file.
#[test]
fn long_lines_are_cut() {
    let many = "{ to = \"10.0.0.0/8\", dev = \"e0\" }, ".repeat(20);
    let source = format!("name = \"t\"\nabout = [{many}]\n");
    let text = wrong(&source).render(false);
    assert!(text.lines().all(|line| line.chars().count() < 200), "{text}");
    assert!(text.contains("--> lab.toml:2:9"), "{text}");
    let late = format!("name = \"t\" # {}\n[node.a]\nroute = [{many} 7]\n", "x".repeat(500));
    let column = late.lines().nth(2).unwrap().rfind('7').unwrap() + 1;
    let diagnostics = wrong(&late);
    let text = diagnostics.render(false);
    assert!(text.contains(&format!("--> lab.toml:3:{column}")), "{text}");
    assert!(text.lines().all(|line| line.chars().count() < 200), "{text}");
}

/// Columns count characters, not bytes, and a program reads the same ones.
#[test]
fn columns_count_characters() {
    let source = "name = \"t\"\n[node.a]\nrun = { name = \"é\", cmd = \"ü🦀\", timeout = 3 }\n";
    let diagnostics = wrong(source);
    let line = source.lines().nth(2).unwrap();
    let column = |word: &str| line[..line.find(word).unwrap()].chars().count() + 1;
    let found: Vec<_> = diagnostics
        .findings()
        .iter()
        .map(|one| (one.line, one.column, one.end_column, one.help.clone()))
        .collect();
    assert_eq!(found[0].0, 3);
    assert_eq!((found[0].1, found[0].2), (column("\"é\""), column("\"é\"") + 3));
    assert_eq!((found[1].1, found[1].2), (column("3 }"), column("3 }") + 1));
    assert_eq!(found[1].3.as_deref(), Some("write \"3s\""));
    let text = diagnostics.render(false);
    assert!(text.contains(&format!("lab.toml:3:{}\n", column("3 }"))), "{text}");
}

/// After a hundred comes a number, not a flood.
#[test]
fn a_hundred_and_so_many_more() {
    let keys: String = (0..250).map(|i| format!("key{i} = 1\n")).collect();
    let diagnostics = wrong(&format!("name = \"t\"\n{keys}"));
    assert_eq!(diagnostics.count(), 250);
    let text = diagnostics.render(false);
    assert_eq!(text.matches("unknown key").count(), 100);
    assert!(text.ends_with("error: and 150 more\n"), "{}", &text[text.len() - 200..]);
}
