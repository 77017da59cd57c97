//! Words and texts for a POSIX shell, in such a way that the shell reads them as they are.

/// A value as one word of a shell command line: bare where every shell reads it as it is,
/// otherwise between single quotes (POSIX.1-2017, XCU 2.2.2).
pub(super) fn quote(value: &str) -> String {
    let bare = |b: u8| b.is_ascii_alphanumeric() || b"-_./:=@%+,".contains(&b);
    if !value.is_empty() && value.bytes().all(bare) {
        value.to_owned()
    } else {
        format!("'{}'", value.replace('\'', r"'\''"))
    }
}

/// A text as the standard input of a command: what follows the command on its line, and the lines
/// of the here-document (XCU 2.7.4). A last line that isn't ended is.
pub(super) fn here_document(text: &str) -> String {
    let taken = |delimiter: &str| text.split('\n').any(|line| line == delimiter);
    let delimiter = std::iter::once("EOF".to_owned())
        .chain((2..).map(|n| format!("EOF{n}")))
        .find(|delimiter| !taken(delimiter))
        .expect("a text has finitely many lines");
    let end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    format!("<<'{delimiter}'\n{text}{end}{delimiter}")
}

/// A text as comments, one `#` a line. Control characters, which a terminal might act on, become
/// spaces.
pub(super) fn comment(text: &str) -> String {
    let line = |line: &str| {
        let clean: String = line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        format!("# {clean}").trim_end().to_owned() + "\n"
    };
    text.trim_end().split('\n').map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_needs_no_quotes_stays_bare() {
        for bare in ["left", "veth3", "2001:db8::1/64", "02:00:00:00:00:01", "a.b-c_d", "0x1/0xff"]
        {
            assert_eq!(quote(bare), bare);
        }
    }

    #[test]
    fn what_a_shell_would_read_otherwise_is_quoted() {
        assert_eq!(quote(""), "''");
        assert_eq!(quote("~root"), "'~root'");
        assert_eq!(quote("a#b"), "'a#b'");
        assert_eq!(quote("4096 87380"), "'4096 87380'");
        assert_eq!(quote("$(reboot)"), "'$(reboot)'");
        assert_eq!(quote("it's"), r"'it'\''s'");
    }

    /// What `sh` writes when it runs this line.
    fn run(line: &str) -> String {
        let out = std::process::Command::new("sh").args(["-c", line]).output().expect("a shell");
        assert!(out.status.success(), "{line}");
        String::from_utf8(out.stdout).expect("the text that went in")
    }

    #[test]
    fn a_shell_gives_every_character_back() {
        let all: String = ('\x01'..='\x7f').chain("äß→".chars()).collect();
        for text in [&all, "", "-n", "~", "a=~/x", "'", "''", "\\", "$HOME", "*", "a\n\n"] {
            assert_eq!(run(&format!("printf %s/ {}", quote(text))), format!("{text}/"));
        }
        for c in ('\x01'..='\x7f').map(String::from) {
            let word = quote(&c);
            assert_eq!(
                run(&format!("set -- {word}x x{word}; printf %s \"$*\"")),
                format!("{c}x x{c}")
            );
        }
        let text = format!("{all}\n$(reboot)\\\nEOF\n");
        assert_eq!(run(&format!("cat {}", here_document(&text))), text);
    }

    #[test]
    fn a_here_document_ends_where_the_text_ends() {
        assert_eq!(here_document("a\n"), "<<'EOF'\na\nEOF");
        assert_eq!(here_document("a"), "<<'EOF'\na\nEOF");
        assert_eq!(here_document(""), "<<'EOF'\nEOF");
        assert_eq!(here_document("EOF\nreboot\n"), "<<'EOF2'\nEOF\nreboot\nEOF2");
        assert_eq!(here_document("EOF\nEOF2"), "<<'EOF3'\nEOF\nEOF2\nEOF3");
        assert_eq!(here_document("no EOF\n"), "<<'EOF'\nno EOF\nEOF");
    }

    #[test]
    fn every_line_of_a_comment_is_one() {
        assert_eq!(comment("one\n\ntwo\r\nthree\n"), "# one\n#\n# two\n# three\n");
        assert_eq!(comment("\x1b[2Jgone"), "#  [2Jgone\n");
    }
}
