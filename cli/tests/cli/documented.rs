//! `docs/cli.md` and `--help` say the same.

use crate::bench::Bench;

fn page() -> &'static str {
    include_str!("../../../docs/cli.md")
}

#[tokio::test]
async fn every_command_and_exit_code_is_on_the_page() {
    let t = Bench::new().await;
    let help = t.run(&["--help"]).await;
    let (_, commands) = help.text().split_once("Commands:\n").unwrap();
    let (commands, rest) = commands.split_once("\n\n").unwrap();
    let names = commands.lines().filter_map(|line| line.strip_prefix("  ").filter(|line| !line.starts_with(' ')));
    let names: Vec<&str> =
        names.map(|line| line.split_whitespace().next().unwrap()).filter(|name| *name != "help").collect();
    assert!(names.len() > 10, "{names:?}");
    for name in names {
        assert!(page().contains(&format!("`holdfast {name}")), "{name}");
    }
    let (_, codes) = rest.split_once("Exit codes:\n").unwrap();
    for code in codes.lines().filter_map(|line| line.trim_start().split_once("  ")).map(|(code, _)| code) {
        assert!(page().contains(&format!("| {code} | ")), "exit code {code}");
    }
}

#[tokio::test]
async fn every_command_of_the_page_is_one() {
    let t = Bench::new().await;
    let rows =
        page().lines().filter_map(|line| line.strip_prefix("| `holdfast ")).filter_map(|row| row.split_once('`'));
    let mut seen = 0;
    for (command, _) in rows {
        let words: Vec<&str> =
            command.split_whitespace().take_while(|word| word.starts_with(char::is_lowercase)).collect();
        let help = t.run(&[&words[..], &["--help"]].concat()).await;
        let usage = format!("Usage: holdfast {}", words.join(" "));
        assert!(help.text().contains(&usage), "{command}: {help:?}");
        seen += 1;
    }
    assert!(seen > 20, "{seen}");
}

#[tokio::test]
async fn every_command_of_the_runbook_is_one_with_such_options() {
    let t = Bench::new().await;
    let commands = include_str!("../../../docs/runbook.md").split(['`', '\n']);
    let commands = commands.filter_map(|part| part.trim().trim_start_matches("$ ").strip_prefix("holdfast "));
    let mut seen = 0;
    for command in commands {
        let words: Vec<&str> = command.split_whitespace().collect();
        let names = words.iter().take_while(|word| word.chars().all(|c| c.is_ascii_lowercase() || c == '-'));
        let names: Vec<&str> = names.take_while(|word| !word.starts_with('-')).copied().collect();
        let help = t.run(&[&names[..], &["--help"]].concat()).await;
        let usage = format!("Usage: holdfast {}", names.join(" "));
        assert!(help.text().contains(&usage), "{command}: {help:?}");
        for option in words.iter().filter(|word| word.starts_with("--")) {
            assert!(help.out.contains(option), "{command}: {help:?}");
        }
        seen += 1;
    }
    assert!(seen > 30, "{seen}");
}

#[tokio::test]
async fn a_completion_is_there_for_every_shell() {
    let mut t = Bench::new().await;
    // It needs no variable: it is run once, where a package is built.
    t.variables.clear();
    assert!(t.run(&["completions", "bash"]).await.text().contains("send_release_email"));
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = t.run(&["completions", shell]).await;
        assert!(script.text().contains("dead-letter"), "{shell}");
    }
}
