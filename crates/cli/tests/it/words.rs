//! The verbs that only print: `plan`, `schema`, `completions`, `man`.

use crate::support::{Test, Who, user};

#[test]
fn plan_prints_the_script_of_the_plan() {
    let test = Test::new("plan_prints_the_script_of_the_plan");
    let text = include_str!("../../../../labs/own-tables.toml");
    let script = twinax_plan::script(&twinax_topology::parse(text, "lab").unwrap());
    let output =
        test.twinax(Who::User).arg("plan").arg(test.file("lab.toml", text)).done().exits(0);
    assert_eq!((&output.stdout, &output.stderr[..]), (&script, ""));
    let output = test.twinax(Who::User).args(["plan", "-"]).stdin(text).done().exits(0);
    assert_eq!(output.stdout, script);
}

#[test]
fn plan_of_a_wrong_file() {
    let test = Test::new("plan_of_a_wrong_file");
    let lab = test.file("lab.toml", "name = \"wrong\"\n[nod.left]\n");
    let output = test.twinax(Who::User).arg("plan").arg(lab).done().exits(2);
    assert_eq!(output.stdout, "");
    output.complains("lab.toml:2:2");
}

#[test]
fn the_plan_runs_in_an_empty_sandbox() {
    let test = Test::new("the_plan_runs_in_an_empty_sandbox");
    for program in ["ip", "sysctl"] {
        if !user::is_there(program) {
            return test.skip(&format!("there is no `{program}`"));
        }
    }
    let lab = test.file("lab.toml", include_str!("../../../../labs/routers.toml"));
    // As its own header says.
    let sandbox = "exec unshare --user --map-root-user --mount --net sh -ec \
         'mount -t tmpfs tmpfs /run; twinax plan \"$0\" | sh; ip -n r2 -br link' ";
    let output = test.shell(Who::User, &format!("{sandbox}{}", lab.display())).done().exits(0);
    output.says("left@").says("right@");
}

#[test]
fn the_schema_is_a_json_schema() {
    let test = Test::new("the_schema_is_a_json_schema");
    let output = test.twinax(Who::User).arg("schema").done().exits(0);
    let schema: serde_json::Value = serde_json::from_str(&output.stdout).unwrap();
    assert_eq!(schema, serde_json::to_value(twinax_topology::schema()).unwrap());
    assert!(schema["$schema"].as_str().unwrap().starts_with("https://json-schema.org/"));
}

#[test]
fn completions_are_what_the_shell_reads() {
    let test = Test::new("completions_are_what_the_shell_reads");
    for (shell, check) in [("bash", "bash -n"), ("zsh", "zsh -n"), ("fish", "fish --no-execute")] {
        let output = test.twinax(Who::User).args(["completions", shell]).done().exits(0);
        assert!(output.stdout.contains("TWINAX_COMPLETE"), "{}", output.stdout);
        if !user::is_there(shell) {
            test.skip(&format!("there is no `{shell}` to read its completions"));
            continue;
        }
        let file = test.file(shell, &output.stdout);
        let check = test.shell(Who::User, &format!("{check} {}", file.display())).done().exits(0);
        assert_eq!(check.stderr, "", "{shell}");
    }
}

#[test]
fn bash_completes_verbs_and_options() {
    let test = Test::new("bash_completes_verbs_and_options");
    if !user::is_there("bash") {
        return test.skip("there is no `bash`");
    }
    let output = test.shell(Who::User, &bash_completes("twinax run --ju")).done().exits(0);
    assert_eq!(output.stdout, "--junit\n");
}

/// A shell line that prints what bash completes the last word of a line to; as bash has it, `:` and
/// `=` are words by themselves (`COMP_WORDBREAKS`).
fn bash_completes(line: &str) -> String {
    let words = line.replace(':', " : ").replace('=', " = ");
    let words: Vec<&str> = words.split_whitespace().collect();
    let (last, count) = (words.last().unwrap(), words.len() - 1);
    format!(
        "exec bash -ec 'eval \"$(twinax completions bash)\"; COMP_LINE=\"{line}\"; \
         COMP_WORDS=({}); COMP_CWORD={count}; _twinax twinax {last} x; echo \"${{COMPREPLY[@]}}\"'",
        words.join(" ")
    )
}

#[test]
fn names_in_running_labs_are_completed() {
    let test = Test::new("names_in_running_labs_are_completed");
    if !user::is_there("bash") {
        return test.skip("there is no `bash`");
    }
    let text = "name = \"one\"\n[node.left]\n[node.right]\n\
        [[link]]\na = \"left:veth3\"\nb = \"right:veth4\"\n";
    let lab = test.file("lab.toml", text);
    for who in Who::all() {
        // Where nothing runs, there is nothing to choose from, and nobody is told so.
        let output = test.shell(who, &bash_completes("twinax exec le")).done().exits(0);
        assert_eq!((&*output.stdout, &*output.stderr), ("\n", ""));
        test.twinax(who).arg("up").arg(&lab).done().exits(0);
        for (line, words) in [
            ("twinax down o", "one"),
            ("twinax exec le", "left"),
            ("twinax exec one/r", "one/right"),
            ("twinax set left:v", "veth3"),
            ("twinax set one/left:ve", "veth3"),
            ("twinax set right:", "lo veth4"),
            ("twinax set left:veth3 mt", "mtu="),
            ("twinax set nobody:", ""),
        ] {
            let output = test.shell(who, &bash_completes(line)).done().exits(0);
            assert_eq!((&*output.stdout, &*output.stderr), (&*format!("{words}\n"), ""), "{line}");
        }
        test.twinax(who).args(["down", "one"]).done().exits(0);
    }
}

#[test]
fn the_manual_page_is_rendered_without_a_complaint() {
    let test = Test::new("the_manual_page_is_rendered_without_a_complaint");
    let page = test.twinax(Who::User).arg("man").done().exits(0);
    if !user::is_there("groff") {
        return test.skip("there is no `groff`");
    }
    let file = test.file("twinax.1", &page.stdout);
    let groff = format!("groff -man -Tutf8 -ww {}", file.display());
    let output = test.shell(Who::User, &groff).env("GROFF_NO_SGR", "1").done().exits(0);
    assert_eq!(output.stderr, "");
    let plain = output.stdout.replace('\u{8}', "");
    for verb in ["run", "plan", "schema", "completions", "man"] {
        assert!(plain.contains(&format!("twinax-{verb}")), "no `{verb}` in:\n{plain}");
    }
}

#[test]
fn the_doctor_names_what_labs_need() {
    let test = Test::new("the_doctor_names_what_labs_need");
    for who in Who::all() {
        let output = test.twinax(who).arg("doctor").done().exits(0);
        for word in ["sandbox", "tun", "nf_tables", "newuidmap"] {
            assert!(output.stdout.contains(word), "no {word} in:\n{}", output.stdout);
        }
        let output = test.twinax(who).args(["doctor", "--json"]).done().exits(0);
        let checks: serde_json::Value = serde_json::from_str(&output.stdout).unwrap();
        assert!(checks.as_array().unwrap().iter().all(|check| check["name"].is_string()));
    }
}

#[test]
fn the_doctor_where_no_lab_can_be_run() {
    let test = Test::new("the_doctor_where_no_lab_can_be_run");
    let line = "exec unshare --user --map-user=1000 --map-group=1000 --keep-caps -- sh -ec \
         'echo 0 > /proc/sys/user/max_user_namespaces; \
         exec setpriv --ambient-caps=-all --inh-caps=-all -- twinax doctor'";
    let output = test.shell(Who::here(), line).done().exits(3);
    assert!(output.stdout.contains("missing"), "{}", output.stdout);
    output.says("max_user_namespaces");
}
